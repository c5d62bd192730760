"""Fetching official weights: resumed where a try broke off, cancelled at once, not used before the file's hash is right."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

from vgg_studio.core.errors import DownloadDamaged, from_os_error
from vgg_studio.core.events import Event, PhaseProgress, PhaseStarted
from vgg_studio.core.jobs import Stop
from vgg_studio.core.locking import try_lock
from vgg_studio.core.writing import replacing
from vgg_studio.engine.official import OfficialWeights
from vgg_studio.engine.transfer import Transfer, version_file
from vgg_studio.engine.weights import sha256_of

LIMIT_BYTES = 1 << 30  # the largest, VGG-19-BN, has 575 MB
_MOST_TRIES = 5
_GLANCE = 0.1  # seconds between two looks at a transfer: how often it is reported, how soon a stop is seen


def fetch(official: OfficialWeights, folder: Path, stop: Stop, limit_bytes: int = LIMIT_BYTES) -> Iterator[Event]:
    """Bring the file to `place(official, folder)`; nothing is told or done where it lies there already.

    Ends early, without the file, when `stop` is asked; what has arrived is kept for the next time.
    Raises DownloadFailed, DownloadDamaged (the file is then deleted), StorageError.
    """
    if is_whole(official, folder):
        return
    yield PhaseStarted(phase="downloading", total=official.size_bytes)
    part = place(official, folder).with_name(f"{official.file_name}.part")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = part.with_suffix(".lock").open("ab")
    except OSError as error:
        raise from_os_error(error, str(folder)) from error
    with lock:
        yield from _wait_for_turn(lock.fileno(), part, official.size_bytes, stop)
        if stop.how is None and not is_whole(official, folder):
            yield from _try_until_whole(official.url, part, stop, limit_bytes)
            if stop.how is None:
                _accept(official, part, folder)


def place(official: OfficialWeights, folder: Path) -> Path:
    """Where the file lies when it has been fetched."""
    return folder / official.file_name


def is_whole(official: OfficialWeights, folder: Path) -> bool:
    """Whether the published file lies at its place."""
    return place(official, folder).is_file() and _has_right_hash(official, place(official, folder))


def _wait_for_turn(handle: int, part: Path, total: int, stop: Stop) -> Iterator[Event]:
    """Let another process that is fetching the same file finish, and show how far it is."""
    while not try_lock(handle) and stop.how is None:
        yield PhaseProgress(phase="downloading", done=_size(part), total=total)
        time.sleep(_GLANCE)


def _try_until_whole(url: str, part: Path, stop: Stop, limit_bytes: int) -> Iterator[Event]:
    """One transfer, and others after it as long as a broken connection has at least brought something."""
    for attempt in range(1, _MOST_TRIES + 1):
        before = _size(part)
        transfer = Transfer(url, part, limit_bytes)
        yield from _watched(transfer, stop)
        if stop.how is not None or transfer.error is None:
            return
        if not transfer.can_go_on or _size(part) <= before or attempt == _MOST_TRIES:
            raise transfer.error


def _watched(transfer: Transfer, stop: Stop) -> Iterator[Event]:
    transfer.start()
    try:
        while transfer.is_alive() and stop.how is None:
            transfer.join(_GLANCE)
            yield PhaseProgress(phase="downloading", done=transfer.done, total=transfer.total)
    finally:
        transfer.abort()


def _accept(official: OfficialWeights, part: Path, folder: Path) -> None:
    right = _has_right_hash(official, part)
    if right:
        with replacing(place(official, folder)) as temporary:
            os.replace(part, temporary)
    for path in (part, version_file(part)):
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
    if not right:
        raise DownloadDamaged(name=official.file_name)


def _has_right_hash(official: OfficialWeights, path: Path) -> bool:
    return sha256_of(path).startswith(official.sha256_prefix)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
