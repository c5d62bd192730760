"""The job that only a graphics card does in reasonable time: CIFAR-10 at 224 px, every layer learning."""

from __future__ import annotations

from pathlib import Path

from tests.benchmarks.bench import Bench
from tests.benchmarks.environments import PeerError
from tests.benchmarks.figures import Measured
from tests.benchmarks.pictures import real_data
from tests.benchmarks.studio import Engine
from vgg_studio.core.events import EpochEnded, RunStarted

PICTURES = 50_000  # of CIFAR-10's training part
_TUTORIAL_BATCH = 64


def _cifar() -> Path:
    folder = real_data() / "data" / "cifar10"
    if not folder.is_dir():
        raise PeerError("CIFAR-10 was skipped: its pictures are not below VGG_STUDIO_REAL_DATA.")
    return folder


def ours(bench: Bench, side: str) -> list[Measured]:
    """The second of two rounds over the pictures that are there, multiplied to 50,000; without the check behind it."""
    home = bench.home()
    with Engine("train", home) as engine:
        settings = {"train_from": "block1", "head": "classic", "weights": "none", "epochs": 2, "batch_size": 256}
        told = engine.order(bench.job(_cifar(), home, "cifar", **settings))
    bench.drop(home)
    last = [event for event in told.of(EpochEnded) if isinstance(event, EpochEnded)][-1]
    there = next(event.parts["train"] for event in told.of(RunStarted) if isinstance(event, RunStarted))
    how = f"second round over {there} pictures in graphics memory, multiplied to {PICTURES}"
    return [bench.measured("CIFAR", side, PICTURES / last.images_per_second, how)]


def tutorial(bench: Bench, side: str) -> list[Measured]:
    """Steps of the tutorial's own loop, batch 64, multiplied."""
    answer = bench.ask("tutorial", "C7", batch=_TUTORIAL_BATCH)
    how = (
        f"{answer.how}, batch {_TUTORIAL_BATCH}; {answer.counts['pictures']} pictures without reading them, multiplied"
    )
    return [bench.measured("CIFAR", side, PICTURES / answer.rate(), how)]
