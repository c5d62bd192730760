"""A quick look: a linear layer on the frozen network, cross-validated; later runs of the same kind stand beside its figure."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.engine.lessons import draw_folder, end, events_of, only, tiny
from vgg_studio import paths
from vgg_studio.core import corrections, events as ev
from vgg_studio.core.facts import PictureRef
from vgg_studio.core.jobs import QuickLookJob, Stop, TrainJob
from vgg_studio.core.run_folder import RunFolder
from vgg_studio.engine import baselines
from vgg_studio.engine.quick_look import quick_look


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_folder(tmp_path_factory.mktemp("pictures"), count=10)


def looked(job: TrainJob) -> ev.QuickLook:
    events = list(quick_look(QuickLookJob(job=job, folds=3), Stop()))
    ended = events[-1]
    assert isinstance(ended, ev.JobEnded)
    assert ended.failure is None, ended.failure
    return only(events, ev.QuickLook)[0]


def baseline_of(run: Path) -> float | None:
    return RunFolder.open(run).manifest.quick_look


def test_that_a_run_and_the_one_after_it_stand_beside_the_quick_look_before_them(
    pictures: Path, tmp_path: Path
) -> None:
    job = tiny(pictures, tmp_path / "run", train_from="fc8", variation="none")
    look = looked(job)
    assert 0.5 < look.accuracy <= 1.0  # three colours: a guess names a third
    assert (look.folds, len(look.accuracies)) == (3, 3)

    assert end(events_of(job)).outcome == "finished"
    later = tiny(pictures, tmp_path / "later", train_from="fc7", variation="none", parent=str(tmp_path / "run"))
    assert end(events_of(later)).outcome == "finished"
    other = tiny(pictures, tmp_path / "other", train_from="fc8", variation="none", seed=5)
    assert end(events_of(other)).outcome == "finished"

    assert baseline_of(tmp_path / "run") == look.accuracy
    assert baseline_of(tmp_path / "later") == look.accuracy
    assert baseline_of(tmp_path / "other") is None


def test_that_a_run_on_an_archive_stands_beside_the_quick_look_at_it(pictures: Path, tmp_path: Path) -> None:
    archive = shutil.make_archive(str(tmp_path / "colours"), "zip", pictures)
    job = tiny(Path(archive), tmp_path / "run", train_from="fc8", variation="none")
    look = looked(job)
    assert end(events_of(job)).outcome == "finished"
    assert baseline_of(tmp_path / "run") == look.accuracy


@pytest.mark.parametrize(
    "change",
    [
        {"data": "elsewhere"},
        {"seed": 1},
        {"variant": "vgg13"},
        {"weights": "official"},
        {"image_size": 96},
        {"resize": "crop"},
        {"val_percent": 20},
    ],
    ids=lambda change: next(iter(change)),
)
def test_that_a_quick_look_is_about_its_own_pictures_and_network(change: dict[str, Any]) -> None:
    settings: dict[str, Any] = {"data": "flowers", "variant": "vgg16", "weights": "vgg16.pth"}
    baselines.remember(TrainJob(**settings), 0.8)
    assert baselines.known(TrainJob(**settings, epochs=3, batch_size=5)) == 0.8
    assert baselines.known(TrainJob(**(settings | change))) is None


def test_that_what_is_put_right_while_a_quick_look_goes_on_makes_its_figure_another_ones(tmp_path: Path) -> None:
    job, folder, place = TrainJob(data=str(tmp_path)), str(tmp_path), paths.corrections_folder()
    heeded = baselines.put_right(job)
    before = corrections.load(folder, place)
    corrections.save(before.with_step(corrections.leave_out([PictureRef(path="a.jpg")])), folder, place)
    baselines.remember(job, 0.8, heeded)
    assert baselines.known(job) is None
    corrections.save(before, folder, place)
    assert baselines.known(job) == 0.8


def test_that_names_are_understood_from_every_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = TrainJob(data=str(tmp_path / "flowers"), weights=str(tmp_path / "vgg16.pth"))
    monkeypatch.chdir(tmp_path)
    baselines.remember(TrainJob(data="flowers", weights="vgg16.pth"), 0.7)
    assert baselines.known(whole) == 0.7


def test_that_the_last_quick_look_counts_and_the_oldest_make_room() -> None:
    first = TrainJob(data="flowers", seed=0)
    for seed in range(baselines.MOST):
        baselines.remember(TrainJob(data="flowers", seed=seed), 0.5)
    baselines.remember(first, 0.6)  # again: now it is the newest
    baselines.remember(TrainJob(data="other"), 0.9)
    assert baselines.known(first) == 0.6
    assert baselines.known(TrainJob(data="flowers", seed=1)) is None
    assert baselines.known(TrainJob(data="flowers", seed=2)) == 0.5


@pytest.mark.parametrize("data", [b"", b"[{", b'{"a": 1}', b'[{"data": 1}]', b"\xff\xfe", b'["\xff"]'])
def test_that_a_damaged_file_is_forgotten(data: bytes) -> None:
    job = TrainJob(data="flowers")
    file = paths.cache_folder() / "quick-looks.json"
    file.write_bytes(data)
    assert baselines.known(job) is None
    baselines.remember(job, 0.75)
    assert baselines.known(job) == 0.75


def test_that_a_cache_that_cannot_be_written_costs_the_memory_and_nothing_else() -> None:
    (paths.cache_folder() / "quick-looks.json").mkdir()
    baselines.remember(TrainJob(data="flowers"), 0.75)
    assert baselines.known(TrainJob(data="flowers")) is None
