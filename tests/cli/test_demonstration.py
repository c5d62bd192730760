"""`demo`, on a stand-in engine; the real one is asked for in tests/whole."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.conftest import Command
from vgg_studio import paths
from vgg_studio.cli.text_printer import PlainScreen, TextPrinter
from vgg_studio.core import events as ev
from vgg_studio.core.jobs import DrawSamplesJob, EvaluateJob, PredictJob, TrainJob


def test_that_the_demo_goes_the_whole_way_and_ends_with_the_windows_command(command: Command) -> None:
    done = command("demo", engine="sampling")
    lines = done.stdout.splitlines()
    assert (done.returncode, done.stderr) == (0, "")
    assert lines[0] == "Drawing sample pictures…"
    assert [line for line in lines if line.startswith(f"{paths.samples_folder()}")] == [
        f"{paths.samples_folder() / kind / '0.png'}: [red] 75.0\u00a0% (then =cmd 25.0\u00a0%)"
        for kind in ("car", "fish")
    ]
    assert lines[-2] == f"The run lies in {paths.runs_folder() / 'samples-1'}"
    assert lines[-1] == "Open the window with: .venv/bin/uv run vgg-studio"


def test_that_the_demo_gives_the_same_as_events(command: Command, tmp_path: Path) -> None:
    done = command("demo", "--out", str(tmp_path / "run"), "--json", engine="sampling")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0
    assert [event["type"] for event in events[-4:]] == ["evaluation", "run_ended", "prediction", "prediction"]
    assert events[-3]["run"] == str(tmp_path / "run")


def test_that_the_demo_leaves_a_run_alone(command: Command, run: Path) -> None:
    done = command("demo", "--out", str(run), engine="sampling")
    assert done.returncode == 1
    assert "already holds a run" in done.stderr


def test_that_a_phase_and_a_class_left_out_are_told_for_the_order_at_hand() -> None:
    screen = Kept()
    printer = TextPrinter(screen)
    printer.begin(DrawSamplesJob(folder="samples"))
    printer.show(ev.PhaseStarted(phase="preparing"))
    printer.begin(PredictJob(model="run", pictures=[]))
    printer.show(ev.PhaseStarted(phase="testing"))
    printer.begin(EvaluateJob(run="run"))
    printer.show(ev.PhaseStarted(phase="testing"))
    printer.show(ev.ClassLeftOut(name="tree", count=3))
    printer.begin(TrainJob())
    printer.show(ev.PhaseStarted(phase="preparing"))
    printer.show(ev.ClassLeftOut(name="tree", count=1))
    assert screen.lines == [
        "Drawing sample pictures…",
        "Naming pictures…",
        "Working out the final score…",
        "The class tree is left out: the run does not know it (3 pictures).",
        "Preparing the training…",
        "The class tree is left out: it has 1 picture, two are the least.",
    ]


class Kept(PlainScreen):
    """Keeps the lines instead of writing them."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def line(self, text: str) -> None:
        self.lines.append(text)
