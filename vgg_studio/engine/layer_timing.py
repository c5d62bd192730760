"""What a machine does with single blocks of a network, each way of computing by turns, in a few seconds."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import torch
from torch import Tensor, nn

from vgg_studio.core import vgg
from vgg_studio.core.events import Way
from vgg_studio.engine.extract import KINDS, computing

SIDE = 224  # px: rates are told for pictures of this size
FAR_BEHIND = 2.0  # times the fastest of its kind: such a way is not measured further
_TIMES = 3
_USUAL_MACS, _MOST_TIMES = 1.85e9, 4  # multiply-accumulates of most sections of VGG-16; times their number of pictures
_MOST_PICTURES = 16
_LINEAR = 4096  # inputs and outputs: 67 MB of weights, more than a cache holds
_LINEAR_BATCH = 16
_FORWARD_AND_BACK = 3  # passes' worth of multiply-accumulates in one learning step

Run = Callable[[], object]
Name = TypeVar("Name", Way, str)


@dataclass(frozen=True)
class Section:
    """A block cut down to what enters it and one layer of its kind, with few numbers to bring in and out.

    `macs` are those of one picture through the section, `stands_for` those of the whole block in the network.
    """

    convolutions: tuple[tuple[int, int], ...]
    side: int
    macs: int
    stands_for: int

    def pictures(self, workers: int) -> int:
        """How many are computed at once: more of those that cost little, so that what a batch costs beside them tells less."""
        times = max(1, min(_MOST_TIMES, round(_USUAL_MACS / self.macs)))
        return max(2, workers, min(times * max(2, workers), _MOST_PICTURES))

    def modules(self, batch_norm: bool = False) -> nn.Sequential:
        """The layers, with small random weights."""
        layers = nn.Sequential()
        for inputs, outputs in self.convolutions:
            layers.append(nn.Conv2d(inputs, outputs, kernel_size=3, padding=1))
            if batch_norm:
                layers.append(nn.BatchNorm2d(outputs))
            layers.append(nn.ReLU(inplace=True))
        return layers.append(nn.MaxPool2d(2, 2))


def sections(variant: str, side: int = SIDE) -> list[Section]:
    """A section for each block, the cheapest (the last) first, so that a hopeless way loses little time."""
    shape = vgg.Shape(variant)
    found: list[Section] = []
    for stage in vgg.STAGES[:5]:
        block = [layer for layer in vgg.layers(shape, side) if layer.stage == stage and layer.kind == "conv"]
        last = block[-1]
        into = (3, last.outputs)
        inner = () if last.inputs == shape.channels else ((last.outputs, last.outputs),)
        convolutions = (into, *inner)
        macs = sum(9 * inputs * outputs * last.side**2 for inputs, outputs in convolutions)
        found.append(Section(convolutions, last.side, macs, sum(layer.macs for layer in block)))
    return found[::-1]


class Rates(Generic[Name]):
    """Seconds that each contender takes for the sections of one picture measured so far."""

    def __init__(self, names: Sequence[Name], kind: Callable[[Name], str] = lambda _: "") -> None:
        """`kind`: who competes with whom; those of another kind may be asked for by name, however slow they are."""
        self._seconds: dict[Name, float] = dict.fromkeys(names, 0.0)
        self._kind: Callable[[Name], str] = kind
        self._macs = 0.0

    @property
    def left(self) -> list[Name]:
        """Those that are not far behind."""
        return list(self._seconds)

    def add(self, section: Section, seconds: dict[Name, float]) -> None:
        """Take in what a picture took of each that is left, then let go of those far behind their kind."""
        self._macs += section.stands_for
        weight = section.stands_for / section.macs
        for name in self._seconds:
            self._seconds[name] += seconds[name] * weight
        fastest: dict[str, float] = {}
        for name, took in self._seconds.items():
            fastest[self._kind(name)] = min(took, fastest.get(self._kind(name), math.inf))
        self._seconds = {
            name: took for name, took in self._seconds.items() if took <= FAR_BEHIND * fastest[self._kind(name)]
        }

    def macs_per_second(self) -> dict[Name, float]:
        """Multiply-accumulates of the network's convolutions a second, of those that are left."""
        return {name: self._macs / took for name, took in self._seconds.items()}


def by_turns(runs: Mapping[Name, Run], device: torch.device, seconds: float) -> dict[Name, float]:
    """The least time of each run out of three; fewer, but at least one after a warm-up, once so many seconds are over."""
    end = time.perf_counter() + seconds
    best = dict.fromkeys(runs, math.inf)
    for run in runs.values():
        _timed(run, device)
    for turn in range(_TIMES):
        for name, run in runs.items():
            if turn == 0 or time.perf_counter() < end:
                best[name] = min(best[name], _timed(run, device))
    return best


def _timed(run: Run, device: torch.device) -> float:
    began = time.perf_counter()
    run()
    if device.type != "cpu":
        torch.accelerator.synchronize(device)
    return time.perf_counter() - began


def forward(section: Section, way: Way, device: torch.device, pictures: int) -> Run:
    """One pass of a batch through a section, as the frozen part is computed."""
    batch = torch.rand(pictures, 3, section.side, section.side)
    return passing(section.modules().eval(), way, device, batch)


def passing(layers: nn.Sequential, way: Way, device: torch.device, batch: Tensor) -> Callable[[], Tensor]:
    """One pass of a batch (N, 3, side, side) through layers in a way of computing; the layers are left as they were."""
    compute = computing(copy.deepcopy(list(layers)), way, device, 3, batch.shape[-1])
    given = batch.to(device)

    def run() -> Tensor:
        with torch.no_grad():
            return compute(given)

    return run


def is_steady(section: Section, way: Way, device: torch.device, pictures: int) -> bool:
    """Whether a picture's numbers are the same to the bit wherever it stands in a batch: libraries promise no such thing."""
    compute = computing(list(section.modules().eval()), way, device, 3, section.side)
    batch = torch.rand(pictures, 3, section.side, section.side)
    with torch.no_grad():
        return torch.equal(compute(batch.flip(0)).flip(0), compute(batch))


def forward_and_back(section: Section, precision: str, device: torch.device, pictures: int, batch_norm: bool) -> Run:
    """One pass of a batch through a section and the gradients of its weights, as learning computes them."""
    layers = section.modules(batch_norm).train().to(device).to(memory_format=torch.channels_last)
    given = torch.rand(pictures, 3, section.side, section.side).to(device, memory_format=torch.channels_last)

    def run() -> None:
        layers.zero_grad()
        with torch.autocast(device.type, dtype=KINDS[precision], enabled=precision != "fp32"):
            answer: Tensor = layers(given)
        torch.autograd.backward(answer.float().sum())

    return run


def learning_macs(rates: dict[str, float]) -> dict[str, float]:
    """The rates of learning with the passes back counted too."""
    return {name: rate * _FORWARD_AND_BACK for name, rate in rates.items()}


def linear_bytes(device: torch.device, precision: str) -> float:
    """Bytes of fp32 weights that one linear layer takes through a step of SGD with momentum in a second."""
    layer = nn.Linear(_LINEAR, _LINEAR, device=device)
    given = torch.rand(_LINEAR_BATCH, _LINEAR, device=device, requires_grad=True)
    velocity = torch.zeros_like(layer.weight)

    def run() -> None:
        with torch.autocast(device.type, dtype=KINDS[precision], enabled=precision != "fp32"):
            answer: Tensor = layer(given)
        gradient, _ = torch.autograd.grad(answer.float().sum(), (layer.weight, given))
        with torch.no_grad():
            velocity.mul_(0.9).add_(gradient.add_(layer.weight, alpha=5e-4))
            layer.weight.sub_(velocity, alpha=1e-6)

    took = by_turns({"linear": run}, device, 1.0)["linear"]
    return layer.weight.numel() * layer.weight.element_size() / took


def turns(found: list[Section]) -> Iterator[tuple[Section, float]]:
    """The sections, each with its part of the work, for sharing out the time."""
    whole = sum(section.macs for section in found)
    for section in found:
        yield section, section.macs / whole
