"""Several processes that train together. On a machine without cards VGG_STUDIO_PROCESSES says what "all cards" means."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
import torch.distributed

from tests import watching
from tests.engine.lessons import draw_folder, end, only, stopped, tiny
from tests.engine.test_shrinking import batch, learner_of, limit
from vgg_studio import paths
from vgg_studio.core import events as ev
from vgg_studio.core.jobs import EvaluateJob, Request, Stop, StopHow, TrainJob, to_line
from vgg_studio.core.run_folder import RunFolder
from vgg_studio.engine.batches import Batch
from vgg_studio.engine.evaluate import evaluate
from vgg_studio.engine.feature_files import RECORD
from vgg_studio.engine.place import Place, place
from vgg_studio.engine.several import AgreedStop, Group, within
from vgg_studio.engine.train import train

ROOT = Path(__file__).resolve().parents[2]
ROUNDING = 1e-5  # of a loss: sums over pictures are taken in another order


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_folder(tmp_path_factory.mktemp("pictures"), count=17)  # 33 to learn from


@pytest.fixture
def _two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VGG_STUDIO_PROCESSES", "2")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


def plain(data: Path, run: Path, **changes: Any) -> TrainJob:
    """A training whose numbers do not depend on who computes what: no dropout, no batch normalisation."""
    settings = {"variant": "vgg11", "dropout": 0.0, "optimizer": "sgd", "learning_rate": 0.05}
    return tiny(data, run, **(settings | changes))


def losses(events: list[ev.Event]) -> list[float]:
    """All losses of a training that ended as it should: of its rounds, then of the final score."""
    assert end(events).outcome == "finished", end(events).failure
    rounds = [loss for row in only(events, ev.EpochEnded) for loss in (row.train_loss, row.val_loss)]
    return [loss for loss in [*rounds, *(one.loss for one in only(events, ev.Evaluation))] if loss is not None]


def both(data: Path, runs: Path, **changes: Any) -> tuple[list[ev.Event], list[ev.Event]]:
    """The events of a training by two processes, and of the same one by one process."""
    two = list(train(plain(data, runs / "two", **(changes | {"device": "all"})), Stop()))
    return two, list(train(plain(data, runs / "one", **changes), Stop()))


@pytest.mark.usefixtures("_two")
@pytest.mark.parametrize(
    "changes",
    [
        {"batch_size": 7},  # the last batch has 5
        {"batch_size": 1, "epochs": 1},  # one of two has nothing to learn from
        pytest.param(
            {"batch_size": 8, "optimizer": "adamw", "learning_rate": 1e-3, "ema": 0.9, "variation": "flip_crop"},
            marks=pytest.mark.slow,
        ),
    ],
    ids=["uneven", "single pictures", "adamw"],
)
def test_that_two_processes_lose_what_one_loses(pictures: Path, tmp_path: Path, changes: dict[str, Any]) -> None:
    two, one = both(pictures, tmp_path, **changes)

    assert losses(two) == pytest.approx(losses(one), rel=ROUNDING)
    assert [row.learning_rate for row in only(two, ev.EpochEnded)] == [
        row.learning_rate for row in only(one, ev.EpochEnded)
    ]


@pytest.mark.usefixtures("_two")
def test_that_a_round_is_checked_with_the_statistics_that_are_kept(pictures: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    events = list(train(plain(pictures, run, variant="vgg11_bn", epochs=1, device="all"), Stop()))
    (row,) = only(events, ev.EpochEnded)
    (score,) = only(list(evaluate(EvaluateJob(run=str(run), split="val", device="cpu"), Stop())), ev.Evaluation)

    assert row.val_loss == pytest.approx(score.loss, rel=1e-6)


@pytest.mark.gpu
def test_that_all_cards_lose_what_one_loses(pictures: Path, tmp_path: Path) -> None:
    if torch.cuda.device_count() < 2:
        pytest.skip("one graphics card is not several")
    two = list(train(plain(pictures, tmp_path / "two", device="all", precision="fp32"), Stop()))
    one = list(train(plain(pictures, tmp_path / "one", device="cuda", precision="fp32"), Stop()))

    assert losses(two) == pytest.approx(losses(one), rel=1e-2)  # TF32


@pytest.mark.usefixtures("_two")
@pytest.mark.parametrize(
    ("changes", "rounding"),
    [
        ({"train_from": "block5"}, ROUNDING),
        # Its line searches make more of a difference in the last digit.
        ({"train_from": "fc8", "optimizer": "lbfgs", "weight_decay": 0.1}, 1e-3),
    ],
    ids=["block5", "lbfgs"],
)
def test_that_two_processes_share_out_the_frozen_part_and_lose_what_one_loses(
    pictures: Path, tmp_path: Path, changes: dict[str, Any], rounding: float
) -> None:
    two, one = both(pictures, tmp_path, batch_size=7, **changes)

    assert losses(two) == pytest.approx(losses(one), rel=rounding)
    assert next(ready.computed for ready in only(one, ev.FeaturesReady)) == 0  # what the two computed is there
    (cache,) = (paths.cache_folder() / "features").iterdir()
    counts = [file.stat().st_size // RECORD.itemsize for file in cache.glob("*.index")]
    assert len(counts) == 2
    assert sum(counts) == sum(ready.computed for ready in only(two, ev.FeaturesReady))
    assert max(counts) - min(counts) <= 3  # one in each fill


@pytest.mark.usefixtures("_two")
def test_that_one_process_writes_the_run_and_tells_of_it(pictures: Path, tmp_path: Path) -> None:
    shutil.copytree(pictures, tmp_path / "pictures")
    for name in ("blue", "red"):  # in the first and in the second process's share
        (tmp_path / "pictures" / name / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    job = tiny(tmp_path / "pictures", tmp_path / "run", device="all")  # with batch normalisation and dropout
    events = list(train(job, Stop()))

    run = RunFolder.open(tmp_path / "run")
    assert (end(events).outcome, run.manifest.processes) == ("finished", 2)
    assert only(events, ev.RunStarted)[0].processes == 2
    assert len(only(events, ev.PictureLeftOut)) == len(run.manifest.left_out) == 2
    reading = [event for event in only(events, ev.PhaseProgress) if event.phase == "reading"]
    assert (reading[-1].done, reading[-1].total) == (53, 53)
    told = [event for event in run.events() if not isinstance(event, ev.BatchEnded | ev.PhaseProgress)]
    assert [type(event) for event in told] == [
        type(event) for event in events if not isinstance(event, ev.BatchEnded | ev.PhaseProgress)
    ]


@pytest.mark.usefixtures("_two")
@pytest.mark.parametrize("how", ["pause", pytest.param("discard", marks=pytest.mark.slow)])
def test_that_a_wish_to_stop_is_everybodys(pictures: Path, tmp_path: Path, how: StopHow) -> None:
    job = plain(pictures, tmp_path / "run", epochs=200, device="all")
    events = stopped(job, how, after=2, kind=ev.EpochEnded)

    assert end(events).outcome == {"pause": "paused", "discard": "discarded"}[how]
    assert (tmp_path / "run").exists() == (how == "pause")


@pytest.mark.usefixtures("_two")
def test_that_one_process_goes_on_where_two_paused(pictures: Path, tmp_path: Path) -> None:
    whole = list(train(plain(pictures, tmp_path / "whole", epochs=4), Stop()))
    stopped(plain(pictures, tmp_path / "run", epochs=4, device="all"), "pause", after=2, kind=ev.EpochEnded)
    rest = list(train(TrainJob(run=str(tmp_path / "run"), resume=True, device="cpu"), Stop()))

    assert losses(rest) == pytest.approx(losses(whole)[-len(losses(rest)) :], rel=ROUNDING)


@pytest.mark.usefixtures("_two")
def test_that_the_end_of_a_helper_ends_the_training_with_a_sentence(pictures: Path, tmp_path: Path) -> None:
    before, events = watching.children(), []
    for event in train(plain(pictures, tmp_path / "run", epochs=500, device="all"), Stop()):
        events.append(event)
        if isinstance(event, ev.EpochEnded) and event.epoch == 2:
            (helper,) = watching.children() - before
            os.kill(helper, signal.SIGKILL)

    failure = end(events).failure
    assert failure is not None
    assert failure.code == "WorkerLost"
    assert RunFolder.open(tmp_path / "run").manifest.last is not None


@pytest.mark.usefixtures("_two")
def test_that_no_helper_outlives_an_engine_that_is_killed(pictures: Path, tmp_path: Path) -> None:
    job = plain(pictures, tmp_path / "run", epochs=500, device="all")
    command = [sys.executable, "-m", "vgg_studio", "engine", "--role", "train"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as engine:
        assert engine.stdin is not None
        assert engine.stdout is not None
        engine.stdin.write(to_line(Request(id="1", job=job)))
        engine.stdin.flush()
        while json.loads(engine.stdout.readline())["type"] != "epoch_ended":
            pass
        (helper,) = _children(engine.pid)
        engine.kill()

    limit = time.monotonic() + 30
    while Path(f"/proc/{helper}").exists() and time.monotonic() < limit:
        time.sleep(0.1)
    assert not Path(f"/proc/{helper}").exists()


@pytest.mark.slow
def test_that_torchrun_starts_the_training_again_where_a_worker_is_killed(pictures: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "--max-restarts=1"]
    command += ["-m", "vgg_studio", "train", str(pictures), "--out", str(run), "--json", "--device", "cpu"]
    command += ["--variant", "vgg11", "--width-divisor", "16", "--slim-linear", "--image-size", "32", "--epochs", "40"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=os.environ | {"OMP_NUM_THREADS": "1"}
    ) as torchrun:
        while not (run / "run.json").exists() or len(RunFolder.open(run).manifest.epochs) < 2:
            assert torchrun.poll() is None
            time.sleep(0.05)
        os.kill(_worker(torchrun.pid, rank=1), signal.SIGKILL)
        out, err = torchrun.communicate(timeout=120)

    kinds = [json.loads(line)["type"] for line in out.splitlines()]
    assert torchrun.returncode == 0
    assert kinds.count("run_resumed") == 1
    assert kinds.count("run_ended") == 2
    assert kinds[-1] == "run_ended"
    assert RunFolder.open(run).manifest.outcome == "finished"
    assert b"Another process of this training ended." in err
    assert b"Traceback" not in err


def _worker(parent: int, rank: int) -> int:
    names = {child: Path(f"/proc/{child}/environ").read_bytes().split(b"\0") for child in _children(parent)}
    (found,) = [child for child, environment in names.items() if f"RANK={rank}".encode() in environment]
    return found


def _children(parent: int) -> list[int]:
    tasks = Path(f"/proc/{parent}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text(encoding="ascii").split()]


def test_that_what_fits_is_found_out_before_the_others_wait() -> None:
    whole, short = learner_of(), learner_of()
    short._learning = torch.nn.Sequential(short._head)  # as if others heard of what is computed through it
    short.rehearsals = 1
    limit(short, 4)
    for learner in (whole, short):
        learner.step(batch(16), 0.05, seed=1)

    assert (short.part, short.rehearsals, short.figures().pictures) == (4, 0, 16)
    for key, tensor in whole.network.state_dict().items():
        assert torch.allclose(tensor, short.network.state_dict()[key], rtol=1e-4, atol=1e-7), key
    limit(short, 2)
    with pytest.raises(MemoryError):
        short.step(batch(16), 0.05, seed=2)


@pytest.mark.slow
def test_that_processes_that_compute_in_parts_learn_what_one_learns(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    code = "import sys; from tests.engine.test_several import learn_in_parts; learn_in_parts(*sys.argv[1:])"
    ends = [
        subprocess.Popen([sys.executable, "-c", code, str(rank), str(port), tmp_path / "weights"], cwd=ROOT)
        for rank in range(2)
    ]
    assert [process.wait() for process in ends] == [0, 0]
    alone = learner_of()
    alone.step(batch(7), 0.05, seed=1)

    learned = safetensors.torch.load_file(tmp_path / "weights")
    for key, tensor in alone.network.state_dict().items():
        assert torch.allclose(tensor, learned[key], rtol=1e-4, atol=1e-7), key


def learn_in_parts(number: str, port: str, weights: str) -> None:
    """One of two processes; the first one keeps what both have learned."""
    rank = int(number)
    torch.distributed.init_process_group("gloo", init_method=f"tcp://127.0.0.1:{port}", rank=rank, world_size=2)
    with within(Group(Place(rank, 2, rank, 2))) as group:
        learner, whole = learner_of(), batch(7)
        learner.part = 2 - rank  # four pictures in two parts, three in three
        mine = torch.from_numpy(group.numbers(np.arange(7)))
        learner.step(Batch(whole.pictures[mine], whole.labels[mine]), 0.05, seed=1, whole=7)
        assert learner.figures().pictures == 7
    if rank == 0:
        safetensors.torch.save_file(
            {key: value.contiguous() for key, value in learner.network.state_dict().items()}, weights
        )
    torch.distributed.destroy_process_group()


@pytest.mark.parametrize(
    ("environment", "where"),
    [
        ({}, Place()),
        ({"RANK": "0", "WORLD_SIZE": "1"}, Place()),
        ({"RANK": "3", "WORLD_SIZE": "4", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "2"}, Place(3, 4, 1, 2)),
        ({"RANK": "1", "WORLD_SIZE": "2"}, Place(1, 2, 1, 2)),
        ({"RANK": "2", "WORLD_SIZE": "2"}, Place()),
        ({"RANK": "one", "WORLD_SIZE": "2"}, Place()),
    ],
)
def test_that_a_process_knows_its_place(environment: dict[str, str], where: Place) -> None:
    assert place(environment) == where


@pytest.mark.parametrize("count", [0, 1, 2, 7, 8])
def test_that_shares_are_whole_and_even(count: int) -> None:
    groups = [Group(Place(rank, 3, rank, 3)) for rank in range(3)]
    things = list(range(count))
    shares = [list(group.share(things)) for group in groups]

    assert [thing for share in shares for thing in share] == things
    assert sorted(thing for group in groups for thing in group.every_other(things)) == things
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_that_a_wish_counts_once_all_have_agreed_on_it() -> None:
    own = Stop()
    stop = AgreedStop(own)
    own.ask("finish")

    before = stop.how
    with stop.by_itself():
        meanwhile = stop.how
    stop.agree(1)
    assert (before, meanwhile, stop.how) == (None, "finish", "finish")


def test_that_a_process_alone_gets_back_what_it_gives() -> None:
    tensor = torch.arange(3.0)

    assert Group().gather("a") == ["a"]
    assert Group().told("a") == "a"
    assert Group().total(tensor) is tensor
    assert Group().exchange([1, 2]).tolist() == [[1, 2]]
