"""Records the histories beside this file with the real engine: small networks on small pictures, seconds each.

Needs the pictures that VGG_STUDIO_REAL_DATA names. `python tests/core/histories/record.py [NAME ...]` writes NAME.jsonl: the
settings in the first line, then the events that a coach reads, without what differs from machine to machine.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

import msgspec

from vgg_studio.core import events as ev
from vgg_studio.core.demo_job import demo_job
from vgg_studio.core.jobs import DrawSamplesJob, Stop, TrainJob

HERE = Path(__file__).parent
REAL = Path(os.environ.get("VGG_STUDIO_REAL_DATA", HERE.parents[2].parent / "shared"))
SLIM = TrainJob(variant="vgg11_bn", width_divisor=8, slim_linear=True, image_size=32, batch_size=16, epochs=12)
PLAIN = msgspec.structs.replace(SLIM, variant="vgg11")
FREE = msgspec.structs.replace(
    SLIM, optimizer="adam", schedule="none", variation="none", dropout=0.0
)  # of all restraint
Recipe = tuple[
    TrainJob, str, int, tuple[int, ...]
]  # settings, data set, pictures of each class, fewer of the first classes

FLOWERS, CIFAR = "data/flowers", "data/cifar10/train"
WEIGHTS = str(REAL / "weights" / "vgg16_features.pth")


def changed(job: TrainJob, **fields: object) -> TrainJob:
    """The job with some settings changed."""
    return msgspec.structs.replace(job, **fields)


RECIPES: dict[str, Recipe] = {
    "good-cifar-bn-adamw": (changed(SLIM, optimizer="adamw", epochs=8), CIFAR, 100, ()),
    "good-cifar-bn-crops": (changed(SLIM, optimizer="adamw", epochs=14, variation="flip_crop"), CIFAR, 100, ()),
    "good-cifar-wide": (changed(SLIM, width_divisor=4, batch_size=32, epochs=8, optimizer="adamw"), CIFAR, 200, ()),
    "good-flowers-bn": (changed(SLIM, epochs=10, optimizer="adamw", variation="flip_crop"), FLOWERS, 100, ()),
    "good-flowers-bn-sgd": (changed(SLIM, epochs=8, image_size=48), FLOWERS, 60, ()),
    "good-flowers-light": (
        TrainJob(weights=WEIGHTS, variant="vgg16", head="light", train_from="fc8", optimizer="lbfgs", variation="none",
                 weight_decay=0.1, image_size=64, epochs=10, batch_size=16), FLOWERS, 60, (),
    ),
    "good-flowers-head": (
        TrainJob(weights=WEIGHTS, variant="vgg16", head="light", train_from="fc8", image_size=64, epochs=8, batch_size=16),
        FLOWERS, 60, (),
    ),
    "good-flowers-head-adamw": (
        TrainJob(weights=WEIGHTS, variant="vgg16", head="light", train_from="fc8", image_size=64, epochs=12, batch_size=16,
                 optimizer="adamw"), FLOWERS, 60, (),
    ),
    "good-flowers-unequal": (changed(SLIM, epochs=8, optimizer="adamw", width_divisor=4), FLOWERS, 70, (150, 40)),
    "good-flowers-64px": (changed(SLIM, epochs=6, optimizer="adamw", width_divisor=4, image_size=64), FLOWERS, 80, ()),
    "good-cifar-two": (changed(SLIM, epochs=8, optimizer="adamw", schedule="none"), CIFAR, 150, (0, 0, 0, 0, 0, 0, 0, 0)),
    "good-samples": (demo_job(""), "samples", 0, ()),
    "guessing-cifar-plain": (changed(PLAIN, learning_rate=0.001, variant="vgg16", epochs=6), CIFAR, 60, ()),
    "guessing-flowers-plain": (changed(PLAIN, learning_rate=0.003, variant="vgg16", epochs=6), FLOWERS, 40, ()),
    "guessing-flowers-unequal": (changed(PLAIN, learning_rate=0.003, variant="vgg16", epochs=6), FLOWERS, 60, (25, 25, 25)),
    "guessing-rate-too-low": (changed(SLIM, learning_rate=1e-7, epochs=6), CIFAR, 40, ()),
    "stopped-samples": (changed(FREE, variant="vgg11", learning_rate=0.003, epochs=16, variation="flip"), "samples", 0, ()),
    "guessing-rate-bn": (changed(SLIM, learning_rate=0.2, epochs=10, dropout=0.0, schedule="none"), "samples", 0, ()),
    "rate-not-finite": (changed(PLAIN, learning_rate=5.0, epochs=6), CIFAR, 40, ()),
    "rate-burnt-adam-bn": (changed(SLIM, optimizer="adam", learning_rate=0.1, epochs=6), FLOWERS, 40, ()),
    "guessing-rate-sgd": (changed(SLIM, learning_rate=0.3, dropout=0.0, epochs=6), FLOWERS, 40, ()),
    "rate-loses-it-again": (changed(SLIM, epochs=10, width_divisor=4, batch_size=32), CIFAR, 300, ()),
    "rate-burnt-adam": (changed(PLAIN, optimizer="adam", learning_rate=0.02, epochs=6), FLOWERS, 40, ()),
    "rate-burnt": (changed(PLAIN, learning_rate=0.5, epochs=6), FLOWERS, 40, ()),
    "memorising-cifar": (
        changed(FREE, width_divisor=4, optimizer="adamw", epochs=14), CIFAR, 30, (),
    ),
    "memorising-flowers": (
        changed(FREE, width_divisor=4, epochs=16), FLOWERS, 40, (),
    ),
    "stopped-flowers": (
        TrainJob(weights=WEIGHTS, variant="vgg16", head="light", train_from="fc8", image_size=64, epochs=30, batch_size=16,
                 optimizer="adamw", schedule="none", variation="none", dropout=0.0), FLOWERS, 60, (),
    ),
    "few-flowers": (changed(SLIM, optimizer="adamw", epochs=12, variation="flip_crop"), FLOWERS, 150, (20,)),
}  # fmt: skip


def main(names: list[str]) -> None:
    """Record those that are named, or all."""
    from vgg_studio.engine.train import train
    from vgg_studio.pictures.demo import draw_samples

    for name in names or RECIPES:
        job, source, count, fewer = RECIPES[name]
        with tempfile.TemporaryDirectory() as place:
            data = Path(place) / "data"
            if source == "samples":
                list(draw_samples(DrawSamplesJob(folder=str(data)), Stop()))
            else:
                some(REAL / source, data, count, fewer)
            told = list(train(changed(job, data=str(data), run=str(Path(place) / "run")), Stop()))
        given = "none" if job.weights == "none" else "official"
        kept = [changed(job, weights=given), *(plain(event) for event in told if isinstance(event, KEPT))]
        (HERE / f"{name}.jsonl").write_bytes(b"".join(msgspec.json.encode(one) + b"\n" for one in kept))
        rows = [event for event in told if isinstance(event, ev.EpochEnded)]
        print(name, [f"{row.train_accuracy or 0:.2f}/{row.val_accuracy or 0:.2f}" for row in rows], flush=True)


KEPT = (ev.RunStarted, ev.EpochEnded, ev.Evaluation, ev.RunEnded)


def plain(event: ev.Event) -> ev.Event:
    """The event without paths, times and machines."""
    replace = msgspec.structs.replace
    match event:
        case ev.RunStarted():
            return replace(
                event, time=0.0, run="run", data="data", weights="none" if event.weights == "none" else "official",
                device=ev.DeviceFact(), versions={}, threads=0, forecast=None, way=None,
            )  # fmt: skip
        case ev.EpochEnded():
            return replace(event, time=0.0, images_per_second=0.0, seconds=0.0)
        case ev.Evaluation():
            return replace(event, time=0.0, wrong=[], run="run")
        case ev.RunEnded():
            return replace(event, time=0.0, run="run", seconds=0.0, forecast=None)
    return event


def some(source: Path, folder: Path, count: int, fewer: tuple[int, ...]) -> None:
    """Copy the first `count` pictures of each class, of the first classes as many as `fewer` says."""
    for number, place in enumerate(sorted(path for path in source.iterdir() if path.is_dir())):
        if number < len(fewer) and not fewer[number]:
            continue
        target = folder / place.name
        target.mkdir(parents=True)
        for picture in sorted(place.iterdir())[: fewer[number] if number < len(fewer) else count]:
            shutil.copy(picture, target)


if __name__ == "__main__":
    main(sys.argv[1:])
