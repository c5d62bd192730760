"""A run that goes on from another: the same parts, the best network so far, and the parent left as it was."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.engine.lessons import draw_folder, end, events_of, only, stopped, tiny
from vgg_studio.core import events as ev, recipes, split
from vgg_studio.core.jobs import EvaluateJob, Stop, TrainJob
from vgg_studio.core.run_folder import BEST, CLASSES, MANIFEST, PREPROCESSING, SPLIT, RunFolder
from vgg_studio.engine import checkpoint, feature_files, tensor_files
from vgg_studio.engine.evaluate import evaluate

LIGHT: dict[str, Any] = {
    "head": "light", "train_from": "fc8", "optimizer": "lbfgs", "variation": "none", "learning_rate": None, "epochs": 2,
}  # fmt: skip


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_folder(tmp_path_factory.mktemp("pictures"), count=12)


@pytest.fixture(autouse=True)
def _as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(feature_files, "RESERVE", 0)
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


def parent_of(pictures: Path, tmp_path: Path, **changes: Any) -> Path:
    run = tmp_path / "parent"
    events = events_of(tiny(pictures, run, **(LIGHT | changes)))
    assert end(events).outcome == "finished", end(events).failure
    return run


def child_of(parent: Path, run: Path, stage: str = "", **changes: Any) -> TrainJob:
    """The next stage, as the recipe has it, of few rounds."""
    job = recipes.next_stage(RunFolder.open(parent).manifest.job, str(parent), 36, str(run), stage)
    assert job is not None
    settings = {name: getattr(job, name) for name in job.__struct_fields__}
    return TrainJob(**(settings | {"epochs": 2} | changes))


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def failure(events: list[ev.Event]) -> ev.Failure:
    last = end(events)
    assert last.outcome == "failed"
    assert last.failure is not None
    return last.failure


def test_that_a_child_has_its_parents_parts_and_sees_pictures_the_same_way(pictures: Path, tmp_path: Path) -> None:
    parent = parent_of(pictures, tmp_path, seed=3)
    job = child_of(parent, tmp_path / "child", seed=11)

    events = events_of(job)

    assert end(events).outcome == "finished"
    assert job.train_from == "block5"
    for name in (SPLIT, CLASSES):
        assert (tmp_path / "child" / name).read_bytes() == (parent / name).read_bytes()
    (started,) = only(events, ev.RunStarted)
    assert started.train_from == "block5"
    assert started.parts == RunFolder.open(parent).manifest.parts
    (score,) = only(events, ev.Evaluation)
    parts = split.from_csv((parent / SPLIT).read_bytes())
    assert (score.split, score.count) == ("test", len(parts.test))
    seen = [{item.picture.path for item in parts.part(part)} for part in ("train", "val", "test")]
    assert not seen[2] & (seen[0] | seen[1])


def test_that_a_parent_is_left_as_it_was_to_the_byte(pictures: Path, tmp_path: Path) -> None:
    parent = parent_of(pictures, tmp_path)
    before = content(parent)

    assert end(events_of(child_of(parent, tmp_path / "child"))).outcome == "finished"
    stopped(child_of(parent, tmp_path / "gone"), "discard", after=1)

    assert content(parent) == before


def test_that_a_child_starts_with_its_parents_score(pictures: Path, tmp_path: Path) -> None:
    """Before its first step it is the same network: a step of no length shows it."""
    parent = parent_of(pictures, tmp_path, mirror=True, variant="vgg11", weight_decay=0.1, features="fp32")
    still: dict[str, Any] = {
        "learning_rate": 1e-12,
        "epochs": 1,
        "schedule": "none",
        "warmup": 0,
        "ema": 0.0,
        "weight_decay": 0.0,
    }
    events = events_of(child_of(parent, tmp_path / "child", **still))

    (row,) = only(events, ev.EpochEnded)
    best = RunFolder.open(parent).manifest
    told = best.epochs[best.best_epoch - 1]
    assert row.val_accuracy == told.val_accuracy
    assert row.val_loss == pytest.approx(told.val_loss, rel=1e-5)
    (score,) = only(events, ev.Evaluation)
    assert best.evaluation is not None
    assert (score.confusion, score.count) == (best.evaluation.confusion, best.evaluation.count)
    (told_weights,) = only(events, ev.WeightsLoaded)
    assert (told_weights.report.source, told_weights.report.missing) == ("run", [])
    before, after = (tensor_files.read(run / BEST)[0] for run in (parent, tmp_path / "child"))
    assert all(torch.allclose(before[key], after[key], atol=1e-6) for key in before)


def test_that_a_line_of_runs_goes_on_from_child_to_child(pictures: Path, tmp_path: Path) -> None:
    parent = parent_of(pictures, tmp_path, variant="vgg11")
    stages = []
    for number in range(3):
        child = tmp_path / str(number)
        events = events_of(child_of(parent, child, epochs=1))
        assert end(events).outcome == "finished"
        assert (child / SPLIT).read_bytes() == (parent / SPLIT).read_bytes()
        stages.append(only(events, ev.RunStarted)[0].train_from)
        parent = child
    assert stages == ["block5", "block4", "block3"]


def test_that_a_head_of_another_kind_starts_fresh_on_the_parents_blocks(pictures: Path, tmp_path: Path) -> None:
    parent = tmp_path / "classic"
    assert end(events_of(tiny(pictures, parent, epochs=1))).outcome == "finished"
    child = tmp_path / "child"
    events = events_of(child_of(parent, child, "fc8", head="light", optimizer="lbfgs", variation="none"))

    assert end(events).outcome == "finished"
    (report,) = [event.report for event in only(events, ev.WeightsLoaded)]
    assert set(report.missing) == {"classifier.1.weight", "classifier.1.bias"}
    before, after = (tensor_files.read(run / BEST)[0] for run in (parent, child))
    assert all(torch.equal(before[key], after[key]) for key in before if key.startswith("features"))


def test_that_a_child_that_was_stopped_goes_on_without_its_parent(pictures: Path, tmp_path: Path) -> None:
    parent = parent_of(pictures, tmp_path)
    events_of(child_of(parent, tmp_path / "whole"))
    stopped(child_of(parent, tmp_path / "child"), "pause", after=1, kind=ev.EpochEnded)
    shutil.rmtree(parent)

    assert end(events_of(TrainJob(run=str(tmp_path / "child"), resume=True))).outcome == "finished"
    assert tensor_files.sha256(tmp_path / "child" / BEST) == tensor_files.sha256(tmp_path / "whole" / BEST)


def test_that_a_child_that_begins_anew_has_one_frozen_part(pictures: Path, tmp_path: Path) -> None:
    """Ended before its first checkpoint; its parent has gone on meanwhile to another best network."""
    parent, child = tmp_path / "parent", tmp_path / "child"
    stopped(tiny(pictures, parent, epochs=4), "pause", after=1, kind=ev.EpochEnded)
    stopped(child_of(parent, child, "block5"), "pause", after=1, kind=ev.RunStarted)
    assert RunFolder.open(child).manifest.last is None
    assert end(events_of(TrainJob(run=str(parent), resume=True))).best_epoch != 1

    events = events_of(TrainJob(run=str(child), resume=True))

    assert end(events).outcome == "finished"
    (shown,) = only(events, ev.Evaluation)
    (got,) = only(list(evaluate(EvaluateJob(run=str(child)), Stop())), ev.Evaluation)
    assert (shown.confusion, shown.loss) == (got.confusion, got.loss)
    state, best = checkpoint.best_state(RunFolder.open(child)), RunFolder.open(child).manifest.best
    assert best is not None
    (tmp_path / "child" / BEST).unlink()
    parts = checkpoint.best_state(RunFolder.open(child))
    assert all(torch.equal(state[key], parts[key]) for key in parts)


def test_that_pictures_that_are_gone_are_named_and_the_others_keep_their_parts(tmp_path: Path) -> None:
    data = draw_folder(tmp_path / "pictures", count=12)
    parent = parent_of(data, tmp_path)
    parts = split.from_csv((parent / SPLIT).read_bytes())
    gone = [parts.train[0].picture, parts.val[0].picture, parts.test[0].picture]
    for picture in gone:
        (data / picture.path).unlink()
    (data / "red" / "new.png").write_bytes((data / parts.train[1].picture.path).read_bytes())

    events = events_of(child_of(parent, tmp_path / "child"))

    assert end(events).outcome == "finished"
    assert {event.picture for event in only(events, ev.PictureLeftOut)} == set(gone)
    left = split.from_csv((tmp_path / "child" / SPLIT).read_bytes())
    for part in ("train", "val", "test"):
        assert left.part(part) == [item for item in parts.part(part) if item.picture not in gone]


def test_that_moved_pictures_are_found_where_the_order_says(tmp_path: Path) -> None:
    data = draw_folder(tmp_path / "pictures", count=8)
    parent = parent_of(data, tmp_path)
    data.rename(tmp_path / "moved")

    lost = failure(events_of(child_of(parent, tmp_path / "lost")))
    assert lost.code == "FolderMissing"
    assert not (tmp_path / "lost").exists()
    found = events_of(child_of(parent, tmp_path / "found", data=str(tmp_path / "moved")))
    assert end(found).outcome == "finished"
    assert sum(ready.computed for ready in only(found, ev.FeaturesReady)) > 0


def test_that_no_training_picture_left_is_told_in_words(tmp_path: Path) -> None:
    data = draw_folder(tmp_path / "pictures", count=6)
    parent = parent_of(data, tmp_path)
    for item in split.from_csv((parent / SPLIT).read_bytes()).train:
        (data / item.picture.path).unlink()

    assert failure(events_of(child_of(parent, tmp_path / "child"))).code == "TooFewPictures"


@pytest.mark.parametrize("name", [SPLIT, PREPROCESSING, BEST, MANIFEST])
@pytest.mark.parametrize("damage", ["gone", "garbage"])
def test_that_a_damaged_parent_is_told_in_words_or_its_checkpoint_taken(
    pictures: Path, tmp_path: Path, name: str, damage: str
) -> None:
    parent = parent_of(pictures, tmp_path)
    job = child_of(parent, tmp_path / "child", epochs=1)
    if damage == "gone":
        (parent / name).unlink()
    else:
        (parent / name).write_bytes(b"{nothing of this kind")

    events = events_of(job)

    if name == BEST:  # its parts are still there
        assert end(events).outcome == "finished"
        return
    assert failure(events).code == ("RunMissing" if (name, damage) == (MANIFEST, "gone") else "RunDamaged")
    assert not (tmp_path / "child").exists()


def test_that_a_missing_or_unfinished_parent_is_told_in_words(pictures: Path, tmp_path: Path) -> None:
    parent = parent_of(pictures, tmp_path)
    job = child_of(parent, tmp_path / "child")
    shutil.rmtree(parent)
    assert failure(events_of(job)).code == "RunMissing"

    stopped(tiny(pictures, parent), "pause", after=1, kind=ev.BatchEnded)
    assert failure(events_of(job)).code == "RunUnfinished"
    assert not (tmp_path / "child").exists()
