"""The built-in sample pictures: a folder that anybody has, drawn once."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from vgg_studio.core.errors import StudioError, from_os_error
from vgg_studio.core.events import Event, JobEnded, PhaseProgress, PhaseStarted, SamplesDrawn
from vgg_studio.core.jobs import DrawSamplesJob, Stop
from vgg_studio.pictures.drawing import KINDS, draw
from vgg_studio.pictures.saving import save_jpeg, stands

_QUALITY = 92
_PAUSE = 0.1  # seconds between two events of progress


def draw_samples(job: DrawSamplesJob, stop: Stop) -> Iterator[Event]:
    """Draw `job.count` pictures into class folders below `job.folder`; those that stand there are left as they are."""
    folder = Path(job.folder)
    try:
        names = _names(job.count)
        _make_folders(folder)
        missing = [(kind, number) for kind, number in names if not stands(_file(folder, kind, number))]
        yield PhaseStarted(phase="preparing", total=len(missing))
        last = time.monotonic()
        for done, (kind, number) in enumerate(missing, 1):
            if stop.how is not None:
                yield JobEnded(outcome="stopped")
                return
            save_jpeg(draw(kind, number, job.seed), _file(folder, kind, number), quality=_QUALITY)
            if done == len(missing) or time.monotonic() - last >= _PAUSE:
                last = time.monotonic()
                yield PhaseProgress(phase="preparing", done=done, total=len(missing))
        yield SamplesDrawn(folder=str(folder), count=len(names))
    except StudioError as error:
        yield JobEnded(outcome="failed", failure=error.fact())
    else:
        yield JobEnded(outcome="done")


def _names(count: int) -> list[tuple[str, int]]:
    """Kind and number of each picture; all kinds alike, the first ones get what does not divide."""
    return [
        (kind, number) for place, kind in enumerate(KINDS) for number in range(1, 1 + (count - place + 3) // len(KINDS))
    ]


def _file(folder: Path, kind: str, number: int) -> Path:
    return folder / kind / f"{kind}-{number:03}.jpg"


def _make_folders(folder: Path) -> None:
    try:
        for kind in KINDS:
            (folder / kind).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise from_os_error(error, str(folder)) from error
