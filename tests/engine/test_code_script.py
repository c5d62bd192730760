"""Runs as torch scripts: each is run, and its numbers stand beside those of the run that it was made of."""

from __future__ import annotations

import ast
import gzip
import re
import runpy
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import torch

from tests.engine.lessons import draw_folder, end, events_of, only, tiny
from vgg_studio import paths
from vgg_studio.core import events as ev, tutorials
from vgg_studio.core.code_text import WIDTH
from vgg_studio.core.jobs import SaveCodeJob, Stop, TrainJob
from vgg_studio.core.language import use
from vgg_studio.core.run_folder import RunFolder
from vgg_studio.engine.code_script import save_code
from vgg_studio.engine.export import save_plain
from vgg_studio.engine.network import build

SAME = {"variation": "none", "dropout": 0.0, "batch_size": 64, "precision": "fp32", "features": "fp32"}
CASES: dict[str, dict[str, Any]] = {
    "steps, weighed": {
        "optimizer": "sgd", "learning_rate": 0.1, "schedule": "step", "step_epochs": 1, "warmup": 1, "class_weights": True,
        "label_smoothing": 0.1, "layer_decay": 0.3, "epochs": 5, "patience": 3,
    },
    "averaged, mirrored": {"variant": "vgg11", "optimizer": "adam", "ema": 0.9, "mirror": True, "epochs": 3},
    "last layer at once": {"head": "light", "train_from": "fc8", "optimizer": "lbfgs", "variation": "flip", "weight_decay": 0.1},
    "frozen, grey, cut": {"train_from": "block5", "channels": 1, "resize": "crop", "weight_decay": 0.0},
    "two channels": {"train_from": "fc7", "variant": "vgg13", "channels": 2, "normalisation": "data"},
}  # fmt: skip
DIGIT = 3e-4  # scripts print four digits
ROUND = re.compile(r"round \d+: loss ([\d.]+), accuracy ([\d.]+); validation loss ([\d.]+), accuracy ([\d.]+)")
LAST = re.compile(r"best round (\d+); test loss ([\d.]+), accuracy ([\d.]+)")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = draw_folder(tmp_path_factory.mktemp("pictures"), count=12)
    return draw_folder(folder, count=6, classes=["red"], first=12)


def trained(job: TrainJob) -> RunFolder:
    assert end(events_of(job)).outcome.startswith("finished")
    return RunFolder.open(Path(job.run))


def saved(run: RunFolder, folder: Path) -> Path:
    file = folder / "it.py"
    events = list(save_code(SaveCodeJob(run=str(run.path), file=str(file)), Stop()))
    assert events[-1] == msgspec.structs.replace(only(events, ev.JobEnded)[0], outcome="done")
    assert {Path(name) for name in only(events, ev.Exported)[0].files} == set(folder.glob("it*"))
    return file


def told(file: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """What a script prints; run in this process, which has loaded torch already."""
    capsys.readouterr()
    state, words = torch.random.get_rng_state(), sys.argv
    sys.argv = [str(file)]
    try:
        runpy.run_path(str(file))
    finally:
        sys.argv = words
        torch.random.set_rng_state(state)
    return capsys.readouterr().out


def compare(run: RunFolder, out: str) -> None:
    """All of a script's numbers and those of its run: equal but for the way of adding them up."""
    rounds = [[float(number) for number in found] for found in ROUND.findall(out)]
    rows = run.manifest.epochs
    wanted = [[row.train_loss, row.train_accuracy, row.val_loss, row.val_accuracy] for row in rows]
    assert len(rounds) == len(wanted)
    assert np.abs(np.array(rounds) - np.array(wanted, float)).max() < DIGIT
    (last,) = LAST.findall(out)
    scored = run.manifest.evaluation
    assert scored is not None
    assert scored.loss is not None
    assert (float(last[1]), float(last[2])) == pytest.approx((scored.loss, scored.accuracy), abs=DIGIT)
    assert int(last[0]) == run.manifest.best_epoch


@pytest.mark.parametrize("case", CASES)
def test_that_without_chance_the_script_repeats_the_run_to_the_last_digit_it_prints(
    case: str, pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = trained(tiny(pictures, tmp_path / "run", **(SAME | CASES[case])))
    compare(run, told(saved(run, tmp_path), capsys))


@pytest.mark.parametrize("key", ["a", "c", "d", "e"])
def test_that_a_recipes_script_ends_where_the_recipe_ends(
    key: str, pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    small: dict[str, Any] = {"image_size": 32, "width_divisor": 16, "slim_linear": True, "weights": "none", "epochs": 2}
    job = msgspec.structs.replace(
        tutorials.starting(key), **small, data=str(pictures), run=str(tmp_path / "run"), device="cpu"
    )
    run = trained(job)
    out = told(saved(run, tmp_path), capsys)

    losses = [[float(found[0]), float(found[2])] for found in ROUND.findall(out)]
    wanted = [[row.train_loss, row.val_loss] for row in run.manifest.epochs]
    assert np.abs(np.array(losses) - np.array(wanted, float)).max() < 0.05
    assert len(LAST.findall(out)) == 1


def test_that_a_script_runs_by_itself_on_pictures_named_on_its_line(pictures: Path, tmp_path: Path) -> None:
    run = trained(tiny(pictures, tmp_path / "run", **SAME, epochs=1))
    file = saved(run, tmp_path)
    moved = tmp_path / "moved 图片"
    moved.symlink_to(pictures, target_is_directory=True)
    file.write_text(file.read_text(encoding="utf-8").replace(str(pictures), "/nowhere"), encoding="utf-8")

    done = subprocess.run([sys.executable, file, moved], capture_output=True, encoding="utf-8", check=True, timeout=120)
    compare(run, done.stdout)


@pytest.mark.parametrize("counts", [{"train": 24, "t10k": 8}, {"train": 24}], ids=["both parts", "no test part"])
def test_that_rows_of_a_data_set_are_read_from_its_own_files(
    counts: dict[str, int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "grey"
    folder.mkdir()
    random = np.random.default_rng(0)
    for part, count in counts.items():
        labels = np.arange(count, dtype=np.uint8) % 2
        values = (random.integers(0, 120, (count, 28, 28)) + 100 * labels[:, None, None]).astype(np.uint8)
        header = struct.pack(">4i", 0x803, count, 28, 28)
        (folder / f"{part}-images-idx3-ubyte").write_bytes(header + values.tobytes())
        packed = gzip.compress(struct.pack(">2i", 0x801, count) + labels.tobytes())
        (folder / f"{part}-labels-idx1-ubyte.gz").write_bytes(packed)

    run = trained(tiny(folder, tmp_path / "run", **SAME, channels=1, epochs=1))
    file = saved(run, tmp_path)
    assert "np.frombuffer" in file.read_text(encoding="utf-8")
    compare(run, told(file, capsys))

    folder.rename(tmp_path / "elsewhere")
    (*_, ended) = save_code(SaveCodeJob(run=str(run.path), file=str(tmp_path / "other.py")), Stop())
    assert isinstance(ended, ev.JobEnded)
    assert ended.failure
    assert ended.failure.code == "FolderMissing"
    assert not (tmp_path / "other.py").exists()


def test_that_the_weights_beside_a_script_are_those_that_the_run_began_with(pictures: Path, tmp_path: Path) -> None:
    start = tmp_path / "start.pth"
    shape = TrainJob(variant="vgg11", width_divisor=16, slim_linear=True).shape(3)
    network = build(shape, seed=9)
    save_plain(network.state_dict(), start)
    run = trained(tiny(pictures, tmp_path / "run", variant="vgg11", seed=9, initial="auto", epochs=1))
    file = saved(run, tmp_path)

    found = torch.load(file.with_name("it_initial.pth"), weights_only=True)
    assert all(torch.equal(found[key], value) for key, value in network.state_dict().items())


def test_that_what_is_different_stands_at_the_top_in_the_chosen_language(pictures: Path, tmp_path: Path) -> None:
    changes: dict[str, Any] = {"train_from": "block5", "variation": "crop", "views": 3, "recipe": "e"}
    run = trained(tiny(pictures, tmp_path / "run", epochs=1, **changes))
    text = saved(run, tmp_path).read_text(encoding="utf-8")

    heading = text.partition("\n\n")[0]
    assert "as a fixed feature extractor" in heading
    assert "the run had 3 for each picture" in heading
    assert all(len(line) <= WIDTH for line in heading.splitlines())
    assert max(map(len, text.splitlines())) <= 120
    ast.parse(text)
    use("pseudo", paths.locales())
    try:
        ast.parse(saved(run, tmp_path).read_text(encoding="utf-8"))
    finally:
        use("en", paths.locales())


@pytest.mark.parametrize(("name", "code"), [("it.txt", "UsageError"), ("nowhere/it.py", "NotWritable")])
def test_that_a_script_that_cannot_be_written_says_why(name: str, code: str, pictures: Path, tmp_path: Path) -> None:
    run = trained(tiny(pictures, tmp_path / "run", epochs=1))
    *_, last = save_code(SaveCodeJob(run=str(run.path), file=str(tmp_path / name)), Stop())

    assert isinstance(last, ev.JobEnded)
    assert last.failure is not None
    assert last.failure.code == code
    assert not list(tmp_path.glob("it*"))


def test_that_a_run_of_other_rounds_than_it_was_given_says_so(pictures: Path, tmp_path: Path) -> None:
    run = trained(tiny(pictures, tmp_path / "run", epochs=2))
    assert "rounds" not in saved(run, tmp_path).read_text(encoding="utf-8").partition("import")[0]

    job = msgspec.structs.replace(run.manifest.job, epochs=9)
    run.save(msgspec.structs.replace(run.manifest, job=job, extended_at=1))
    heading = saved(run, tmp_path).read_text(encoding="utf-8").partition("import")[0]
    assert "All rounds are learned; the run has 2." in heading
    assert "behind round 1." in heading
