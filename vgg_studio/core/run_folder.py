"""A run's folder: its manifest, its events, its lock. The engine is the only writer; window and command line read.

`run.json` (the manifest) is written last and names every file that counts with its sha256, so a kill at any moment leaves
the run at its last checkpoint. Everything in it is relative: a run can be moved and copied.
"""

from __future__ import annotations

import contextlib
import re
import stat
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import ClassVar

import msgspec

from vgg_studio.core import events as ev
from vgg_studio.core.errors import (
    RunDamaged,
    RunExists,
    RunInUse,
    RunMissing,
    RunTooNew,
    StudioError,
    UsageError,
    from_os_error,
)
from vgg_studio.core.jobs import TrainJob
from vgg_studio.core.locking import try_lock
from vgg_studio.core.writing import sweep, write_bytes, write_json

FORMAT = 1
MANIFEST = "run.json"
EVENTS = "events.jsonl"
CLASSES = "class_indices.json"
PREPROCESSING = "preprocessing.json"
SPLIT = "split.csv"
FROZEN = "frozen.safetensors"
BEST = "best.safetensors"
LOCK = "lock"
_GLANCE = 0.3  # seconds
_NAMES = (MANIFEST, EVENTS, CLASSES, PREPROCESSING, SPLIT, FROZEN, BEST, LOCK)
_CHECKPOINT = re.compile(r"epoch-[0-9-]+(\.state)?\.safetensors")


class Checkpoint(ev.Record, frozen=True, kw_only=True):
    """Where a run can go on: after `batch` batches of round `epoch` (0: the round is complete). File names in the folder."""

    epoch: int
    batch: int = 0
    weights: str = ""
    state: str = ""


class Manifest(ev.Record, frozen=True, kw_only=True):
    """Everything that repeats or continues a run, and what came of it."""

    format: int = FORMAT
    job: TrainJob
    created: float
    versions: dict[str, str] = {}
    device: ev.DeviceFact = ev.DeviceFact()
    threads: int = 0
    backend: str = ""
    precision: str = "fp32"
    batch_size: int = 0
    classes: list[str] = []
    parts: dict[str, int] = {}
    weights_report: ev.WeightsReport | None = None
    epochs: list[ev.EpochRow] = []
    best_epoch: int = 0
    extended_at: int = 0  # rounds done when the run was given more: early stopping counts from there
    last: Checkpoint | None = None
    best: Checkpoint | None = None
    frozen: str = ""
    files: dict[str, str] = {}
    outcome: str = ""
    failure: ev.Failure | None = None
    elapsed: float = 0.0
    temperature: float = 1.0
    threshold: float = 0.0
    evaluation: ev.Evaluation | None = None
    left_out: list[ev.LeftOut] = []
    way: ev.Way | None = None  # how the frozen part is computed; null where nothing is frozen
    kept: str = "fp32"  # precision of the frozen part's features
    forecast: ev.ForecastFact | None = None
    quick_look: float | None = None  # accuracy of a linear layer on the frozen network
    processes: int = 1

    @property
    def best_accuracy(self) -> float | None:
        """Validation accuracy of the best round, a fraction of 1."""
        return next((row.val_accuracy for row in self.epochs if row.epoch == self.best_epoch), None)


class RunFolder:
    """One run on the disk."""

    writes: ClassVar[bool] = True  # several processes may train together: one of them writes

    def __init__(self, path: Path, manifest: Manifest) -> None:
        self.path = path
        self.manifest = manifest
        self._last_batch_line = 0.0

    @classmethod
    def create(cls, path: Path, manifest: Manifest) -> RunFolder:
        """Make the folder and its first manifest. Raises RunExists where it already holds a run, StorageError."""
        if (path / MANIFEST).exists():
            raise RunExists(path=str(path))
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise from_os_error(error, str(path)) from error
        run = cls(path, manifest)
        run.save(manifest)
        return run

    @classmethod
    def open(cls, path: Path) -> RunFolder:
        """Read a run. Raises RunMissing, RunDamaged, RunTooNew."""
        return cls(path, _read_manifest(path))

    def save(self, manifest: Manifest) -> None:
        """Write the manifest: from here on what it names counts."""
        write_json(self.path / MANIFEST, manifest)
        self.manifest = manifest

    def file(self, name: str) -> Path:
        """A file of the run by its name, never outside the folder, through no link and no pipe. Raises RunDamaged."""
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
            raise RunDamaged(path=str(self.path), detail=f"{MANIFEST}: {name!r}")
        path = self.path / name
        if not _is_own(path):
            raise RunDamaged(path=str(self.path), detail=name)
        return path

    def append(self, event: ev.Event) -> None:
        """Add one event to the log; of the batch events at most one a second is kept."""
        if isinstance(event, ev.BatchEnded):
            if abs(event.time - self._last_batch_line) < 1.0:
                return
            self._last_batch_line = event.time
        self._append_lines(ev.to_line(event))

    def _append_lines(self, lines: bytes) -> None:
        rest = memoryview(lines)
        try:
            with self.file(EVENTS).open("ab", buffering=0) as stream:
                end = stream.tell()
                try:
                    while rest:
                        rest = rest[stream.write(rest) :]
                except OSError:
                    with contextlib.suppress(OSError):
                        stream.truncate(end)  # behind half a line the next event would be lost, too
                    raise
        except OSError as error:
            raise from_os_error(error, str(self.path)) from error

    def events(self) -> Iterator[ev.Event]:
        """The log from its start; a damaged line is passed over."""
        try:
            stream = self.file(EVENTS).open("rb")
        except (OSError, RunDamaged):
            return
        with stream:
            yield from _decoded(stream)

    @contextlib.contextmanager
    def lock(self, patience: float = _GLANCE) -> Iterator[None]:
        """Keep a second writer out; the system lets go of it when the process ends, however it ends.

        Waits up to `patience` seconds, because `in_use` holds it for a moment. Raises RunInUse, StorageError.
        """
        try:
            stream = self.file(LOCK).open("ab")
        except OSError as error:
            raise from_os_error(error, str(self.path)) from error
        with stream:
            limit = time.monotonic() + patience
            while not try_lock(stream.fileno()):
                if time.monotonic() >= limit:
                    raise RunInUse(path=str(self.path))
                time.sleep(_GLANCE / 10)
            yield

    def in_use(self) -> bool:
        """Whether a training is writing into the run right now."""
        try:
            with self.lock(patience=0.0):
                return False
        except RunInUse:
            return True
        except StudioError:  # where nobody can write, nobody does
            return False

    def repair(self) -> None:
        """Mend what a kill leaves: litter, a torn last line, `epoch_ended` lines that the manifest has and the log lost."""
        sweep(self.path)
        log = self.file(EVENTS)
        data = log.read_bytes() if log.exists() else b""
        whole = data[: data.rfind(b"\n") + 1]
        known = _rounds_told(_decoded(whole.splitlines()))
        missing = [row for row in self.manifest.epochs if row.epoch not in known]
        lost = b"".join(ev.to_line(epoch_event(row, self.manifest.best_epoch)) for row in missing)
        if lost or whole != data:
            write_bytes(log, whole + lost)

    def discard(self) -> None:
        """Delete the run and nothing else that lies in its folder: `--out` may have named one that holds other things.

        What makes it count goes first, so that a kill in between leaves no half run.
        """
        (self.path / MANIFEST).unlink(missing_ok=True)
        sweep(self.path)
        for entry in list(self.path.iterdir()):
            if entry.name in _NAMES or _CHECKPOINT.fullmatch(entry.name):
                with contextlib.suppress(OSError):  # Windows: somebody is reading it
                    entry.unlink()
        with contextlib.suppress(OSError):
            self.path.rmdir()


def epoch_event(row: ev.EpochRow, best_epoch: int) -> ev.EpochEnded:
    """The event of a round that the manifest remembers."""
    return ev.EpochEnded(best_epoch=best_epoch, **{name: getattr(row, name) for name in row.__struct_fields__})


def epoch_row(event: ev.EpochEnded) -> ev.EpochRow:
    """The manifest's row of a round's event."""
    return ev.EpochRow(**{name: getattr(event, name) for name in ev.EpochRow.__struct_fields__})


def list_runs(root: Path) -> list[RunFolder]:
    """The runs below a folder, newest first; what is no run, or a damaged one, is passed over."""
    found = []
    for entry in root.iterdir() if root.is_dir() else ():
        with contextlib.suppress(RunMissing, RunDamaged, RunTooNew):
            found.append(RunFolder.open(entry))
    return sorted(found, key=lambda run: run.manifest.created, reverse=True)


def new_run_path(root: Path, data: str) -> Path:
    """A new folder's path for a run on a folder of pictures: `flowers-3`, one above the highest there is."""
    name = re.sub(r"[^\w.-]+", "-", Path(data).name).strip("-._")[:60] or "run"
    pattern = re.compile(re.escape(name) + r"-(\d+)")
    taken = [int(hit[1]) for entry in root.iterdir() if (hit := pattern.fullmatch(entry.name))] if root.is_dir() else []
    return root / f"{name}-{max(taken, default=0) + 1}"


def created_now() -> float:
    """The time for a new manifest, in Unix seconds."""
    return time.time()


def _read_manifest(path: Path) -> Manifest:
    if not _is_own(path / MANIFEST):
        raise RunDamaged(path=str(path), detail=MANIFEST)
    try:
        data = (path / MANIFEST).read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise RunMissing(path=str(path)) from None
    except OSError as error:
        raise RunDamaged(path=str(path), detail=error.strerror or "unreadable") from error
    try:
        head = msgspec.json.decode(data, type=_Head)
        if head.format > FORMAT:
            raise RunTooNew(path=str(path), format=head.format)
        return msgspec.json.decode(data, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, UsageError) as error:
        raise RunDamaged(path=str(path), detail=f"{MANIFEST}: {error}") from error


class _Head(msgspec.Struct):
    format: int


def _is_own(path: Path) -> bool:
    """Whether an ordinary file lies there, or nothing: a stranger's run may hold links to other files, and pipes."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return True


def _rounds_told(events: Iterable[ev.Event]) -> set[int]:
    """The rounds whose end a log tells; those that a continuation took back no longer count."""
    told: set[int] = set()
    for event in events:
        if isinstance(event, ev.EpochEnded):
            told.add(event.epoch)
        elif isinstance(event, ev.RunResumed):
            told = {epoch for epoch in told if epoch <= event.epoch - bool(event.batch)}
    return told


def _decoded(lines: Iterable[bytes]) -> Iterator[ev.Event]:
    for line in lines:
        with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            yield ev.from_line(line)
