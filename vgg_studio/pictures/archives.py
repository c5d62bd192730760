"""Unpacking somebody's archive: every member is looked at before a byte of it is written, and none decides where it goes.

Only pictures, and the files that data sets consist of, come out. One link, device, path that leads out or name that no folder
should hold, and the whole archive is refused: whoever made it meant no good, or made it badly.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from vgg_studio.core.data_sets import CIFAR_SUMS, IDX_FILES
from vgg_studio.core.errors import ArchiveRefused, StudioError, from_os_error
from vgg_studio.core.events import Event, PhaseProgress, PhaseStarted
from vgg_studio.core.fetching import wait_for_turn
from vgg_studio.core.jobs import Stop
from vgg_studio.pictures.archive_members import ODD, Bounds, Member, members
from vgg_studio.pictures.files import shown
from vgg_studio.pictures.walking import EXTENSIONS, Stopped, is_system

__all__ = ["Bounds", "building", "unpack"]

_CHUNK = 1 << 20
_PAUSE = 0.1  # seconds between two events of progress
_SPARE = 100 << 20  # bytes of the disk that are left to others
_DATA_FILES = frozenset(CIFAR_SUMS) | {
    name + end for names in IDX_FILES.values() for name in names for end in ("", ".gz")
}
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | sum(getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_BINARY"))


def unpack(archive: Path, target: Path, stop: Stop, bounds: Bounds | None = None) -> Iterator[Event]:
    """Bring the pictures of an archive into the new folder `target`; nothing is done where that stands already.

    All or nothing: what a broken attempt has left is swept before the next one. Raises ArchiveRefused, StorageError,
    Stopped.
    """
    if target.is_dir():
        return
    try:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        size = archive.stat().st_size
        lock = target.with_name(f".{target.name}.lock").open("ab")
    except OSError as error:
        raise from_os_error(error, str(target.parent)) from error
    with lock:
        for _ in wait_for_turn(lock.fileno(), archive, 0, stop):
            pass
        if stop.how is not None:
            raise Stopped
        if target.is_dir():  # another process was faster
            return
        yield PhaseStarted(phase="unpacking", total=size)
        try:
            with building(target) as part:
                yield from _written(archive, part, stop, bounds or Bounds.of(size))
        except OSError as error:
            raise from_os_error(error, str(target), max(1, size >> 20)) from error


def _written(archive: Path, part: Path, stop: Stop, bounds: Bounds) -> Iterator[Event]:
    count, last = 0, time.monotonic()
    taken: set[str] = set()
    for member in _checked(archive, bounds):
        if stop.how is not None:
            raise Stopped
        if not _is_wanted(member):
            continue
        name = "/".join(member.parts)
        if name in taken:
            raise _refused(archive, "twice", name)
        taken.add(name)
        if member.size + _SPARE > shutil.disk_usage(part).free:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        _write(archive, member, part.joinpath(*member.parts), lambda: stop.how is not None)
        count += 1
        if time.monotonic() - last >= _PAUSE:
            last = time.monotonic()
            yield PhaseProgress(phase="unpacking", done=member.place, total=bounds.packed)
    if not count:
        raise _refused(archive, "no_pictures")


def _checked(archive: Path, bounds: Bounds) -> Iterator[Member]:
    """The members, with this archive's name in what refuses it."""
    with _named(archive):
        yield from members(archive, bounds)


@contextlib.contextmanager
def _named(archive: Path) -> Iterator[None]:
    try:
        yield
    except ArchiveRefused as refusal:
        refusal.values.setdefault("path", shown(os.fsencode(archive)))
        raise
    except StudioError:
        raise
    except ODD as error:
        raise _refused(archive, "damaged") from error


def _is_wanted(member: Member) -> bool:
    names = [os.fsencode(name) for name in member.parts]
    if not names or any(is_system(name) for name in names):
        return False
    return os.path.splitext(names[-1])[1].lower() in EXTENSIONS or member.parts[-1] in _DATA_FILES


def _write(archive: Path, member: Member, file: Path, is_stopped: Callable[[], bool]) -> None:
    """Copy a member, no byte more than it announced. Raises ArchiveRefused, Stopped."""
    try:
        file.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        handle = os.open(file, _NEW, 0o644)
    except (FileExistsError, NotADirectoryError) as error:  # a.jpg and A.JPG on some systems; a.jpg and a.jpg/b.jpg
        raise _refused(archive, "twice", "/".join(member.parts)) from error
    with os.fdopen(handle, "wb") as out, _named(archive), member.open() as source:
        left = member.size
        while left:
            if is_stopped():
                raise Stopped
            chunk = _read(source, min(_CHUNK, left))
            if not chunk:
                raise _refused(archive, "damaged")
            out.write(chunk)
            left -= len(chunk)


def _read(source: IO[bytes], size: int) -> bytes:
    """A piece of a member. What goes wrong in here is the archive's fault and not the disk's."""
    try:
        return source.read(size)
    except OSError as error:
        raise EOFError from error


@contextlib.contextmanager
def building(target: Path) -> Iterator[Path]:
    """A folder to write to, which becomes `target` when the block ends well, its files on the disk first, and else is swept."""
    part = target.with_name(f".{target.name}.part")
    _sweep(part)
    part.mkdir(mode=0o700, parents=True)
    try:
        yield part
        if hasattr(os, "sync"):
            os.sync()
        part.rename(target)
    finally:
        _sweep(part)


def _sweep(part: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(part)


def _refused(archive: Path, detail: str, member: str = "") -> ArchiveRefused:
    values = {"member": member} if member else {}
    return ArchiveRefused(path=shown(os.fsencode(archive)), detail=detail, **values)
