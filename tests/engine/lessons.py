"""Small folders of pictures and small trainings for the engine's tests."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import numpy as np
import pytest
from PIL import Image

from vgg_studio import paths
from vgg_studio.core import events as ev
from vgg_studio.core.jobs import Stop, StopHow, TrainJob
from vgg_studio.core.run_folder import RunFolder
from vgg_studio.engine import tensor_files
from vgg_studio.engine.download import place
from vgg_studio.engine.official import OfficialWeights
from vgg_studio.engine.train import train

COLOURS = {"blue": (40, 60, 200), "green": (40, 190, 60), "red": (200, 50, 40)}
Kind = TypeVar("Kind")


def draw(path: Path, colour: tuple[int, int, int], seed: int, side: int = 40) -> None:
    """A picture of one colour under much noise, so that it takes some steps to tell it from others."""
    noise = np.random.default_rng(seed).normal(0, 60, (side, side, 3))
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.clip(noise + colour, 0, 255).astype(np.uint8)).save(path)


def draw_folder(root: Path, count: int = 14, classes: Iterable[str] = COLOURS, first: int = 0) -> Path:
    """A folder of class folders with `count` pictures each."""
    for name in classes:
        for number in range(first, first + count):
            draw(root / name / f"{name}-{number:03}.png", COLOURS[name], seed=1000 * len(name) + number)
    return root


def tiny(data: Path, run: Path, **changes: Any) -> TrainJob:
    """A training of a second or so."""
    settings: dict[str, Any] = {
        "variant": "vgg11_bn",
        "width_divisor": 16,
        "slim_linear": True,
        "image_size": 32,
        "epochs": 2,
        "batch_size": 8,
        "optimizer": "adamw",
        "learning_rate": 1e-3,
        "device": "cpu",
    }
    return TrainJob(data=str(data), run=str(run), **(settings | changes))


def events_of(job: TrainJob) -> list[ev.Event]:
    """All events of a training."""
    return list(train(job, Stop()))


def stopped(job: TrainJob, how: StopHow, after: int, kind: type[ev.BaseEvent] = ev.BatchEnded) -> list[ev.Event]:
    """All events of a training that is asked to stop when the `after`-th event of a kind comes."""
    stop, found, seen = Stop(), [], 0
    for event in train(job, stop):
        found.append(event)
        seen += isinstance(event, kind)
        if seen == after:
            stop.ask(how)
    return found


def only(events: Iterable[ev.Event], kind: type[Kind]) -> list[Kind]:
    """The events of one kind."""
    return [event for event in events if isinstance(event, kind)]


def end(events: list[ev.Event]) -> ev.RunEnded:
    """The training's last event, which is the only one of its kind."""
    (last,) = only(events, ev.RunEnded)
    assert events[-1] is last
    return last


def numbers(run: Path) -> list[dict[str, Any]]:
    """The rows of a run's rounds, without what a clock decides."""
    rows = [msgspec.to_builtins(row) for row in RunFolder.open(run).manifest.epochs]
    return [{key: value for key, value in row.items() if key not in ("seconds", "images_per_second")} for row in rows]


def publish(file: Path, variant: str, monkeypatch: pytest.MonkeyPatch) -> OfficialWeights:
    """Make a file the official weights, as if it had been downloaded already."""
    checksum = tensor_files.sha256(file)
    name = f"{variant}-{checksum[:8]}{file.suffix}"
    entry = OfficialWeights(
        variant=variant,
        kind="official",
        url=f"https://weights.invalid/{name}",
        file_name=name,
        sha256_prefix=checksum[:8],
        size_bytes=file.stat().st_size,
        mean=(0.4, 0.5, 0.6),
        std=(0.2, 0.2, 0.2),
        image_size=224,
        resize_side=256,
    )
    shutil.copy(file, place(entry, paths.weights_folder()))
    monkeypatch.setattr("vgg_studio.engine.official.official", lambda *_: entry)
    return entry
