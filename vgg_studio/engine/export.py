"""Handing a run's network to other programs: a plain torchvision file, with its names and its preprocessing beside it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import torch
from torch import Tensor

from vgg_studio.core.errors import UsageError
from vgg_studio.core.events import Event, Exported, JobEnded, PhaseStarted
from vgg_studio.core.jobs import ExportJob, Stop
from vgg_studio.core.run_folder import CLASSES, PREPROCESSING, RunFolder
from vgg_studio.core.writing import replacing, write_bytes, write_json
from vgg_studio.engine.checkpoint import best_state

SUFFIXES = (".pth", ".pt")


def export(job: ExportJob, stop: Stop) -> Iterator[Event]:
    """Save the best network so far of a finished or running run as `job.file`; each file is written whole or not at all.

    Raises UsageError for another kind of name, RunError, StorageError.
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
    names, preparation = target.with_name(CLASSES), target.with_name(PREPROCESSING)
    write_json(names, {str(index): name for index, name in enumerate(run.manifest.classes)})
    write_bytes(preparation, run.file(PREPROCESSING).read_bytes())
    save_plain(state, target)
    yield Exported(files=[str(target), str(names), str(preparation)])
    yield JobEnded(outcome="done")


def save_plain(state: dict[str, Tensor], target: Path) -> None:
    """Write tensors as `torch.save` does, for `torch.load(weights_only=True)`. Raises StorageError."""
    plain = {key: tensor.detach().cpu().contiguous() for key, tensor in state.items()}
    with replacing(target) as temporary, temporary.open("wb") as stream:
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
