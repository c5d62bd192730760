"""The coach in the terminal: each remark once, in its round, and never among events for programs."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from tests.cli.test_demonstration import Kept
from vgg_studio.cli.coaching import Coaching
from vgg_studio.cli.printer import JsonPrinter
from vgg_studio.cli.text_printer import TextPrinter
from vgg_studio.core import events as ev
from vgg_studio.core.jobs import TrainJob
from vgg_studio.core.progress import folded
from vgg_studio.core.run_folder import Manifest, RunFolder

HISTORIES = Path(__file__).parent.parent / "core" / "histories"


def told(name: str) -> list[str]:
    first, *lines = (HISTORIES / f"{name}.jsonl").read_bytes().splitlines()
    screen = Kept()
    with TextPrinter(screen) as printer:
        printer.begin(msgspec.json.decode(first, type=TrainJob))
        for line in lines:
            printer.show(ev.from_line(line))
    return screen.lines


def test_that_a_run_that_learns_nothing_is_spoken_of_once_right_behind_its_third_round() -> None:
    lines = told("guessing-flowers-plain")
    at = [number for number, line in enumerate(lines) if line.startswith("Coach: ")]
    assert len(at) == 1
    assert lines[at[0] - 1].startswith("Round 3 of 6:")
    assert lines[at[0]].endswith("Start again with --variant vgg16_bn --lr 0.02.")


def test_that_the_class_with_few_pictures_is_named_before_the_run_says_goodbye() -> None:
    lines = told("few-flowers")
    spoken = next(number for number, line in enumerate(lines) if line.startswith("Coach: "))
    assert "daisy has too few pictures" in lines[spoken]
    assert lines[spoken + 1].startswith("Finished")


def test_that_a_run_that_does_well_gets_no_advice() -> None:
    assert not [line for line in told("good-samples") if line.startswith("Coach: ")]


def test_that_programs_get_facts_alone(capfd: pytest.CaptureFixture[str]) -> None:
    lines = (HISTORIES / "guessing-flowers-plain.jsonl").read_bytes().splitlines()[1:]
    with JsonPrinter() as printer:
        for line in lines:
            printer.show(ev.from_line(line))
    assert len(capfd.readouterr().out.splitlines()) == len(lines)


def test_that_a_resumed_run_is_judged_by_its_own_settings(tmp_path: Path) -> None:
    first, *lines = (HISTORIES / "guessing-flowers-plain.jsonl").read_bytes().splitlines()
    job = msgspec.json.decode(first, type=TrainJob)
    run = RunFolder.create(tmp_path / "run", Manifest(job=job, created=1.0, classes=["a"], parts={}))
    progress = folded(ev.from_line(line) for line in lines[:-2])
    progress.run = str(run.path)
    spoken = Coaching(TrainJob(run=str(run.path), resume=True)).lines(progress)
    assert len(spoken) == 1
    assert "--variant vgg16_bn" in spoken[0]
