"""Weights from a file into a network: read, checked number by number, loaded, and told what was and was not loaded."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from vgg_studio.core import vgg
from vgg_studio.core.errors import WeightsNotFinite, WeightsOddShape, WeightsOtherVariant, WeightsUnreadable
from vgg_studio.core.events import WeightsReport
from vgg_studio.engine.network import VGG
from vgg_studio.engine.weights_file import MOST_TENSORS, open_regular, read_any

_WRAPPINGS = ("state_dict", "model_state_dict", "model")
_KINDS = (torch.float32, torch.float16, torch.bfloat16, torch.float64)
COUNTER = ".num_batches_tracked"
_CONVOLUTION = re.compile(r"features\.(\d{1,4})\.weight", re.ASCII)
_MOST_INPUTS = 4  # channels of a picture
_FC8, _LIGHT = "classifier.6", "classifier.1"  # the last layer of a classic head and of a light one


def read_file(path: str | os.PathLike[str]) -> dict[str, Tensor]:
    """The tensors of a `.pth`, `.pt` or `.safetensors` file by torchvision's names, as finite fp32 in memory.

    Needs the file's size in memory, once. A classifier that is all NaN, torchvision's way of saying that there is none, is
    left out. Raises WeightsError: missing, unreadable, unsafe, not finite.
    """
    name = os.fspath(path)
    found = unwrapped(read_any(name))
    if len(found) > MOST_TENSORS:
        raise WeightsUnreadable(path=name, detail="too_large_inside")
    size = os.path.getsize(path)
    if sum(tensor.numel() * tensor.itemsize for tensor in found.values()) > size:
        raise WeightsUnreadable(path=name, detail="too_large_inside")
    _drop_empty_classifier(found)
    for key in list(found):
        found[key] = _plain(found[key], key, name)
    return found


def sha256_of(path: str | os.PathLike[str]) -> str:
    """The file's sha256 in hexadecimal. Raises WeightsMissing, WeightsUnreadable."""
    with open_regular(os.fspath(path)) as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def shape_of(tensors: Mapping[str, Tensor], name: str = "") -> vgg.Shape:
    """The network that the tensors belong to, read from their names and shapes; `name` is the file for messages.

    Without a classifier, classes are 1000. Raises WeightsUnreadable for no VGG network, WeightsOddShape.
    """
    shape = _nearest_shape(tensors, name)
    for key, wanted in shapes(shape).items():
        if key in tensors:
            _compare(key, tensors[key].shape, wanted, name)
        elif _is_needed(key, tensors):
            raise WeightsUnreadable(path=name, detail="incomplete", tensor=key)
    return shape


def shapes(shape: vgg.Shape) -> dict[str, tuple[int, ...]]:
    """The shape of every tensor in a network's state dict, counters of batches left out."""
    found: dict[str, tuple[int, ...]] = {}
    for layer in vgg.layers(shape):
        if layer.kind == "conv":
            found[f"{layer.key}.weight"] = (layer.outputs, layer.inputs, layer.kernel, layer.kernel)
        elif layer.kind == "linear":
            found[f"{layer.key}.weight"] = (layer.outputs, layer.inputs)
        elif layer.kind == "batch_norm":
            found |= {f"{layer.key}.{name}": (layer.outputs,) for name in ("weight", "running_mean", "running_var")}
        if layer.parameters:
            found[f"{layer.key}.bias"] = (layer.outputs,)
    return found


def load(
    network: VGG,
    tensors: Mapping[str, Tensor],
    shape: vgg.Shape,
    source: str,
    name: str,
    sha: str,
    train_from: str,
) -> WeightsReport:
    """Copy the tensors into a network of `shape`; what they do not have stays fresh, fc8 too where the classes differ.

    `source`, `name` (the file) and `sha` are for the report. Raises WeightsOtherVariant, WeightsOddShape, WeightsUnreadable;
    the network is then as it was.
    """
    found = _same_own(tensors, shape) or shape_of(tensors, name)
    if found.variant != shape.variant:
        raise WeightsOtherVariant(path=name, found=vgg.title(found.variant), wanted=vgg.title(shape.variant))
    state = network.state_dict()
    other_classes = found.classes != shape.classes
    fitting = [key for key in state if key in tensors and not (other_classes and key.startswith(vgg.last_layer(shape)))]
    for key in fitting:
        _compare(key, tensors[key].shape, tuple(state[key].shape), name)
    with torch.no_grad():
        for key in fitting:
            state[key].copy_(tensors[key])
    missing = [key for key in state if key not in fitting and not key.endswith(COUNTER)]
    return WeightsReport(
        source=source,
        name=os.path.basename(name),
        sha256=sha,
        loaded=fitting,
        missing=missing,
        unused=[key for key in tensors if key not in fitting],
        advice=_advice(missing, train_from),
    )


def _advice(missing: Iterable[str], train_from: str) -> str:
    """Random layers in front of the first that learns would stay random: say so."""
    random = any(key.startswith(("classifier.0", "classifier.3")) for key in missing)
    return "fc6_is_the_right_stage" if random and train_from in ("fc7", "fc8") else ""


def unwrapped(found: Mapping[str, Any]) -> dict[str, Tensor]:
    """The state dict itself, out of a training script's bundle and of `DataParallel`'s prefix."""
    inner = next((found[key] for key in _WRAPPINGS if isinstance(found.get(key), dict)), found)
    tensors = {_text(key): value.detach() for key, value in inner.items() if isinstance(value, Tensor)}
    if all(key.startswith("module.") for key in tensors):
        return {key.removeprefix("module."): tensor for key, tensor in tensors.items()}
    return tensors


def _text(key: object) -> str:
    """A name that can always be sent and shown: a pickle may hold halves of characters."""
    return str(key).encode("utf-8", "backslashreplace").decode()


def _drop_empty_classifier(tensors: dict[str, Tensor]) -> None:
    weights = [tensor for key, tensor in tensors.items() if key.startswith("classifier.") and key.endswith(".weight")]
    if weights and all(is_dense(tensor) and bool(tensor.isnan().all()) for tensor in weights):
        for key in [key for key in tensors if key.startswith("classifier.")]:
            del tensors[key]


def is_dense(tensor: Tensor) -> bool:
    """Whether each number lies in the file; a tensor may also be one number repeated a billion times."""
    if tensor.layout != torch.strided or tensor.is_quantized:
        return False
    return tensor.untyped_storage().nbytes() >= tensor.numel() * tensor.itemsize


def _plain(tensor: Tensor, key: str, path: str) -> Tensor:
    counter = key.endswith(COUNTER) and tensor.dtype == torch.int64 and tensor.ndim == 0
    if not is_dense(tensor) or not (counter or tensor.dtype in _KINDS):
        kind = str(tensor.dtype if tensor.layout == torch.strided else tensor.layout).removeprefix("torch.")
        raise WeightsUnreadable(path=path, detail="odd_numbers", tensor=key, kind=kind)
    if counter:
        return tensor
    plain = tensor.to(torch.float32).contiguous()
    if plain.numel() and not all(bound.isfinite() for bound in torch.aminmax(plain)):  # either is NaN if any number is
        raise WeightsNotFinite(path=path, name=key)
    return plain


def _nearest_shape(tensors: Mapping[str, Tensor], name: str) -> vgg.Shape:
    """The paper's network with the same convolutions, slim or not; else own blocks, if all fits together."""
    found = {key for key, tensor in tensors.items() if key.startswith("features.") and tensor.ndim == 4}
    normalised = any(key.endswith(".running_mean") for key in tensors)
    alike: list[vgg.Shape] = []
    for variant in vgg.VARIANTS:
        wanted = {f"{layer.key}.weight" for layer in vgg.layers(vgg.Shape(variant)) if layer.kind == "conv"}
        if wanted == found and normalised == variant.endswith("_bn"):
            alike.append(_with_sizes(variant, 64, tensors))
    own = own_blocks(tensors)
    fitting = (shape for shape in [*alike, *([own] if own else [])] if _fits(shape, tensors))
    if nearest := next(fitting, alike[0] if alike else None):
        return nearest
    raise WeightsUnreadable(path=name, detail="not_vgg")


def _fits(shape: vgg.Shape, tensors: Mapping[str, Tensor]) -> bool:
    return all(key not in tensors or tuple(tensors[key].shape) == wanted for key, wanted in shapes(shape).items())


def _same_own(tensors: Mapping[str, Tensor], wanted: vgg.Shape) -> vgg.Shape | None:
    """Own blocks are told at full width, which a slim network's tensors do not show: so the wanted ones are tried."""
    if not wanted.is_own or "features.0.weight" not in tensors:
        return None
    found = _with_sizes(wanted.variant, vgg.undivided(wanted.variant)[0][1], tensors)
    found = replace(found, width_divisor=wanted.width_divisor, slim_linear=wanted.slim_linear)
    whole = all(key in tensors for key in shapes(found) if key.startswith("features."))
    return found if whole and _fits(found, tensors) else None


def sized(variant: str, tensors: Mapping[str, Tensor]) -> vgg.Shape:
    """The variant as slim, and with as many classes and channels, as the tensors say; as it is where they say nothing."""
    first = tensors.get("features.0.weight")
    return vgg.Shape(variant) if first is None or first.ndim < 2 else _with_sizes(variant, 64, tensors)


def own_blocks(tensors: Mapping[str, Tensor]) -> vgg.Shape | None:
    """Blocks by the numbers between convolutions: one more than usual where a pooling lies between two."""
    base = "vgg_bn" if any(key.endswith(".running_mean") for key in tensors) else "vgg"
    keys = [key for key, tensor in tensors.items() if tensor.ndim == 4]
    places = sorted(int(hit[1]) for hit in map(_CONVOLUTION.fullmatch, keys) if hit)
    blocks: list[tuple[int, int]] = []
    last = -1
    for place in places:
        channels = tensors[f"features.{place}.weight"].shape[0]
        if blocks and place - last == (3 if base == "vgg_bn" else 2) and blocks[-1][1] == channels:
            blocks[-1] = (blocks[-1][0] + 1, channels)
        else:
            blocks.append((1, channels))
        last = place
    fc6 = _outputs(tensors, "classifier.0")
    divisor = 1 if fc6 is None else vgg.LINEAR_WIDTH // max(1, fc6)  # of slim linear layers
    text = vgg.written(tuple((convolutions, channels * divisor) for convolutions, channels in blocks))
    try:
        vgg.parsed(text)
    except ValueError:
        return None
    full = blocks[0][1] * divisor
    return _with_sizes(f"{base}:{text}", full, tensors) if places[0] == 0 else None


def _with_sizes(variant: str, full: int, tensors: Mapping[str, Tensor]) -> vgg.Shape:
    """The variant with the sizes that the tensors have; `full` is how many channels its first convolution has undivided."""
    outputs, channels = tensors["features.0.weight"].shape[:2]
    light = f"{_LIGHT}.weight" in tensors
    fc6, fc8 = _outputs(tensors, "classifier.0"), _outputs(tensors, _LIGHT if light else _FC8)
    divisor = max(1, full // max(1, outputs))
    return vgg.Shape(
        variant,
        classes=fc8
        or 1000,  # a network that answers nothing, or sees no picture, is none: the shape is then called odd
        channels=channels if 1 <= channels <= _MOST_INPUTS else 3,
        width_divisor=divisor,
        slim_linear=divisor > 1 and fc6 not in (None, vgg.LINEAR_WIDTH),
        head="light" if light else "classic",
    )


def _outputs(tensors: Mapping[str, Tensor], layer: str) -> int | None:
    """How many outputs a linear layer has by its weights; None where there are none, or a lone number stands for them."""
    weight = tensors.get(f"{layer}.weight")
    return weight.shape[0] if weight is not None and weight.ndim else None


def _is_needed(key: str, tensors: Mapping[str, Tensor]) -> bool:
    """Everything in `features`; of a linear layer both tensors or none."""
    layer = key.rpartition(".")[0]
    return key.startswith("features.") or f"{layer}.weight" in tensors or f"{layer}.bias" in tensors


def _compare(key: str, found: Iterable[int], wanted: Iterable[int], path: str) -> None:
    if tuple(found) != tuple(wanted):
        raise WeightsOddShape(path=path, name=key, found=_by(found), wanted=_by(wanted))


def _by(sides: Iterable[int]) -> str:
    return "x".join(str(side) for side in sides) or "1"
