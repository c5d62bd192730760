"""A training from its order to its one last event."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch

from tests.engine.lessons import COLOURS, draw, draw_folder, end, events_of, numbers, only, publish, stopped, tiny
from vgg_studio.core import events as ev, split, vgg, writing
from vgg_studio.core.jobs import EvaluateJob, Stop
from vgg_studio.core.progress import folded
from vgg_studio.core.run_folder import BEST, EVENTS, FROZEN, MANIFEST, RunFolder
from vgg_studio.engine import learner as learning, network, tensor_files, weights
from vgg_studio.engine.course import is_better
from vgg_studio.engine.evaluate import evaluate
from vgg_studio.engine.train import train


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_folder(tmp_path_factory.mktemp("pictures"))


def test_that_a_training_tells_its_story_in_order_and_ends_once(pictures: Path, tmp_path: Path) -> None:
    events = events_of(tiny(pictures, tmp_path / "run"))

    kinds = [type(event) for event in events if not isinstance(event, ev.PhaseProgress | ev.BatchEnded)]
    epoch = [ev.PhaseStarted, ev.PhaseStarted, ev.EpochEnded, ev.CheckpointSaved]
    begin = [*[ev.PhaseStarted] * 5, ev.RunStarted]
    score = [ev.Calibrated, ev.PhaseStarted, ev.PhaseStarted, ev.Evaluation, ev.RunEnded]
    assert kinds == begin + epoch + epoch + score
    phases = [event.phase for event in only(events, ev.PhaseStarted)]
    assert phases[:6] == ["listing", "reading", "comparing", "loading_network", "preparing", "training"]
    assert phases[-2:] == ["testing", "saving"]
    last = end(events)
    best = max(only(events, ev.EpochEnded), key=lambda row: (row.val_accuracy, -(row.val_loss or 0), -row.epoch))
    assert (last.outcome, last.failure, last.epochs) == ("finished", None, 2)
    assert (last.best_epoch, last.val_accuracy) == (best.epoch, best.val_accuracy)
    assert Path(last.run) == tmp_path / "run"


def test_that_it_learns_to_tell_colours_apart(pictures: Path, tmp_path: Path) -> None:
    events = events_of(tiny(pictures, tmp_path / "run", epochs=6))

    (score,) = only(events, ev.Evaluation)
    assert score.accuracy >= 0.8
    rows = only(events, ev.EpochEnded)
    assert (rows[-1].train_loss or 9) < (rows[0].train_loss or 0)


def test_that_the_log_holds_what_the_stream_told(pictures: Path, tmp_path: Path) -> None:
    events = events_of(tiny(pictures, tmp_path / "run"))

    lines = (tmp_path / "run" / EVENTS).read_bytes().splitlines(keepends=True)
    told = [ev.to_line(event) for event in events if not isinstance(event, ev.BatchEnded)]
    assert [line for line in lines if b'"batch_ended"' not in line] == told
    assert folded(RunFolder.open(tmp_path / "run").events()).rows == folded(events).rows


def test_that_the_parts_and_what_is_left_out_add_up_to_the_files(tmp_path: Path) -> None:
    data = draw_folder(tmp_path / "pictures", count=8)
    whole = (data / "red" / "red-000.png").read_bytes()
    (data / "red" / "cut.png").write_bytes(whole[: len(whole) // 2])
    (data / "red" / "page.jpg").write_bytes(b"<!DOCTYPE html><html></html>")
    (data / "blue" / "nothing.jpg").touch()
    os.mkfifo(data / "green" / "pipe.jpg")
    draw(data / "single" / "one.png", (0, 0, 0), 1)

    events = events_of(tiny(data, tmp_path / "run", epochs=1))

    assert end(events).outcome == "finished"
    reasons = {event.picture.path: event.reason for event in only(events, ev.PictureLeftOut)}
    assert reasons == {
        "red/cut.png": "cut_off",
        "red/page.jpg": "web_page",
        "blue/nothing.jpg": "empty",
        "green/pipe.jpg": "not_a_file",
    }
    assert [(event.name, event.count) for event in only(events, ev.ClassLeftOut)] == [("single", 1)]
    (started,) = only(events, ev.RunStarted)
    files = sum(1 for path in data.rglob("*") if not path.is_dir())
    assert sum(started.parts.values()) + len(reasons) + 1 == files
    assert started.classes == sorted(COLOURS)
    assert {one.picture.path for one in RunFolder.open(tmp_path / "run").manifest.left_out} == set(reasons)


def test_that_classes_with_odd_names_are_ordinary_classes(tmp_path: Path) -> None:
    data = tmp_path / "pictures"
    for name in ("<img src=x>", "R&D"):
        for number in range(4):
            draw(data / name / f"{number}.png", (number * 40, 0, 0), number)

    events = events_of(tiny(data, tmp_path / "run", epochs=1))

    assert end(events).outcome == "finished"
    assert only(events, ev.RunStarted)[0].classes == ["<img src=x>", "R&D"]
    names = json.loads((tmp_path / "run" / "class_indices.json").read_bytes())
    assert names == {"0": "<img src=x>", "1": "R&D"}


def test_that_training_numbers_are_means_over_pictures_not_over_batches(tmp_path: Path) -> None:
    data = tmp_path / "pictures"
    draw_folder(data / "train", count=7)
    draw_folder(data / "val", count=2, first=50)
    job = tiny(data, tmp_path / "run", variant="vgg11", epochs=1, learning_rate=1e-12, dropout=0.0, variation="none")

    (row,) = only(events_of(job), ev.EpochEnded)

    (score,) = only(evaluate(EvaluateJob(run=job.run, data=str(data / "train")), Stop()), ev.Evaluation)
    assert score.count % job.batch_size not in (0, 1)
    assert row.train_loss == pytest.approx(score.loss, rel=1e-5)
    assert row.train_accuracy == score.accuracy


def test_that_a_higher_accuracy_is_better_then_a_lower_loss_then_the_earlier_round() -> None:
    best = ev.EpochRow(epoch=1, val_accuracy=0.8, val_loss=0.5, train_loss=0.1)

    assert is_better(best, None)
    assert is_better(ev.EpochRow(epoch=2, val_accuracy=0.9, val_loss=0.9), best)
    assert not is_better(ev.EpochRow(epoch=2, val_accuracy=0.7, val_loss=0.1), best)
    assert is_better(ev.EpochRow(epoch=2, val_accuracy=0.8, val_loss=0.4, train_loss=0.9), best)
    assert not is_better(ev.EpochRow(epoch=2, val_accuracy=0.8, val_loss=0.5, train_loss=0.0), best)


def test_that_without_a_validation_part_the_lower_training_loss_is_better() -> None:
    assert is_better(ev.EpochRow(epoch=2, train_loss=0.4), ev.EpochRow(epoch=1, train_loss=0.5))
    assert not is_better(ev.EpochRow(epoch=2, train_loss=0.5), ev.EpochRow(epoch=1, train_loss=0.5))


def test_that_the_test_part_chooses_nothing(tmp_path: Path) -> None:
    runs = []
    for name, first in (("a", 100), ("b", 200)):  # only the pictures of the test part differ
        data = tmp_path / name
        draw_folder(data / "train", count=8)
        draw_folder(data / "val", count=3, first=50)
        draw_folder(data / "test", count=3, first=first)
        runs.append(tmp_path / f"run-{name}")
        assert end(events_of(tiny(data, runs[-1], epochs=3))).outcome == "finished"

    assert numbers(runs[0]) == numbers(runs[1])
    one, other = (RunFolder.open(run).manifest for run in runs)
    assert one.best_epoch == other.best_epoch
    assert (one.temperature, one.threshold) == (other.temperature, other.threshold)
    assert tensor_files.sha256(runs[0] / BEST) == tensor_files.sha256(runs[1] / BEST)
    assert one.evaluation is not None
    assert other.evaluation is not None
    assert one.evaluation.loss != other.evaluation.loss


def test_that_the_best_round_is_scored_and_kept_though_later_ones_are_worse(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = learning.Learner.step

    def worse(self: learning.Learner, *batch_and_place: Any) -> None:
        step(self, *batch_and_place)
        if len(RunFolder.open(tmp_path / "run").manifest.epochs) >= 3:
            torch.nn.init.zeros_(self.network.get_parameter("classifier.6.weight"))

    monkeypatch.setattr(learning.Learner, "step", worse)
    events = events_of(tiny(pictures, tmp_path / "run", epochs=5))

    best = end(events).best_epoch
    assert best is not None
    assert best <= 3
    kept, whole = (weights.read_file(tmp_path / "run" / name) for name in (f"epoch-{best:04}.safetensors", BEST))
    assert all(torch.equal(kept[key], whole[key]) for key in kept)
    (told,) = only(events, ev.Evaluation)
    (again,) = only(evaluate(EvaluateJob(run=str(tmp_path / "run"), device="cpu"), Stop()), ev.Evaluation)
    assert (told.confusion, told.loss) == (again.confusion, again.loss)


def test_that_no_two_steps_of_a_run_nor_of_two_seeds_draw_alike(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step, seeds = learning.Learner.step, []

    def noting(self: learning.Learner, batch: object, rate: float, seed: int, *more: int) -> None:
        step(self, batch, rate, seed, *more)  # type: ignore[arg-type]
        seeds.append(seed)

    monkeypatch.setattr(learning.Learner, "step", noting)
    for seed in (0, 1):
        events_of(tiny(pictures, tmp_path / str(seed), seed=seed))

    assert len(set(seeds)) == len(seeds) == 2 * 2 * 4


def test_that_the_same_seed_gives_the_same_run_and_another_seed_another(pictures: Path, tmp_path: Path) -> None:
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        events_of(tiny(pictures, tmp_path / name, seed=seed))

    assert numbers(tmp_path / "a") == numbers(tmp_path / "b") != numbers(tmp_path / "c")
    assert tensor_files.sha256(tmp_path / "a" / BEST) == tensor_files.sha256(tmp_path / "b" / BEST)


def test_that_pictures_read_anew_for_each_round_teach_the_same_as_kept_ones(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events_of(tiny(pictures, tmp_path / "kept", variation="flip_crop", normalisation="data"))
    monkeypatch.setattr("vgg_studio.engine.data.free_memory", lambda: 1000)
    events_of(tiny(pictures, tmp_path / "anew", variation="flip_crop", normalisation="data"))

    assert numbers(tmp_path / "kept") == numbers(tmp_path / "anew")


def test_that_without_a_test_part_the_score_says_it_is_the_validation_parts(tmp_path: Path) -> None:
    draw_folder(tmp_path / "pictures" / "train", count=6)
    draw_folder(tmp_path / "pictures" / "val", count=4, first=50)

    events = events_of(tiny(tmp_path / "pictures", tmp_path / "run", epochs=1))

    (score,) = only(events, ev.Evaluation)
    assert (score.split, score.count) == ("val", 12)
    assert score.accuracy == only(events, ev.EpochEnded)[0].val_accuracy


def test_that_the_score_counts_add_up(pictures: Path, tmp_path: Path) -> None:
    (score,) = only(events_of(tiny(pictures, tmp_path / "run")), ev.Evaluation)

    parts = split.from_csv((tmp_path / "run" / "split.csv").read_bytes())
    assert sum(map(sum, score.confusion)) == score.count == len(parts.test)
    assert [sum(row) for row in score.confusion] == [
        sum(item.label == label for item in parts.test) for label in range(len(parts.classes))
    ]
    assert sum(score.confusion[label][label] for label in range(3)) == score.correct
    assert len(score.wrong) == score.count - score.correct
    assert score.interval[0] <= score.accuracy == score.correct / score.count <= score.interval[1]


def test_that_early_stopping_waits_for_patience_rounds_without_a_better_one(pictures: Path, tmp_path: Path) -> None:
    events = events_of(tiny(pictures, tmp_path / "run", epochs=30, patience=2, learning_rate=1e-12))

    last = end(events)
    assert last.outcome == "finished_early"
    assert last.epochs == (last.best_epoch or 0) + 2 < 30
    assert only(events, ev.Evaluation)


def test_that_a_loss_that_is_no_number_ends_the_run_with_a_plain_failure(pictures: Path, tmp_path: Path) -> None:
    job = tiny(pictures, tmp_path / "run", variant="vgg11", optimizer="sgd", learning_rate=1000.0, epochs=4)

    events = events_of(job)

    last = end(events)
    row = only(events, ev.EpochEnded)[-1]
    assert last.failure is not None
    assert (last.outcome, last.failure.code, last.best_epoch) == ("failed", "Diverged", None)
    assert last.failure.values["epoch"] == row.epoch == 1
    assert row.diverged
    assert row.train_loss is None
    assert b'"train_loss":null' in ev.to_line(row)


def test_that_what_was_good_before_a_run_diverged_is_kept_and_scored(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = tiny(pictures, tmp_path / "run", epochs=4)
    step = learning.Learner.step

    def spoiled(self: learning.Learner, batch: object, rate: float, seed: int, *more: int) -> None:
        step(self, batch, rate, seed, *more)  # type: ignore[arg-type]
        if RunFolder.open(tmp_path / "run").manifest.best_epoch:
            self.sums[0] = float("nan")

    monkeypatch.setattr(learning.Learner, "step", spoiled)
    events = events_of(job)

    last = end(events)
    assert last.failure is not None
    assert (last.outcome, last.failure.code, last.best_epoch, last.epochs) == ("finished_early", "Diverged", 1, 2)
    assert only(events, ev.Evaluation)
    assert [row.diverged for row in only(events, ev.EpochEnded)] == [False, True]


def test_that_finish_keeps_the_best_round_and_scores_it(pictures: Path, tmp_path: Path) -> None:
    events = stopped(tiny(pictures, tmp_path / "run", epochs=50), "finish", after=2, kind=ev.EpochEnded)

    last = end(events)
    assert (last.outcome, last.epochs) == ("finished_early", 2)
    assert only(events, ev.Evaluation)
    assert only(events, ev.Calibrated)
    assert (tmp_path / "run" / BEST).exists()


@pytest.mark.parametrize("epochs", [50, 1])
def test_that_finish_in_the_first_round_ends_that_round_there(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, epochs: int
) -> None:
    stop = Stop()
    step = learning.Learner.step

    def stopping(self: learning.Learner, batch: object, rate: float, seed: int, *more: int) -> None:
        step(self, batch, rate, seed, *more)  # type: ignore[arg-type]
        stop.ask("finish")

    monkeypatch.setattr(learning.Learner, "step", stopping)
    events = list(train(tiny(pictures, tmp_path / "run", epochs=epochs), stop))

    last = end(events)
    assert (last.outcome, last.epochs, last.best_epoch) == ("finished_early", 1, 1)
    assert only(events, ev.BatchEnded)[-1].pictures == 8
    assert only(events, ev.Evaluation)


@pytest.mark.parametrize(
    ("how", "outcome"),
    [("finish", "finished_early"), ("pause", "paused"), ("cancel", "paused"), ("discard", "discarded")],
)
def test_that_a_stop_while_pictures_are_read_ends_with_its_own_outcome(
    pictures: Path, tmp_path: Path, how: str, outcome: str
) -> None:
    events = stopped(tiny(pictures, tmp_path / "run"), how, after=2, kind=ev.PhaseStarted)  # type: ignore[arg-type]

    last = end(events)
    assert (last.outcome, last.best_epoch, last.failure) == (outcome, None, None)
    assert not (tmp_path / "run").exists()


def test_that_discard_deletes_the_run(pictures: Path, tmp_path: Path) -> None:
    events = stopped(tiny(pictures, tmp_path / "run", epochs=50), "discard", after=1, kind=ev.EpochEnded)

    assert end(events).outcome == "discarded"
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("how", ["discard", "pause"])
def test_that_a_stop_is_heard_while_the_network_is_checked(pictures: Path, tmp_path: Path, how: str) -> None:
    stop, events = Stop(), []
    for event in train(tiny(pictures, tmp_path / "run", epochs=50), stop):
        events.append(event)
        if isinstance(event, ev.PhaseStarted) and event.phase == "validating":
            stop.ask(how)  # type: ignore[arg-type]

    assert end(events).outcome == {"discard": "discarded", "pause": "paused"}[how]
    assert not only(events, ev.EpochEnded)


def test_that_a_folder_that_holds_a_run_is_not_touched(pictures: Path, tmp_path: Path) -> None:
    events_of(tiny(pictures, tmp_path / "run", epochs=1))
    before = {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()}

    last = end(events_of(tiny(pictures, tmp_path / "run", epochs=1)))

    assert last.failure is not None
    assert (last.outcome, last.failure.code) == ("failed", "RunExists")
    assert {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()} == before


def test_that_what_a_run_that_never_began_left_is_cleared_and_other_files_are_not(
    pictures: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    run.mkdir()
    for name in ("run.json.x1.part~", "epoch-0007.safetensors", EVENTS, "notes.txt"):
        (run / name).write_bytes(b"x\n")

    assert end(events_of(tiny(pictures, run, epochs=1))).outcome == "finished"

    assert not list(run.glob("*.part~"))
    assert not (run / "epoch-0007.safetensors").exists()
    assert b"x\n" not in (run / EVENTS).read_bytes().splitlines(keepends=True)
    assert (run / "notes.txt").read_bytes() == b"x\n"


def test_that_a_run_without_a_folder_of_its_own_goes_among_the_users_runs(pictures: Path) -> None:
    from vgg_studio import paths

    last = end(events_of(msgspec.structs.replace(tiny(pictures, Path(), epochs=1), run="")))

    assert Path(last.run).parent == paths.runs_folder()


def _empty(folder: Path) -> str:
    folder.mkdir()
    return "FolderEmpty"


def _missing(folder: Path) -> str:
    return "FolderMissing"


def _flat(folder: Path) -> str:
    draw(folder / "a.png", (0, 0, 0), 1)
    return "FolderFlat"


def _one_class(folder: Path) -> str:
    draw_folder(folder, classes=["red"])
    return "OneClass"


def _too_few(folder: Path) -> str:
    draw_folder(folder, classes=["red"])
    draw(folder / "blue" / "one.png", (0, 0, 0), 1)
    return "TooFewPictures"


@pytest.mark.parametrize("make", [_empty, _missing, _flat, _one_class, _too_few])
def test_that_a_folder_that_cannot_be_used_fails_with_its_reason_and_leaves_no_run(
    tmp_path: Path, make: object
) -> None:
    assert callable(make)
    code = make(tmp_path / "pictures")

    last = end(events_of(tiny(tmp_path / "pictures", tmp_path / "run")))

    assert last.failure is not None
    assert (last.outcome, last.failure.code) == ("failed", code)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("error", "code", "values"),
    [
        (
            RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"),
            "OutOfMemory",
            {"device": "cpu", "batch_size": 8},
        ),
        (MemoryError(), "OutOfMemory", {"device": "cpu", "batch_size": 8}),
        (
            torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
            "OutOfMemory",
            {"device": "cuda", "batch_size": 8},
        ),
        (ZeroDivisionError("by zero\nand more"), "Unexpected", {"detail": "ZeroDivisionError: by zero"}),
    ],
)
def test_that_any_error_within_a_training_ends_it_with_a_fact(
    pictures: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    code: str,
    values: dict[str, object],
) -> None:
    def broken(*_: object) -> None:
        raise error

    monkeypatch.setattr(learning.Learner, "step", broken)

    last = end(events_of(tiny(pictures, tmp_path / "run")))

    assert last.failure is not None
    assert (last.outcome, last.failure.code, last.failure.values) == ("failed", code, values)
    assert RunFolder.open(tmp_path / "run").manifest.outcome == "failed"


def test_that_a_full_disk_fails_the_run_and_keeps_its_last_checkpoint(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = tiny(pictures, tmp_path / "run", epochs=3)
    sync, full = writing._sync, [False]

    def syncing(path: Path) -> None:
        if full[0] and "epoch-0002.state" in path.name:
            raise OSError(errno.ENOSPC, "No space left on device")
        sync(path)

    monkeypatch.setattr(writing, "_sync", syncing)
    full[0] = True
    events = events_of(job)

    last = end(events)
    assert last.failure is not None
    assert (last.outcome, last.failure.code, last.epochs) == ("failed", "DiskFull", 1)
    left = {path.name for path in (tmp_path / "run").glob("epoch-*")}
    assert left == {"epoch-0001.safetensors", "epoch-0001.state.safetensors"}

    full[0] = False
    assert end(events_of(msgspec.structs.replace(job, resume=True, data=""))).outcome == "finished"
    events_of(tiny(pictures, tmp_path / "other", epochs=3))
    assert numbers(tmp_path / "run") == numbers(tmp_path / "other")


def test_that_a_disk_that_is_full_at_the_start_leaves_no_half_run(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path) -> None:
        if "split" in path.name:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(writing, "_sync", full)

    last = end(events_of(tiny(pictures, tmp_path / "run")))

    assert last.failure is not None
    assert last.failure.code == "DiskFull"
    assert not (tmp_path / "run").exists()


def test_that_of_two_new_runs_in_one_folder_the_later_is_kept_out(pictures: Path, tmp_path: Path) -> None:
    job = tiny(pictures, tmp_path / "run", epochs=1)
    late = train(job, Stop())
    while not isinstance(next(late), ev.PhaseProgress):
        pass
    assert end(events_of(job)).outcome == "finished"
    before = (tmp_path / "run" / MANIFEST).read_bytes()

    last = end(list(late))

    assert last.failure is not None
    assert last.failure.code == "RunExists"
    assert (tmp_path / "run" / MANIFEST).read_bytes() == before


def test_that_a_disk_without_room_for_the_run_is_told_before_it_starts(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: _Usage(free=1 << 20))

    last = end(events_of(tiny(pictures, tmp_path / "run")))

    assert last.failure is not None
    assert last.failure.code == "DiskFull"
    assert int(last.failure.values["megabytes"]) > 60
    assert not (tmp_path / "run").exists()


class _Usage(msgspec.Struct):
    free: int


@pytest.fixture
def features(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A file of weights without a classifier, in a world where fc6 and fc7 are narrow: else each test writes gigabytes."""
    monkeypatch.setattr(vgg, "LINEAR_WIDTH", 64)
    vgg.layers.cache_clear()
    built = network.build(vgg.Shape("vgg11"), seed=9)
    state = {key: value for key, value in built.state_dict().items() if key.startswith("features.")}
    torch.save(state, tmp_path / "features.pth")
    yield tmp_path / "features.pth"
    vgg.layers.cache_clear()


def test_that_what_does_not_train_stays_as_the_file_has_it_and_is_written_once(
    pictures: Path, tmp_path: Path, features: Path
) -> None:
    job = tiny(
        pictures, tmp_path / "run", variant="vgg11", weights=str(features), width_divisor=1, slim_linear=False, epochs=2
    )
    written: list[int] = []
    events = []
    for event in train(job, Stop()):
        events.append(event)
        if isinstance(event, ev.EpochEnded):
            written.append((tmp_path / "run" / FROZEN).stat().st_mtime_ns)

    assert end(events).outcome == "finished"
    (told,) = only(events, ev.WeightsLoaded)
    assert told.report.source == "file"
    assert told.report.advice == ""
    assert {key.split(".")[0] for key in told.report.loaded} == {"features"}
    assert "classifier.6.weight" in told.report.missing
    assert only(events, ev.RunStarted)[0].train_from == "fc6"
    assert written[0] == written[1]
    given, best = weights.read_file(features), weights.read_file(tmp_path / "run" / BEST)
    assert all(torch.equal(best[key], given[key]) for key in given)
    names = {path.name: set(tensor_files.read(path)[0]) for path in (tmp_path / "run").glob("*.safetensors")}
    assert names[FROZEN] == set(given)
    assert not names["epoch-0002.safetensors"] & set(given)
    assert best["classifier.6.weight"].shape[0] == 3


@pytest.mark.parametrize("kind", ["official", "official-features"])
def test_that_official_weights_bring_their_own_normalisation(
    pictures: Path, tmp_path: Path, features: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    entry = publish(features, "vgg11", monkeypatch)
    job = tiny(pictures, tmp_path / "run", variant="vgg11", weights=kind, width_divisor=1, slim_linear=False, epochs=1)

    events = events_of(job)

    assert end(events).outcome == "finished"
    assert only(events, ev.WeightsLoaded)[0].report.source == kind
    prep = msgspec.json.decode((tmp_path / "run" / "preprocessing.json").read_bytes())
    assert (tuple(prep["mean"]), tuple(prep["std"])) == (entry.mean, entry.std)
    assert prep["image_size"] == job.image_size


def test_that_a_file_without_classifier_trained_from_fc8_says_which_stage_is_right(
    pictures: Path, tmp_path: Path, features: Path
) -> None:
    job = tiny(
        pictures, tmp_path / "run", variant="vgg11", weights=str(features), train_from="fc8", width_divisor=1,
        slim_linear=False, epochs=1,
    )  # fmt: skip

    events = events_of(job)

    assert end(events).outcome == "finished"
    assert only(events, ev.WeightsLoaded)[0].report.advice == "fc6_is_the_right_stage"


def test_that_frozen_batch_normalisation_keeps_its_statistics(pictures: Path, tmp_path: Path) -> None:
    events_of(tiny(pictures, tmp_path / "run", train_from="fc6", epochs=1))

    best = weights.read_file(tmp_path / "run" / BEST)
    fresh = network.build(vgg.Shape("vgg11_bn", 3, 3, 16, True)).state_dict()
    assert torch.equal(best["features.1.running_mean"], fresh["features.1.running_mean"])
    assert not torch.equal(best["classifier.6.weight"], fresh["classifier.6.weight"])


def test_that_the_reports_of_a_round_end_with_all_its_pictures(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vgg_studio.engine.ending.A_TENTH", 0.0)
    events = events_of(tiny(pictures, tmp_path / "run"))

    (started,) = only(events, ev.RunStarted)
    reports = only(events, ev.BatchEnded)
    for epoch in (1, 2):
        of_round = [report for report in reports if report.epoch == epoch]
        assert of_round[-1].pictures == of_round[-1].pictures_total == started.parts["train"]
        assert of_round[-1].batch == of_round[-1].batches
        assert [report.batch for report in of_round] == sorted(report.batch for report in of_round)
    rows = only(events, ev.EpochEnded)
    assert [reports[-1].loss, reports[-1].accuracy] == [rows[-1].train_loss, rows[-1].train_accuracy]


def test_that_reports_come_at_most_ten_times_a_second(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vgg_studio.engine.ending.A_TENTH", 3600.0)

    assert len(only(events_of(tiny(pictures, tmp_path / "run")), ev.BatchEnded)) == 1


def test_that_a_training_whose_pictures_all_vanish_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = draw_folder(tmp_path / "pictures", count=4)
    monkeypatch.setattr("vgg_studio.engine.data.free_memory", lambda: 1000)
    events = []
    for event in train(tiny(data, tmp_path / "run"), Stop()):
        events.append(event)
        if isinstance(event, ev.RunStarted):
            shutil.rmtree(data)

    last = end(events)
    assert last.failure is not None
    assert (last.outcome, last.failure.code) == ("failed", "TooFewPictures")


def test_that_an_abandoned_training_leaves_its_run_free_to_be_continued(pictures: Path, tmp_path: Path) -> None:
    steps = train(tiny(pictures, tmp_path / "run"), Stop())
    for event in steps:
        if isinstance(event, ev.EpochEnded):
            break
    steps.close()

    run = RunFolder.open(tmp_path / "run")
    assert not run.in_use()
    assert run.manifest.outcome == ""


def test_that_a_second_training_on_a_run_is_kept_out(pictures: Path, tmp_path: Path) -> None:
    steps = train(tiny(pictures, tmp_path / "run"), Stop())
    for event in steps:
        if isinstance(event, ev.EpochEnded):
            break
    last = end(events_of(tiny(pictures, tmp_path / "run", resume=True)))
    steps.close()

    assert last.failure is not None
    assert last.failure.code == "RunInUse"


def test_that_nothing_in_a_run_names_its_own_place_or_is_pickled(pictures: Path, tmp_path: Path) -> None:
    events_of(tiny(pictures, tmp_path / "run", epochs=1))

    manifest = (tmp_path / "run" / MANIFEST).read_text()
    assert str(tmp_path / "run") not in manifest
    kinds = {path.suffix for path in (tmp_path / "run").iterdir()}
    assert kinds == {".json", ".jsonl", ".csv", ".safetensors", ""}
    for path in (tmp_path / "run").glob("*.safetensors"):
        assert path.read_bytes()[8:9] == b"{"


@pytest.fixture(autouse=True)
def _threads_as_before() -> Iterator[None]:
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)
