"""The list: which sides each job has, what its rows are called, and what must be reached."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.benchmarks import card, sides_ours, sides_theirs
from tests.benchmarks.bench import Bench
from tests.benchmarks.figures import Goal, Measured, Task
from tests.benchmarks.sides_ours import WAYS
from tests.benchmarks.sides_theirs import WITH_OPTIONS

Measure = Callable[[Bench, str], list[Measured]]


@dataclass(frozen=True)
class Side:
    """One side of a job. `rare` ones, which decide nothing, are measured in the first repeat alone and not with --quick."""

    name: str
    measure: Measure
    rare: bool = False


@dataclass(frozen=True)
class Job:
    """A job with its sides; those of one repeat are run one after the other. `once`: repeats would tell nothing new."""

    key: str
    sides: tuple[Side, ...]
    once: bool = False
    only: str = ""  # a device


def _sides(measure: Measure, *names: str, rare: bool = False) -> tuple[Side, ...]:
    return tuple(Side(name, measure, rare) for name in names)


def _fast(*peers: str) -> tuple[str, ...]:
    return tuple(f"{peer}{WITH_OPTIONS}" for peer in peers)


def _ours(measure: Measure) -> tuple[Side, ...]:
    """Every way that has a goal; bf16 and torch's own fp32 beside what the engine chooses are measured as often."""
    return tuple(Side(name, measure) for name in WAYS)


FROZEN_PEERS = ("timm", *_fast("timm"), "fastai", *_fast("fastai"), "ultralytics", "keras", *_fast("keras"))
_FORWARD = (
    *_ours(sides_ours.forward),
    *_sides(sides_theirs.forward, "tutorial", *_fast("timm", "keras")),
    *_sides(sides_theirs.forward, "timm", "keras", rare=True),
    Side("product", sides_theirs.product),
)
_EXTRACTION = (
    *_ours(sides_ours.extraction),
    *_sides(sides_theirs.extraction, "tutorial", *_fast("keras")),
    *_sides(sides_theirs.extraction, "keras", rare=True),
    Side("product", sides_theirs.product),
)
_FROZEN = (
    *_sides(sides_ours.frozen, "studio", "studio fp32"),
    *_sides(sides_theirs.frozen, "tutorial", *_fast("timm", "fastai", "keras"), "ultralytics"),
    *_sides(sides_theirs.frozen, "timm", "fastai", "keras", rare=True),
)
_STEP = (
    *_sides(sides_ours.whole_step, "studio"),
    *_sides(sides_ours.whole_step, "studio fp32", rare=True),
    *_sides(sides_theirs.whole_step, "tutorial"),
    Side("product", sides_theirs.product_for_steps),
)


def _pair(ours: Measure, theirs: Measure) -> tuple[Side, ...]:
    return (Side("studio", ours), Side("tutorial", theirs))


JOBS: tuple[Job, ...] = (
    Job("C1", _FORWARD),
    Job("C5", _EXTRACTION),
    Job("C6", _FROZEN),
    Job("C7", _STEP),
    Job("C8", _pair(sides_ours.block5, sides_theirs.block5)),
    Job("C3", _pair(sides_ours.one_picture, sides_theirs.one_picture)),
    Job("C4", _pair(sides_ours.table, sides_theirs.table)),
    Job("C10", _pair(sides_ours.decoding, sides_theirs.decoding), only="cpu"),
    Job("C13", _sides(sides_ours.memory, "studio"), once=True, only="cpu"),
    Job("C14", _sides(sides_ours.window, "studio"), once=True, only="cpu"),
    Job("CIFAR", _pair(card.ours, card.tutorial), only="cuda"),
)
TASKS: tuple[Task, ...] = (
    Task("C1", "forward pass of VGG-16, pictures in memory", "pictures/s", more_is_better=True),
    Task("C5", "extraction: from files to features of the convolutions", "pictures/s", more_is_better=True),
    Task("C6", "training of a light head behind the frozen convolutions", "s"),
    Task("again", "second run on the same pictures, another learning rate, warm engine", "s"),
    Task("retrain", "the last layer again on cached features", "s"),
    Task("C7", "learning step of the whole VGG-16", "pictures/s", more_is_better=True),
    Task("C8", "training of block 5 and a light head", "s"),
    Task("C3 cold", "one picture, the whole process", "s"),
    Task("C3 warm", "one picture, the network already loaded", "s"),
    Task("C4", "many pictures to a CSV, the whole process", "s"),
    Task("C9", "from a folder to a trained network (C6) with start-up", "s"),
    Task("C10 small", "decoding pictures of a few hundred pixels", "pictures/s", more_is_better=True),
    Task("C10 large", "decoding photos of twelve million pixels", "pictures/s", more_is_better=True),
    Task("C13 rounds", "growth of anonymous memory over five rounds", "%", rivals=False),
    Task("C13 pictures", "growth of anonymous memory with four times as many pictures", "%", rivals=False),
    Task("C14 start", "start of the window, each mark since the start of the process", "s", rivals=False),
    Task("C14 gap", "longest time that the window stands still beside a training", "ms", rivals=False),
    Task("CIFAR", "one round of CIFAR-10 (50,000 pictures) at 224 px, every layer learning", "s"),
)
_TUTORIAL = ("tutorial",)
GOALS: tuple[Goal, ...] = (
    Goal("C6", "studio", _TUTORIAL, 30, needs_bf16=True),
    Goal("C6", "studio fp32", _TUTORIAL, 22),
    Goal("C6", "studio", FROZEN_PEERS, 12),
    *(Goal(job, "studio", _TUTORIAL, 3.5, needs_bf16=True) for job in ("C1", "C5")),
    *(Goal(job, "studio fp32", _TUTORIAL, 2.7) for job in ("C1", "C5")),
    *(Goal(job, "studio torch fp32", _TUTORIAL, 1.8) for job in ("C1", "C5")),
    Goal("C5", "studio", ("fp32 product",), 1.8),
    Goal("C5", "studio bf16", ("bf16 product",), 0.9, needs_bf16=True),
    Goal("C7", "studio", _TUTORIAL, 2.5, needs_bf16=True),
    Goal("C8", "studio", _TUTORIAL, 6),
    Goal("again", "second run", ("first run",), 20),
    Goal("retrain", "last layer", (), 3),
    Goal("C13 rounds", "studio", (), 5),
    Goal("C13 pictures", "studio", (), 5),
    Goal("C1", "studio", ("bf16 product",), 0.6, device="cuda", needs_bf16=True),
    Goal("C7", "studio", ("bf16 product",), 0.5, device="cuda", needs_bf16=True),
    Goal("CIFAR", "studio", (), 15, device="cuda"),
)
