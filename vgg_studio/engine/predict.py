"""Name pictures with a network: one answer a picture as it comes, with probabilities that can be believed."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
import torch

from vgg_studio import paths
from vgg_studio.core.data_sets import find, resolve
from vgg_studio.core.errors import PictureRefused, describe_reason
from vgg_studio.core.events import (
    Guess,
    ModelOpened,
    PhaseProgress,
    PhaseStarted,
    PicturePredicted,
    PictureRef,
    PredictionFailed,
)
from vgg_studio.core.jobs import PredictJob, Stop
from vgg_studio.core.preprocessing import Preprocessing
from vgg_studio.engine import calibrate
from vgg_studio.engine.data import Bytes, ahead, workers
from vgg_studio.engine.ending import Asked, Steps, Ticker, check, one_job_ended
from vgg_studio.engine.opened import SHELF, Opened
from vgg_studio.pictures import datasets
from vgg_studio.pictures.files import locate, refer
from vgg_studio.pictures.guard import Guard, at_hand
from vgg_studio.pictures.opening import open_ref
from vgg_studio.pictures.resizing import to_array
from vgg_studio.pictures.walking import Stopped, Walk

Read = tuple[PictureRef, Bytes | PictureRefused]


@one_job_ended
def predict(job: PredictJob, stop: Stop) -> Steps[None]:
    """Name each picture, and each picture in and below each folder, in the order given.

    First a `model_opened`, then a `prediction` or `prediction_failed` for each (`code` "missing" for a path that is not there,
    "no_pictures" for a folder without any).
    """
    with at_hand() as guard:
        guard.start()  # while the network is opened
        yield from _predicted(job, guard, stop)


def _predicted(job: PredictJob, guard: Guard, stop: Stop) -> Steps[None]:
    opened = yield from SHELF.open(job.model, job.device, stop)
    threshold = opened.threshold if job.threshold is None else job.threshold
    yield ModelOpened(
        model=job.model,
        variant=opened.answerer.network.shape.variant,
        classes=opened.classes,
        threshold=threshold,
        temperature=opened.temperature,
        device=opened.answerer.device.fact,
    )
    pictures = list(_expanded(job.pictures, stop))
    yield PhaseStarted(phase="testing", total=len(pictures))
    ticker, done = Ticker(), 0
    reading = ahead((partial(_read, picture, opened.answerer.prep, guard) for picture in pictures), workers() + 1)
    with contextlib.closing(reading):
        for some in _groups(reading, opened.answerer.batch):
            check(stop)
            yield from _answers(some, opened, job.top, threshold)
            done += len(some)
            if ticker.due() or done == len(pictures):
                yield PhaseProgress(phase="testing", done=done, total=len(pictures))


def _expanded(pictures: Sequence[PictureRef], stop: Stop) -> Iterator[PictureRef]:
    """The pictures themselves, and for each folder those in and below it."""
    for picture in pictures:
        path = b"" if picture.row >= 0 else locate(picture)
        if path and (rows := _rows(path)):
            yield from rows
            continue
        if not path or not os.path.isdir(path):
            yield picture
            continue
        walk = Walk(path, stop)
        walk.take(path)
        try:
            found = [refer(one) for one in sorted(walk.pictures_below(path))]
        except OSError:
            found = []
        except Stopped:
            raise Asked(stop.how or "cancel") from None
        yield from found or [picture]


def _rows(path: bytes) -> list[PictureRef]:
    """The pictures of a data set without picture files that lies there, if one does."""
    folder = resolve(os.fsdecode(path), str(paths.data_sets_folder()))
    return datasets.whole(folder) if os.path.isdir(folder) and find(folder) else []


def _read(picture: PictureRef, prep: Preprocessing, guard: Guard) -> Read:
    try:
        if picture.row >= 0:
            return picture, to_array(open_ref(picture, ""), prep)
        path = locate(picture)
        if os.path.isdir(path):
            raise PictureRefused("no_pictures")
        return picture, guard.pixels(path, prep)  # anybody may have dropped it here
    except PictureRefused as refusal:
        return picture, refusal


def _groups(reading: Iterator[Read], size: int) -> Iterator[list[Read]]:
    """The first alone, because somebody waits for it; then as many as a batch holds."""
    group: list[Read] = []
    wanted = 1
    for read in reading:
        group.append(read)
        if len(group) == wanted:
            yield group
            group, wanted = [], size
    if group:
        yield group


def _answers(
    group: list[Read], opened: Opened, top: int, threshold: float
) -> Iterator[PicturePredicted | PredictionFailed]:
    arrays = [read for _, read in group if isinstance(read, np.ndarray)]
    chances = iter(())
    if arrays:
        scores = opened.answerer.scores(torch.from_numpy(np.stack(arrays))).double().numpy()
        chances = iter(calibrate.probabilities(scores, opened.temperature).tolist())
    for picture, read in group:
        if isinstance(read, PictureRefused):
            yield PredictionFailed(
                path=picture.path, reason=describe_reason(read.reason, read.values), code=read.reason, picture=picture
            )
        else:
            yield _named(picture, next(chances), opened.classes, top, threshold)


def _named(
    picture: PictureRef, chances: list[float], classes: list[str], top: int, threshold: float
) -> PicturePredicted:
    surest = sorted(range(len(chances)), key=lambda label: -chances[label])[: max(1, top)]
    guesses = [Guess(label=classes[label], probability=chances[label]) for label in surest]
    return PicturePredicted(path=picture.path, top=guesses, unsure=guesses[0].probability < threshold, picture=picture)
