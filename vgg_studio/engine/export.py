"""Handing a run's network to other programs: a plain torchvision file, with its names and its preprocessing beside it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import torch
from torch import Tensor

from vgg_studio.core.errors import NamesInTheWay, UsageError
from vgg_studio.core.events import Event, Exported, JobEnded, PhaseStarted
from vgg_studio.core.jobs import ExportJob, Stop
from vgg_studio.core.run_folder import CLASSES, PREPROCESSING, RunFolder
from vgg_studio.core.writing import as_json, replacing, write_bytes
from vgg_studio.engine.checkpoint import best_state

SUFFIXES = (".pth", ".pt")
WEIGHTS = (*SUFFIXES, ".safetensors")


def export(job: ExportJob, stop: Stop) -> Iterator[Event]:
    """Save the best network so far of a finished or running run as `job.file`; each file is written whole or not at all.

    Raises UsageError for another kind of name, RunError, StorageError (NamesInTheWay before anything is written).
    """
    target = Path(job.file)
    if target.suffix.lower() not in SUFFIXES:
        raise UsageError(name="file", value=target.name, allowed=", ".join(f"*{suffix}" for suffix in SUFFIXES))
    run = RunFolder.open(Path(job.run))
    yield PhaseStarted(phase="saving")
    state = best_state(run)
    if stop.how is not None:
        yield JobEnded(outcome="stopped")
        return
    files = _files_beside(run, target)
    save_plain(state, target, files)
    yield Exported(files=[str(target), *(str(path) for path in files)])
    yield JobEnded(outcome="done")


def _files_beside(run: RunFolder, target: Path) -> dict[Path, bytes]:
    """The files that tell a reader of `target` its classes and how to prepare pictures.

    Raises NamesInTheWay where another network's file lies there with other names or preparation: it would answer with ours.
    """
    files = {
        target.with_name(CLASSES): as_json({str(index): name for index, name in enumerate(run.manifest.classes)}),
        target.with_name(PREPROCESSING): run.file(PREPROCESSING).read_bytes(),
    }
    others = [path for suffix in WEIGHTS for path in target.parent.glob(f"*{suffix}") if path.name != target.name]
    if others and any(path.exists() and path.read_bytes() != data for path, data in files.items()):
        raise NamesInTheWay(path=str(target.parent))
    return files


def save_plain(state: dict[str, Tensor], target: Path, beside: dict[Path, bytes] | None = None) -> None:
    """Write tensors as `torch.save` does, for `torch.load(weights_only=True)`. Raises StorageError.

    The small files `beside` are written once the tensors are on the disk and before they get their name: where the disk has
    no room for the tensors, an older network of that name keeps its own names.
    """
    plain = {key: tensor.detach().cpu().contiguous() for key, tensor in state.items()}
    with replacing(target) as temporary:
        with temporary.open("wb") as stream:
            _save(plain, stream)
        for path, data in (beside or {}).items():
            write_bytes(path, data)


def _save(plain: dict[str, Tensor], stream: BinaryIO) -> None:
    out = _Out(stream)
    try:
        torch.save(plain, out)  # type: ignore[arg-type]
    except RuntimeError as error:
        if out.failure is None:
            raise
        raise out.failure from error


class _Out:
    """A file that remembers why it failed: torch turns the disk's errors into errors of its own."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.failure: OSError | None = None

    def write(self, data: bytes) -> int:
        try:
            return self._stream.write(data)
        except OSError as error:
            self.failure = error
            raise

    def flush(self) -> None:
        self._stream.flush()
