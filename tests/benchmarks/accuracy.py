"""What "make it better" is worth: flowers, several splits of 800 + 200, against logistic regression on the same splits.

    uv run --group test python tests/benchmarks/accuracy.py [--seeds 0,1,2] [--stages 1] [--out FILE]

Needs real pictures and weights below VGG_STUDIO_REAL_DATA. Each seed draws its own test part of 40 photos a class, on which
nothing is chosen. Ours: the settings that the program proposes for these weights, then its own next stage from that run, through
orders to an engine whose cache is empty. The rival: scikit-learn's logistic regression on features pooled to 2 x 2 of all 800
others, as it comes (standardised numbers, C = 1), and beside it one whose strength is chosen by cross-validation on them. Writes
ACCURACY.md.
"""

from __future__ import annotations

import argparse
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt

from tests.benchmarks.pictures import real_data, weights
from tests.benchmarks.report import markdown
from tests.benchmarks.studio import Engine, Told
from vgg_studio.core import recipes
from vgg_studio.core.events import Evaluation, RunStarted
from vgg_studio.core.jobs import TrainJob, TuneJob

OUT = Path(__file__).resolve().parent / "ACCURACY.md"
TESTED = 40  # pictures of each class
STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
BATCH, SIDE, POOLED = 16, 224, 2
Vectors = npt.NDArray[np.float32]
GAIN, MEAN, SECONDS = 0.025, 0.90, 15 * 60  # to be reached: points above the rival, mean accuracy, time for a seed


@dataclass(frozen=True)
class Seed:
    """One split: accuracies on its test part, by name of what answered; seconds of ours."""

    seed: int
    rival: float
    tuned: float  # the rival with its strength chosen
    stages: tuple[float, ...]
    seconds: float

    @property
    def gain(self) -> float:
        """Points of our last stage above the rival."""
        return self.stages[-1] - self.rival

    @property
    def gain_on_tuned(self) -> float:
        """The same above the rival with its strength chosen."""
        return self.stages[-1] - self.tuned


def main() -> int:
    """Every seed in turn, then the page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--stages", type=int, default=1, help="how often the run is made better")
    parser.add_argument("--out", default=str(OUT))
    asked = parser.parse_args()
    flowers = real_data() / "data" / "flowers"
    if not flowers.is_dir() or not weights():
        print("Accuracy was skipped: there are no photos of flowers and weights below VGG_STUDIO_REAL_DATA.")
        return 0
    files = sorted(flowers.rglob("*.jpg"))
    vectors = pooled_features(files)
    found = []
    with tempfile.TemporaryDirectory(prefix="vgg-studio-accuracy-") as work:
        for seed in map(int, asked.seeds.split(",")):
            tested = split(files, seed)
            rivals = regression(files, vectors, tested)
            place = Path(work) / str(seed)
            copy(files, tested, place / "data")
            stages, seconds = ours(place, asked.stages)
            shutil.rmtree(place)
            found.append(Seed(seed, *rivals, tuple(stages), seconds))
            print(found[-1], flush=True)
    Path(asked.out).write_text(page(found), encoding="utf-8")
    print(page(found))
    return 0


def split(files: Sequence[Path], seed: int) -> set[Path]:
    """The test part: so many pictures of each class, drawn with the seed."""
    chance = random.Random(seed)
    classes = sorted({file.parent for file in files})
    return {file for folder in classes for file in chance.sample([f for f in files if f.parent == folder], TESTED)}


def copy(files: Sequence[Path], tested: set[Path], place: Path) -> None:
    """The folder that ours gets: train/<class>/ and test/<class>/."""
    for file in files:
        target = place / ("test" if file in tested else "train") / file.parent.name / file.name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)


def ours(place: Path, stages: int) -> tuple[list[float], float]:
    """Accuracies on the test part after the first run and each stage behind it; seconds from the start of the engine."""
    began = time.perf_counter()
    job = recipes.defaults(
        len(list((place / "data").rglob("*.jpg"))), has_gpu=False, weights=weights(), has_classifier=False
    )
    with Engine("train", place / "home") as engine:
        engine.order(TuneJob(variant=job.variant))  # as the program does it in the background
        told = engine.order(_at(job, place, 0))
        reached = [_tested(told)]
        for stage in range(1, stages + 1):
            started = next(event for event in told.of(RunStarted) if isinstance(event, RunStarted))
            better = recipes.next_stage(job, told.run, started.parts["train"])
            if better is None:
                break
            job = better
            told = engine.order(_at(job, place, stage))
            reached.append(_tested(told))
    return reached, time.perf_counter() - began


def _at(job: TrainJob, place: Path, stage: int) -> TrainJob:
    return msgspec.structs.replace(job, data=str(place / "data"), run=str(place / "runs" / str(stage)))


def _tested(told: Told) -> float:
    return next(
        event.accuracy for event in told.of(Evaluation) if isinstance(event, Evaluation) and event.split == "test"
    )


def pooled_features(files: Sequence[Path]) -> Vectors:
    """(N, 2048): torchvision's own VGG-16 in fp32, its features pooled to 2 x 2."""
    import torch
    from PIL import Image
    from torchvision.models import vgg16
    from torchvision.transforms import functional

    from tests.benchmarks.peers.tutorial import DEVIATION, MEAN as AVERAGE
    from vgg_studio.engine.device import prepare_process

    prepare_process()
    network = vgg16()
    network.load_state_dict(torch.load(weights(), weights_only=True), strict=False)
    trunk = network.features.eval().to(memory_format=torch.channels_last)
    found = []
    for first in range(0, len(files), BATCH):
        pictures = []
        for file in files[first : first + BATCH]:
            with Image.open(file) as picture:
                square = functional.to_tensor(picture.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BILINEAR))
            pictures.append(functional.normalize(square, AVERAGE, DEVIATION))
        with torch.inference_mode():
            maps = trunk(torch.stack(pictures).contiguous(memory_format=torch.channels_last))
            found.append(torch.nn.functional.adaptive_avg_pool2d(maps, POOLED).flatten(1))
    vectors: Vectors = torch.cat(found).numpy()
    return vectors


def regression(files: Sequence[Path], vectors: Vectors, tested: set[Path]) -> tuple[float, float]:
    """Accuracies of the rival on the test part: as it comes, and with its strength chosen."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    names = np.array([file.parent.name for file in files])
    test = np.array([file in tested for file in files])
    pipeline = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
    search = GridSearchCV(pipeline, {"logisticregression__C": STRENGTHS}, cv=5)
    search.fit(vectors[~test], names[~test])
    pipeline.fit(vectors[~test], names[~test])
    return float(pipeline.score(vectors[test], names[test])), float(search.score(vectors[test], names[test]))


def page(found: Sequence[Seed]) -> str:
    """The table with means, spreads and what was to be reached."""
    stages = max(len(seed.stages) for seed in found)
    rivals = ["Logistic regression", "with its strength chosen"]
    rows = [["Split", *rivals, "First run", *[f"Stage {n + 1}" for n in range(1, stages)], "Gain", "Minutes"]]
    for seed in found:
        shown = [f"{value:.3f}" for value in (seed.rival, seed.tuned, *seed.stages)]
        rows.append([str(seed.seed), *shown, f"{100 * seed.gain:+.1f} points", f"{seed.seconds / 60:.1f}"])
    last = [seed.stages[-1] for seed in found]
    gains = [seed.gain for seed in found]
    spread = statistics.stdev(last) if len(last) > 1 else 0.0
    slowest = max(seed.seconds for seed in found)
    mean, gain = statistics.mean(last), statistics.mean(gains)
    mean_line = f"Mean {mean:.3f}, standard deviation {spread:.3f} (mean at least {MEAN}: {_word(mean >= MEAN)})."
    gain_line = f"Mean gain {100 * gain:.1f} points, smallest {100 * min(gains):.1f}"
    gain_line += f" (mean at least {100 * GAIN:.1f}: {_word(gain >= GAIN)})."
    tuned_line = (
        f"Above the one with its strength chosen: {100 * statistics.mean(s.gain_on_tuned for s in found):.1f} points."
    )
    time_line = f"Slowest {slowest / 60:.1f} minutes (at most {SECONDS // 60}: {_word(slowest <= SECONDS)})."
    head = "# Accuracy on flowers\n\nWritten by `accuracy.py`: 800 photos to learn from, 200 others to test, five classes.\n\n"
    return (
        head
        + "\n".join(markdown(rows))
        + "\n\n"
        + "\n".join(f"- {line}" for line in (mean_line, gain_line, tuned_line, time_line))
        + "\n"
    )


def _word(holds: bool) -> str:
    return "reached" if holds else "not reached"


if __name__ == "__main__":
    sys.exit(main())
