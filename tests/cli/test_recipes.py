"""Recipes on the command line: listed, begun with, changed; and the loss between two rounds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Command
from tests.cli.test_demonstration import Kept
from tests.pictures import make_folder
from vgg_studio.cli import main, resuming
from vgg_studio.cli.text_printer import TextPrinter
from vgg_studio.cli.words import sort_out
from vgg_studio.core import events as ev, recipes
from vgg_studio.core.jobs import AnyJob, SaveCodeJob, SavePlotsJob, Stop
from vgg_studio.core.tutorials import RECIPES, differences


def test_that_every_recipe_is_listed_with_the_line_that_begins_it(command: Command) -> None:
    done = command("recipes")

    assert done.returncode == 0
    for key in RECIPES:
        assert (f"--recipe {key}\n" in done.stdout) == (key != "b")
    assert "vgg-studio inspect vgg16" in done.stdout


def test_that_what_is_typed_replaces_the_recipes_settings_and_is_told(command: Command, pictures: Path) -> None:
    done = command("train", str(pictures), "--recipe", "C", "--epochs", "5")

    assert done.returncode == 0
    assert done.stdout.startswith("Differs from the recipe in: rounds 5 instead of 20.\n")


def test_that_a_recipe_without_a_training_leads_to_inspect(command: Command, pictures: Path) -> None:
    done = command("train", str(pictures), "--recipe", "b")

    assert done.returncode == 2
    assert "vgg-studio inspect vgg16" in done.stderr


def test_that_the_automatic_recipe_counts_the_pictures(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "pictures", {"cat": 30, "dog": 50})

    job = resuming.order(str(folder), "", False, {"recipe": "auto", "device": "cpu"})

    assert job.batch_size == recipes.defaults(80, has_gpu=False).batch_size == 4
    assert differences(job, recipes.defaults(80, has_gpu=False)) == []


def test_that_the_loss_is_told_about_every_so_many_batches() -> None:
    screen = Kept()
    printer = TextPrinter(screen, every=20)
    for epoch, batch in ((1, 5), (1, 20), (1, 21), (1, 39), (1, 41), (2, 3), (2, 24)):
        printer.show(ev.BatchEnded(epoch=epoch, batch=batch, batches=45, pictures=9, pictures_total=99, loss=1.5))

    assert [line.partition(":")[0] for line in screen.lines] == [
        "Round 1, batch 20 of 45", "Round 1, batch 41 of 45", "Round 2, batch 24 of 45",
    ]  # fmt: skip
    assert "loss 1.500" in screen.lines[0]


def test_that_without_the_option_rounds_alone_tell_the_loss() -> None:
    screen = Kept()
    TextPrinter(screen).show(ev.BatchEnded(epoch=1, batch=20, batches=45, pictures=9, pictures_total=99, loss=1.5))
    assert screen.lines == []


def test_that_a_run_is_kept_as_a_script_and_as_pictures(
    run: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[AnyJob] = []

    def engine(job: AnyJob, _stop: Stop) -> Iterator[ev.Event]:
        asked.append(job)
        yield ev.Exported(files=["one"])
        yield ev.JobEnded(outcome="done")

    monkeypatch.chdir(tmp_path)
    assert main.run(sort_out(["code", str(run), "it.py"]), engine) == 0
    assert main.run(sort_out(["plots", str(run), "plots", "--jpg"]), engine) == 0

    assert asked == [
        SaveCodeJob(run=str(run), file=str(tmp_path / "it.py")),
        SavePlotsJob(run=str(run), folder=str(tmp_path / "plots"), kind="jpg"),
    ]
    assert capfd.readouterr().out == "Written: one\nWritten: one\n"
    assert main.run(sort_out(["plots", str(tmp_path), "plots"]), engine) == 1
