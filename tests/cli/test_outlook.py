"""What comes before and after a training: forecast, tuning, quick look, and the run that makes another one better."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.cli import stand_in
from tests.cli.conftest import Command
from vgg_studio import paths
from vgg_studio.cli import main, outlook, speed
from vgg_studio.cli.words import sort_out
from vgg_studio.core import events as ev
from vgg_studio.core.errors import EverythingLearns, RunExists, RunMissing, RunUnfinished, UsageError
from vgg_studio.core.jobs import AnyJob, QuickLookJob, Stop, TrainJob
from vgg_studio.core.progress import Progress
from vgg_studio.core.run_folder import Checkpoint, Manifest, RunFolder


def told(stdout: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stdout.splitlines()]


def orders(*words: str) -> list[AnyJob]:
    """The orders that a command line gives."""
    taken: list[AnyJob] = []

    def engine(job: AnyJob, stop: Stop) -> Iterator[ev.Event]:
        taken.append(job)
        yield from stand_in.quick(job, stop)

    main.run(sort_out(words), engine)
    return taken


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Two classes of 100 pictures by their names alone."""
    for name in ("daisy", "roses"):
        folder = tmp_path / "flowers" / name
        folder.mkdir(parents=True)
        for number in range(100):
            (folder / f"{number}.jpg").touch()
    return tmp_path / "flowers"


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    (tmp_path / "vgg16.pth").touch()
    return tmp_path / "vgg16.pth"


@pytest.fixture
def trained(tmp_path: Path, data: Path) -> Path:
    """A run whose head was trained, as far as the command line looks into one."""
    return made(tmp_path / "head", TrainJob(data=str(data), variant="vgg16", weights="official", head="light"))


def made(folder: Path, job: TrainJob) -> Path:
    best = Checkpoint(epoch=1, weights="epoch-0001.safetensors")
    RunFolder.create(folder, Manifest(job=job, created=1.0, parts={"train": 700}, best=best, best_epoch=1))
    return folder


# --- the settings of the fast engine


def test_that_every_setting_of_the_fast_engine_has_its_option(data: Path, weights: Path) -> None:
    words = ["train", str(data), "--weights", str(weights), "--head", "light", "--train-from", "block5", "--mirror"]
    words += ["--features", "fp32", "--precision", "bf16", "--backend", "torch", "--views", "4", "--ema", "0.99"]
    (job,) = orders(*words, "--layer-decay", "0.1", "--label-smoothing", "0.2", "--device", "all")
    assert isinstance(job, TrainJob)
    assert (job.head, job.train_from, job.mirror, job.views, job.ema) == ("light", "block5", True, 4, 0.99)
    assert (job.features, job.precision, job.backend, job.device) == ("fp32", "bf16", "torch", "all")
    assert (job.layer_decay, job.label_smoothing) == (0.1, 0.2)


def test_that_a_cached_training_tells_its_way_its_features_and_its_forecast(command: Command, data: Path) -> None:
    lines = command("train", str(data), "--out", str(data.parent / "run"), engine="fast").stdout.splitlines()
    expected = [
        "The frozen part is computed by Winograd fp32 (ncnn), 2 networks on 1 thread each.",
        "Forecast: About 100 to 110 seconds · 1.2 GB memory · 340 MB disk.",
        "800 of 1,000 pictures were known already; 200 were computed in 20 seconds.",
        "Features are not kept on the disk: another run computes them again.",
        "Memory was short: 16 pictures at a time instead of 32; a step still learns from all of them.",
        "Forecast 100 to 110 seconds, took 104 seconds.",
        f"Make it better with: vgg-studio improve {data.parent / 'run'}",
    ]
    assert [line for line in lines if line in expected] == expected
    assert not [line for line in lines if line.startswith("All ")]  # the second round needed nothing new


def test_that_a_network_that_learned_everything_is_not_offered_a_next_stage(command: Command, data: Path) -> None:
    assert "improve" not in command("train", str(data), "--epochs", "1").stdout


# --- forecast


def test_that_a_forecast_tells_the_job_and_every_network_and_stage(command: Command, data: Path, weights: Path) -> None:
    done = command("forecast", str(data), "--weights", str(weights), "--variant", "vgg16", "--epochs", "10")
    lines = done.stdout.splitlines()
    assert done.returncode == 0
    assert "VGG-16, Classifier; 2 classes, 140 pictures to learn from:" in lines
    table = lines[lines.index("") + 1 :]
    assert table[0].split() == ["Network", "What", "learns", "Time", "Memory", "Disk"]
    assert len(table) == 1 + 8 * 8


def test_that_a_forecast_in_json_is_the_last_event(command: Command, data: Path, weights: Path) -> None:
    done = command("forecast", str(data), "--weights", str(weights), "--head", "light", "--train-from", "fc8", "--json")
    events = told(done.stdout)
    assert [event["type"] for event in events] == ["machine_tuned", "forecast_made"]
    assert events[-1]["parts"] == {"train": 140, "val": 30, "test": 30}
    assert events[-1]["forecast"]["seconds_low"] < events[-1]["forecast"]["seconds_high"]
    assert {row["train_from"] for row in events[-1]["rows"]} == {"fc8", *(f"block{n}" for n in range(1, 6))}


@pytest.mark.parametrize("words", [("forecast",), ("quick-look",), ("improve",)])
def test_that_what_is_asked_about_has_to_be_named(command: Command, words: tuple[str, ...]) -> None:
    done = command(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1


# --- tune


def test_that_tuning_tells_the_fastest_way_and_the_others(command: Command) -> None:
    lines = command("tune").stdout.splitlines()
    assert lines[1] == (
        "Fastest for VGG-16 here: Winograd fp32 (ncnn), 2 networks side by side, 10.0 pictures a second."
    )
    assert [line.split()[-1] for line in lines[-2:]] == ["2e-06", "0e+00"]


def test_that_tuning_is_asked_for_a_network_and_anew() -> None:
    (job,) = orders("tune", "--variant", "vgg11", "--again", "--device", "cpu")
    assert job == msgspec.convert({"order": "tune", "variant": "vgg11", "again": True, "device": "cpu"}, type(job))


def test_that_ncnn_is_named_only_where_it_would_help(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = ev.MachineProfile(
        machine="cpu EPYC", variant="vgg16", extract=[ev.Candidate(way=ev.Way(), macs_per_second=1)]
    )
    bf16 = msgspec.structs.replace(
        plain, extract=[ev.Candidate(way=ev.Way(precision="bf16"), macs_per_second=1), *plain.extract]
    )
    slow = msgspec.structs.replace(plain, extract=bf16.extract[::-1])
    card = msgspec.structs.replace(plain, machine="cuda H100")
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    assert [speed.lacks_ncnn(profile) for profile in (plain, bf16, slow, card)] == [True, False, True, False]
    said = speed.lines(ev.MachineTuned(profile=plain), Progress())[-1]
    assert said.endswith("uv pip install 'vgg-studio[fast-cpu]'")
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: object())
    assert not speed.lacks_ncnn(plain)


# --- quick look


def test_that_a_quick_look_tells_what_a_run_has_to_beat(command: Command, data: Path, weights: Path) -> None:
    done = command("quick-look", str(data), "--weights", str(weights), "--variant", "vgg16")
    last = done.stdout.replace("\u00a0", " ").splitlines()[-1]
    assert last == "A linear layer on the frozen network reaches 86.5 % (± 1.2): the run has to beat that."


def test_that_a_quick_look_is_about_the_pictures_and_the_network(data: Path, weights: Path) -> None:
    (job,) = orders("quick-look", str(data), "--weights", str(weights), "--seed", "3", "--folds", "10")
    assert isinstance(job, QuickLookJob)
    assert (job.folds, job.job.data, job.job.weights, job.job.seed) == (10, str(data), str(weights), 3)


def test_that_a_quick_look_takes_no_option_that_would_change_nothing(command: Command, data: Path) -> None:
    done = command("quick-look", str(data), "--features", "none")
    assert (done.returncode, done.stdout) == (2, "")


def test_that_a_network_that_knows_nothing_gets_no_quick_look(data: Path) -> None:
    with pytest.raises(UsageError):
        outlook.quick_look(str(data), 5, {})


# --- improve


def test_that_a_better_run_starts_from_the_best_network_one_stage_earlier(trained: Path, data: Path) -> None:
    (job,) = orders("improve", str(trained))
    assert isinstance(job, TrainJob)
    assert (job.parent, job.data, job.variant, job.head) == (str(trained), str(data), "vgg16", "light")
    assert (job.train_from, job.optimizer, job.mirror) == ("block5", "adamw", True)
    assert job.run == str(paths.runs_folder() / "flowers-1")


def test_that_options_replace_what_suits_the_stage(trained: Path, tmp_path: Path) -> None:
    words = (
        "improve",
        str(trained),
        "--out",
        str(tmp_path / "better"),
        "--epochs",
        "3",
        "--no-mirror",
        "--lr",
        "0.002",
    )
    (job,) = orders(*words)
    assert isinstance(job, TrainJob)
    assert (job.run, job.epochs, job.mirror, job.learning_rate) == (str(tmp_path / "better"), 3, False, 0.002)


def test_that_another_stage_may_be_named(trained: Path) -> None:
    (job,) = orders("improve", str(trained), "--train-from", "block4")
    assert isinstance(job, TrainJob)
    assert (job.train_from, job.layer_decay < 1) == ("block4", True)


def test_that_pictures_that_have_moved_are_found(trained: Path, tmp_path: Path) -> None:
    moved = tmp_path / "moved"
    moved.mkdir()
    assert outlook.next_stage(str(trained), str(moved), "", {}).data == str(moved)


def test_that_what_cannot_be_made_better_says_why(tmp_path: Path, trained: Path, run: Path) -> None:
    whole = made(tmp_path / "whole", TrainJob(data="d"))
    for error, path, out in (
        (EverythingLearns, whole, ""),
        (RunUnfinished, run, ""),
        (RunMissing, tmp_path / "nothing", ""),
        (RunExists, trained, str(whole)),
    ):
        with pytest.raises(error):
            outlook.next_stage(str(path), "", out, {})


def test_that_a_refused_next_stage_ends_like_a_training(command: Command, tmp_path: Path) -> None:
    whole = made(tmp_path / "whole", TrainJob(data="d"))
    done = command("improve", str(whole), "--json")
    assert (done.returncode, [event["type"] for event in told(done.stdout)]) == (1, ["run_ended"])
    assert "--resume" in done.stderr


def test_that_several_processes_are_told_of() -> None:
    alone = stand_in.begun(TrainJob(batch_size=32))

    assert speed.plan(alone) == []
    assert speed.plan(msgspec.structs.replace(alone, processes=4)) == [
        "4 processes train together: each batch of 32 pictures is shared out among them."
    ]
