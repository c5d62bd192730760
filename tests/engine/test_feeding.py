"""What is not done twice on the way from a picture's file to the network: checking, and decoding in full."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.engine.lessons import draw_folder, only
from tests.pictures.test_guard import WEAK
from vgg_studio.core import events as ev
from vgg_studio.core.errors import PictureRefused
from vgg_studio.core.events import PictureRef
from vgg_studio.core.jobs import Stop, TrainJob
from vgg_studio.core.preprocessing import Preprocessing, for_new_run, from_json
from vgg_studio.core.split import Item
from vgg_studio.engine import batches, data, predict
from vgg_studio.engine.data import Checked, PictureStore, open_array, read_all
from vgg_studio.engine.ending import Asked
from vgg_studio.engine.known import Known
from vgg_studio.pictures.files import locate, refer
from vgg_studio.pictures.guard import Guard
from vgg_studio.pictures.opening import open_picture
from vgg_studio.pictures.resizing import to_array

PREP = Preprocessing(image_size=24)
BROKEN = ["blue/blue-001.png", "red/red-002.png"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Fifteen pictures that nobody has touched for a while, two of them broken."""
    root = draw_folder(tmp_path / "pictures", count=5)
    for name in BROKEN:
        (root / name).write_bytes(b"no picture")
    return aged(root)


def aged(root: Path) -> Path:
    then = time.time() - 100
    for path in root.rglob("*.*"):
        os.utime(path, (then, then))
    return root


def refs(root: Path) -> list[PictureRef]:
    return [PictureRef(path=path.relative_to(root).as_posix()) for path in sorted(root.rglob("*.png"))]


def done(steps: Checked) -> tuple[list[ev.Event], dict[PictureRef, PictureRefused]]:
    events = []
    while True:
        try:
            events.append(next(steps))
        except StopIteration as end:
            return events, end.value


def checked(root: Path, cache: Path) -> tuple[list[ev.Event], dict[PictureRef, PictureRefused]]:
    with Known(cache) as known:
        return done(read_all(PictureStore(str(root), refs(root), PREP, memory=0), refs(root), Stop(), known))


def told(events: list[ev.Event]) -> list[tuple[PictureRef, str, object]]:
    return [(event.picture, event.reason, event.values) for event in only(events, ev.PictureLeftOut)]


class Opened:
    """Notes which files were decoded, or refused; one whose decoder was ended on the way was neither."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.names: list[str] = []
        for place, name in ((data, "open_picture"), (Guard, "look"), (Guard, "both")):
            monkeypatch.setattr(place, name, self._noting(getattr(place, name)))

    def _noting(self, opens: Callable[..., Any]) -> Callable[..., Any]:
        def noted(*arguments: Any, **options: Any) -> Any:
            path = next(argument for argument in arguments if isinstance(argument, bytes | str))
            try:
                found = opens(*arguments, **options)
            except PictureRefused as refusal:
                if refusal.reason != "unreadable":
                    self.names.append(Path(os.fsdecode(path)).name)
                raise
            self.names.append(Path(os.fsdecode(path)).name)
            return found

        return noted


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Opened:
    return Opened(monkeypatch)


# --- checking


def test_that_a_second_check_opens_nothing_and_tells_the_same(folder: Path, tmp_path: Path, opened: Opened) -> None:
    first, refused = checked(folder, tmp_path / "cache")
    assert len(opened.names) == 15
    opened.names.clear()
    second, again = checked(folder, tmp_path / "cache")

    assert opened.names == []
    assert [picture.path for picture in again] == [picture.path for picture in refused] == BROKEN
    assert told(second) == told(first)
    assert [picture.path for picture, _, _ in told(second)] == BROKEN
    assert only(second, ev.PhaseProgress)[-1].done == 15


def test_that_a_check_refuses_what_reading_refuses(folder: Path, tmp_path: Path) -> None:
    whole = (folder / "green" / "green-000.png").read_bytes()
    (folder / "green" / "green-000.png").write_bytes(whole[: len(whole) // 2])
    aged(folder)
    events, refused = checked(folder, tmp_path / "cache")
    store = PictureStore(str(folder), refs(folder), PREP, memory=0)
    read, wanted = done(read_all(store, refs(folder), Stop()))

    assert told(events) == told(read)
    assert len(refused) == 3
    assert {picture: refusal.values for picture, refusal in refused.items()} == {
        picture: refusal.values for picture, refusal in wanted.items()
    }


def test_that_only_what_changed_is_opened_again(folder: Path, tmp_path: Path, opened: Opened) -> None:
    checked(folder, tmp_path / "cache")
    opened.names.clear()
    shutil.copy(folder / "red" / "red-000.png", folder / "red" / "red-002.png")
    (folder / "green" / "green-004.png").unlink()
    pictures = [*refs(folder), PictureRef(path="green/green-004.png")]
    with Known(tmp_path / "cache") as known:
        store = PictureStore(str(folder), pictures, PREP, memory=0)
        _, refused = done(read_all(store, pictures, Stop(), known))

    assert opened.names == ["red-002.png"]  # changed a moment ago: its digest alone is not trusted yet
    assert {picture.path: refusal.reason for picture, refusal in refused.items()} == {
        BROKEN[0]: "not_a_picture",
        "green/green-004.png": "missing",
    }


def test_that_a_folder_that_moved_is_not_decoded_again(folder: Path, tmp_path: Path, opened: Opened) -> None:
    checked(folder, tmp_path / "cache")
    opened.names.clear()
    moved = folder.rename(tmp_path / "moved")
    _, refused = checked(moved, tmp_path / "cache")

    assert opened.names == []
    assert [picture.path for picture in refused] == BROKEN


@pytest.mark.parametrize("memory", [0, 1 << 30])
def test_that_reading_opens_known_pictures_only_to_keep_them(
    folder: Path, tmp_path: Path, memory: int, opened: Opened
) -> None:
    checked(folder, tmp_path / "cache")
    opened.names.clear()
    with Known(tmp_path / "cache") as known:
        store = PictureStore(str(folder), refs(folder), PREP, memory)
        _, refused = done(read_all(store, refs(folder), Stop(), known))

    assert len(opened.names) == (15 - len(BROKEN) if memory else 0)
    assert [picture.path for picture in refused] == BROKEN


@pytest.mark.skipif(os.name == "nt", reason="Windows has no signals")
@pytest.mark.parametrize("memory", [0, 1 << 30])
def test_that_a_picture_that_crashes_its_decoder_is_left_out_and_never_opened_again(
    folder: Path, tmp_path: Path, memory: int, opened: Opened
) -> None:
    crashing = (folder / "red" / "red-000.png").read_bytes() + b" "  # a content of its own
    (folder / "red" / "crash.png").write_bytes(crashing)
    aged(folder)
    refusals = []
    for _ in range(2):
        opened.names.clear()
        with Known(tmp_path / "cache") as known:
            known._guard = Guard(1, command=WEAK)
            store = PictureStore(str(folder), refs(folder), PREP, memory)
            _, refused = done(read_all(store, refs(folder), Stop(), known))
        refusals.append({picture.path: refusal.reason for picture, refusal in refused.items()})

    assert refusals[0] == refusals[1] == {**dict.fromkeys(BROKEN, "not_a_picture"), "red/crash.png": "decoder_crashed"}
    assert "crash.png" not in opened.names


def test_that_a_reference_that_leads_out_is_refused(folder: Path, tmp_path: Path) -> None:
    out = PictureRef(path="../outside.png")
    with Known(tmp_path / "cache") as known:
        _, refused = done(read_all(PictureStore(str(folder), [out], PREP, memory=0), [out], Stop(), known))

    assert refused[out].reason == "not_allowed"


def test_that_a_check_stops_when_it_is_asked_and_keeps_what_it_found(
    folder: Path, tmp_path: Path, opened: Opened
) -> None:
    stop = Stop()
    with Known(tmp_path / "cache") as known:
        steps = read_all(PictureStore(str(folder), refs(folder), PREP, memory=0), refs(folder), stop, known)
        next(steps)
        next(steps)
        stop.ask("cancel")
        with pytest.raises(Asked):
            list(steps)
    before = set(opened.names)
    opened.names.clear()
    checked(folder, tmp_path / "cache")

    assert before
    assert not before & set(opened.names)


# --- decoding at a fraction


def photo(path: Path, width: int, height: int) -> Path:
    """A large JPEG with shapes of many sizes."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    waves = [np.sin(x / 7) + np.sin(y / 150), np.sin((x + y) / 40), np.sin(x / 300) * np.cos(y / 23)]
    values = np.stack([127 + 60 * wave for wave in waves], axis=2)
    Image.fromarray(np.clip(values, 0, 255).astype(np.uint8)).save(path, quality=92)
    return path


@pytest.mark.parametrize(
    ("prep", "side"),
    [
        (Preprocessing(image_size=64), 0),
        (Preprocessing(image_size=64, decode="scaled"), 128),
        (Preprocessing(image_size=64, resize="crop", decode="scaled"), 146),
        (Preprocessing(image_size=64, resize="crop", resize_side=100, decode="scaled"), 200),
        (Preprocessing(image_size=64, decode="of tomorrow"), 0),
    ],
)
def test_that_twice_the_needed_side_is_decoded(prep: Preprocessing, side: int) -> None:
    assert prep.decoded_side == side


def test_that_new_runs_decode_at_a_fraction_and_old_ones_do_not() -> None:
    prep = for_new_run(TrainJob(image_size=96, resize="crop", channels=1, mirror=True))

    assert prep == Preprocessing(image_size=96, resize="crop", channels=1, decode="scaled", mirror=True)
    assert from_json(b'{"image_size": 96}').decode == "full"


@pytest.mark.parametrize("resize", ["square", "crop"])
def test_that_a_large_photo_looks_nearly_the_same_at_a_fraction(tmp_path: Path, resize: str) -> None:
    path = photo(tmp_path / "photo.jpg", 1200, 900)
    full, scaled = (
        open_array(str(path), Preprocessing(image_size=64, resize=resize, decode=decode)).astype(int)
        for decode in ("full", "scaled")
    )

    assert 0 < np.abs(full - scaled).mean() < 1.0
    assert np.abs(full - scaled).max() < 16


def test_that_small_photos_and_other_kinds_are_decoded_in_full(tmp_path: Path) -> None:
    small, other = photo(tmp_path / "small.jpg", 250, 250), tmp_path / "large.png"
    Image.open(photo(tmp_path / "large.jpg", 800, 700)).save(other)
    for path in (small, other):
        full, scaled = (open_array(str(path), Preprocessing(image_size=64, decode=kind)) for kind in ("full", "scaled"))
        assert np.array_equal(full, scaled)


def test_that_learning_scoring_and_predicting_see_the_same_numbers(tmp_path: Path) -> None:
    path = photo(tmp_path / "photo.jpg", 1200, 900)
    picture, prep = PictureRef(path="photo.jpg"), Preprocessing(image_size=64, decode="scaled")
    wanted = to_array(open_picture(path, at_least=128), prep)
    seen = []
    for memory in (0, 1 << 30):
        store = PictureStore(str(tmp_path), [picture], prep, memory)
        for _ in range(2):
            (batch,) = batches.stream(store, [Item(picture, 0)], [np.array([0], np.intp)])
            seen.append(batch.pictures[0].numpy())
    with Guard(1) as guard:
        _, named = predict._read(refer(locate(picture, str(tmp_path))), prep, guard)
    assert isinstance(named, np.ndarray)

    assert open_picture(path, at_least=128).size == (300, 225)
    for array in [*seen, named]:
        assert np.array_equal(array, wanted)
