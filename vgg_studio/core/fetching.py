"""Fetching one published file: its turn among processes, tries that go on where the last broke off, progress, a stop at once."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from vgg_studio.core.errors import DownloadDamaged, from_os_error
from vgg_studio.core.events import Event, PhaseProgress
from vgg_studio.core.jobs import Stop
from vgg_studio.core.locking import try_lock
from vgg_studio.core.transfer import Transfer, version_file
from vgg_studio.core.writing import replacing

_MOST_TRIES = 5
_GLANCE = 0.1  # seconds between two looks at a transfer: how often it is reported, how soon a stop is seen


def fetch_file(
    address: str, file: Path, size: int, is_right: Callable[[Path], bool], stop: Stop, limit_bytes: int
) -> Iterator[Event]:
    """Bring what lies at `address` to `file`, once `is_right` says that it is what was published; `size` is in bytes.

    Ends early, without the file, when `stop` is asked; what has arrived is kept for the next time.
    Raises DownloadFailed, DownloadDamaged (the file is then deleted), StorageError.
    """
    part = file.with_name(f"{file.name}.part")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        lock = part.with_suffix(".lock").open("ab")
    except OSError as error:
        raise from_os_error(error, str(file.parent)) from error
    with lock:
        yield from wait_for_turn(lock.fileno(), part, size, stop)
        if stop.how is None and not (file.is_file() and is_right(file)):
            yield from _try_until_whole(address, part, stop, limit_bytes)
            if stop.how is None:
                _accept(part, file, is_right)


def wait_for_turn(handle: int, part: Path, total: int, stop: Stop) -> Iterator[Event]:
    """Let another process that is at the same file finish, and show how far it is."""
    while not try_lock(handle) and stop.how is None:
        yield PhaseProgress(phase="downloading", done=_size(part), total=total)
        time.sleep(_GLANCE)


def _try_until_whole(address: str, part: Path, stop: Stop, limit_bytes: int) -> Iterator[Event]:
    """One transfer, and others after it as long as a broken connection has at least brought something."""
    for attempt in range(1, _MOST_TRIES + 1):
        before = _size(part)
        transfer = Transfer(address, part, limit_bytes)
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


def _accept(part: Path, file: Path, is_right: Callable[[Path], bool]) -> None:
    right = is_right(part)
    if right:
        with replacing(file) as temporary:
            os.replace(part, temporary)
    for path in (part, version_file(part)):
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
    if not right:
        raise DownloadDamaged(name=file.name)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
