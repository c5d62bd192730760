"""What is said before a training starts: the forecast, the quick look, and that neither stands in anybody's way."""

from __future__ import annotations

import msgspec
import pyqtgraph  # noqa: F401 - loaded before the page, as `app.main` does in a thread
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from tests.app.conftest import Process
from tests.app.playing import PROCESSOR, SPLIT, Training, make_run, open_flowers, tuned
from tests.app.test_train_page import choose
from tests.fakes import FakeEngines
from vgg_studio.app import train_job
from vgg_studio.app.state import Studio
from vgg_studio.app.train_page import TrainPage
from vgg_studio.core import events as ev, forecast, speed_words
from vgg_studio.core.jobs import QuickLookJob, TrainJob, TuneJob

LOOK = ev.QuickLook(accuracy=0.868, spread=0.021, folds=5, count=640)


@pytest.fixture
def page(studio: Studio, engines: FakeEngines, process: Process) -> TrainPage:
    """The Train page with a folder that was read and weights that were chosen; the machine is being measured."""
    made = TrainPage(studio)
    made.resize(1080, 744)
    made.show()
    engines.become_ready("predict", PROCESSOR)
    open_flowers(studio, engines)
    choose(made.form.settings.weights, "official")
    tuned(engines)  # that of the settings before, which was told to stop
    process()
    return made


def tunings(engines: FakeEngines) -> list[TuneJob]:
    return [job for _role, job, _order in engines.asked if isinstance(job, TuneJob)]


def said(page: TrainPage) -> tuple[str, str]:
    return page.watch.outlook.takes.text(), page.watch.outlook.says.text()


def press(page: TrainPage) -> None:
    QTest.mouseClick(page.watch.outlook.button, Qt.MouseButton.LeftButton)


# --- the forecast


def test_that_nothing_is_guessed_while_the_machine_is_measured(page: TrainPage, engines: FakeEngines) -> None:
    assert said(page)[0] == "Measuring this machine…"
    profile = tuned(engines)
    fact = forecast.forecast(page.form.job, SPLIT, 5, profile)
    assert said(page)[0] == speed_words.forecast_words(fact)


def test_that_the_forecast_follows_the_settings_without_measuring_again(page: TrainPage, engines: FakeEngines) -> None:
    tuned(engines)
    asked, before = len(tunings(engines)), said(page)[0]
    page.form.settings.rounds.setValue(200)
    longer = said(page)[0]
    choose(page.form.settings.stage, "block3")
    assert len({before, longer, said(page)[0]}) == 3
    assert len(tunings(engines)) == asked


def test_that_each_network_is_measured_once(page: TrainPage, engines: FakeEngines) -> None:
    tuned(engines)
    choose(page.form.settings.network, "vgg19")
    assert tunings(engines)[-1].variant == "vgg19"
    assert said(page)[0] == "Measuring this machine…"
    tuned(engines)
    asked = len(tunings(engines))
    for name in ("vgg16", "vgg19"):
        choose(page.form.settings.network, name)
    assert len(tunings(engines)) == asked


def test_that_another_network_is_measured_when_the_first_has_stopped(page: TrainPage, engines: FakeEngines) -> None:
    _job, order = engines.last(TuneJob)
    choose(page.form.settings.network, "vgg19")
    assert engines.stops[-1] == (order, "cancel")
    assert tunings(engines)[-1].variant == "vgg16"
    engines.send(order, ev.JobEnded(outcome="stopped"))
    assert tunings(engines)[-1].variant == "vgg19"


def test_that_a_machine_that_cannot_be_measured_gets_no_forecast(page: TrainPage, engines: FakeEngines) -> None:
    _job, order = engines.last(TuneJob)
    engines.send(order, ev.JobEnded(outcome="failed", failure=ev.Failure(code="Unexpected", values={"detail": "x"})))
    asked = len(tunings(engines))
    assert said(page)[0] == "No forecast: this machine could not be measured."
    page.form.settings.rounds.setValue(7)
    assert len(tunings(engines)) == asked


def test_that_a_training_stops_the_measuring_and_later_takes_it_up(page: TrainPage, engines: FakeEngines) -> None:
    _job, order = engines.last(TuneJob)
    page.activate_primary()
    assert (order, "cancel") in engines.stops
    engines.send(order, ev.JobEnded(outcome="stopped"))
    asked = len(tunings(engines))
    Training(page.studio, engines).begin().end("discarded")
    assert len(tunings(engines)) == asked + 1


def test_that_answers_for_pictures_come_before_measuring(page: TrainPage, studio: Studio, engines: FakeEngines) -> None:
    _job, order = engines.last(TuneJob)
    studio.predict("official:vgg16", [ev.PictureRef(path="/a.jpg")])
    assert (order, "cancel") in engines.stops


def test_that_features_which_a_training_kept_make_the_next_forecast_shorter(
    page: TrainPage, studio: Studio, engines: FakeEngines
) -> None:
    tuned(engines)
    before = studio.outlook.forecast(page.form.job, studio.scan)
    page.activate_primary()
    training = Training(studio, engines).begin()
    training.send(ev.FeaturesReady(found=0, computed=1000, way=ev.Way()))
    training.end("finished")
    after = studio.outlook.forecast(page.form.job, studio.scan)
    assert before is not None
    assert after is not None
    assert after.seconds_high < before.seconds_high
    assert (before.found_share, after.found_share) == (0.0, 1.0)


def test_that_features_of_earlier_runs_are_remembered_after_a_new_start(
    page: TrainPage, studio: Studio, engines: FakeEngines
) -> None:
    tuned(engines)
    make_run("flowers-1")
    shares = []
    for stage in ("block5", "block4"):
        studio.refresh_runs()
        train_job.offer(studio, TrainJob(variant="vgg16", weights="official", train_from=stage), "/pictures/flowers")
        fact = studio.outlook.forecast(page.form.job, studio.scan)
        assert fact is not None
        shares.append(fact.found_share)
    assert shares == [1.0, 0.0]


def test_that_a_run_that_kept_no_features_makes_no_forecast_shorter(
    page: TrainPage, studio: Studio, engines: FakeEngines
) -> None:
    tuned(engines)
    run = make_run("flowers-1")
    job = msgspec.structs.replace(run.manifest.job, features="none")
    run.save(msgspec.structs.replace(run.manifest, job=job))
    studio.refresh_runs()
    train_job.offer(studio, job, "/pictures/flowers")
    fact = studio.outlook.forecast(page.form.job, studio.scan)
    assert fact is not None
    assert fact.found_share == 0.0


def test_that_a_quick_look_has_computed_what_a_light_head_learns_from(
    page: TrainPage, studio: Studio, engines: FakeEngines
) -> None:
    tuned(engines)
    press(page)
    engines.send(engines.last(QuickLookJob)[1], LOOK, ev.JobEnded(outcome="done"))
    shares = []
    for head in ("classic", "light"):
        choose(page.form.settings.head, head)
        fact = studio.outlook.forecast(page.form.job, studio.scan)
        assert fact is not None
        shares.append(fact.found_share)
    assert shares == [0.0, 0.64]


# --- the quick look


def test_that_a_quick_look_tells_what_a_run_has_to_beat(page: TrainPage, engines: FakeEngines) -> None:
    tuned(engines)
    press(page)
    job, order = engines.last(QuickLookJob)
    assert isinstance(job, QuickLookJob)
    assert (job.job.data, job.job.weights, job.job.run) == ("/pictures/flowers", "official", "")
    engines.send(order, ev.PhaseProgress(phase="extracting", done=412, total=1000))
    assert said(page)[1] == "Computing features: 412 of 1,000."
    assert page.watch.outlook.button.words() == "Stop"
    engines.send(order, LOOK, ev.JobEnded(outcome="done"))
    assert said(page)[1] == speed_words.quick_look_sentence(LOOK)
    assert not page.watch.outlook.button.isVisible()


def test_that_the_quick_look_is_a_line_in_the_plot_of_its_own_settings_only(
    page: TrainPage, engines: FakeEngines, process: Process
) -> None:
    tuned(engines)
    press(page)
    process(until=lambda: page.watch.plots.charts is not None)
    charts = page.watch.plots.charts
    assert charts is not None
    engines.send(engines.last(QuickLookJob)[1], LOOK, ev.JobEnded(outcome="done"))
    process(until=charts.accuracy.base_line.isVisible)
    assert charts.accuracy.base_line.value() == pytest.approx(86.8)
    assert "86.8" in charts.titles[1][1].text()
    choose(page.form.settings.network, "vgg13")
    process(until=lambda: not charts.accuracy.base_line.isVisible())
    assert "quick look" not in charts.titles[1][1].text()


def test_that_a_quick_look_can_be_stopped_and_asked_for_again(page: TrainPage, engines: FakeEngines) -> None:
    tuned(engines)
    press(page)
    _job, order = engines.last(QuickLookJob)
    press(page)
    assert engines.stops[-1] == (order, "cancel")
    engines.send(order, ev.JobEnded(outcome="stopped"))
    assert page.watch.outlook.button.words() == "Quick look"
    press(page)
    assert engines.last(QuickLookJob)[1] != order


def test_that_a_quick_look_that_fails_says_why(page: TrainPage, engines: FakeEngines) -> None:
    tuned(engines)
    press(page)
    failure = ev.Failure(code="DiskFull", values={"path": "/cache", "megabytes": 200})
    engines.send(engines.last(QuickLookJob)[1], ev.JobEnded(outcome="failed", failure=failure))
    assert "disk is full" in said(page)[1]
    assert page.watch.outlook.button.words() == "Quick look"


def test_that_a_training_ends_the_quick_look(page: TrainPage, engines: FakeEngines) -> None:
    tuned(engines)
    press(page)
    _job, order = engines.last(QuickLookJob)
    page.activate_primary()
    assert (order, "cancel") in engines.stops


def test_that_a_network_from_scratch_has_nothing_to_look_at(page: TrainPage, engines: FakeEngines) -> None:
    tuned(engines)
    choose(page.form.settings.weights, "none")
    assert not page.watch.outlook.button.isVisible()
    assert said(page)[1] == ""


# --- while it trains, and afterwards


def test_that_a_training_says_what_was_forecast_and_what_nobody_expected(page: TrainPage, engines: FakeEngines) -> None:
    tuned(engines)
    page.activate_primary()
    fact = ev.ForecastFact(seconds_low=700, seconds_high=900, memory_bytes=1_200_000_000, disk_bytes=340_000_000)
    training = Training(page.studio, engines)
    training.begin(fact)
    training.send(ev.FeaturesReady(found=800, computed=200, seconds=90, way=ev.Way()))
    training.send(ev.BatchShrunk(batch_size=32, part=8))
    takes, says = said(page)
    assert takes == "Forecast: 12 to 15 minutes · 1.2 GB memory · 340 MB disk"
    assert says.startswith("800 of 1,000 pictures were known already")
    assert "8 pictures at a time instead of 32" in says


def test_that_computing_features_is_told_in_pictures(page: TrainPage, engines: FakeEngines) -> None:
    tuned(engines)
    page.activate_primary()
    training = Training(page.studio, engines).begin()
    training.send(ev.PhaseStarted(phase="extracting", total=1000))
    training.send(ev.PhaseProgress(phase="extracting", done=412, total=1000))
    assert page.status().startswith("Computing features: 412 of 1,000")
    first = page.watch.tiles.figures()[0]
    assert (first.value, first.caption) == ("412", "of 1,000 pictures")


def test_that_features_of_a_later_round_leave_the_tiles_of_the_training(page: TrainPage, engines: FakeEngines) -> None:
    tuned(engines)
    page.activate_primary()
    training = Training(page.studio, engines).begin().rounds(1, 2)
    training.send(ev.PhaseStarted(phase="extracting", total=640))
    training.send(ev.PhaseProgress(phase="extracting", done=64, total=640))
    first = page.watch.tiles.figures()[0]
    assert (first.name, first.caption) == ("Round", "64/640 features")


def test_that_a_finished_training_grades_its_forecast(page: TrainPage, engines: FakeEngines) -> None:
    tuned(engines)
    page.activate_primary()
    training = Training(page.studio, engines).begin().rounds(1, 6)
    fact = ev.ForecastFact(seconds_low=2280, seconds_high=2700)
    training.send(
        ev.RunEnded(outcome="finished", best_epoch=5, run=training.job.run, epochs=6, seconds=2460, forecast=fact)
    )
    assert said(page)[0] == "Forecast 38 to 45 minutes, took 41 minutes."


# --- going on from a run


def test_that_a_run_is_gone_on_from_with_its_own_network(page: TrainPage, studio: Studio, engines: FakeEngines) -> None:
    run = make_run("flowers-1")
    studio.refresh_runs()
    tuned(engines)
    job = TrainJob(variant="vgg16", weights="official", train_from="block5", parent=str(run.path))
    train_job.offer(studio, job, "/pictures/flowers")
    settings = page.form.settings
    assert settings.weights.currentText() == "Run 1, its best network"
    assert (settings.network.isEnabled(), settings.head.isEnabled(), settings.stage.isEnabled()) == (False, False, True)
    assert page.status() == "Ready to continue from Run 1. What learns: Last block and classifier."
    assert said(page)[1] == "Run 1 reached 88.1\u00a0% when checked: the run has to beat that."
    page.activate_primary()
    started, _order = engines.last(TrainJob)
    assert isinstance(started, TrainJob)
    assert (started.parent, started.data) == (str(run.path), "/pictures/flowers")


def test_that_another_start_lets_go_of_the_run(page: TrainPage, studio: Studio) -> None:
    run = make_run("flowers-1")
    job = TrainJob(variant="vgg16", weights="official", train_from="block5", parent=str(run.path), ema=0.9)
    train_job.offer(studio, job, "/pictures/flowers")
    choose(page.form.settings.weights, "official")
    assert (page.form.job.parent, page.form.job.ema) == ("", 0.0)
    assert page.form.settings.network.isEnabled()


def test_that_a_run_that_is_gone_is_not_gone_on_from(page: TrainPage, studio: Studio, engines: FakeEngines) -> None:
    job = TrainJob(variant="vgg16", weights="official", train_from="block5", parent="/runs/deleted-1")
    train_job.offer(studio, job, "/pictures/flowers")
    assert page.form.job.parent == ""


def test_that_settings_for_another_folder_open_it(page: TrainPage, studio: Studio) -> None:
    job = msgspec.structs.replace(page.form.job, epochs=3)
    train_job.offer(studio, job, "/pictures/meadow")
    assert studio.folder == "/pictures/meadow"
    assert page.proposal.job().epochs == 3
