"""Corrections by hand where they count: in a scan, in a training and in what goes on from it; the set itself stays as it is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.engine.lessons import draw_folder, end, events_of, tiny
from tests.engine.test_lineage import LIGHT, child_of
from vgg_studio import paths
from vgg_studio.core import corrections, events as ev, split
from vgg_studio.core.corrections import Corrections, Step, leave_out, move
from vgg_studio.core.facts import PictureRef
from vgg_studio.core.jobs import EvaluateJob, ScanJob, Stop, TrainJob
from vgg_studio.core.run_folder import SPLIT, RunFolder
from vgg_studio.core.split import PARTS, Split
from vgg_studio.engine import baselines
from vgg_studio.engine.evaluate import evaluate
from vgg_studio.pictures.scan import scan


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    return draw_folder(tmp_path / "set", count=12)


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def pictures_of(folder: Path, name: str, count: int) -> list[PictureRef]:
    return [PictureRef(path=f"{name}/{file}") for file in names(folder / name)[:count]]


def correct(folder: Path, *steps: Step) -> None:
    found = Corrections(folder=str(folder))
    for step in steps:
        found = found.with_step(step)
    corrections.save(found, str(folder), paths.corrections_folder())


def state(folder: Path) -> dict[str, tuple[int, int, int, bytes]]:
    """Every entry with its size, times and content."""
    found = {}
    for path in sorted([folder, *folder.rglob("*")]):
        status = os.lstat(path)
        content = path.read_bytes() if path.is_file() else b""
        found[str(path)] = (status.st_size, status.st_mtime_ns, status.st_ctime_ns, content)
    return found


def split_of(run: Path) -> Split:
    return split.from_csv((run / SPLIT).read_bytes())


def class_of(parts: Split) -> dict[PictureRef, str]:
    return {item.picture: parts.classes[item.label] for part in PARTS for item in parts.part(part)}


def scored(events: list[ev.Event]) -> int:
    return next(event.count for event in events if isinstance(event, ev.Evaluation))


def test_that_a_scan_counts_what_was_put_right_and_tells_what_was_left_out(pictures: Path) -> None:
    first, second, *_ = names(pictures)
    out, moved = pictures_of(pictures, first, 3)[:1], pictures_of(pictures, first, 3)[1:]
    correct(pictures, leave_out(out), move(moved, second))
    events = list(scan(ScanJob(data=str(pictures)), Stop()))
    (done,) = [event for event in events if isinstance(event, ev.FolderScanned)]
    counts = {row.name: row.train for row in done.classes}
    assert (counts[first], counts[second]) == (9, 14)
    assert [(entry.picture, entry.reason) for entry in done.left_out] == [(out[0], "by_hand")]
    as_listed = list(scan(ScanJob(data=str(pictures), corrections=False), Stop()))
    (plain,) = [event for event in as_listed if isinstance(event, ev.FolderScanned)]
    assert {row.train for row in plain.classes} == {12}


def test_that_a_run_learns_the_corrected_classes_and_the_set_stays_as_it_is(pictures: Path, tmp_path: Path) -> None:
    first, second, *_ = names(pictures)
    out, moved = pictures_of(pictures, first, 2)
    correct(pictures, leave_out([out]), move([moved], second))
    before = state(pictures)
    run = tmp_path / "run"
    assert end(events_of(tiny(pictures, run, **LIGHT))).outcome == "finished"
    found = class_of(split_of(run))
    assert out not in found
    assert found[moved] == second
    told = RunFolder.open(run).manifest.left_out
    assert [(entry.picture, entry.reason) for entry in told] == [(out, "by_hand")]
    assert state(pictures) == before


def test_that_what_a_quick_look_found_holds_for_the_same_pictures_alone(pictures: Path) -> None:
    job = TrainJob(data=str(pictures))
    baselines.remember(job, 0.75)
    correct(pictures, leave_out(pictures_of(pictures, names(pictures)[0], 1)))
    assert baselines.known(job) is None
    assert baselines.known(TrainJob(data=str(pictures), corrections=False)) == 0.75
    correct(pictures)
    assert baselines.known(job) == 0.75


def test_that_a_run_that_goes_on_heeds_what_was_put_right_since(pictures: Path, tmp_path: Path) -> None:
    first, second, *_ = names(pictures)
    out, moved = pictures_of(pictures, first, 2)
    run = tmp_path / "run"
    assert end(events_of(tiny(pictures, run, **LIGHT))).outcome == "finished"
    before = split_of(run)
    correct(pictures, leave_out([out]), move([moved], second))
    child = tmp_path / "child"
    assert end(events_of(child_of(run, child, epochs=1))).outcome == "finished"
    after = split_of(child)
    expected = {picture: name for picture, name in class_of(before).items() if picture != out} | {moved: second}
    assert class_of(after) == expected
    for part in PARTS:
        stay = [item.picture for item in before.part(part) if item.picture != out]
        assert {item.picture for item in after.part(part)} == set(stay)


def test_that_another_folder_is_scored_as_it_was_put_right(pictures: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    assert end(events_of(tiny(pictures, run, **LIGHT))).outcome == "finished"
    first, *_ = names(pictures)
    correct(pictures, leave_out(pictures_of(pictures, first, 5)))
    heeded = list(evaluate(EvaluateJob(run=str(run), data=str(pictures)), Stop()))
    as_listed = list(evaluate(EvaluateJob(run=str(run), data=str(pictures), corrections=False), Stop()))
    assert scored(as_listed) - scored(heeded) == 5
