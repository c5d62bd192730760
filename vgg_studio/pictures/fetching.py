"""Making a data set of the tutorials ready: it is there, or comes from a file or folder on the disk, or is downloaded."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from vgg_studio import paths
from vgg_studio.core.data_sets import (
    CIFAR_FOLDER,
    FLOWERS,
    SETS,
    DataSet,
    RemoteFile,
    find,
    idx_file,
    is_archive,
    is_there,
)
from vgg_studio.core.errors import (
    DataSetDamaged,
    DataSetMissing,
    DataSetNotFetched,
    DownloadFailed,
    PathMissing,
    PictureRefused,
    StudioError,
    UsageError,
    from_os_error,
)
from vgg_studio.core.events import DataFetched, Event, JobEnded, PhaseProgress, PhaseStarted
from vgg_studio.core.fetching import fetch_file
from vgg_studio.core.jobs import FetchDataJob, Stop
from vgg_studio.pictures import datasets
from vgg_studio.pictures.archives import building, unpack
from vgg_studio.pictures.files import shown
from vgg_studio.pictures.located import located
from vgg_studio.pictures.walking import EXTENSIONS, Stopped

_LIMIT = 1 << 30  # bytes of a download; the largest, flower_photos.tgz, has 229 MB
_AN_EVENT = 50  # files copied between two events of progress


def fetch_data(job: FetchDataJob, stop: Stop) -> Iterator[Event]:
    """Bring a data set into the user's folder of data sets, and tell where it lies. Ends with one JobEnded.

    Without a name `source` is an archive of somebody's own, which is unpacked there.
    """
    try:
        yield from _fetched(job, paths.data_sets_folder(), stop)
        if stop.how is not None:
            raise Stopped
    except Stopped:
        yield JobEnded(outcome="stopped")
    except StudioError as error:
        yield JobEnded(outcome="failed", failure=error.fact())
    else:
        yield JobEnded(outcome="done")


def _fetched(job: FetchDataJob, home: Path, stop: Stop) -> Iterator[Event]:
    if job.source and not os.path.exists(job.source):
        raise PathMissing(path=shown(os.fsencode(job.source)))
    if not job.name:
        folder = yield from located(job.source, stop)
        yield DataFetched(name="", folder=folder)
        return
    known = SETS.get(job.name)
    if known is None:
        raise UsageError(name="NAME", value=job.name, allowed=", ".join(SETS))
    target = home / known.name
    if not _is_it(known, target):
        if job.source and Path(job.source).resolve().is_relative_to(target.resolve()):
            # What somebody has put there by hand is not the half of an attempt of ours.
            raise DataSetMissing(name=known.name, path=shown(os.fsencode(job.source)))
        if job.source or is_archive_name(known):
            shutil.rmtree(target, ignore_errors=True)  # half of it, or spoilt; single files that have arrived are kept
        yield from _given(known, Path(job.source), target, stop) if job.source else _downloaded(known, target, stop)
    if stop.how is None:
        if not _is_it(known, target):
            shutil.rmtree(target, ignore_errors=True)
            raise DataSetDamaged(path=shown(os.fsencode(job.source or target)), detail="damaged")
        yield DataFetched(name=known.name, folder=str(target))


def _downloaded(known: DataSet, target: Path, stop: Stop) -> Iterator[Event]:
    """Fetch each file, and unpack the one archive of a set that is published as one. Raises DataSetNotFetched."""
    archive = is_archive_name(known)
    folder = target.with_name(f"{known.name}.files") if archive else target
    yield PhaseStarted(phase="downloading", total=known.size)
    for file in known.files:
        yield from _file(known, file, folder, stop)
        if stop.how is not None:
            return
    if archive:
        yield from unpack(folder / known.files[0].name, target, stop)
        shutil.rmtree(folder, ignore_errors=True)  # it can be fetched again; what it held lies unpacked


def _file(known: DataSet, file: RemoteFile, folder: Path, stop: Stop) -> Iterator[Event]:
    target = folder / file.name
    if target.is_file() and is_right(file, target):
        return
    try:
        yield from fetch_file(file.address, target, file.size, lambda path: is_right(file, path), stop, _LIMIT)
    except DownloadFailed as error:
        addresses = ", ".join(one.address for one in known.files)
        values = {name: value for name, value in error.values.items() if name != "name"}
        raise DataSetNotFetched(name=known.title, addresses=addresses, path=str(folder), **values) from error


def _given(known: DataSet, source: Path, target: Path, stop: Stop) -> Iterator[Event]:
    """Take the set from an archive, a folder, or one of its files on the disk; all of it or nothing."""
    if is_archive(str(source)):
        yield from unpack(source, target, stop)
        if not _is_it(known, target):
            shutil.rmtree(target, ignore_errors=True)
            raise DataSetDamaged(path=shown(os.fsencode(source)), detail="other_kind")
        return
    names = _names_in(known, source.parent if source.is_file() else source)
    if not names:
        raise DataSetMissing(name=known.name, path=shown(os.fsencode(source)))
    yield PhaseStarted(phase="preparing", total=len(names))
    try:
        with building(target) as part:
            for done, (there, name) in enumerate(names, start=1):
                if stop.how is not None:
                    raise Stopped
                (part / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(there, part / name)
                if done % _AN_EVENT == 0 or done == len(names):
                    yield PhaseProgress(phase="preparing", done=done, total=len(names))
    except OSError as error:
        raise from_os_error(error, str(target)) from error


def _names_in(known: DataSet, folder: Path) -> list[tuple[Path, str]]:
    """The files of a set in a folder, each with its name in ours; none where they are not all there."""
    if known.name == FLOWERS:
        base = next((one for one in (folder, folder / "flower_photos") if _holds_classes(known, one)), None)
        if base is None:
            return []
        found = [file for name in known.classes for file in sorted((base / name).iterdir())]
        wanted = [file for file in found if file.is_file() and os.fsencode(file.suffix.lower()) in EXTENSIONS]
        return [(file, f"flower_photos/{file.parent.name}/{file.name}") for file in wanted]
    lies = find(str(folder))
    if lies is None:
        return []
    below = CIFAR_FOLDER if lies.kind == "cifar" else ""
    files = [Path(idx_file(lies.folder, Path(name).name.removesuffix(".gz"))) for name in known.kept]
    return [(file, os.path.join(below, file.name)) for file in files] if all(map(Path.is_file, files)) else []


def _is_it(known: DataSet, target: Path) -> bool:
    """Whether a folder holds the set, and every file of it that can be checked is what was published."""
    if known.name == FLOWERS:
        return any(_holds_classes(known, base) for base in (target, target / "flower_photos"))
    try:
        return is_there(known.name, str(target.parent)) and bool(datasets.opened(str(target)))
    except (DataSetDamaged, PictureRefused):
        return False


def _holds_classes(known: DataSet, base: Path) -> bool:
    return all((base / name).is_dir() for name in known.classes)


def is_archive_name(known: DataSet) -> bool:
    """Whether a set is published as one archive."""
    return len(known.files) == 1


def is_right(file: RemoteFile, path: Path) -> bool:
    """Whether a file is the one that was published."""
    kind, _, wanted = file.digest.partition(":")
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, lambda: hashlib.new(kind, usedforsecurity=False)).hexdigest() == wanted
