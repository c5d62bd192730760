"""Score a run: on a part of its own pictures, or on the pictures of another folder."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import get_args

import msgspec

from vgg_studio.core import split
from vgg_studio.core.errors import FolderMissing, SplitImpossible, TooFewPictures, UsageError
from vgg_studio.core.events import ClassLeftOut, Part, PhaseStarted, PictureRef
from vgg_studio.core.jobs import EvaluateJob, Stop
from vgg_studio.core.run_folder import SPLIT, RunFolder
from vgg_studio.core.split import PARTS, Item
from vgg_studio.engine import alike, frozen
from vgg_studio.engine.data import PictureStore, left_out
from vgg_studio.engine.ending import Asked, Steps, one_job_ended
from vgg_studio.engine.opened import SHELF
from vgg_studio.engine.scoring import answer, evaluation
from vgg_studio.pictures.corrected import corrected
from vgg_studio.pictures.known import in_cache
from vgg_studio.pictures.located import located
from vgg_studio.pictures.scan import list_folder
from vgg_studio.pictures.walking import Stopped

ALL = "all"  # what an evaluation calls all pictures of another folder
_NAMES_SHOWN = 5


@one_job_ended
def evaluate(job: EvaluateJob, stop: Stop) -> Steps[None]:
    """The score of a run's best network so far, as one `evaluation`; pictures that cannot be read are named and left out.

    Without `data` it is the run's own test part, or where it has none (`split` of the event says so) its validation part.
    """
    run = RunFolder.open(Path(job.run))
    opened = yield from SHELF.open(job.run, job.device, stop)
    answerer = opened.answerer.with_batch(job.batch_size) if job.batch_size else opened.answerer
    leaked: frozenset[PictureRef] = frozenset()
    if job.data:
        root, part, items = yield from _others(job, opened.classes, stop)
    else:
        root, part, items, leaked = _own(run, job.split)
    if not items:
        raise TooFewPictures(path=root)
    store = PictureStore(root, [item.picture for item in items], answerer.prep, memory=0)
    with contextlib.ExitStack() as held:
        store.known = held.enter_context(in_cache())
        if job.data:
            own = _learned(run)
            leaked = yield from alike.learned_elsewhere(
                own, run.manifest.job.data, [item.picture for item in items], root, store.known, stop
            )
        inputs = frozen.left_by_runs(store, answerer, run.manifest, items, held)
        answers = yield from answer(answerer, inputs, items, stop, "testing")
    for picture, refusal in answers.refused:
        yield left_out(picture, refusal)
    if not answers.items:
        raise TooFewPictures(path=root)
    yield evaluation(answers, opened.classes, part, opened.temperature, str(run.path), leaked)


def _own(run: RunFolder, asked: str) -> tuple[str, str, list[Item], frozenset[PictureRef]]:
    """A part of the run's own pictures, and which of them took part in its training under another name."""
    parts = split.from_csv(run.file(SPLIT).read_bytes())
    there: list[Part] = [part for part in PARTS if part != "train" and parts.part(part)]
    part = asked or ("test" if "test" in there else "val")
    chosen = next((known for known in there if known == part), None)
    if chosen is None:
        raise UsageError(name="split", value=part, allowed=", ".join(there))
    if not os.path.isdir(run.manifest.job.data):
        raise FolderMissing(path=run.manifest.job.data)
    return run.manifest.job.data, part, parts.part(chosen), split.leaked(parts, chosen)


def _learned(run: RunFolder) -> list[PictureRef]:
    """The pictures that the run learned from or chose its best round by."""
    parts = split.from_csv(run.file(SPLIT).read_bytes())
    return [item.picture for item in (*parts.train, *parts.val)]


def _others(job: EvaluateJob, classes: list[str], stop: Stop) -> Steps[tuple[str, str, list[Item]]]:
    """The pictures of another folder under the run's classes; a class that the run does not know is told and left out."""
    yield PhaseStarted(phase="listing")
    try:
        listing = corrected(list_folder((yield from located(job.data, stop)), stop), job.corrections)
    except Stopped:
        raise Asked(stop.how or "cancel") from None
    if job.split and job.split not in get_args(Part):
        raise UsageError(name="split", value=job.split, allowed=", ".join(PARTS))
    found = [item for part in PARTS if job.split in ("", part) for item in listing.items.get(part, ())]
    for label, name in enumerate(listing.classes):
        if name not in classes:
            yield ClassLeftOut(name=name, count=sum(item.label == label for item in found))
    labels = {label: classes.index(name) for label, name in enumerate(listing.classes) if name in classes}
    if not labels:
        raise SplitImpossible(path=job.data, names=", ".join(listing.classes[:_NAMES_SHOWN]))
    known = [msgspec.structs.replace(item, label=labels[item.label]) for item in found if item.label in labels]
    return listing.folder, job.split or ALL, known
