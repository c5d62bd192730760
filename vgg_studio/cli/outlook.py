"""Before and after a training: what it will take, what it has to beat, and what makes it better."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import msgspec

from vgg_studio import paths
from vgg_studio.cli import resuming
from vgg_studio.cli.printer import Printer
from vgg_studio.cli.session import Session, exit_code
from vgg_studio.core import events as ev, forecast as reckoning, recipes, split, vgg
from vgg_studio.core.errors import EverythingLearns, RunExists, RunUnfinished, UsageError
from vgg_studio.core.jobs import QuickLookJob, TrainJob, TuneJob
from vgg_studio.core.run_folder import RunFolder, new_run_path


def next_stage(run: str, data: str, out: str, given: dict[str, Any]) -> TrainJob:
    """The order that makes a run better; what was given replaces what suits the stage.

    Raises UsageError, FolderMissing, RunMissing, RunDamaged, RunTooNew, RunUnfinished, RunExists, EverythingLearns.
    """
    parent = resuming.existing_run(run)
    manifest = RunFolder.open(Path(parent)).manifest
    if manifest.best is None:
        raise RunUnfinished(path=parent)
    if data:
        given["data"] = resuming.folder(data)
    if (again := resuming.repeated(data, out, given)) is not None:
        return again
    if out and resuming.holds_run(out):
        raise RunExists(path=out)
    pictures = manifest.parts.get("train", 0)
    job = recipes.next_stage(manifest.job, parent, pictures, stage=given.get("train_from", ""))
    if job is None:
        raise EverythingLearns(path=parent)
    place = os.path.abspath(resuming.text(out)) if out else str(new_run_path(paths.runs_folder(), job.data))
    return msgspec.structs.replace(job, run=place, **given)


def quick_look(data: str, folds: int, given: dict[str, Any]) -> QuickLookJob:
    """The order for a quick look, which needs a network that has learned something. Raises UsageError, FolderMissing."""
    job = resuming.settings("quick-look", data, given)
    if job.weights == "none":
        raise UsageError(name="--weights", value=job.weights, allowed="official, official-features, FILE")
    return QuickLookJob(job=job, folds=folds)


def forecast(session: Session, printer: Printer, data: str, given: dict[str, Any]) -> int:
    """Tell what a training would take; returns the exit code. Raises UsageError, DataError, WeightsMissing."""
    job = resuming.settings("forecast", data, given)
    from vgg_studio.pictures.corrected import corrected
    from vgg_studio.pictures.listing import list_folder

    parts = split.make(corrected(list_folder(job.data), job.corrections), job.seed, job.val_percent, job.test_percent)
    counts: dict[str, int] = {part: len(parts.part(part)) for part in split.PARTS}
    profiles: list[ev.MachineProfile] = []
    ending = session.run(TuneJob(variant=job.variant, device=job.device), printer, lambda event: _keep(profiles, event))
    if profiles and ending.outcome == "done":
        printer.show(_made(job, counts, len(parts.classes), profiles[0]))
    return exit_code(ending)


def _keep(profiles: list[ev.MachineProfile], event: ev.Event) -> None:
    if isinstance(event, ev.MachineTuned):
        profiles.append(event.profile)


def _made(job: TrainJob, counts: dict[str, int], classes: int, profile: ev.MachineProfile) -> ev.ForecastMade:
    return ev.ForecastMade(
        variant=vgg.own(job.variant, job.blocks),
        train_from=recipes.train_from(job),
        classes=classes,
        parts=counts,
        forecast=reckoning.forecast(job, counts, classes, profile),
        rows=reckoning.table(job, counts, classes, profile),
    )
