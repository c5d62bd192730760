"""A split as folders: the pictures of a folder copied into train, val and test elsewhere, as a training would split them.

What is copied is written down first, in a hidden file of the new folder. So a call that was broken off at any moment is
completed by the next one with the same settings, and no picture ever stands in two parts.
"""

from __future__ import annotations

import io
import os
import shutil
import time
from collections.abc import Generator, Iterator
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

from vgg_studio.core import split
from vgg_studio.core.errors import NotWritable, PictureRefused, StudioError, from_os_error
from vgg_studio.core.events import (
    ClassLeftOut,
    Event,
    JobEnded,
    PhaseProgress,
    PhaseStarted,
    PictureLeftOut,
    PictureRef,
    SplitWritten,
)
from vgg_studio.core.jobs import ScanJob, Stop, WriteSplitJob
from vgg_studio.core.split import PARTS, Split
from vgg_studio.core.writing import LITTER, standing, sweep, write_bytes
from vgg_studio.pictures import doctor, known
from vgg_studio.pictures.corrected import corrected
from vgg_studio.pictures.files import locate, ordinary_file, shown
from vgg_studio.pictures.listing import list_folder, usable
from vgg_studio.pictures.located import folder_of
from vgg_studio.pictures.opening import open_ref
from vgg_studio.pictures.safe_names import Names, safe
from vgg_studio.pictures.scan import scan
from vgg_studio.pictures.walking import Stopped

MARK = ".vgg-studio-split"
_CHUNK = 1 << 20
_PAUSE = 0.1  # seconds between two events of progress


class _Copy(NamedTuple):
    """One picture and its new place, as text of the file system's own (surrogate escapes where it is none)."""

    picture: PictureRef
    place: str


def write_split(job: WriteSplitJob, stop: Stop) -> Iterator[Event]:
    """Copy every picture that a training would use; ends with one JobEnded, before it one SplitWritten where all went well.

    `job.folder` is new, empty, or one that the same order has begun: else NotWritable. Raises nothing.
    """
    try:
        folder = _place(job)
        left_out = yield from _looked_through(job, stop)
        if isinstance(left_out, JobEnded):
            yield left_out
            return
        parts = _parts(job, left_out, stop)
        copies = _copies(parts)
        _claim(folder, copies)
        yield from _copied(copies, folder_of(job.data, stop), folder, stop)
        _finish(folder)
        yield SplitWritten(
            folder=shown(os.fsencode(folder)), parts={part: len(parts.part(part)) for part in PARTS if parts.part(part)}
        )
    except Stopped:
        yield JobEnded(outcome="stopped")
    except StudioError as error:
        yield JobEnded(outcome="failed", failure=error.fact())
    else:
        yield JobEnded(outcome="done")


def _place(job: WriteSplitJob) -> Path:
    """The new folder by its whole path. Raises NotWritable where the pictures lie around it."""
    folder, data = (Path(os.path.realpath(path)) for path in (job.folder, job.data))
    if folder.is_relative_to(data):  # which may be another drive
        raise NotWritable(path=shown(os.fsencode(folder)), detail="within_the_pictures")
    return folder


def _scan_job(job: WriteSplitJob) -> ScanJob:
    return ScanJob(data=job.data, seed=job.seed, val_percent=job.val_percent, test_percent=job.test_percent)


def _looked_through(job: WriteSplitJob, stop: Stop) -> Generator[Event, None, set[PictureRef] | JobEnded]:
    """Scan the folder: what cannot be used is told; returned is that, or how the scan ended before its end."""
    left_out: set[PictureRef] = set()
    for event in scan(_scan_job(job), stop):
        if isinstance(event, JobEnded):
            return left_out if event.outcome == "done" else event
        if isinstance(event, PictureLeftOut):
            left_out.add(event.picture)
        if isinstance(event, PhaseStarted | PhaseProgress | PictureLeftOut | ClassLeftOut):
            yield event
    return left_out


def _parts(job: WriteSplitJob, left_out: set[PictureRef], stop: Stop) -> Split:
    """The split that a training would make. Raises StudioError, Stopped."""
    good = usable(corrected(list_folder(folder_of(job.data, stop), stop)), left_out)
    with known.in_cache() as seen:  # the scan has looked at everything
        groups = doctor.groups(good, seen)
    return split.make(good, job.seed, job.val_percent, job.test_percent, groups)


def _copies(parts: Split) -> list[_Copy]:
    """Where each picture goes: part/class/its own name; no two places are the same on any system."""
    names = Names()
    classes = [names.own(safe(name)) for name in parts.classes]
    copies = []
    for part in PARTS:
        files = [Names() for _ in classes]
        for item in parts.part(part):
            name = files[item.label].own(_file_name(item.picture))
            copies.append(_Copy(item.picture, os.path.join(part, classes[item.label], name)))
    return copies


def _file_name(picture: PictureRef) -> str:
    if picture.row >= 0:
        return f"{safe(picture.path.rsplit('/', 1)[-1]) or picture.row}.png"
    return os.path.basename(os.fsdecode(locate(picture, os.sep)))


def _claim(folder: Path, copies: list[_Copy]) -> None:
    """Take a new or empty folder, or one that was begun with the same copies. Raises StorageError."""
    plan = blake2b(digest_size=16)
    for copy in copies:
        plan.update(f"{copy.picture.path}\0{copy.picture.raw}\0{copy.place}\0".encode("utf-8", "surrogateescape"))
    mark = folder / MARK
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if mark.exists():
            if mark.read_bytes() != plan.digest():
                raise NotWritable(path=str(folder), detail="another_split")
            return
        sweep(folder)
        if any(folder.iterdir()):
            raise NotWritable(path=shown(os.fsencode(folder)), detail="holds_things")
    except OSError as error:
        raise from_os_error(error, shown(os.fsencode(folder))) from error
    write_bytes(mark, plan.digest())


def _copied(copies: list[_Copy], data: str, folder: Path, stop: Stop) -> Iterator[Event]:
    """Write what is not there yet. Raises Stopped, StorageError."""
    missing = [copy for copy in copies if not (folder / copy.place).exists()]
    _check_room(missing, data, folder)
    yield PhaseStarted(phase="saving", total=len(missing))
    last = time.monotonic()
    for done, copy in enumerate(missing, 1):
        if stop.how is not None:
            raise Stopped
        _write(copy, data, folder / copy.place, stop)
        if done == len(missing) or time.monotonic() - last >= _PAUSE:
            last = time.monotonic()
            yield PhaseProgress(phase="saving", done=done, total=len(missing))


def _check_room(copies: list[_Copy], data: str, folder: Path) -> None:
    """Raise NotWritable where the disk has less room than the files need (what is written as PNG is small)."""
    needed = 0
    for copy in copies:
        try:
            needed += os.stat(locate(copy.picture, data)).st_size
        except (OSError, PictureRefused):
            needed += 4096  # a row of a data set
    free = shutil.disk_usage(standing(folder)).free
    if needed > free:
        raise NotWritable(
            path=shown(os.fsencode(folder)), detail="no_room", megabytes=(needed - free + 999_999) // 10**6
        )


def _write(copy: _Copy, data: str, place: Path, stop: Stop) -> None:
    """One file, whole or not at all; a file keeps its bytes and times, a row becomes a PNG. Raises Stopped, StudioError."""
    temporary = place.parent / f"{blake2b(os.fsencode(place.name), digest_size=8).hexdigest()}{LITTER}"
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        try:
            if copy.picture.row >= 0:
                temporary.write_bytes(_png(copy.picture, data))
            else:
                _copy_bytes(locate(copy.picture, data), temporary, stop)
            temporary.replace(place)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise from_os_error(error, shown(os.fsencode(place))) from error


def _copy_bytes(source: bytes, target: Path, stop: Stop) -> None:
    with ordinary_file(source) as stream, target.open("wb") as copy:
        while chunk := stream.read(_CHUNK):
            if stop.how is not None:
                raise Stopped
            copy.write(chunk)
        times = os.fstat(stream.fileno())
    os.utime(target, ns=(times.st_atime_ns, times.st_mtime_ns))


def _png(picture: PictureRef, data: str) -> bytes:
    opened = open_ref(picture, data)
    red, green, blue = (band.tobytes() for band in opened.split())
    written = io.BytesIO()
    (opened.getchannel(0) if red == green == blue else opened).save(written, "PNG")
    return written.getvalue()


def _finish(folder: Path) -> None:
    """Have everything on the disk, then let go of the mark: from here on it is a folder like any other."""
    for part in PARTS:
        for place, _, _ in os.walk(folder / part):
            sweep(Path(place))
    if hasattr(os, "sync"):
        os.sync()
    try:
        (folder / MARK).unlink()
    except OSError as error:
        raise from_os_error(error, shown(os.fsencode(folder))) from error
