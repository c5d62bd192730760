"""`demo`: the whole way in a minute, on pictures that the program draws itself: train, watch, score, name."""

from __future__ import annotations

import os
from pathlib import Path

from vgg_studio import paths
from vgg_studio.cli import resuming
from vgg_studio.cli.failing import DONE
from vgg_studio.cli.naming import name_pictures
from vgg_studio.cli.printer import Printer
from vgg_studio.cli.session import Session, exit_code
from vgg_studio.core import split
from vgg_studio.core.demo_job import demo_job
from vgg_studio.core.errors import RunExists
from vgg_studio.core.jobs import DrawSamplesJob, PredictJob
from vgg_studio.core.language import _
from vgg_studio.core.run_folder import SPLIT, new_run_path

WINDOW_COMMAND = ".venv/bin/uv run vgg-studio"
_NAMED = 4  # pictures of the test part that are named at the end


def demonstrate(session: Session, printer: Printer, out: str) -> int:
    """Draw, train (which scores the test part at its end), name a few pictures; returns the exit code."""
    if out and resuming.holds_run(out):
        raise RunExists(path=out)
    data = str(paths.samples_folder())
    ending = session.run(DrawSamplesJob(folder=data), printer)
    if ending.outcome != "done":
        return exit_code(ending)
    run = os.path.abspath(resuming.text(out)) if out else str(new_run_path(paths.runs_folder(), data))
    ending = session.run(demo_job(data, run), printer)
    if ending.outcome not in ("finished", "finished_early"):
        return exit_code(ending)
    printer.say(_("Some pictures of the test part, with the names that it gives them:"))
    code = name_pictures(session, printer, PredictJob(model=run, pictures=[], top=2), _some_of_test_part(run, data), "")
    if code == DONE:
        printer.say(_("The run lies in {path}").format(path=run))
        printer.say(_("Open the window with: {command}").format(command=WINDOW_COMMAND))
    return code


def _some_of_test_part(run: str, data: str) -> list[str]:
    """Paths of test pictures, each of another class as far as there are classes."""
    items = split.from_csv((Path(run) / SPLIT).read_bytes()).test
    first_of_class = {item.label: item for item in reversed(items)}
    chosen = [first_of_class[label] for label in sorted(first_of_class)][:_NAMED]
    return [os.path.join(data, item.picture.path) for item in chosen]
