"""Recipes in the window, and a run kept as a script or as pictures, on engines that the test plays."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QComboBox

from tests.app.conftest import Process
from tests.app.playing import evaluation, make_run, open_flowers
from tests.fakes import FakeEngines
from vgg_studio.app import run_words
from vgg_studio.app.pages import FACTORIES
from vgg_studio.app.results_page import ResultsPage
from vgg_studio.app.share_page import SharePage
from vgg_studio.app.state import Studio
from vgg_studio.app.train_page import TrainPage
from vgg_studio.app.window import Window
from vgg_studio.core import events as ev
from vgg_studio.core.errors import DiskFull
from vgg_studio.core.jobs import SaveCodeJob, SavePlotsJob, TrainJob
from vgg_studio.core.run_folder import RunFolder


@pytest.fixture
def window(studio: Studio, engines: FakeEngines, process: Process) -> Iterator[Window]:
    factories = {name: FACTORIES[name] for name in ("train", "results", "share")}
    made = Window(studio, factories=factories, ask=lambda *_: True)
    made.resize(1280, 800)
    for name in factories:
        made.make_page(name)
    made.show()
    open_flowers(studio, engines)
    process(ms=20)
    yield made
    made.close()


@pytest.fixture
def train(window: Window) -> TrainPage:
    page = window.pages["train"]
    assert isinstance(page, TrainPage)
    return page


def choose(choice: QComboBox, value: object) -> None:
    choice.setCurrentIndex(next(i for i in range(choice.count()) if choice.itemData(i) == value))


def test_that_a_recipe_is_chosen_changed_field_by_field_and_begun(train: TrainPage, engines: FakeEngines) -> None:
    card = train.form.recipe
    assert card.choice.currentData() == "auto"
    assert card.differs.isHidden()

    choose(card.choice, "c")
    assert train.form.settings.rounds.value() == 20
    assert card.differs.isHidden()
    train.form.settings.rounds.setValue(5)
    train.form.advanced.batch.setValue(8)
    assert card.differs.text() == "Differs from the recipe in: rounds 5 instead of 20, batch 8 instead of 16."

    train.activate_primary()
    job = engines.last(TrainJob)[0]
    assert isinstance(job, TrainJob)
    assert (job.recipe, job.epochs, job.batch_size, job.learning_rate) == ("c", 5, 8, 0.003)
    assert (job.weights, job.variation, job.initial) == ("official", "crop_upside_down", "xavier")


def test_that_the_automatic_recipe_leads_back_to_what_is_proposed(train: TrainPage) -> None:
    card, proposed = train.form.recipe, train.form.job
    train.form.settings.rounds.setValue(3)
    assert "rounds 3 instead of 30" in card.differs.text()

    choose(card.choice, "d")
    assert train.form.job.channels == 1
    choose(card.choice, "auto")
    assert train.form.job.weights == "none"
    train.form.advanced.seed.setValue(proposed.seed)
    assert train.form.job == proposed
    assert card.differs.isHidden()


def test_that_a_recipe_keeps_the_seed_and_the_shares_of_the_parts(train: TrainPage) -> None:
    train.form.advanced.seed.setValue(7)
    choose(train.form.recipe.choice, "e")

    assert train.form.job.seed == 7
    assert train.form.job.train_from == "fc6"


def test_that_each_recipe_says_what_is_different_here(train: TrainPage) -> None:
    choose(train.form.recipe.choice, "a")
    assert "normalised as the weights expect it" in train.form.recipe.about.toolTip()


@pytest.fixture
def run(window: Window, studio: Studio) -> Path:
    path = make_run("flowers-4", scored=evaluation()).path
    studio.refresh_runs()
    return path


def test_that_the_code_of_a_run_is_written_where_the_person_says(
    window: Window, studio: Studio, engines: FakeEngines, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = window.pages["share"]
    said: list[str] = []
    assert isinstance(page, SharePage)
    studio.message.connect(said.append)
    file = str(tmp_path / "training")
    monkeypatch.setattr("vgg_studio.app.keeper.QFileDialog.getSaveFileName", lambda *_: (file, ""))
    window.show_page("share")
    QTest.mouseClick(page.code.script, Qt.MouseButton.LeftButton)

    job, order = engines.last(SaveCodeJob)
    assert job == SaveCodeJob(run=str(run), file=f"{file}.py")
    engines.send(order, ev.Exported(files=[f"{file}.py"]), ev.JobEnded(outcome="done"))
    assert said == ["Saving…", f"Saved in {tmp_path}: training.py."]


def test_that_plots_go_into_a_folder_of_their_own_and_a_failure_is_told(
    window: Window, studio: Studio, engines: FakeEngines, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = window.pages["results"]
    said: list[str] = []
    assert isinstance(page, ResultsPage)
    studio.message.connect(said.append)
    monkeypatch.setattr("vgg_studio.app.keeper.QFileDialog.getExistingDirectory", lambda *_: str(tmp_path))
    window.show_page("results")
    QTest.mouseClick(page.detail.save_plots, Qt.MouseButton.LeftButton)

    job, order = engines.last(SavePlotsJob)
    assert job == SavePlotsJob(run=str(run), folder=str(tmp_path / "flowers-4 plots"))
    engines.send(order, ev.JobEnded(outcome="failed", failure=DiskFull(path="x", needed=1, free=0).fact()))
    assert len(said) == 2
    assert "disk" in said[1].lower()


def test_that_a_dialog_that_is_left_asks_for_nothing(
    window: Window, engines: FakeEngines, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vgg_studio.app.keeper.QFileDialog.getExistingDirectory", lambda *_: "")
    page = window.pages["results"]
    assert isinstance(page, ResultsPage)
    shown = page.run()
    assert shown is not None
    assert shown.path == run
    page.detail.save_plots.click()
    assert not [job for job, *_ in engines.asked if isinstance(job, SavePlotsJob)]


def test_that_a_run_tells_the_recipe_that_it_began_with(run: Path) -> None:
    found = RunFolder.open(run)
    assert "recipe" not in run_words.settings(found)
    job = msgspec.structs.replace(found.manifest.job, recipe="c")
    found.save(msgspec.structs.replace(found.manifest, job=job))
    assert run_words.settings(found).startswith("recipe “Five flowers with transfer learning”; VGG-16")
