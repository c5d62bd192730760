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
class Job:
    """A job with its sides; those of one repeat are run one after the other. `once`: repeats would tell nothing new."""

    key: str
    sides: tuple[tuple[str, Measure], ...]
    once: bool = False
    only: str = ""  # a device


def _sides(measure: Measure, *names: str) -> tuple[tuple[str, Measure], ...]:
    return tuple((name, measure) for name in names)


def _fast(*peers: str) -> tuple[str, ...]:
    return tuple(f"{peer}{WITH_OPTIONS}" for peer in peers)


FROZEN_PEERS = ("timm", *_fast("timm"), "fastai", *_fast("fastai"), "ultralytics", "keras", *_fast("keras"))
_FORWARD = (
    *_sides(sides_ours.forward, *WAYS),
    *_sides(sides_theirs.forward, "tutorial", "timm", *_fast("timm"), "keras", *_fast("keras")),
    ("product", sides_theirs.product),
)
_EXTRACTION = (
    *_sides(sides_ours.extraction, *WAYS),
    *_sides(sides_theirs.extraction, "tutorial", "keras", *_fast("keras")),
    ("product", sides_theirs.product),
)
_FROZEN = (
    *_sides(sides_ours.frozen, "studio", "studio fp32"),
    *_sides(sides_theirs.frozen, "tutorial", *FROZEN_PEERS),
)
JOBS: tuple[Job, ...] = (
    Job("C1", _FORWARD),
    Job("C5", _EXTRACTION),
    Job("C6", _FROZEN),
    Job(
        "C7",
        (
            *_sides(sides_ours.whole_step, "studio", "studio fp32"),
            *_sides(sides_theirs.whole_step, "tutorial"),
            ("product", sides_theirs.product_for_steps),
        ),
    ),
    Job("C8", (*_sides(sides_ours.block5, "studio"), *_sides(sides_theirs.block5, "tutorial"))),
    Job("C3", (*_sides(sides_ours.one_picture, "studio"), *_sides(sides_theirs.one_picture, "tutorial"))),
    Job("C4", (*_sides(sides_ours.table, "studio"), *_sides(sides_theirs.table, "tutorial"))),
    Job("C10", (*_sides(sides_ours.decoding, "studio"), *_sides(sides_theirs.decoding, "tutorial")), only="cpu"),
    Job("C13", _sides(sides_ours.memory, "studio"), once=True, only="cpu"),
    Job("C14", _sides(sides_ours.window, "studio"), once=True, only="cpu"),
    Job("CIFAR", (*_sides(card.ours, "studio"), *_sides(card.tutorial, "tutorial")), only="cuda"),
)
TASKS: tuple[Task, ...] = (
    Task("C1", "forward pass of VGG-16, pictures in memory", "pictures/s", more_is_better=True),
    Task("C5", "extraction: from files to features of the convolutions", "pictures/s", more_is_better=True),
    Task("C6", "frozen training, light head, 1,000 + 250 pictures, 10 rounds", "s"),
    Task("again", "second run on the same pictures, another learning rate, warm engine", "s"),
    Task("retrain", "the last layer again on cached features", "s"),
    Task("C7", "learning step of the whole VGG-16", "pictures/s", more_is_better=True),
    Task("C8", "block 5 and a light head, 1,000 + 250 pictures, 10 rounds", "s"),
    Task("C3 cold", "one picture, the whole process", "s"),
    Task("C3 warm", "one picture, the network already loaded", "s"),
    Task("C4", "500 pictures to a CSV, the whole process", "s"),
    Task("C9", "from a folder to a trained network (C6) with start-up", "s"),
    Task("C10 small", "decoding pictures of a few hundred pixels", "pictures/s", more_is_better=True),
    Task("C10 large", "decoding photos of twelve million pixels", "pictures/s", more_is_better=True),
    Task("C13 rounds", "growth of anonymous memory over five rounds", "%", rivals=False),
    Task("C13 pictures", "growth of anonymous memory from 1,000 to 4,000 pictures", "%", rivals=False),
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
