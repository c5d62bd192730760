"""The frozen part of a network as a function: pictures in, features out, in one way of computing and one precision."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import msgspec
import numpy as np
import torch
from torch import Tensor, nn

from vgg_studio.core import vgg
from vgg_studio.core.facts import Way
from vgg_studio.core.preprocessing import Preprocessing
from vgg_studio.engine import exactness, threads
from vgg_studio.engine.batches import cropped
from vgg_studio.engine.device import Device
from vgg_studio.engine.folding import folded, parted
from vgg_studio.engine.ncnn_trunk import NcnnTrunk
from vgg_studio.engine.network import VGG, trunk_and_head
from vgg_studio.engine.scaling import Scaling
from vgg_studio.engine.threads import SideBySide
from vgg_studio.engine.winograd import with_winograd

KINDS = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}
LAYOUTS = {"channels_last": torch.channels_last, "contiguous": torch.contiguous_format}
ALONE = 2  # pictures that may be computed without others; a single one often takes another path through the kernels
_LARGEST_HALF = torch.finfo(torch.float16).max


class Compute(Protocol):
    """Scaled pictures (N, channels, side, side) in fp32 to features."""

    side_by_side: bool  # whether it pays to ask for a batch while another is computed

    def __call__(self, pictures: Tensor) -> Tensor: ...


class Extractor:
    """What does not learn: (N, side, side, channels) bytes to features (N, *shape) as they are kept, on the processor.

    Every call computes `way.batch` pictures, filled up with black ones, so a picture's features depend on no other picture.
    (One exception: where a batch of two was seen to give the same bits, `smallest` is ALONE and single pictures wait less.)
    The network's weights must not change while the extractor is used.
    """

    def __init__(self, network: VGG, train_from: str, prep: Preprocessing, device: Device, way: Way, kept: str) -> None:
        self.network = network
        self.train_from = train_from
        self.prep = prep
        self.device = device
        self.way = way
        self.kept = kept
        self.shape = feature_shape(network.shape, train_from, prep.image_size)
        self.smallest = way.smallest or way.batch
        self._scaling = Scaling(prep, device.torch)
        self._compute: Compute | None = None
        self._key = ""

    @property
    def batch(self) -> int:
        """Pictures that are computed at once."""
        return self.way.batch

    @property
    def side_by_side(self) -> bool:
        """Whether it pays to ask for a batch while another is computed; False as long as none was."""
        return self._compute is not None and self._compute.side_by_side

    @property
    def row_bytes(self) -> int:
        """Bytes of one picture's features."""
        return int(np.prod(self.shape)) * KINDS[self.kept].itemsize

    def key(self) -> str:
        """A name for everything that the numbers depend on beside the picture: equal keys, equal features."""
        if not self._key:
            digest = hashlib.blake2b(digest_size=16)
            prep = msgspec.structs.replace(self.prep, mirror=False)
            way = msgspec.structs.replace(self.way, smallest=0)  # which changes no number
            facts = (prep, self.network.shape.variant, self.train_from, self.shape, way, self.kept)
            digest.update(
                msgspec.json.encode([*facts, str(self.device.torch), self.device.fact.name, str(torch.__version__)])
            )
            for _, tensor in sorted(self._frozen_tensors()):
                digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
            self._key = digest.hexdigest()
        return self._key

    def __call__(self, pictures: Tensor, boxes: Tensor | None = None, *, check_pairs: bool = False) -> Tensor:
        """Features of up to `batch` pictures of bytes; `boxes` (N, 4) are crops in fractions of the side.

        With `check_pairs` two pictures are computed alone from now on if that gives the same bits as among `batch`: so one
        picture waits less.
        """
        count = len(pictures)
        features = self._exact(pictures, boxes, self.batch if count > self.smallest else self.smallest)
        if check_pairs and count >= ALONE and self.batch > ALONE and not self.way.smallest:
            pair = self._exact(pictures[:ALONE], None if boxes is None else boxes[:ALONE], ALONE)
            self.settle(ALONE if torch.equal(pair, features[:ALONE]) else self.batch)  # rounding would hide differences
        if self.kept == "fp16":  # a rare number beyond fp16's range is held at its end, the same way each time
            features = features.clamp(-_LARGEST_HALF, _LARGEST_HALF)
        return features.to("cpu", KINDS[self.kept]).contiguous()

    def settle(self, smallest: int) -> None:
        """Compute so many pictures at once where no more are asked for."""
        self.smallest = smallest
        self.way = msgspec.structs.replace(self.way, smallest=smallest)

    def _exact(self, pictures: Tensor, boxes: Tensor | None, full: int) -> Tensor:
        padded = _filled_up(pictures, full)
        if self._compute is None:
            self._compute = self._built()
        with torch.no_grad():  # not inference mode: what learns may look at these numbers again
            scaled = self._scaling(padded)
            if boxes is not None:
                scaled = cropped(scaled, _whole_behind(boxes, full).to(self.device.torch))
            return self._compute(scaled)[: len(pictures)].reshape(len(pictures), *self.shape)

    def _frozen_tensors(self) -> Iterator[tuple[str, Tensor]]:
        learning = vgg.trained_stages(self.train_from)
        frozen = {layer.key for layer in vgg.layers(self.network.shape) if layer.stage not in learning}
        return ((key, value) for key, value in self.network.state_dict().items() if key.rpartition(".")[0] in frozen)

    def _built(self) -> Compute:
        trunk, _ = trunk_and_head(self.network, self.train_from)
        modules, prep = folded(list(trunk)), self.prep
        compute = computing(modules, self.way, self.device.torch, prep.channels, prep.image_size)
        if self.way.backend == "torch" and self.way.convolution == "direct":
            return compute
        limit = exactness.LIMITS[self.way.precision]
        if exactness.error(compute, modules, prep.channels, prep.image_size) <= limit:
            return compute
        return _TorchTrunk(modules, self.device.torch, Way())  # as exact, only slower


def computing(modules: Sequence[nn.Module], way: Way, device: torch.device, channels: int, side: int) -> Compute:
    """Frozen layers (without dropout and batch normalisation) computed in this way. Raises as NcnnTrunk."""
    if way.backend == "ncnn":
        return NcnnTrunk(modules, channels, side, threads.most(), way.workers, way.precision)
    return _TorchTrunk(modules, device, way)


class _TorchTrunk:
    """The frozen layers in their own precision and layout; shares its weights with the network where nothing changes."""

    def __init__(self, modules: Sequence[nn.Module], device: torch.device, way: Way) -> None:
        self._kind, self._layout = KINDS[way.precision], LAYOUTS[way.layout]
        self.side_by_side = way.workers > 1  # then several batches may be asked for at a time
        spatial, rest = parted(modules)
        if way.convolution == "winograd":
            spatial = with_winograd(spatial)
        trunk = nn.Sequential(nn.Sequential(*spatial), nn.Sequential(*rest))
        if self._kind != torch.float32 or way.layout != "channels_last":
            trunk = copy.deepcopy(trunk)
        spatial_part, self._rest = trunk.to(device, self._kind).to(memory_format=self._layout).eval()
        self._maps: Callable[[Tensor], Tensor] = (
            SideBySide(spatial_part, way.workers) if self.side_by_side else spatial_part
        )

    def __call__(self, pictures: Tensor) -> Tensor:
        """Features in fp32's range, in the way's own precision."""
        features: Tensor = self._rest(self._maps(pictures.to(self._kind).contiguous(memory_format=self._layout)))
        return features


def feature_shape(shape: vgg.Shape, train_from: str, image_size: int) -> tuple[int, ...]:
    """The shape of one picture's features in front of the stage that learns first: (channels, side, side) or (width,)."""
    learning = vgg.trained_stages(train_from)
    frozen = [layer for layer in vgg.layers(shape, image_size) if layer.stage not in learning]
    last = frozen[-1]
    if last.kind == "average_pool":
        return (last.outputs * last.side**2,)
    if not last.side and last.kind in ("linear", "relu", "dropout"):
        return (last.outputs,)
    return last.outputs, last.side, last.side


def _filled_up(pictures: Tensor, count: int) -> Tensor:
    missing = count - len(pictures)
    return torch.cat([pictures, pictures.new_zeros(missing, *pictures.shape[1:])]) if missing > 0 else pictures


def _whole_behind(boxes: Tensor, count: int) -> Tensor:
    whole = boxes.new_tensor([0.0, 0.0, 1.0, 1.0]).expand(count - len(boxes), 4)
    return torch.cat([boxes, whole])
