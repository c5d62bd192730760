"""The command line from end to end: the real main() in processes of its own, real pictures on the disk, the real engine."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from PIL import Image

from vgg_studio.__main__ import main

ROOT = Path(__file__).resolve().parent.parent.parent
QUICK: tuple[str, ...] = (
    "--variant",
    "vgg11_bn",
    "--width-divisor",
    "16",
    "--slim-linear",
    "--image-size",
    "32",
    "--batch-size",
    "8",
)
QUICK += ("--lr", "0.02", "--device", "cpu")
CLASSES = {"<img src=x>": (220, 40, 40), "R&D": (40, 40, 220)}


class Done(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str

    def events(self, kind: str = "") -> list[dict[str, Any]]:
        """The events in a --json output, all or of one type."""
        found = [json.loads(line) for line in self.out.splitlines()]
        return [event for event in found if kind in ("", event["type"])]


def _environment() -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}


def _run(*words: str | Path, cwd: Path = ROOT) -> Done:
    line = [sys.executable, "-m", "vgg_studio", *map(str, words)]
    done = subprocess.run(
        line, env=_environment(), cwd=cwd, capture_output=True, encoding="utf-8", check=False, timeout=110
    )
    return Done(done.returncode, done.stdout, done.stderr)


def _draw(folder: Path, colour: tuple[int, int, int], count: int) -> None:
    """Noisy pictures of one colour: what a tiny network tells apart in a few steps."""
    folder.mkdir(parents=True)
    for number in range(count):
        noise = np.random.default_rng(number).integers(-40, 40, (40, 48, 3))
        pixels = np.clip(np.array(colour) + noise, 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two classes with awkward names, a class of one picture, and files that are no pictures."""
    folder = tmp_path_factory.mktemp("data")
    for name, colour in CLASSES.items():
        _draw(folder / name, colour, 14)
    _draw(folder / "lonely", (0, 255, 0), 1)
    first = folder / "R&D"
    (first / "cut.png").write_bytes((first / "0.png").read_bytes()[:300])
    (first / "page.jpg").write_text("<!DOCTYPE html><html><body>404</body></html>", encoding="utf-8")
    if hasattr(os, "mkfifo"):
        os.mkfifo(first / "pipe.jpg")
    return folder


class Trained(NamedTuple):
    """A run, and what its training printed."""

    run: Path
    done: Done


@pytest.fixture(scope="module")
def trained(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A training of three rounds by the real command."""
    run = tmp_path_factory.mktemp("runs") / "first"
    return Trained(run, _run("train", data, *QUICK, "--epochs", "3", "--out", run, "--json"))


def test_that_a_training_tells_its_rounds_its_score_and_its_end(trained: Trained) -> None:
    code, _, err = trained.done
    assert (code, err) == (0, "")
    rounds = trained.done.events("epoch_ended")
    assert [one["epoch"] for one in rounds] == [1, 2, 3]
    for name in ("train_loss", "train_accuracy", "val_loss", "val_accuracy", "learning_rate", "images_per_second"):
        assert all(isinstance(one[name], float) for one in rounds), name
    evaluation, ended = trained.done.events()[-2:]
    assert (evaluation["type"], evaluation["split"]) == ("evaluation", "test")
    assert evaluation["classes"] == sorted(CLASSES)
    assert (ended["type"], ended["outcome"], ended["run"]) == ("run_ended", "finished", str(trained.run))
    assert ended["val_accuracy"] == rounds[ended["best_epoch"] - 1]["val_accuracy"]


def test_that_what_was_printed_stands_in_the_run(trained: Trained) -> None:
    kept = [json.loads(line) for line in (trained.run / "events.jsonl").read_bytes().splitlines()]
    printed = trained.done.events()
    lasting = [event for event in printed if event["type"] != "batch_ended"]
    assert [event for event in kept if event["type"] != "batch_ended"] == lasting


def test_that_files_that_are_no_pictures_are_named_and_do_not_fail_a_training(trained: Trained) -> None:
    reasons = {
        Path(event["picture"]["path"]).name: event["reason"] for event in trained.done.events("picture_left_out")
    }
    expected = {"cut.png": "cut_off", "page.jpg": "web_page"} | (
        {"pipe.jpg": "not_a_file"} if hasattr(os, "mkfifo") else {}
    )
    assert reasons == expected
    assert [event["name"] for event in trained.done.events("class_left_out")] == ["lonely"]


def test_that_evaluate_gives_the_score_of_the_training_again(trained: Trained) -> None:
    done = _run("evaluate", trained.run, "--json")
    assert done.code == 0
    first, again = trained.done.events("evaluation")[0], done.events()[-1]
    assert again["type"] == "evaluation"
    for name in ("split", "accuracy", "classes", "confusion", "count", "interval"):
        assert again[name] == first[name], name


def test_that_evaluate_tells_the_part_in_words(trained: Trained) -> None:
    done = _run("evaluate", trained.run, "--split", "val")
    assert done.code == 0
    assert "On the validation part:" in done.out
    assert "<img src=x>" in done.out


def test_that_another_folder_can_be_scored(trained: Trained, data: Path) -> None:
    evaluation = _run("evaluate", trained.run, data, "--json").events("evaluation")[0]
    assert evaluation["count"] == 28
    assert [sum(row) for row in evaluation["confusion"]] == [14, 14]


def test_that_pictures_and_folders_are_named_and_the_rest_is_told(trained: Trained, data: Path, tmp_path: Path) -> None:
    table = tmp_path / "answers.csv"
    picture, folder = data / "R&D" / "3.png", data / "<img src=x>"
    words = (picture, folder, data / "R&D" / "page.jpg", tmp_path / "nowhere.png")
    done = _run("predict", trained.run, *words, "--top", "1", "--csv", table, "--json")
    named = done.events("prediction")
    assert done.code == 1
    assert [event["path"] for event in named[:1]] == [str(picture)]
    assert len(named) == 15
    assert all(set(event["top"][0]) == {"label", "probability"} for event in named)
    assert [event["code"] for event in done.events("prediction_failed")] == ["web_page", "missing"]
    assert "nowhere.png" in done.err
    assert len(done.err.splitlines()) == 1
    rows = list(csv.DictReader(io.StringIO(table.read_text(encoding="utf-8-sig"))))
    assert [row["path"] for row in rows[:1]] == [str(picture)]
    assert len(rows) == 17


def test_that_an_exported_file_answers_like_its_run(trained: Trained, data: Path, tmp_path: Path) -> None:
    file = tmp_path / "flowers.pth"
    assert _run("export", trained.run, file, "--json").events("exported")
    assert {entry.name for entry in tmp_path.iterdir()} == {"flowers.pth", "class_indices.json", "preprocessing.json"}
    picture = data / "R&D" / "3.png"
    of_run = _run("predict", trained.run, picture, "--json").events("prediction")[0]["top"]
    of_file = _run("predict", file, picture, "--json").events("prediction")[0]["top"]
    assert [guess["label"] for guess in of_file] == [guess["label"] for guess in of_run]


def test_that_an_interrupted_training_goes_on_to_the_same_end(trained: Trained, data: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    line = [
        sys.executable,
        "-m",
        "vgg_studio",
        "train",
        str(data),
        *QUICK,
        "--epochs",
        "3",
        "--out",
        str(run),
        "--json",
    ]
    with subprocess.Popen(
        line, env=_environment(), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        while b'"epoch_ended"' not in process.stdout.readline():
            pass
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert json.loads(out.splitlines()[-1])["outcome"] == "paused"

    resumed = _run("train", "--out", run, "--resume", "--json", cwd=tmp_path)
    assert resumed.code == 0
    assert resumed.events()[-1]["outcome"] == "finished"
    assert (run / "best.safetensors").read_bytes() == (trained.run / "best.safetensors").read_bytes()


def test_that_a_finished_run_can_be_given_more_rounds(trained: Trained, tmp_path: Path) -> None:
    run = tmp_path / "copy"
    shutil.copytree(trained.run, run)
    done = _run("train", "--out", run, "--resume", "--epochs", "4", "--json")
    assert done.code == 0
    assert [event["epoch"] for event in done.events("epoch_ended")] == [4]
    refused = _run("train", "--out", run, "--resume", "--batch-size", "32")
    assert refused.code == 1
    assert "--batch-size" in refused.err


def test_that_a_folder_with_a_run_is_not_overwritten(trained: Trained, data: Path) -> None:
    before = (trained.run / "run.json").read_bytes()
    done = _run("train", data, *QUICK, "--out", trained.run)
    assert done.code == 1
    assert "--resume" in done.err
    assert (trained.run / "run.json").read_bytes() == before


# --- what cannot be used: exit code 1, one sentence, nothing written


def _sick_weights(folder: Path, kind: str) -> Path:
    """A file of weights that must not be loaded."""
    import torch
    from torch import nn

    from vgg_studio.core.vgg import Shape
    from vgg_studio.engine.network import build

    file = folder / f"{kind}.pth"
    if kind == "web page":
        file.write_text("<!DOCTYPE html><html><body>Not found</body></html>", encoding="utf-8")
    elif kind == "program":
        file.write_bytes(b"cos\nsystem\n(S'exit 3'\ntR.")
    elif kind == "object":
        torch.save(nn.Linear(2, 2), file)
    else:
        state = build(Shape("vgg11", width_divisor=1, slim_linear=True, classes=3)).state_dict()
        tensors = {key: tensor for key, tensor in state.items() if key.startswith("features")}
        if kind == "not a number":
            tensors["features.0.weight"][0] = float("nan")
        torch.save(tensors, file)
    return file


@pytest.fixture
def main_here(capfd: pytest.CaptureFixture[str]) -> Callable[..., Done]:
    """The real main() in this process: what ends before any training need not import torch each time."""

    def run(*words: str | Path) -> Done:
        return Done(main([*map(str, words)]), *capfd.readouterr())

    return run


@pytest.mark.parametrize("kind", ["web page", "program", "object", "not a number", "other variant"])
def test_that_weights_that_cannot_be_used_are_one_sentence(
    main_here: Callable[..., Done], data: Path, tmp_path: Path, kind: str
) -> None:
    file = _sick_weights(tmp_path, kind)
    variant = "vgg16" if kind == "other variant" else "vgg11"
    done = main_here(
        "train", data, "--variant", variant, "--weights", file, "--image-size", "32", "--out", tmp_path / "run"
    )
    assert done.code == 1
    assert len(done.err.splitlines()) == 1
    assert file.name in done.err
    assert not (tmp_path / "run").exists()


def _folder(path: Path, kind: str) -> Path:
    if kind == "missing":
        return path / "missing"
    path = path / "folder"
    path.mkdir()
    if kind == "flat":
        _draw(path / "all", (1, 2, 3), 4)
        for picture in (path / "all").iterdir():
            picture.rename(path / picture.name)
        (path / "all").rmdir()
    elif kind == "one class":
        _draw(path / "only", (1, 2, 3), 4)
    return path


@pytest.mark.parametrize("kind", ["missing", "empty", "flat", "one class"])
def test_that_a_folder_that_cannot_be_used_is_one_sentence(
    main_here: Callable[..., Done], tmp_path: Path, kind: str
) -> None:
    done = main_here("train", _folder(tmp_path, kind), "--out", tmp_path / "run", "--json")
    assert done.code == 1
    assert len(done.err.splitlines()) == 1
    assert "folder" in done.err
    assert [event["outcome"] for event in done.events("run_ended")] == ["failed"]
    assert not (tmp_path / "run").exists()


def test_that_a_device_that_is_not_there_is_one_sentence(
    main_here: Callable[..., Done], data: Path, tmp_path: Path
) -> None:
    done = main_here("train", data, "--device", "xpu", "--out", tmp_path / "run")
    assert done.code == 1
    assert len(done.err.splitlines()) == 1
    assert "xpu" in done.err


@pytest.mark.slow
def test_that_the_demo_learns_its_pictures_and_names_the_window(tmp_path: Path) -> None:
    done = _run("demo", "--out", tmp_path / "run", "--json")
    assert (done.code, done.err) == (0, "")
    score = done.events("evaluation")[0]
    assert score["split"] == "test"
    assert score["accuracy"] >= 0.95
    assert len(score["classes"]) >= 4
    assert sum(done.events("run_started")[0]["parts"].values()) >= 240
    assert done.events("run_ended")[0]["run"] == str(tmp_path / "run")
    assert len(done.events("prediction")) >= 4
    assert _run("demo", "--out", tmp_path / "run").code == 1  # holds a run now
