"""Small JPEGs of pictures for the window, which never opens a picture itself."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from vgg_studio import paths
from vgg_studio.core.errors import PictureRefused, StudioError, from_os_error
from vgg_studio.core.events import Event, JobEnded, PictureRef, ThumbnailFailed, ThumbnailMade
from vgg_studio.core.jobs import Stop, ThumbnailJob
from vgg_studio.pictures import datasets, guard
from vgg_studio.pictures.files import locate, reason_of
from vgg_studio.pictures.guard import Guard
from vgg_studio.pictures.opening import open_ref
from vgg_studio.pictures.saving import save_jpeg, stands

_QUALITY = 88


def make_thumbnails(job: ThumbnailJob, stop: Stop, *, cache: Path | None = None) -> Iterator[Event]:
    """A ThumbnailMade or ThumbnailFailed for each picture, in the order asked, then JobEnded.

    Files lie in `thumbnails` below `cache` (by default the user's), where only the user can read them; their names change
    with the picture's path, size and date and with `side`.
    """
    try:
        folder = _private_folder(cache)
        with guard.at_hand(workers=1) as decoders:
            for picture in job.pictures:
                if stop.how is not None:
                    yield JobEnded(outcome="stopped")
                    return
                yield _made(picture, job, folder, decoders)
    except StudioError as error:
        yield JobEnded(outcome="failed", failure=error.fact())
    else:
        yield JobEnded(outcome="done")


def _made(ref: PictureRef, job: ThumbnailJob, folder: Path, decoders: Guard) -> Event:
    try:
        file = folder / f"{_key(ref, job.data, job.side)}.jpg"
        if not stands(file):
            save_jpeg(small(ref, job.data, job.side, decoders), file, quality=_QUALITY, mode=0o600)
    except PictureRefused as error:
        return ThumbnailFailed(picture=ref, reason=error.reason)
    return ThumbnailMade(picture=ref, file=str(file))


def small(ref: PictureRef, root: str, side: int, decoders: Guard) -> Image.Image:
    """A picture within `side` px, in its own aspect; a file is opened by the guard's processes. Raises PictureRefused."""
    if ref.row < 0:
        return Image.fromarray(decoders.small(locate(ref, root), side))
    picture = open_ref(ref, root)  # pixels of our own reading: no decoder has to be feared
    picture.thumbnail((side, side), Image.Resampling.BICUBIC)
    return picture


def _key(ref: PictureRef, root: str, side: int) -> str:
    if ref.row >= 0:
        folder = datasets.rooted(ref, root)
        row = f"{os.path.abspath(folder)}\0{datasets.stamp(folder)}\0{ref.row}\0{side}"
        return hashlib.sha256(row.encode(errors="surrogateescape")).hexdigest()[:32]
    path = locate(ref, root)
    try:
        status = os.stat(path)
    except OSError as error:
        raise PictureRefused(reason_of(error)) from error
    text = f"\0{status.st_size}\0{status.st_mtime_ns}\0{side}".encode()
    return hashlib.sha256(os.path.abspath(path) + text).hexdigest()[:32]


def _private_folder(cache: Path | None) -> Path:
    folder = (cache or paths.cache_folder()) / "thumbnails"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise from_os_error(error, str(folder)) from error
    return folder
