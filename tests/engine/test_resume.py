"""Runs that were stopped, killed, moved, damaged, extended: they go on, and on a processor to the same end."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch

from tests.engine.lessons import draw_folder, end, events_of, numbers, only, stopped, tiny
from vgg_studio.core import events as ev
from vgg_studio.core.jobs import Stop, TrainJob
from vgg_studio.core.progress import folded
from vgg_studio.core.run_folder import BEST, EVENTS, FROZEN, MANIFEST, RunFolder
from vgg_studio.engine import tensor_files
from vgg_studio.engine.train import train


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_folder(tmp_path_factory.mktemp("pictures"))


@pytest.fixture(autouse=True)
def _threads_as_before() -> Iterator[None]:
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


def outcome(run: Path) -> dict[str, Any]:
    """Everything in a run that a stop in between must not change."""
    manifest = RunFolder.open(run).manifest
    evaluation = manifest.evaluation
    return {
        "rows": numbers(run),
        "best": (manifest.best_epoch, tensor_files.sha256(run / BEST)),
        "last": [tensor_files.sha256(run / name) for name in (manifest.last.weights,)] if manifest.last else None,
        "calibrated": (manifest.temperature, manifest.threshold),
        "score": (evaluation.confusion, evaluation.loss, evaluation.wrong) if evaluation else None,
    }


def again(run: Path, **changes: Any) -> TrainJob:
    return TrainJob(run=str(run), resume=True, **changes)


# fmt: off
SETTINGS: dict[str, dict[str, Any]] = {
    "adamw": {"variation": "flip_crop", "dropout": 0.5},
    "adam": {"optimizer": "adam", "schedule": "step", "step_epochs": 1},
    "sgd": {"optimizer": "sgd", "learning_rate": 0.01, "warmup": 1},
    "frozen": {"train_from": "block4", "normalisation": "data"},
    "finer": {
        "train_from": "block3", "ema": 0.9, "layer_decay": 0.5, "label_smoothing": 0.1, "mirror": True, "warmup": 1,
    },
    "whole, averaged": {"ema": 0.8, "layer_decay": 0.7, "label_smoothing": 0.2, "mirror": True},
    "crops of light": {"train_from": "block5", "head": "light", "variation": "flip_crop", "views": 3, "ema": 0.95},
    "all at once": {
        "train_from": "fc8", "head": "light", "optimizer": "lbfgs", "variation": "flip", "mirror": True, "ema": 0.9,
    },
    "not kept": {"train_from": "fc6", "features": "none", "variation": "flip_crop", "ema": 0.9},
}
# fmt: on


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS.keys())
def test_that_pauses_at_any_batch_do_not_change_the_end(
    pictures: Path, tmp_path: Path, settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    job = tiny(pictures, tmp_path / "whole", epochs=3, **settings)
    assert end(events_of(job)).outcome == "finished"

    monkeypatch.setattr("vgg_studio.engine.ending.A_TENTH", 0.0)
    run = tmp_path / "stopped"
    part = stopped(msgspec.structs.replace(job, run=str(run)), "pause", after=2)
    assert end(part).outcome == "paused"
    assert only(part, ev.CheckpointSaved)[-1].batch > 0
    for after in (1, 3, 2):
        part = stopped(again(run), "pause", after=after)
        assert end(part).outcome == "paused"
    assert end(events_of(again(run))).outcome == "finished"

    assert outcome(run) == outcome(tmp_path / "whole")
    progress = folded(RunFolder.open(run).events())
    assert [row.epoch for row in progress.rows] == [1, 2, 3]


def test_that_a_pause_while_checking_does_not_change_the_end(pictures: Path, tmp_path: Path) -> None:
    job = tiny(pictures, tmp_path / "whole")
    events_of(job)
    stop, run = Stop(), tmp_path / "stopped"
    for event in train(msgspec.structs.replace(job, run=str(run)), stop):
        if isinstance(event, ev.PhaseStarted) and event.phase == "validating":
            stop.ask("pause")

    assert end(events_of(again(run))).outcome == "finished"
    assert outcome(run) == outcome(tmp_path / "whole")


def test_that_a_pause_while_the_test_part_is_scored_does_not_change_the_end(pictures: Path, tmp_path: Path) -> None:
    job = tiny(pictures, tmp_path / "whole")
    events_of(job)
    stop, run = Stop(), tmp_path / "stopped"
    for event in train(msgspec.structs.replace(job, run=str(run)), stop):
        if isinstance(event, ev.PhaseStarted) and event.phase == "testing":
            stop.ask("pause")

    assert end(events_of(again(run))).outcome == "finished"
    assert outcome(run) == outcome(tmp_path / "whole")


def test_that_a_checkpoint_after_every_batch_changes_nothing(pictures: Path, tmp_path: Path) -> None:
    events_of(tiny(pictures, tmp_path / "whole"))
    events = events_of(tiny(pictures, tmp_path / "often", checkpoint_minutes=0.0))

    assert len(only(events, ev.CheckpointSaved)) > 6
    assert outcome(tmp_path / "often") == outcome(tmp_path / "whole")
    left = list((tmp_path / "often").glob("epoch-*"))
    assert len(left) <= 4  # last and best, two files each


def test_that_a_finished_run_is_told_again_without_being_scored_again(pictures: Path, tmp_path: Path) -> None:
    first = events_of(tiny(pictures, tmp_path / "run"))

    second = events_of(again(tmp_path / "run"))

    assert end(second).outcome == "finished"
    assert not only(second, ev.EpochEnded)
    assert only(second, ev.Evaluation)[0].confusion == only(first, ev.Evaluation)[0].confusion
    assert [event.phase for event in only(second, ev.PhaseStarted)] == ["reading", "preparing"]


def test_that_more_rounds_extend_a_run_as_if_it_had_them_from_the_start(pictures: Path, tmp_path: Path) -> None:
    settings = {"schedule": "step", "step_epochs": 2}
    events_of(tiny(pictures, tmp_path / "whole", epochs=4, **settings))
    events_of(tiny(pictures, tmp_path / "run", epochs=2, **settings))

    events = events_of(again(tmp_path / "run", epochs=4))

    assert end(events).outcome == "finished"
    assert only(events, ev.RunResumed)[0].epoch == 2
    assert outcome(tmp_path / "run") == outcome(tmp_path / "whole")
    assert folded(RunFolder.open(tmp_path / "run").events()).epochs == 4


def test_that_an_extended_run_follows_the_longer_cosine(pictures: Path, tmp_path: Path) -> None:
    events_of(tiny(pictures, tmp_path / "run", epochs=2))
    rows = only(events_of(again(tmp_path / "run", epochs=4)), ev.EpochEnded)
    whole = only(events_of(tiny(pictures, tmp_path / "whole", epochs=4)), ev.EpochEnded)

    assert [row.learning_rate for row in rows] == [row.learning_rate for row in whole[2:]]


def test_that_an_early_stopped_run_learns_on_when_it_is_given_more_rounds(pictures: Path, tmp_path: Path) -> None:
    job = tiny(pictures, tmp_path / "run", epochs=9, patience=1, learning_rate=1e-12)
    done = end(events_of(job)).epochs

    assert end(events_of(again(tmp_path / "run"))).epochs == done
    assert end(events_of(again(tmp_path / "run", epochs=20))).epochs == done + 1


def test_that_fewer_rounds_than_are_done_are_refused(pictures: Path, tmp_path: Path) -> None:
    events_of(tiny(pictures, tmp_path / "run", epochs=3))

    last = end(events_of(again(tmp_path / "run", epochs=2)))

    assert last.failure is not None
    assert (last.failure.code, last.failure.values["name"]) == ("ResumeMismatch", "epochs")


@pytest.mark.parametrize(
    "change", [{"variant": "vgg13"}, {"seed": 5}, {"learning_rate": 0.5}, {"batch_size": 4}, {"weights": "official"}]
)
def test_that_another_setting_is_refused_and_changes_nothing(
    pictures: Path, tmp_path: Path, change: dict[str, Any]
) -> None:
    stopped(tiny(pictures, tmp_path / "run"), "pause", after=1)
    before = (tmp_path / "run" / MANIFEST).read_bytes()

    last = end(events_of(again(tmp_path / "run", **change)))

    assert last.failure is not None
    assert last.failure.code == "ResumeMismatch"
    assert (
        msgspec.json.decode(before)["last"] == msgspec.json.decode((tmp_path / "run" / MANIFEST).read_bytes())["last"]
    )
    assert end(events_of(again(tmp_path / "run"))).outcome == "finished"


def test_that_the_same_settings_given_again_are_accepted(pictures: Path, tmp_path: Path) -> None:
    job = tiny(pictures, tmp_path / "run")
    stopped(job, "pause", after=1)

    assert end(events_of(msgspec.structs.replace(job, resume=True))).outcome == "finished"


@pytest.mark.parametrize("damage", ["flip", "cut", "gone"])
def test_that_a_damaged_last_checkpoint_falls_back_to_the_one_before(
    pictures: Path, tmp_path: Path, damage: str
) -> None:
    events_of(tiny(pictures, tmp_path / "whole", epochs=4))
    run = tmp_path / "run"
    events_of(tiny(pictures, run, epochs=1, schedule="cosine"))
    shutil.rmtree(run)
    stopped(tiny(pictures, run, epochs=4), "pause", after=3, kind=ev.EpochEnded)
    manifest = RunFolder.open(run).manifest
    assert manifest.last is not None
    assert manifest.best is not None
    if manifest.last.weights == manifest.best.weights:
        pytest.skip("the last round was the best one here")
    _damage(run / manifest.last.state, damage)

    events = events_of(again(run))

    assert end(events).outcome == "finished"
    assert only(events, ev.RunResumed)[0].epoch == manifest.best.epoch
    assert outcome(run) == outcome(tmp_path / "whole")


def test_that_rounds_behind_the_checkpoint_that_is_left_are_learned_again(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "vgg_studio.engine.course.is_better", lambda _, best: best is None
    )  # the first round stays best
    events_of(tiny(pictures, tmp_path / "whole", epochs=4))
    run = tmp_path / "run"
    stopped(tiny(pictures, run, epochs=4), "pause", after=3, kind=ev.EpochEnded)
    last = RunFolder.open(run).manifest.last
    assert last is not None
    _damage(run / last.weights, "flip")

    events = events_of(again(run))

    assert only(events, ev.RunResumed)[0].epoch == 1
    assert [row.epoch for row in only(events, ev.EpochEnded)] == [2, 3, 4]
    assert outcome(run) == outcome(tmp_path / "whole")
    assert [row.epoch for row in folded(RunFolder.open(run).events()).rows] == [1, 2, 3, 4]


def _damage(path: Path, kind: str) -> None:
    data = bytearray(path.read_bytes())
    if kind == "gone":
        path.unlink()
        return
    if kind == "flip":
        data[len(data) // 2] ^= 1
    path.write_bytes(data if kind == "flip" else data[: len(data) // 2])


def test_that_a_run_without_any_whole_checkpoint_is_called_damaged(pictures: Path, tmp_path: Path) -> None:
    stopped(tiny(pictures, tmp_path / "run"), "pause", after=1)
    for path in (tmp_path / "run").glob("epoch-*"):
        _damage(path, "flip")

    last = end(events_of(again(tmp_path / "run")))

    assert last.failure is not None
    assert (last.outcome, last.failure.code) == ("failed", "RunDamaged")


@pytest.mark.parametrize("name", [FROZEN, "split.csv", "preprocessing.json"])
def test_that_a_damaged_file_of_the_run_is_named(pictures: Path, tmp_path: Path, name: str) -> None:
    stopped(tiny(pictures, tmp_path / "run", train_from="fc6"), "pause", after=1)
    (tmp_path / "run" / name).write_bytes(b'{"x')

    last = end(events_of(again(tmp_path / "run")))

    assert last.failure is not None
    assert last.failure.code == "RunDamaged"
    assert name in str(last.failure.values)


def test_that_a_torn_log_and_litter_are_mended(pictures: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    stopped(tiny(pictures, run, epochs=3), "pause", after=1, kind=ev.EpochEnded)
    lines = (run / EVENTS).read_bytes().splitlines(keepends=True)
    kept = [line for line in lines if b'"epoch_ended"' not in line]
    (run / EVENTS).write_bytes(b"".join(kept) + b'{"type":"batch_en')
    (run / "epoch-0009.safetensors").write_bytes(b"a writer was killed here")
    (run / "run.json.abc.part~").write_bytes(b"{")

    assert end(events_of(again(run))).outcome == "finished"

    assert [event.epoch for event in only(RunFolder.open(run).events(), ev.EpochEnded)] == [1, 2, 3]
    assert not list(run.glob("*.part~"))
    assert not (run / "epoch-0009.safetensors").exists()


def test_that_a_moved_run_goes_on_with_moved_pictures(pictures: Path, tmp_path: Path) -> None:
    events_of(tiny(pictures, tmp_path / "whole"))
    shutil.copytree(pictures, tmp_path / "old")
    stopped(tiny(tmp_path / "old", tmp_path / "run"), "pause", after=1)
    (tmp_path / "run").rename(tmp_path / "moved")
    (tmp_path / "old").rename(tmp_path / "new")

    lost = end(events_of(again(tmp_path / "moved")))
    assert lost.failure is not None
    assert lost.failure.code == "FolderMissing"
    assert RunFolder.open(tmp_path / "moved").manifest.outcome == "paused"
    assert end(events_of(again(tmp_path / "moved", data=str(tmp_path / "new")))).outcome == "finished"
    assert outcome(tmp_path / "moved") == outcome(tmp_path / "whole")


def test_that_pictures_that_vanished_are_named_and_the_others_keep_their_parts(tmp_path: Path) -> None:
    data = draw_folder(tmp_path / "pictures")
    run = tmp_path / "run"
    stopped(tiny(data, run), "pause", after=1, kind=ev.EpochEnded)
    split = (run / "split.csv").read_bytes()
    (data / "red" / "red-003.png").unlink()
    draw_folder(data, count=2, first=90)  # new pictures belong to no part of this run

    events = events_of(again(run))

    assert end(events).outcome == "finished"
    assert [(event.picture.path, event.reason) for event in only(events, ev.PictureLeftOut)] == [
        ("red/red-003.png", "missing")
    ]
    assert (run / "split.csv").read_bytes() == split
    assert [entry.picture.path for entry in RunFolder.open(run).manifest.left_out] == ["red/red-003.png"]


def test_that_pictures_that_vanish_while_it_learns_are_named_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = draw_folder(tmp_path / "pictures")
    monkeypatch.setattr("vgg_studio.engine.data.free_memory", lambda: 1000)
    monkeypatch.setattr("vgg_studio.engine.ending.A_TENTH", 0.0)
    events = []
    for event in train(tiny(data, tmp_path / "run", epochs=3), Stop()):
        events.append(event)
        if isinstance(event, ev.RunStarted):
            shutil.rmtree(data / "red")

    assert end(events).outcome == "finished"
    named = [event.picture.path for event in only(events, ev.PictureLeftOut)]
    assert len(named) == len(set(named)) == 14
    report = only(events, ev.BatchEnded)[-1]
    assert report.pictures == report.pictures_total == 20  # of 42 pictures 30 train, a third of them red


def test_that_threads_and_precision_are_the_runs_own(pictures: Path, tmp_path: Path) -> None:
    stopped(tiny(pictures, tmp_path / "run"), "pause", after=1)
    run = RunFolder.open(tmp_path / "run")
    assert run.manifest.threads == 1  # so small a network is worth no more
    run.save(msgspec.structs.replace(run.manifest, threads=2, precision="bf16"))

    events = events_of(again(tmp_path / "run"))

    assert torch.get_num_threads() == 2
    started = only(events, ev.RunStarted)[0]
    assert (started.threads, started.precision) == (2, "bf16")


# --- killed


# A process that has imported everything and computed nothing, so that it can be copied for each try.
_SCRIPT = """
import importlib, os, random, signal, sys, time
from pathlib import Path
from tests.engine.lessons import tiny
from vgg_studio.core.jobs import Stop, TrainJob
from vgg_studio.core.run_folder import MANIFEST, RunFolder
from vgg_studio.engine.train import train
importlib.import_module("torch._dynamo")
data, run, kills = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
chance = random.Random(kills)

def learn(told):
    known = (run / MANIFEST).exists()
    job = TrainJob(run=str(run), resume=True) if known else tiny(
        data, run, epochs=4, variation="flip_crop", checkpoint_minutes=0.0)
    for event in train(job, Stop()):
        os.write(told, b"!" if getattr(event, "outcome", "") == "failed" else b".")

for _ in range(kills):
    heard, told = os.pipe()
    child = os.fork()
    if not child:
        try:
            learn(told)
        finally:
            os._exit(0)
    os.close(told)
    for _ in range(chance.randrange(1, 22)):
        if (word := os.read(heard, 1)) != b".":
            break
    time.sleep(chance.random() * 0.05)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(heard)
    assert word != b"!", "a continued run failed"
    if (run / MANIFEST).exists():
        RunFolder.open(run)
"""


def _killed_and_continued(pictures: Path, run: Path, kills: int) -> None:
    """Train in processes that are killed at random moments."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parents[2])}
    subprocess.run([sys.executable, "-c", _SCRIPT, str(pictures), str(run), str(kills)], env=environment, check=True)


def _assert_that_kills_change_nothing(pictures: Path, tmp_path: Path, kills: int) -> None:
    torch.set_num_threads(1)
    settings = {"epochs": 4, "variation": "flip_crop"}
    assert end(events_of(tiny(pictures, tmp_path / "whole", **settings))).outcome == "finished"
    run = tmp_path / "killed"
    _killed_and_continued(pictures, run, kills)
    job = again(run) if (run / MANIFEST).exists() else tiny(pictures, run, **settings)
    assert end(events_of(job)).outcome == "finished"
    assert outcome(run) == outcome(tmp_path / "whole")
    assert [row.epoch for row in folded(RunFolder.open(run).events()).rows] == [1, 2, 3, 4]


def test_that_kills_at_random_moments_do_not_change_the_end(pictures: Path, tmp_path: Path) -> None:
    _assert_that_kills_change_nothing(pictures, tmp_path, kills=5)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_that_thirty_kills_do_not_change_the_end(pictures: Path, tmp_path: Path) -> None:
    _assert_that_kills_change_nothing(pictures, tmp_path, kills=30)


# The same, but each try is killed before another call of those that make a file count, and then continued.
_EACH = """
import importlib, os, signal, sys
from pathlib import Path
from tests.engine.lessons import tiny
from tests.engine.test_resume import again, outcome
from vgg_studio.core.jobs import Stop
from vgg_studio.core.run_folder import MANIFEST
from vgg_studio.engine.train import train
importlib.import_module("torch._dynamo")
data, root = Path(sys.argv[1]), Path(sys.argv[2])
calls = 0

def counted(function, deadly):
    def call(*arguments, **named):
        global calls
        calls += 1
        if calls == deadly:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*arguments, **named)
    return call

def in_a_copy(work):
    child = os.fork()
    if not child:
        try:
            os._exit(work())
        finally:
            os._exit(99)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

def learn(run, deadly):
    for name in ("fsync", "replace", "unlink", "mkdir"):
        setattr(os, name, counted(getattr(os, name), deadly))
    job = again(run) if (run / MANIFEST).exists() else tiny(data, run)
    (*_, last) = train(job, Stop())
    return int(last.outcome != "finished")

def compare(run, other):
    return int(outcome(run) != outcome(other))

assert in_a_copy(lambda: learn(root / "whole", 0)) == 0
for deadly in range(1, 1000):
    run = root / str(deadly)
    if in_a_copy(lambda: learn(run, deadly)) == 0:
        break
    assert in_a_copy(lambda: learn(run, 0)) == 0, f"not continued after call {deadly}"
    assert in_a_copy(lambda: compare(run, root / "whole")) == 0, f"another end after call {deadly}"
    assert not list(run.glob("*.part~")), f"litter after call {deadly}"
print(deadly)
"""


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_that_a_kill_before_any_write_that_counts_does_not_change_the_end(pictures: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parents[2])}

    done = subprocess.run(
        [sys.executable, "-c", _EACH, str(pictures), str(tmp_path)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 30
