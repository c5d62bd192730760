from __future__ import annotations

from pathlib import Path

import msgspec
import pyqtgraph  # noqa: F401 - loaded before the page, as `app.main` does in a thread
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog

from tests.app.conftest import Process
from tests.app.playing import FLOWERS, PROCESSOR, Training, make_run, open_flowers, tuned
from tests.fakes import FakeEngines
from vgg_studio import paths
from vgg_studio.app import train_job
from vgg_studio.app.advanced_settings import rate_words
from vgg_studio.app.fields import Choice
from vgg_studio.app.state import Studio
from vgg_studio.app.train_form import DiscardQuestion
from vgg_studio.app.train_page import TrainPage
from vgg_studio.app.train_state import State
from vgg_studio.app.window import Window
from vgg_studio.core import events as ev, language, recipes
from vgg_studio.core.demo_job import demo_job
from vgg_studio.core.jobs import TrainJob

CARD = ev.DeviceFact(kind="cuda", name="NVIDIA H100")


@pytest.fixture
def page(studio: Studio, process: Process) -> TrainPage:
    made = TrainPage(studio)
    made.resize(1080, 744)
    made.show()
    process()
    return made


@pytest.fixture
def ready(page: TrainPage, studio: Studio, engines: FakeEngines) -> TrainPage:
    engines.become_ready("predict", PROCESSOR)
    open_flowers(studio, engines)
    tuned(engines)
    return page


def choose(choice: Choice, value: object) -> None:
    """As a person does: the entry is chosen, and both signals of a choice are sent."""
    choice.setCurrentIndex(next(at for at in range(choice.count()) if choice.itemData(at) == value))
    choice.activated.emit(choice.currentIndex())


def start(page: TrainPage, engines: FakeEngines) -> Training:
    page.activate_primary()
    return Training(page.studio, engines)


def texts(page: TrainPage) -> list[tuple[str, str, str]]:
    return [(figure.name, figure.value, figure.caption) for figure in page.watch.tiles.figures()]


# --- which settings are offered


def test_that_a_folder_without_weights_gets_a_network_for_this_machine(ready: TrainPage) -> None:
    assert ready.form.job == recipes.defaults(sum(FLOWERS.values()), has_gpu=False)
    assert ready.form.job.weights == "none"


def test_that_a_graphics_card_gets_larger_settings(page: TrainPage, studio: Studio, engines: FakeEngines) -> None:
    engines.become_ready("predict", CARD)
    open_flowers(studio, engines)
    assert page.form.job == recipes.defaults(sum(FLOWERS.values()), has_gpu=True)


def test_that_the_sample_pictures_get_the_settings_of_the_demo(
    page: TrainPage, studio: Studio, engines: FakeEngines
) -> None:
    open_flowers(studio, engines, str(paths.samples_folder()))
    assert page.form.job == demo_job("")


def test_that_a_choice_for_a_folder_comes_back_with_that_folder_only(
    ready: TrainPage, studio: Studio, engines: FakeEngines
) -> None:
    ready.form.settings.rounds.setValue(77)
    open_flowers(studio, engines, "/pictures/meadow")
    assert ready.form.job.epochs != 77
    ready.form.settings.rounds.setValue(12)
    later = TrainPage(studio)
    assert later.form.job.epochs == 12


# --- what edits do


def test_that_weights_bring_their_own_usual_settings(ready: TrainPage) -> None:
    choose(ready.form.settings.weights, "official")
    assert ready.form.job == recipes.defaults(sum(FLOWERS.values()), False, "official")
    choose(ready.form.settings.weights, "none")
    assert ready.form.job == recipes.defaults(sum(FLOWERS.values()), False)


def test_that_a_chosen_network_is_kept_when_the_start_changes(ready: TrainPage) -> None:
    choose(ready.form.settings.network, "vgg13_bn")
    choose(ready.form.settings.weights, "official")
    assert ready.form.job.variant == "vgg13_bn"
    assert ready.form.job.width_divisor == 1


def test_that_official_convolutions_alone_belong_to_one_network() -> None:
    job = train_job.with_weights(TrainJob(variant="vgg11"), "official-features", 1000, False)
    assert job.variant == "vgg16"
    assert train_job.with_network(job, "vgg19").weights == "official"


def test_that_a_file_of_weights_is_asked_for_and_shown_by_its_name(ready: TrainPage, tmp_path: Path) -> None:
    file = tmp_path / "vgg13_bn <b>.pth"
    file.touch()
    choose(ready.form.settings.weights, "choose-a-file")
    dialog = ready.findChild(QFileDialog)
    assert isinstance(dialog, QFileDialog)
    dialog.fileSelected.emit(str(file))
    dialog.close()
    assert ready.form.job.weights == str(file)
    assert ready.form.job.variant == "vgg13_bn"
    assert ready.form.settings.weights.currentText() == "vgg13_bn <b>.pth"


def test_that_no_file_leaves_the_start_as_it_was(ready: TrainPage) -> None:
    choose(ready.form.settings.weights, "choose-a-file")
    dialog = ready.findChild(QFileDialog)
    assert isinstance(dialog, QFileDialog)
    dialog.reject()
    assert ready.form.settings.weights.currentData() == "none"


def test_that_a_network_from_scratch_learns_everything(ready: TrainPage) -> None:
    stage = ready.form.settings.stage
    assert (stage.isEnabled(), stage.count(), stage.currentData()) == (False, 1, "block1")
    choose(ready.form.settings.weights, "official")
    assert (stage.isEnabled(), stage.count(), stage.currentData()) == (True, 8, "fc6")


def test_that_the_sentence_below_the_strip_follows_the_share_that_learns(ready: TrainPage) -> None:
    choose(ready.form.settings.weights, "official")
    choose(ready.form.settings.stage, "block5")
    assert ready.form.settings.layers.text() == "10 layers stay as they are, 6 learn"


def test_that_the_learning_rate_follows_until_someone_sets_it(ready: TrainPage) -> None:
    advanced = ready.form.advanced
    choose(advanced.optimizer, "sgd")
    assert advanced.rate.value() == recipes.learning_rate(ready.form.job)
    rates = [ready.form.job.learning_rate]
    advanced.rate.setValue(0.0123)
    rates.append(ready.form.job.learning_rate)
    choose(advanced.optimizer, "adam")
    rates.append(ready.form.job.learning_rate)
    assert rates == [None, 0.0123, None]


def test_that_learning_rates_are_written_without_needless_zeros() -> None:
    assert [rate_words(rate) for rate in (0.05, 1e-3, 3e-5, 1.0)] == ["0.05", "0.001", "0.00003", "1"]


def test_that_weights_without_a_classifier_advise_to_train_all_of_it(ready: TrainPage) -> None:
    choose(ready.form.settings.weights, "official-features")
    advice = ready.form.settings.advice
    choose(ready.form.settings.stage, "fc8")
    assert advice.isHidden()  # a light head is new anyway
    choose(ready.form.settings.head, "classic")
    assert advice.isHidden()
    choose(ready.form.settings.stage, "fc8")
    assert "Classifier" in advice.text()
    assert not advice.isHidden()


def test_that_a_file_that_turns_out_to_have_no_classifier_gives_the_same_advice(
    ready: TrainPage, engines: FakeEngines
) -> None:
    training, advice = start(ready, engines).begin(), ready.form.settings.advice
    found = [advice.isVisible()]
    training.send(ev.WeightsLoaded(report=ev.WeightsReport(source="file", advice="fc6_is_the_right_stage")))
    found.append(advice.isVisible())
    assert found == [False, True]


def test_that_advanced_settings_are_folded_away_and_summed_up(ready: TrainPage, process: Process) -> None:
    form = ready.form
    assert (form.advanced.isVisible(), form.scratch.isVisible()) == (False, False)
    job = ready.form.job
    expected = f"batch {job.batch_size}, rate {rate_words(recipes.learning_rate(job))}"
    assert ready.form.settings.summed.whole() == expected
    QTest.mouseClick(ready.form.settings.advanced, Qt.MouseButton.LeftButton)
    process()
    assert (form.advanced.isVisible(), form.scratch.isVisible()) == (True, True)
    choose(form.settings.weights, "official")
    assert (form.advanced.isVisible(), form.scratch.isVisible()) == (True, False)


def test_that_no_card_holds_more_than_seven_controls(ready: TrainPage) -> None:
    assert len(ready.form.advanced.fields) == 7
    assert len(ready.form.scratch.fields) <= 7


@pytest.mark.parametrize("policy", [Qt.FocusPolicy.StrongFocus, Qt.FocusPolicy.NoFocus], ids=["linux", "mac"])
def test_that_a_number_still_being_typed_counts_at_the_start(
    studio: Studio, engines: FakeEngines, process: Process, policy: Qt.FocusPolicy
) -> None:
    window = Window(studio, ask=lambda _studio, _parent: True)
    train = window.make_page("train")
    assert isinstance(train, TrainPage)
    window.show()
    window.header.button.setFocusPolicy(policy)  # on a Mac a click leaves the focus where it is
    open_flowers(studio, engines)
    window.show_page("train")
    process(ms=450)  # the button is deaf for a moment after each change
    rounds = train.form.settings.rounds
    QTest.mouseDClick(rounds.lineEdit(), Qt.MouseButton.LeftButton)
    QTest.keyClicks(rounds, "37")
    QTest.mouseClick(window.header.button, Qt.MouseButton.LeftButton)
    job, _order = engines.last(TrainJob)
    window.close()
    assert isinstance(job, TrainJob)
    assert job.epochs == 37


# --- the button, the sentence and the tiles, state by state


def test_that_without_pictures_the_page_leads_to_them(page: TrainPage, studio: Studio) -> None:
    wanted: list[str] = []
    studio.page_wanted.connect(wanted.append)
    assert page.state is State.EMPTY
    assert page.primary() is None
    QTest.mouseClick(page.empty.button, Qt.MouseButton.LeftButton)
    assert wanted == ["data"]


def test_that_before_the_start_the_tiles_hold_the_split_and_the_classes(ready: TrainPage) -> None:
    assert ready.state is State.IDLE
    assert ready.status() == "Ready to train VGG-11-BN on flowers, on the processor."
    assert texts(ready) == [
        ("To learn from", "640", "pictures"),
        ("For checking", "160", "pictures"),
        ("For the score", "200", "kept back"),
        ("Classes", "5", "158 to 231 in each"),
    ]


def test_that_start_orders_what_the_form_shows(ready: TrainPage, engines: FakeEngines) -> None:
    shown = ready.form.job
    training = start(ready, engines)
    asked = msgspec.structs.replace(training.job, data="", run="")
    assert asked == shown
    assert training.job.data == "/pictures/flowers"
    assert Path(training.job.run).name == "flowers-1"


def test_that_pressing_start_twice_starts_one_training(ready: TrainPage, engines: FakeEngines) -> None:
    ready.start()
    ready.start()
    assert sum(isinstance(job, TrainJob) for _role, job, _order in engines.asked) == 1


def test_that_phases_are_named_before_the_first_batch(ready: TrainPage, engines: FakeEngines) -> None:
    training = start(ready, engines)
    training.send(ev.PhaseStarted(phase="reading", total=640), ev.PhaseProgress(phase="reading", done=210, total=640))
    assert ready.state is State.PREPARING
    assert ready.status() == "Reading pictures: 210 of 640."
    assert [value for _name, value, _caption in texts(ready)] == ["…"] * 4
    primary = ready.primary()
    assert primary is not None
    assert primary.text == "Pause"


def test_that_a_running_training_is_told_in_tiles_and_one_sentence(ready: TrainPage, engines: FakeEngines) -> None:
    ready.form.settings.rounds.setValue(20)
    start(ready, engines).begin().rounds(1, 6).batches(7, 13)
    assert ready.state is State.RUNNING
    assert ready.status() == "Round 7 of 20: 88.1\u00a0% named right so far, about 13 minutes left."
    (round_, time_, speed, best) = texts(ready)
    assert round_ == ("Round", "7 of 20", "416/640 pictures")
    assert time_[:2] == ("Time left", "13 min")
    assert speed == ("Speed", "12.4", "57 s a round")
    assert best == ("Best so far", "88.1\u00a0%", "after round 5")


def test_that_the_sentence_stands_still_between_two_batches(
    ready: TrainPage, engines: FakeEngines, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr("vgg_studio.app.train_state.time.monotonic", lambda: now[0])
    ready.form.settings.rounds.setValue(2)
    training = start(ready, engines).begin().rounds(1, 1).batches(2, 2)
    now[0] += 6
    assert ready.status().endswith("about 51 seconds left.")
    training.batches(2, 6)
    now[0] += 4.9
    assert ready.status().endswith("about 51 seconds left.")
    now[0] += 0.2
    assert ready.status().endswith("about 40 seconds left.")


def test_that_settings_are_locked_and_the_run_can_be_ended_while_it_runs(
    ready: TrainPage, engines: FakeEngines
) -> None:
    assert not ready.form.end.isVisible()
    start(ready, engines).begin().rounds(1, 6)
    form = ready.form
    assert not any(
        field.isEnabled()
        for field in (form.settings.network, form.settings.weights, form.settings.stage, form.settings.rounds)
    )
    assert form.settings.lock_words.isVisible()
    assert form.end.isVisible()
    assert form.end.keeps.text() == "keeps the best, round\u00a05"


def test_that_finish_waits_until_something_was_learned(ready: TrainPage, engines: FakeEngines) -> None:
    training, end = start(ready, engines).begin(), ready.form.end
    found = [(end.finish.isEnabled(), end.keeps.text())]
    training.batches(1, 4)
    found.append((end.finish.isEnabled(), end.keeps.text()))
    training.rounds(1, 1)
    found.append((end.finish.isEnabled(), end.keeps.text()))
    assert found == [
        (False, "when it has learned something"),
        (True, "keeps what it has learned"),
        (True, "keeps the best, round\u00a01"),
    ]


def test_that_a_pause_before_anything_was_kept_leads_back_to_the_start(ready: TrainPage, engines: FakeEngines) -> None:
    training = start(ready, engines)
    ready.activate_primary()
    training.send(ev.RunEnded(outcome="paused"))
    assert ready.state is State.IDLE


def test_that_a_training_that_ran_away_says_so_beside_its_result(ready: TrainPage, engines: FakeEngines) -> None:
    training = start(ready, engines).begin().rounds(1, 6)
    training.end("finished_early", ev.Failure(code="Diverged", values={"epoch": 7, "rate": 0.001}))
    assert ready.state is State.FINISHED
    assert ready.watch.failure.isVisible()


def test_that_finish_now_is_said_and_asked_once(ready: TrainPage, engines: FakeEngines) -> None:
    training = start(ready, engines).begin().rounds(1, 6)
    QTest.mouseClick(ready.form.end.finish, Qt.MouseButton.LeftButton)
    assert engines.stops == [(training.order, "finish")]
    assert ready.status() == "Keeping round 5…"
    primary = ready.primary()
    assert primary is not None
    assert (primary.text, primary.enabled) == ("Finishing…", False)
    assert not ready.form.end.finish.isEnabled()
    assert not ready.form.end.discard.isEnabled()


def test_that_pausing_has_its_own_words_and_keeps_the_buttons_width(ready: TrainPage, engines: FakeEngines) -> None:
    training = start(ready, engines).begin().rounds(1, 2)
    before = ready.primary()
    ready.activate_primary()
    after = ready.primary()
    assert engines.stops == [(training.order, "pause")]
    assert before is not None
    assert after is not None
    assert after.text == "Pausing…"
    assert before.widest == after.widest
    assert ready.status() == "Pausing after this batch…"


def test_that_discard_asks_and_enter_keeps_the_run(ready: TrainPage, engines: FakeEngines, process: Process) -> None:
    training = start(ready, engines).begin().rounds(1, 1)
    QTest.mouseClick(ready.form.end.discard, Qt.MouseButton.LeftButton)
    question = ready.findChild(DiscardQuestion)
    assert isinstance(question, DiscardQuestion)
    assert question.words.height() < 2 * question.words.heightForWidth(question.words.width())
    QTest.keyClick(question, Qt.Key.Key_Return)
    process()
    assert engines.stops == []
    QTest.mouseClick(ready.form.end.discard, Qt.MouseButton.LeftButton)
    question = ready.findChild(DiscardQuestion)
    assert isinstance(question, DiscardQuestion)
    QTest.mouseClick(question.discard, Qt.MouseButton.LeftButton)
    assert engines.stops == [(training.order, "discard")]


def test_that_a_paused_run_can_be_continued_finished_discarded_or_left(
    ready: TrainPage, studio: Studio, engines: FakeEngines
) -> None:
    training = start(ready, engines).begin().rounds(1, 6).batches(7, 3)
    make_run(Path(training.job.run).name, "paused")
    training.end("paused")
    assert ready.state is State.PAUSED
    assert ready.status() == "Paused in round 7; round 5 is the best with 88.1\u00a0%."
    assert not ready.form.settings.rounds.isEnabled()
    assert ready.form.end.finish.isEnabled()
    assert ready.form.end.later.isVisible()
    ready.activate_primary()
    job, _order = engines.last(TrainJob)
    assert isinstance(job, TrainJob)
    assert job.resume
    assert job.run == training.job.run


def test_that_finishing_a_paused_run_wakes_an_engine_for_it(ready: TrainPage, engines: FakeEngines) -> None:
    training = start(ready, engines).begin().rounds(1, 6)
    make_run(Path(training.job.run).name, "paused")
    training.end("paused")
    QTest.mouseClick(ready.form.end.finish, Qt.MouseButton.LeftButton)
    job, order = engines.last(TrainJob)
    assert isinstance(job, TrainJob)
    assert job.resume
    assert engines.stops == [(order, "finish")]


def test_that_a_paused_run_left_for_later_frees_the_form(
    ready: TrainPage, studio: Studio, engines: FakeEngines
) -> None:
    training = start(ready, engines).begin().rounds(1, 6)
    make_run(Path(training.job.run).name, "paused")
    training.end("paused")
    QTest.mouseClick(ready.form.end.later, Qt.MouseButton.LeftButton)
    assert ready.state is State.IDLE
    assert ready.form.settings.rounds.isEnabled()
    assert [run.manifest.outcome for run in studio.runs] == ["paused"]


def test_that_a_finished_training_leads_to_its_results_and_opens_the_form(
    ready: TrainPage, studio: Studio, engines: FakeEngines
) -> None:
    wanted: list[str] = []
    studio.page_wanted.connect(wanted.append)
    states = []
    start(ready, engines).begin().rounds(1, 6).end("finished")
    states.append(ready.state)
    assert ready.status() == "Finished after 6 rounds in 6 minutes; round 5 was the best and is kept."
    assert ready.form.settings.rounds.isEnabled()
    ready.activate_primary()
    states.append(ready.state)
    assert wanted == ["results"]
    assert states == [State.FINISHED, State.IDLE]


def test_that_an_edit_after_the_end_means_a_new_training(ready: TrainPage, engines: FakeEngines) -> None:
    start(ready, engines).begin().rounds(1, 6).end("finished")
    make_run("flowers-1")
    ready.form.settings.rounds.setValue(33)
    assert ready.state is State.IDLE
    training = start(ready, engines)
    assert training.job.epochs == 33
    assert not training.job.resume
    assert Path(training.job.run).name == "flowers-2"


def test_that_a_failure_says_what_happened_what_is_saved_and_goes_on_from_there(
    ready: TrainPage, engines: FakeEngines
) -> None:
    training = start(ready, engines).begin().rounds(1, 6).batches(7, 3)
    make_run(Path(training.job.run).name, "failed")
    training.end("failed", ev.Failure(code="DiskFull", values={"path": "/runs", "megabytes": 124}))
    assert ready.state is State.FAILED
    assert ready.status() == (
        "Training stopped in round 7: the disk is full: /runs needs 124 MB more. Round 6 is saved."
    )
    assert ready.watch.failure.isVisible()
    assert ready.watch.failure.happened.text() == "The disk is full: /runs needs 124 MB more."
    assert ready.watch.failure.remedy.text().endswith("Round 6 is saved.")
    QTest.mouseClick(ready.watch.failure.copy_link, Qt.MouseButton.LeftButton)
    assert "DiskFull" in QGuiApplication.clipboard().text()
    primary = ready.primary()
    assert primary is not None
    assert primary.text == "Continue from round 6"
    ready.activate_primary()
    job, _order = engines.last(TrainJob)
    assert isinstance(job, TrainJob)
    assert job.resume


def test_that_a_failure_before_anything_was_saved_offers_a_new_start(ready: TrainPage, engines: FakeEngines) -> None:
    failure = ev.Failure(code="WeightsMissing", values={"path": "<img src=x>.pth"})
    start(ready, engines).end("failed", failure)
    assert ready.status() == "Training could not start: there is no file of weights <img src=x>.pth."
    assert ready.watch.failure.happened.textFormat() == Qt.TextFormat.PlainText
    primary = ready.primary()
    assert primary is not None
    assert primary.text == "Start training"


def test_that_the_next_start_offers_to_continue_what_was_interrupted(
    page: TrainPage, studio: Studio, engines: FakeEngines
) -> None:
    make_run("flowers-1", outcome="", epochs=4)
    studio.refresh_runs()
    studio.find_unfinished()
    assert page.state is State.PAUSED
    assert page.status().endswith("was interrupted; 4 rounds of it are saved.")
    assert len(page.progress().rows) == 4
    page.activate_primary()
    job, _order = engines.last(TrainJob)
    assert isinstance(job, TrainJob)
    assert job.resume


def test_that_the_device_is_shown_with_the_reason_and_the_command_that_mends_it(
    page: TrainPage, engines: FakeEngines
) -> None:
    command = "uv pip install --torch-backend=auto torch"
    engines.become_ready("predict", ev.DeviceFact(kind="cpu", cores=2, reason="torch_without_cuda", command=command))
    row = page.form.settings.device
    assert row.device.text() == "Processor, 2 cores"
    assert "without CUDA" in row.reason.text()
    row.mend.click()
    assert QGuiApplication.clipboard().text() == command


def test_that_a_device_without_trouble_shows_no_command(ready: TrainPage) -> None:
    assert not ready.form.settings.device.mend.isVisible()


# --- how it is laid out


def test_that_nothing_jumps_when_the_training_starts(ready: TrainPage, engines: FakeEngines, process: Process) -> None:
    process(ms=20)
    before = (ready.watch.tiles.geometry(), ready.watch.plots.geometry(), ready.form.geometry())
    start(ready, engines).begin().rounds(1, 6).batches(7, 13)
    process(ms=20)
    assert (ready.watch.tiles.geometry(), ready.watch.plots.geometry(), ready.form.geometry()) == before


@pytest.mark.parametrize("width", [968, 1080, 1400])
def test_that_tiles_are_as_high_in_chinese_and_while_a_run_goes_on(
    ready: TrainPage, engines: FakeEngines, process: Process, width: int
) -> None:
    tiles, feet = ready.watch.tiles, set()
    ready.resize(width, 744)
    for code in ("en", "zh_CN"):
        language.use(code, paths.locales())
        ready.retranslate()
        process(until=lambda: tiles.height() == tiles.tiles[0].height())
        before = tiles.height()
        feet.add(tuple(tile.value.geometry().bottom() - tile.name.geometry().bottom() for tile in tiles.tiles))
        if code == "en":
            start(ready, engines).begin().rounds(1, 6).batches(7, 13)
            process(until=lambda: tiles.height() == tiles.tiles[0].height())
        assert tiles.height() == before
        assert before in (96, 112, 128)
    assert len(feet) == 1


def test_that_empty_plots_say_when_their_curves_begin(ready: TrainPage, engines: FakeEngines) -> None:
    hints = [ready.watch.plots.hint()]
    training = start(ready, engines)
    training.send(ev.PhaseStarted(phase="reading", total=640))
    hints.append(ready.watch.plots.hint())
    training.end("failed")
    hints.append(ready.watch.plots.hint())
    assert hints == [
        "Start training and the curves grow here, round by round.",
        "The curves begin with the first pictures.",
        "",
    ]


def test_that_the_columns_end_on_one_line_while_a_run_goes_on(
    ready: TrainPage, engines: FakeEngines, process: Process
) -> None:
    start(ready, engines).begin().rounds(1, 1)
    process(ms=50)
    end, plots = ready.form.end, ready.watch.plots
    assert end.mapToGlobal(end.rect().bottomLeft()).y() == plots.mapToGlobal(plots.rect().bottomLeft()).y()
    assert ready.form.settings.y() == 0


@pytest.mark.parametrize("code", ["en", "pseudo"])
@pytest.mark.parametrize("running", [False, True])
def test_that_tile_words_wrap_and_are_never_cut_in_a_narrow_window(
    ready: TrainPage, engines: FakeEngines, process: Process, code: str, running: bool
) -> None:
    language.use(code, paths.locales())
    ready.resize(968, 644)
    ready.retranslate()
    if running:
        start(ready, engines).begin().rounds(1, 6).batches(7, 13)
    process(ms=50)
    for tile in ready.watch.tiles.tiles:
        for label in (tile.name, tile.caption):
            assert label.height() >= label.heightForWidth(label.width())
            assert max(map(label.fontMetrics().horizontalAdvance, label.text().split() or [""])) <= label.width()
        (value, _role), _unit = tile.value.parts(tile.value.width())
        assert value == tile.figure().value or (code == "pseudo" and tile.toolTip())


def test_that_every_control_of_the_form_has_a_name(ready: TrainPage) -> None:
    form = ready.form
    fields = [form.settings.network, form.settings.weights, form.settings.stage, form.settings.rounds]
    fields += [field.widget for card in (form.advanced, form.scratch) for field in card.fields.values()]
    assert all(field.accessibleName() for field in fields)
