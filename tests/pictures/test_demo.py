"""The sample pictures: the same everywhere, drawn once, varied, and a folder that can be learned from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.pictures import pixels, snapshot, written
from vgg_studio.core.events import Event, JobEnded, PhaseProgress, PhaseStarted, SamplesDrawn
from vgg_studio.core.jobs import DrawSamplesJob, Stop
from vgg_studio.pictures.demo import draw_samples
from vgg_studio.pictures.drawing import KINDS, SIDE, draw
from vgg_studio.pictures.opening import open_picture
from vgg_studio.pictures.scan import list_folder


def _draw(folder: Path, count: int = 10) -> list[Event]:
    return list(draw_samples(DrawSamplesJob(folder=str(folder), count=count), Stop()))


def test_that_the_samples_are_a_folder_of_at_least_four_classes(tmp_path: Path) -> None:
    events = _draw(tmp_path / "samples", 10)
    listing = list_folder(str(tmp_path / "samples"))
    assert listing.classes == sorted(KINDS)
    assert len(listing.classes) >= 4
    assert len(listing.items["train"]) == 10
    drawn = events[-2]
    assert isinstance(drawn, SamplesDrawn)
    assert (drawn.folder, drawn.count) == (str(tmp_path / "samples"), 10)
    assert isinstance(events[-1], JobEnded)


def test_that_by_default_there_are_as_many_of_each_kind() -> None:
    assert DrawSamplesJob(folder="x").count == 120 * len(KINDS)


def test_that_progress_ends_at_the_number_of_pictures_and_never_goes_back(tmp_path: Path) -> None:
    events = _draw(tmp_path / "samples", 8)
    done = [event.done for event in events if isinstance(event, PhaseProgress)]
    assert isinstance(events[0], PhaseStarted)
    assert events[0].total == 8
    assert done == sorted(done)
    assert done[-1] == 8


def test_that_a_complete_folder_is_left_as_it_is(tmp_path: Path) -> None:
    _draw(tmp_path / "samples")
    before = snapshot(tmp_path)
    events = _draw(tmp_path / "samples")
    assert snapshot(tmp_path) == before
    assert isinstance(events[-2], SamplesDrawn)


def test_that_what_is_missing_or_empty_is_drawn_again_as_it_was(tmp_path: Path) -> None:
    _draw(tmp_path / "samples")
    first, second = sorted((tmp_path / "samples").rglob("*.jpg"))[:2]
    whole = first.read_bytes(), second.read_bytes()
    first.unlink()
    second.write_bytes(b"")
    _draw(tmp_path / "samples")
    assert (first.read_bytes(), second.read_bytes()) == whole


def test_that_a_stop_leaves_whole_pictures_only(tmp_path: Path) -> None:
    stop = Stop()
    events: list[Event] = []
    for event in draw_samples(DrawSamplesJob(folder=str(tmp_path / "samples")), stop):
        events.append(event)
        if isinstance(event, PhaseProgress):
            stop.ask("cancel")
    assert isinstance(events[-1], JobEnded)
    assert events[-1].outcome == "stopped"
    files = [path for path in (tmp_path / "samples").rglob("*") if path.is_file()]
    assert 0 < len(files) < 320
    assert {open_picture(path).size for path in files} == {(SIDE, SIDE)}


def test_that_a_folder_that_cannot_be_made_ends_the_order_with_the_reason(tmp_path: Path) -> None:
    (last,) = _draw(written(tmp_path / "file", b"") / "samples")
    assert isinstance(last, JobEnded)
    assert last.failure is not None
    assert last.failure.code == "NotWritable"


@pytest.mark.parametrize("kind", KINDS)
def test_that_a_drawing_is_the_same_for_the_same_seed_and_else_another(kind: str) -> None:
    assert np.array_equal(pixels(draw(kind, 1, 7)), pixels(draw(kind, 1, 7)))
    assert not np.array_equal(pixels(draw(kind, 1, 7)), pixels(draw(kind, 2, 7)))
    assert not np.array_equal(pixels(draw(kind, 1, 7)), pixels(draw(kind, 1, 8)))


def test_that_colours_alone_do_not_tell_the_kinds_apart() -> None:
    """The nearest mean colour of other pictures names barely more than one in four: shapes must be learned."""
    means = np.array([[pixels(draw(kind, n, 7)).mean(axis=(0, 1)) for n in range(40)] for kind in KINDS])
    centres = means[:, :20].mean(axis=1)
    named = np.linalg.norm(means[:, 20:, None] - centres[None, None], axis=-1).argmin(axis=-1)
    assert (named == np.arange(len(KINDS))[:, None]).mean() < 0.5
