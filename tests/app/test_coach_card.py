"""The coach's card on the Train page: when it stands there, what its button does, and that nothing else moves."""

from __future__ import annotations

import pyqtgraph  # noqa: F401 - loaded before the page, as `app.main` does in a thread
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget

from tests.app.conftest import Process
from tests.app.playing import FLOWERS, Training, open_flowers
from tests.app.test_train_page import start
from tests.fakes import FakeEngines
from vgg_studio.app.data_page import DataPage
from vgg_studio.app.state import Studio
from vgg_studio.app.train_page import TrainPage
from vgg_studio.app.train_state import State
from vgg_studio.core import events as ev
from vgg_studio.core.jobs import TrainJob
from vgg_studio.core.metrics import class_scores


@pytest.fixture
def page(studio: Studio, engines: FakeEngines, process: Process) -> TrainPage:
    """The Train page on a folder that was read, with a plain network from scratch."""
    made = TrainPage(studio)
    made.resize(1080, 744)
    made.show()
    open_flowers(studio, engines)
    made.form.edited.emit(TrainJob(variant="vgg16", learning_rate=0.003, schedule="none", epochs=20))
    process()
    return made


def learned(training: Training, epoch: int, loss: float, right: float, val_loss: float, val_right: float) -> None:
    """One more round, with these figures."""
    training.batches(epoch, 20)
    training.send(
        ev.EpochEnded(
            epoch=epoch, train_loss=loss, train_accuracy=right, val_loss=val_loss, val_accuracy=val_right,
            learning_rate=0.003, images_per_second=12.0, seconds=50.0, best_epoch=1,
        ),
        ev.CheckpointSaved(epoch=epoch),
    )  # fmt: skip


def guessing(page: TrainPage, engines: FakeEngines, rounds: int = 3) -> Training:
    training = start(page, engines).begin()
    for epoch in range(1, rounds + 1):
        learned(training, epoch, 1.61, 0.21, 1.61, 0.21)
    return training


def memorising(page: TrainPage, engines: FakeEngines) -> Training:
    training = start(page, engines).begin()
    learned(training, 1, 1.0, 0.6, 0.9, 0.65)
    learned(training, 2, 0.6, 0.8, 0.8, 0.7)
    for epoch in range(3, 6):
        learned(training, epoch, 0.5 / epoch, 0.99, 0.8 + 0.1 * epoch, 0.68)
    return training


def press(button: QWidget) -> None:
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


def test_that_the_coach_speaks_after_the_third_round_without_moving_the_plots(
    page: TrainPage, engines: FakeEngines, process: Process
) -> None:
    training = guessing(page, engines, 2)
    process()
    card, before = page.watch.coach, page.watch.plots.geometry()
    assert not card.isVisible()
    learned(training, 3, 1.61, 0.21, 1.61, 0.21)
    process()
    assert card.isVisible()
    assert not page.watch.outlook.isVisible()
    assert card.headline.text() == "No better than guessing after 3 rounds"
    assert card.reason.text() == "21.0\u00a0% right; guessing gives 20.0\u00a0%."
    assert card.mend.words() == "Try batch normalisation"
    assert page.watch.plots.geometry() == before


def test_that_it_falls_silent_when_the_network_learns_after_all(
    page: TrainPage, engines: FakeEngines, process: Process
) -> None:
    training = guessing(page, engines)
    learned(training, 4, 1.2, 0.5, 1.1, 0.55)
    process()
    assert not page.watch.coach.isVisible()
    assert page.watch.outlook.isVisible()


def test_that_its_button_ends_the_run_and_then_offers_the_other_settings(
    page: TrainPage, studio: Studio, engines: FakeEngines, process: Process
) -> None:
    training = guessing(page, engines)
    process()
    press(page.watch.coach.mend)
    assert engines.stops[-1] == (training.order, "finish")
    assert not page.watch.coach.isVisible()
    assert page.form.job.variant == "vgg16"
    training.end("finished_early")
    process()
    assert page.state is State.IDLE
    assert page.form.job.variant == "vgg16_bn"
    assert page.form.job.learning_rate is None
    assert not page.watch.coach.isVisible()


def test_that_not_now_hides_it_for_this_run_and_no_other(
    page: TrainPage, engines: FakeEngines, process: Process
) -> None:
    training = guessing(page, engines)
    process()
    press(page.watch.coach.later)
    assert not page.watch.coach.isVisible()
    learned(training, 4, 1.61, 0.21, 1.61, 0.21)
    process()
    assert not page.watch.coach.isVisible()
    training.end("failed")
    page.start()
    second = Training(page.studio, engines).begin()
    second.job = training.job
    for epoch in range(1, 4):
        learned(second, epoch, 1.61, 0.21, 1.61, 0.21)
    process()
    assert page.watch.coach.isVisible()


def test_that_learning_by_heart_can_be_ended_and_then_gets_more_variation(
    page: TrainPage, engines: FakeEngines, process: Process
) -> None:
    training = memorising(page, engines)
    process()
    card = page.watch.coach
    assert card.headline.text() == "It learns the pictures by heart"
    press(card.mend)
    assert engines.stops[-1] == (training.order, "finish")
    training.end("finished_early")
    process()
    assert page.state.value == "finished"
    assert card.mend.words() == "Vary the pictures more"
    press(card.mend)
    process()
    assert page.state is State.IDLE
    assert page.form.job.variation == "flip_crop"


def test_that_a_loss_that_is_no_number_offers_a_tenth_of_the_rate(
    page: TrainPage, engines: FakeEngines, process: Process
) -> None:
    training = start(page, engines).begin()
    training.batches(1, 3)
    training.end("failed", ev.Failure(code="Diverged", values={"epoch": 1, "rate": 0.0003}))
    process()
    card = page.watch.coach
    assert card.isVisible()
    assert card.mend.words() == "Try a tenth of the rate"
    press(card.mend)
    process()
    assert page.form.job.learning_rate == 0.0003


def test_that_a_class_with_too_few_pictures_is_shown_on_the_data_page(
    page: TrainPage, studio: Studio, engines: FakeEngines, process: Process
) -> None:
    data = DataPage(studio)
    wanted: list[str] = []
    studio.page_wanted.connect(wanted.append)
    training = start(page, engines).begin()
    learned(training, 1, 0.4, 0.9, 0.4, 0.9)
    few = ev.ClassCount(name="roses", train=12)
    names, confusion = (
        list(FLOWERS),
        [[40, 2, 0, 0, 0], [2, 44, 0, 0, 0], [3, 2, 1, 0, 0], [0, 0, 0, 41, 0], [0, 0, 0, 1, 38]],
    )
    scores = class_scores(names, confusion)
    total, right = sum(map(sum, confusion)), sum(confusion[at][at] for at in range(5))
    training.send(
        ev.Evaluation(
            split="test", accuracy=right / total, loss=0.4, classes=names, confusion=confusion, count=total, correct=right,
            interval=(0.8, 0.95), by_class=scores,
        )
    )  # fmt: skip
    training.end("finished")
    process()
    card = page.watch.coach
    assert card.headline.text() == f"{few.name} has too few pictures"
    press(card.mend)
    assert wanted == ["data"]
    assert data.folder.classes.list.current() == "roses"


def test_that_both_cards_of_this_place_are_equally_high(
    page: TrainPage, engines: FakeEngines, process: Process
) -> None:
    heights = [page.watch.outlook.height()]
    guessing(page, engines)
    process()
    heights.append(page.watch.coach.height())
    assert heights[0] == heights[1]
