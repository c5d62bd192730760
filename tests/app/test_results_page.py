from __future__ import annotations

import msgspec
import pyqtgraph  # noqa: F401 - loaded before the page, as `app.main` does in a thread
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from PySide6.QtTest import QTest

from tests.app.conftest import Process
from tests.app.playing import CONFUSION, FLOWERS, Training, evaluation, make_run, open_flowers
from tests.fakes import FakeEngines
from vgg_studio.app import caption, run_words, theme
from vgg_studio.app.class_table import FOUND, LOWEST, PICTURES, RELIABLE
from vgg_studio.app.confusion_view import SMALL
from vgg_studio.app.dialogs import FurtherDialog
from vgg_studio.app.results_page import ResultsPage
from vgg_studio.app.run_list import RUN
from vgg_studio.app.run_words import run_title
from vgg_studio.app.state import Studio
from vgg_studio.app.table_parts import GAP
from vgg_studio.app.train_page import TrainPage
from vgg_studio.app.wrong_pictures import WrongDialog, captions
from vgg_studio.core import events as ev, recipes, wording
from vgg_studio.core.jobs import QuickLookJob, TrainJob

Qd = Qt.ItemDataRole


@pytest.fixture
def page(studio: Studio, engines: FakeEngines, process: Process) -> ResultsPage:
    open_flowers(studio, engines)
    made = ResultsPage(studio)
    made.resize(1280, 744)
    made.show()
    process()
    return made


def shown(page: ResultsPage, process: Process) -> ResultsPage:
    """The runs on the disk are read, and the page has settled."""
    page.studio.refresh_runs()
    process(ms=30)
    return page


def many(count: int) -> ev.Evaluation:
    names = [f"class {number}" for number in range(count)]
    return evaluation(names, [[9 if i == j else int((i + j) % 5 == 0) for j in range(count)] for i in range(count)])


def choose(page: ResultsPage, name: str) -> None:
    table = page.runs.list.table
    row = next(at for at, run in enumerate(table.runs) if run.path.name == name)
    QTest.mouseClick(
        page.runs.list.viewport(),
        Qt.MouseButton.LeftButton,
        pos=page.runs.list.visualRect(table.index(row)).center(),
    )


# --- the runs


def test_that_without_runs_the_page_leads_to_a_training(page: ResultsPage) -> None:
    wanted: list[str] = []
    page.studio.page_wanted.connect(wanted.append)
    assert page.primary() is None
    assert page.empty.button.words() == "Set up a training"
    QTest.mouseClick(page.empty.button, Qt.MouseButton.LeftButton)
    assert wanted == ["train"]


def test_that_runs_on_the_open_folder_come_first_and_newest_first(page: ResultsPage, process: Process) -> None:
    make_run("meadow-1", ago=10, data="/pictures/meadow", scored=evaluation())
    make_run("flowers-1", ago=300, scored=evaluation())
    make_run("flowers-2", ago=200, scored=evaluation())
    shown(page, process)
    assert [run.path.name for run in page.runs.list.table.runs] == ["flowers-2", "flowers-1", "meadow-1"]
    assert page.runs.heading.text() == "Runs"
    assert run_title(page.runs.list.table.runs[0]) == "Run 2"


def test_that_a_list_of_one_folder_is_named_after_it(page: ResultsPage, process: Process) -> None:
    make_run("flowers-1", scored=evaluation())
    assert shown(page, process).runs.heading.text() == "Runs on flowers"


@pytest.mark.parametrize(
    ("outcome", "standing"),
    [("finished", ("", "91.5\u00a0%")), ("paused", ("pause", "paused, 6 of 20")), ("failed", ("bad", "failed"))],
)
def test_that_a_row_says_how_its_run_stands(outcome: str, standing: tuple[str, str]) -> None:
    run = make_run("flowers-1", outcome, scored=evaluation() if outcome == "finished" else None)
    assert run_words.standing(run, training=False) == standing


def test_that_a_run_nobody_ended_is_called_interrupted() -> None:
    run = make_run("flowers-1", outcome="")
    assert run_words.standing(run, training=False) == ("pause", "interrupted, 6 of 20")
    assert run_words.sentence(run, training=False) == "Run 1 was interrupted after 6 of 20 rounds."


def test_that_a_row_tells_a_screen_reader_everything_it_shows(page: ResultsPage, process: Process) -> None:
    make_run("flowers-1", scored=evaluation())
    table = shown(page, process).runs.list.table
    words = str(table.data(table.index(0), Qd.AccessibleTextRole))
    assert words.startswith("Run 1, 91.5\u00a0%, VGG-16, last block, today")


def test_that_the_chosen_run_stays_chosen_when_the_list_is_read_again(page: ResultsPage, process: Process) -> None:
    make_run("flowers-1", ago=300, scored=evaluation())
    make_run("flowers-2", ago=200, scored=evaluation())
    choose(shown(page, process), "flowers-1")
    make_run("flowers-3", ago=100, scored=evaluation())
    shown(page, process)
    run = page.run()
    assert run is not None
    assert run.path.name == "flowers-1"


def test_that_the_run_that_has_just_ended_is_the_one_that_is_shown(
    page: ResultsPage, process: Process, engines: FakeEngines
) -> None:
    make_run("flowers-1", ago=300, scored=evaluation())
    choose(shown(page, process), "flowers-1")
    page.studio.start_training(TrainJob(variant="vgg16"))
    training = Training(page.studio, engines).begin().rounds(1, 6)
    make_run("flowers-2", scored=evaluation())
    training.end("finished")
    process()
    run = page.run()
    assert run is not None
    assert run.path.name == "flowers-2"


# --- the score


def test_that_the_score_is_one_sentence_with_its_range(page: ResultsPage, process: Process) -> None:
    make_run("flowers-1", scored=evaluation())
    shown(page, process)
    detail = page.detail
    assert "<span style='font-size:32px'>183 of 200</span>" in detail.headline.text()
    assert detail.headline.text().endswith(" pictures it had never seen were named right.")
    assert detail.range_words.text() == ("That is 91.5\u00a0%. On other pictures of this kind, expect 87 to 95\u00a0%.")
    assert page.status() == "Run 1 finished after 6 rounds in 6 minutes; round 5 was the best and is kept."


def test_that_a_score_on_pictures_it_learned_from_says_so(page: ResultsPage, process: Process) -> None:
    make_run("flowers-1", scored=evaluation())
    make_run("flowers-2", ago=300, scored=msgspec.structs.replace(evaluation(), leaked=12, leaked_correct=12))
    shown(page, process)
    assert page.detail.leak.isHidden()
    choose(page, "flowers-2")
    assert "12 of these 200 pictures took part in the training too" in page.detail.leak.text()
    assert not page.detail.leak.isHidden()
    assert "never seen" not in page.detail.headline.text()


def test_that_the_score_is_what_is_large_whatever_a_language_says_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wording, "score_sentence", lambda scored: f"Of {scored.count} pictures: {scored.correct}.")
    assert run_words.headline(evaluation()) == "Of 200 pictures: <span style='font-size:32px'>183</span>."


def test_that_a_score_on_the_checking_pictures_says_so(page: ResultsPage, process: Process) -> None:
    make_run("flowers-1", scored=evaluation(split="val"))
    shown(page, process)
    assert page.detail.headline.text().endswith(" pictures that chose the best round were named right.")


def test_that_the_square_counts_rows_as_true_and_columns_as_named(page: ResultsPage, process: Process) -> None:
    make_run("flowers-1", scored=evaluation())
    table = shown(page, process).detail.score.matrix.table
    assert [[int(str(table.data(table.index(i, j)))) for j in range(5)] for i in range(5)] == CONFUSION
    tip = table.data(table.index(2, 4), Qd.AccessibleTextRole)
    assert tip == "5 of 32 pictures of roses were named tulips (15.6\u00a0%)."


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_that_cells_are_heated_by_their_share_of_the_row(page: ResultsPage, process: Process, scheme: str) -> None:
    make_run("flowers-1", scored=evaluation())
    theme.choose(scheme)
    matrix = shown(page, process).detail.score.matrix
    picture = matrix.viewport().grab().toImage()
    for i, j in ((0, 0), (2, 4), (0, 2)):
        corner = matrix.visualRect(matrix.table.index(i, j)).topLeft()
        ratio = matrix.devicePixelRatioF()
        shown_colour = QColor(picture.pixel(int((corner.x() + 8) * ratio), int((corner.y() + 8) * ratio)))
        assert shown_colour.name() == theme.heat(i == j, CONFUSION[i][j] / sum(CONFUSION[i])).name()


def test_that_both_tables_read_as_one_line(page: ResultsPage, process: Process) -> None:
    make_run("flowers-1", scored=evaluation())
    score = shown(page, process).detail.score
    for at in range(5):
        left = score.matrix.viewport().mapToGlobal(score.matrix.visualRect(score.matrix.table.index(at, 0)).center())
        right = score.scores.viewport().mapToGlobal(score.scores.visualRect(score.scores.table.index(at, 0)).center())
        assert left.y() == right.y()


def test_that_more_than_eight_classes_get_small_cells_and_slanted_names(page: ResultsPage, process: Process) -> None:
    make_run("flowers-1", scored=many(9))
    matrix = shown(page, process).detail.score.matrix
    assert matrix.columnWidth(0) == matrix.rowHeight(0) == SMALL + GAP
    assert matrix.names_above.slanted
    assert matrix.delegate.numbers


def test_that_more_than_twenty_classes_show_colour_and_both_tables_scroll_as_one(
    page: ResultsPage, process: Process
) -> None:
    make_run("flowers-1", scored=many(24))
    score = shown(page, process).detail.score
    assert not score.matrix.delegate.numbers
    score.matrix.verticalScrollBar().setValue(120)
    assert score.scores.verticalScrollBar().value() == 120
    score.scores.verticalScrollBar().setValue(30)
    assert score.matrix.verticalScrollBar().value() == 30


def test_that_found_and_reliable_are_told_with_the_lowest_marked(page: ResultsPage, process: Process) -> None:
    make_run("flowers-1", scored=evaluation())
    table = shown(page, process).detail.score.scores.table
    cells = [[str(table.data(table.index(at, column))) for column in range(4)] for at in range(5)]
    assert cells[2] == ["roses", "84.4\u00a0%", "87.1\u00a0%", "32"]
    assert [bool(table.data(table.index(at, FOUND), LOWEST)) for at in range(5)] == [False, False, True, False, False]
    assert [bool(table.data(table.index(at, RELIABLE), LOWEST)) for at in range(5)] == [False] * 4 + [True]
    assert not table.data(table.index(2, PICTURES), LOWEST)
    assert "recall" in str(table.headerData(FOUND, Qt.Orientation.Horizontal, Qd.ToolTipRole))
    assert "precision" in str(table.headerData(RELIABLE, Qt.Orientation.Horizontal, Qd.ToolTipRole))


def test_that_a_class_that_nothing_was_named_has_a_dash_for_reliable(page: ResultsPage, process: Process) -> None:
    make_run("flowers-1", scored=evaluation(["a", "b"], [[3, 0], [2, 0]]))
    table = shown(page, process).detail.score.scores.table
    assert table.data(table.index(1, RELIABLE)) == "–"


def test_that_arrow_keys_walk_in_the_square_and_tab_leaves_it(page: ResultsPage, process: Process) -> None:
    make_run("flowers-1", scored=evaluation())
    matrix = shown(page, process).detail.score.matrix
    page.activateWindow()
    matrix.setFocus()
    matrix.setCurrentIndex(matrix.table.index(0, 0))
    QTest.keyClick(matrix, Qt.Key.Key_Right)
    assert (matrix.currentIndex().row(), matrix.currentIndex().column()) == (0, 1)
    QTest.keyClick(matrix, Qt.Key.Key_Tab)
    assert (matrix.currentIndex().row(), matrix.currentIndex().column()) == (0, 1)


# --- the mistakes


def test_that_mistakes_are_shown_with_true_and_named_class(page: ResultsPage, process: Process) -> None:
    make_run("flowers-1", scored=evaluation())
    wrong = shown(page, process).detail.score.wrong
    assert wrong.title.text() == "17 named wrong"
    assert wrong.all_link.words() == "Show all 17"
    assert 4 <= len(wrong.strip.table.pictures) < 17
    first = str(wrong.strip.table.index(0).data(Qd.AccessibleTextRole))
    assert first.startswith("daisy/0-1-0.jpg, true daisy, dandelion")
    assert first.endswith(" 98\u00a0%")


def test_that_few_classes_are_seen_whole_without_a_scroll_bar(page: ResultsPage, process: Process) -> None:
    make_run("flowers-1", scored=evaluation())
    page.resize(1080, 744)
    score = shown(page, process).detail.score
    process(ms=50)
    assert score.matrix.verticalHeader().length() <= score.matrix.viewport().height()
    assert score.matrix.verticalScrollBar().maximum() == 0
    names = [score.scores.table.index(at, 0) for at in range(5)]
    for index in names:
        assert score.scores.fontMetrics().horizontalAdvance(index.data()) <= score.scores.columnWidth(0)


def test_that_a_long_name_gives_way_to_the_certainty_behind_it() -> None:
    entry = ev.WrongPicture(picture=ev.PictureRef(path="a.jpg"), true="a", named="n" * 60, probability=0.981)
    line = caption.plain(captions([entry])[0][1])
    assert line.endswith("… 98\u00a0%")
    assert caption.width(captions([entry])[0][1]) <= 136


def test_that_all_mistakes_are_shown_in_a_dialog(page: ResultsPage, process: Process) -> None:
    make_run("flowers-1", scored=evaluation())
    wrong = shown(page, process).detail.score.wrong
    QTest.mouseClick(wrong.all_link, Qt.MouseButton.LeftButton)
    dialog = wrong.findChild(WrongDialog)
    assert isinstance(dialog, WrongDialog)
    assert len(dialog.grid.table.pictures) == 17
    dialog.close()


def test_that_a_run_without_mistakes_says_so(page: ResultsPage, process: Process) -> None:
    make_run("flowers-1", scored=evaluation(["a", "b"], [[3, 0], [0, 4]]))
    wrong = shown(page, process).detail.score.wrong
    assert wrong.title.text() == "Not one was named wrong"
    assert not wrong.strip.isVisible()


@pytest.mark.parametrize("name", ["<img src=x>", "R&D", "a\u202eb\nc"])
def test_that_a_class_of_any_name_is_an_ordinary_class(page: ResultsPage, process: Process, name: str) -> None:
    make_run("flowers-1", scored=evaluation([name, "other"], [[3, 1], [1, 4]]))
    score = shown(page, process).detail.score
    head = score.matrix.table.headerData(0, Qt.Orientation.Horizontal)
    cell = score.scores.table.data(score.scores.table.index(0, 0))
    assert head == cell
    assert "\u202e" not in str(head)
    assert "\n" not in str(head)
    tip = str(score.matrix.table.data(score.matrix.table.index(0, 1), Qd.ToolTipRole))
    assert "<img" not in tip
    assert "&amp;" in tip or "&" not in name
    page.grab()


# --- curves, and what comes next


def test_that_the_curves_are_those_of_the_log(page: ResultsPage, process: Process) -> None:
    make_run("flowers-1", scored=evaluation())
    shown(page, process).detail.views.show_view(1)
    process(until=lambda: len(page.detail.curves.progress.rows) == 6)
    assert page.detail.curves.progress.best_epoch == 5
    assert not page.detail.score.isVisible()
    assert page.detail.plots.isVisible()
    assert "batch" in page.detail.range_words.text()


def test_that_a_paused_run_shows_its_curves_and_goes_on(
    page: ResultsPage, process: Process, engines: FakeEngines
) -> None:
    wanted: list[str] = []
    page.studio.page_wanted.connect(wanted.append)
    make_run("flowers-1", "paused")
    shown(page, process)
    assert page.status() == "Run 1 is paused after 6 of 20 rounds."
    assert not page.detail.views.isVisible()
    assert page.detail.headline.text() == "88.1\u00a0% named right when checked after round 5."
    primary = page.primary()
    assert primary is not None
    assert primary.text == "Continue"
    page.activate_primary()
    job, _order = engines.last(TrainJob)
    assert isinstance(job, TrainJob)
    assert job.resume
    assert wanted == ["train"]


def test_that_a_failed_run_says_why(page: ResultsPage, process: Process) -> None:
    failure = ev.Failure(code="OutOfMemory", values={"device": "graphics card", "batch_size": 64})
    make_run("flowers-1", "failed", failure=failure)
    shown(page, process)
    assert page.detail.failure.isVisible()
    assert page.detail.failure.happened.text().startswith("There is not enough memory (graphics card)")


def test_that_a_finished_run_is_tried_on_new_pictures(page: ResultsPage, process: Process) -> None:
    wanted: list[str] = []
    page.studio.page_wanted.connect(wanted.append)
    run = make_run("flowers-1", scored=evaluation())
    shown(page, process)
    primary = page.primary()
    assert primary is not None
    assert primary.text == "Try it on new pictures"
    page.activate_primary()
    assert wanted == ["predict"]
    assert page.studio.settings.choice("answers_from") == str(run.path)


def test_that_a_finished_run_can_be_trained_further(page: ResultsPage, process: Process, engines: FakeEngines) -> None:
    make_run("flowers-1", scored=evaluation())
    shown(page, process)
    QTest.mouseClick(page.detail.further, Qt.MouseButton.LeftButton)
    dialog = page.findChild(FurtherDialog)
    assert isinstance(dialog, FurtherDialog)
    dialog.rounds.setValue(4)
    assert "10 rounds" in dialog.total.text()
    QTest.mouseClick(dialog.go, Qt.MouseButton.LeftButton)
    job, _order = engines.last(TrainJob)
    assert isinstance(job, TrainJob)
    assert (job.resume, job.epochs) == (True, 10)


def test_that_while_a_training_runs_no_second_one_is_offered(
    page: ResultsPage, process: Process, engines: FakeEngines
) -> None:
    make_run("flowers-1", "paused", ago=100)
    make_run("flowers-2", scored=evaluation(), ago=200)
    shown(page, process)
    page.studio.start_training(TrainJob(variant="vgg16"))
    choose(page, "flowers-1")
    primary = page.primary()
    assert primary is not None
    assert not primary.enabled
    choose(page, "flowers-2")
    assert not page.detail.further.isEnabled()


def test_that_the_run_in_training_is_drawn_as_it_grows(
    page: ResultsPage, process: Process, engines: FakeEngines
) -> None:
    page.studio.start_training(TrainJob(variant="vgg16"))
    training = Training(page.studio, engines).begin().rounds(1, 2)
    make_run("flowers-1", outcome="", epochs=2)
    page.entered()
    process(until=lambda: page.detail.plots.charts is not None)
    run = page.run()
    assert run is not None
    assert page.runs.list.table.index(0).data(RUN) is run
    primary = page.primary()
    assert primary is not None
    assert primary.text == "Watch it"
    training.rounds(3, 3)
    charts = page.detail.plots.charts
    assert charts is not None
    assert len(charts.progress.rows) == 3


def test_that_by_class_goes_under_the_square_in_a_narrow_window(page: ResultsPage, process: Process) -> None:
    make_run("flowers-1", scored=evaluation())
    page.resize(968, 644)
    shown(page, process)
    score = page.detail.score
    assert score.scores_card.y() > score.matrix_card.geometry().bottom()
    assert len(FLOWERS) == score.matrix.table.rowCount()


# --- making a run better


def test_that_a_finished_run_can_be_made_better(page: ResultsPage, process: Process, engines: FakeEngines) -> None:
    run = make_run("flowers-1", scored=evaluation())
    shown(page, process)
    train = TrainPage(page.studio)
    wanted: list[str] = []
    page.studio.page_wanted.connect(wanted.append)
    QTest.mouseClick(page.detail.better, Qt.MouseButton.LeftButton)
    assert wanted == ["train"]
    assert train.form.job == msgspec.structs.replace(
        recipes.next_stage(run.manifest.job, str(run.path), 640) or TrainJob(), data=""
    )
    assert recipes.train_from(train.form.job) == "block4"
    assert not any(isinstance(job, TrainJob) for _role, job, _order in engines.asked)


def test_that_only_what_can_learn_more_is_offered_to_be_made_better(page: ResultsPage, process: Process) -> None:
    found = []
    for name, outcome in (("flowers-1", "finished"), ("flowers-2", "failed"), ("flowers-3", "finished")):
        run = make_run(name, outcome, scored=evaluation())
        if name == "flowers-3":
            whole = msgspec.structs.replace(run.manifest.job, train_from="block1")
            run.save(msgspec.structs.replace(run.manifest, job=whole))
        shown(page, process)
        choose(page, name)
        process()
        found.append(page.detail.better.isVisible())
    assert found == [True, False, False]


def test_that_nothing_is_made_better_while_something_is_trained(page: ResultsPage, process: Process) -> None:
    make_run("flowers-1", scored=evaluation())
    page.studio.start_training(TrainJob())
    shown(page, process)
    assert not page.detail.better.isEnabled()


def test_that_a_run_stands_beside_its_quick_look_and_its_forecast(page: ResultsPage, process: Process) -> None:
    run = make_run("flowers-1", scored=evaluation())
    fact = ev.ForecastFact(seconds_low=300, seconds_high=420)
    run.save(msgspec.structs.replace(run.manifest, quick_look=0.868, forecast=fact))
    shown(page, process)
    assert page.detail.beside.text() == (
        "A quick look reached 86.8\u00a0%: this run is 4.7 points better. Forecast 5 to 7 minutes, took 6 minutes."
    )


def test_that_a_quick_look_of_this_session_stands_beside_its_run(
    page: ResultsPage, process: Process, engines: FakeEngines
) -> None:
    run = make_run("flowers-1", scored=evaluation())
    page.studio.outlook.look(run.manifest.job)
    _job, order = engines.last(QuickLookJob)
    engines.send(order, ev.QuickLook(accuracy=0.93, spread=0.01, folds=5, count=640), ev.JobEnded(outcome="done"))
    shown(page, process)
    assert page.detail.beside.text() == "A quick look reached 93.0\u00a0%: this run is 1.5 points worse."


def test_that_the_time_of_a_run_that_was_given_more_rounds_is_not_graded(page: ResultsPage, process: Process) -> None:
    run = make_run("flowers-1", scored=evaluation())
    fact = ev.ForecastFact(seconds_low=300, seconds_high=420)
    run.save(msgspec.structs.replace(run.manifest, forecast=fact, extended_at=3))
    shown(page, process)
    assert not page.detail.beside.isVisible()
