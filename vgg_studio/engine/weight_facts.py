"""What a file of weights or a run is made of, tensor by tensor, and which networks it fits; a part of it as a file."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from vgg_studio.core import vgg
from vgg_studio.core.errors import PathMissing, UsageError, WeightsError, WeightsUnreadable
from vgg_studio.core.events import FitFact, NetworkInspected, TensorFact
from vgg_studio.core.jobs import Stop
from vgg_studio.core.layer_facts import inspected, part_of
from vgg_studio.core.run_folder import RunFolder
from vgg_studio.engine import tensor_files, weights
from vgg_studio.engine.checkpoint import best_state
from vgg_studio.engine.ending import Steps
from vgg_studio.engine.export import save_plain
from vgg_studio.engine.initial import official_file
from vgg_studio.engine.weights_file import read_any

OFFICIAL = "official:"


@dataclass(frozen=True)
class Opened:
    """Tensors as they lie in a file or a run, and the network that they belong to, if it is one of ours."""

    source: str  # file, run
    path: str
    tensors: dict[str, Tensor]
    shape: vgg.Shape | None
    image_size: int = 0  # px; 0 where the source does not tell


def opened(source: str, stop: Stop) -> Steps[Opened]:
    """The tensors of a file, a run's best network (none before its first round is over) or official weights."""
    if source.startswith(OFFICIAL):
        file, _ = yield from official_file(source.removeprefix(OFFICIAL), "official", stop)
        return _of_file(str(file))
    if os.path.isdir(source):
        return _of_run(RunFolder.open(Path(source)))
    if not os.path.lexists(source):
        raise PathMissing(path=source)
    return _of_file(source)


def _of_run(run: RunFolder) -> Opened:
    job = run.manifest.job
    tensors = best_state(run) if run.manifest.best else {}
    return Opened("run", str(run.path), tensors, job.shape(len(run.manifest.classes)), job.image_size)


def _of_file(path: str) -> Opened:
    tensors = weights.unwrapped(read_any(path))
    for key, tensor in tensors.items():
        if not weights.is_dense(tensor):  # it may claim to be larger than any memory
            raise _odd(path, key, tensor.layout)
    try:
        return Opened("file", path, tensors, weights.shape_of(tensors, path))
    except WeightsError:
        return Opened("file", path, tensors, None)


def _odd(path: str, key: str, kind: torch.dtype | torch.layout) -> WeightsUnreadable:
    return WeightsUnreadable(path=path, detail="odd_numbers", tensor=key, kind=str(kind).removeprefix("torch."))


def event(found: Opened, image_size: int) -> NetworkInspected:
    """All facts about what was opened, for square pictures of `image_size` px; without layers where it is no VGG network."""
    name = os.path.basename(found.path.rstrip("/\\"))
    facts = [_fact(key, tensor) for key, tensor in found.tensors.items()]
    fits = fits_of(found.tensors)
    if found.shape is not None:
        image_size = max(image_size, 1 << len(found.shape.blocks))  # of less nothing is left behind the last block
        return inspected(found.shape, image_size, found.source, name, facts, fits)
    numbers = sum(tensor.numel() for tensor in found.tensors.values())
    return NetworkInspected(
        source=found.source,
        name=name,
        variant="",
        classes=0,
        channels=0,
        image_size=image_size,
        parameters=numbers,
        macs=0,
        layers=[],
        tensors=facts,
        fits=fits,
    )


def _fact(key: str, tensor: Tensor) -> TensorFact:
    return TensorFact(
        name=key,
        shape=list(tensor.shape),
        dtype=str(tensor.dtype).removeprefix("torch."),
        bytes=tensor.numel() * tensor.itemsize,
        finite=_is_finite(tensor),
    )


def _is_finite(tensor: Tensor) -> bool:
    if not tensor.numel() or not tensor.is_floating_point():
        return True
    return all(bool(bound.isfinite()) for bound in torch.aminmax(tensor))  # either is NaN if any number is


def fits_of(tensors: dict[str, Tensor]) -> list[FitFact]:
    """How well each variant, slim and with as many classes as the tensors say, takes them: the best first."""
    found = {key: tuple(tensor.shape) for key, tensor in tensors.items() if not key.endswith(weights.COUNTER)}
    own = weights.own_blocks(tensors)
    facts = [_fit(weights.sized(variant, tensors), found) for variant in vgg.VARIANTS]
    if own is not None and (fit := _fit(own, found)).matching > max(fact.matching for fact in facts):
        facts.append(fit)
    return sorted(facts, key=lambda fit: (-fit.matching, fit.missing, fit.mismatched))


def _fit(shape: vgg.Shape, found: dict[str, tuple[int, ...]]) -> FitFact:
    wanted = weights.shapes(shape)
    both = wanted.keys() & found.keys()
    matching = sum(wanted[key] == found[key] for key in both)
    return FitFact(
        variant=shape.variant,
        matching=matching,
        missing=len(wanted.keys() - both),
        unused=len(found.keys() - both),
        mismatched=len(both) - matching,
    )


def save(found: Opened, first: str, last: str, file: Path) -> None:
    """Write the layers from `first` to `last` under their own keys. Raises UsageError, StorageError, WeightsUnreadable."""
    if found.shape is None:
        raise WeightsUnreadable(path=found.path, detail="not_vgg")
    keys = part_of(found.shape, first, last)
    if keys is None:
        layers = vgg.layers(found.shape)
        raise UsageError(
            name="from", value=f"{first or layers[0].key}..{last or layers[-1].key}", allowed="layer_names"
        )
    part = {key: tensor.contiguous() for key, tensor in found.tensors.items() if key.rpartition(".")[0] in keys}
    if not part:
        raise UsageError(name="from", value=f"{first}..{last}", allowed="layers_with_weights")
    if file.suffix.lower() == ".safetensors":
        for key, tensor in part.items():
            if tensor.dtype not in tensor_files.NAMES:
                raise _odd(found.path, key, tensor.dtype)
        tensor_files.write(file, part)
    else:
        save_plain(part, file)
