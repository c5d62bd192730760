"""The choice among the ways of computing, as pure functions of what was measured and what was asked for."""

from __future__ import annotations

import msgspec

from vgg_studio.core import vgg
from vgg_studio.core.errors import BackendMissing, UsageError
from vgg_studio.core.events import Candidate, MachineProfile, Way
from vgg_studio.engine import ncnn_trunk
from vgg_studio.engine.device import Device
from vgg_studio.engine.threads import SMALL_STEP, most

BATCH, CARD_BATCH = 16, 128  # pictures at once, where memory allows
EXACT_IS_WORTH = 0.9  # an exact way of this share of the fastest's rate is taken instead of it
_WORST_MEMORY = 4 << 30  # bytes taken for a machine's memory where it does not tell
_SHARE = 10  # parts of the memory of which one may hold what is being computed
_WIDEST = 2  # feature maps of the first block that live at one time: what goes into a layer and what comes out


def way_for(
    profile: MachineProfile | None,
    device: Device,
    backend: str,
    precision: str,
    shape: vgg.Shape,
    image_size: int,
    *,
    ncnn: bool | None = None,
) -> Way:
    """How to compute the frozen part and answers: the fastest measured way that is asked for, exact where that costs little.

    Without a profile, and for networks so small that they are not like what was measured, it is torch: fp32 on a processor,
    the card's own half precision on a card. `ncnn` tells whether ncnn is installed (None: look). Raises UsageError or
    BackendMissing for what was asked for and is not there.
    """
    _refuse(device, backend, precision, ncnn)
    fitting = [] if profile is None or is_small(shape, image_size) else _fitting(profile, backend, precision)
    way = _fastest(fitting) if fitting else _usual(device, backend, precision)
    size = _batch(device, shape, image_size)
    return msgspec.structs.replace(way, batch=size, workers=min(way.workers, size))


def train_precision(profile: MachineProfile | None, device: Device, asked: str) -> str:
    """What learning computes in: as asked, else as measured, else as the device is used everywhere. Raises UsageError."""
    _refuse(device, "auto", asked, None)
    if asked != "auto":
        return asked
    return profile.train_precision if profile is not None else device.precision


def precisions(device: Device) -> list[str]:
    """What torch computes in on a device without going slower than in fp32."""
    if device.torch.type == "cuda":
        return ["fp32", *(["bf16"] if device.bf16 else []), "fp16"]
    return ["fp32", "bf16"] if device.bf16 else ["fp32"]


def can(device: Device, way: Way) -> bool:
    """Whether a device, with what is installed, computes in this way without going slower than in fp32."""
    if way.backend == "ncnn":
        return device.torch.type == "cpu" and ncnn_trunk.available() and way.precision in precisions(device)
    return way.precision in precisions(device)


def most_workers() -> int:
    """Networks side by side: one for each thread, but no more than a batch has pictures."""
    return min(most(), BATCH)


def _refuse(device: Device, backend: str, precision: str, ncnn: bool | None) -> None:
    if backend == "ncnn" and device.torch.type != "cpu":
        raise UsageError(name="backend", value=backend, allowed="auto, torch")
    allowed = precisions(device)
    if precision not in ("auto", *allowed):
        raise UsageError(name="precision", value=precision, allowed=", ".join(["auto", *allowed]))
    if backend == "ncnn" and not (ncnn_trunk.available() if ncnn is None else ncnn):
        raise BackendMissing(backend="ncnn")


def _fitting(profile: MachineProfile, backend: str, precision: str) -> list[Candidate]:
    return [
        candidate
        for candidate in profile.extract
        if backend in ("auto", candidate.way.backend) and precision in ("auto", candidate.way.precision)
    ]


def _fastest(fitting: list[Candidate]) -> Way:
    best = max(fitting, key=lambda candidate: candidate.macs_per_second)
    enough = best.macs_per_second * EXACT_IS_WORTH
    exact = [one for one in fitting if one.way.precision == "fp32" and one.macs_per_second >= enough]
    # Networks side by side never wait for each other's threads, so they bear other programs on the machine better.
    return max(exact or [best], key=lambda candidate: (candidate.way.workers, candidate.macs_per_second)).way


def _usual(device: Device, backend: str, precision: str) -> Way:
    if backend == "ncnn":
        kind = "fp32" if precision == "auto" else precision
        return Way(backend="ncnn", precision=kind, layout="contiguous", workers=most_workers())
    return Way(precision=device.precision if precision == "auto" else precision)


def is_small(shape: vgg.Shape, image_size: int) -> bool:
    """Whether a network is so small that it is unlike what was measured."""
    return vgg.macs(shape, image_size) * BATCH < SMALL_STEP


def _batch(device: Device, shape: vgg.Shape, image_size: int) -> int:
    """Pictures at once: a power of two whose widest layers fill at most a tenth of the memory."""
    channels = shape.blocks[0][1]
    picture = _WIDEST * channels * image_size**2 * 4  # fp32
    room = (device.fact.memory_bytes or _WORST_MEMORY) // _SHARE // picture
    most_pictures = BATCH if device.torch.type == "cpu" else CARD_BATCH
    return min(most_pictures, 1 << max(0, room.bit_length() - 1))
