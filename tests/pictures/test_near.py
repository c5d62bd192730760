"""Copies are found by their hashes and a second look; other pictures, however alike in colour or layout, are not."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageEnhance, ImageFilter, ImageOps

from tests.pictures import encoded, scene
from vgg_studio.core.data_jobs import DrawSamplesJob
from vgg_studio.core.events import PictureRef
from vgg_studio.core.jobs import Stop
from vgg_studio.core.split import Item
from vgg_studio.pictures import compared, copies, hashing, likeness, near
from vgg_studio.pictures.copies import Copies, Looked
from vgg_studio.pictures.demo import draw_samples
from vgg_studio.pictures.looks import look_at

Kind = TypeVar("Kind")


def _end(work: Generator[object, None, Kind]) -> Kind:
    while True:
        try:
            next(work)
        except StopIteration as end:
            result: Kind = end.value
            return result


def _cut(picture: Image.Image) -> Image.Image:
    width, height = picture.size
    return picture.crop((width // 40, 0, width, height - height // 30))


CHANGES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "resized": lambda picture: picture.resize((picture.width // 3, picture.height // 3)),
    "cut": _cut,
    "brighter": lambda picture: ImageEnhance.Brightness(picture).enhance(1.25),
    "grey": lambda picture: picture.convert("L").convert("RGB"),
    "mirrored": ImageOps.mirror,
}


def _grey(picture: Image.Image) -> npt.NDArray[np.uint8]:
    return np.asarray(picture.convert("L").resize((likeness.SIDE, likeness.SIDE), Image.Resampling.BOX))


class _Pictures:
    """Pictures in memory as a listing sees them; counts how many are opened for a second look."""

    def __init__(self, pictures: list[Image.Image]) -> None:
        self.opened = 0
        self._pictures = pictures
        self.looked = [
            Looked(Item(PictureRef(path=f"{place}"), 0), "train", encoded(picture)[-16:], look_at(picture))
            for place, picture in enumerate(pictures)
        ]

    def find(self, folder: Path | None = None) -> list[Copies]:
        return _end(copies.find(self.looked, self._open, compared.Compared(folder)))

    def _open(self, item: Item) -> npt.NDArray[np.uint8]:
        self.opened += 1
        return _grey(self._pictures[int(item.picture.path)])


# --- hashes


@pytest.mark.parametrize("seed", range(4))
def test_that_the_hash_of_the_mirror_image_is_known_from_the_pictures_own(seed: int) -> None:
    grey = np.random.default_rng(seed).integers(0, 256, (hashing.SIDE, hashing.SIDE)).astype(np.uint8)
    own, turned = (np.array([hashing.hash_of(picture)], np.uint64) for picture in (grey, grey[:, ::-1]))
    assert hashing.mirrored(own) == turned
    assert own != turned


def _brute(hashes: npt.NDArray[np.uint64], shapes: npt.NDArray[np.float32]) -> set[near.Pair]:
    found = set()
    for first, one in enumerate(hashes.tolist()):
        for second in range(first + 1, len(hashes)):
            for turned, other in (
                (False, int(hashes[second])),
                (True, int(hashing.mirrored(hashes[second : second + 1])[0])),
            ):
                distance = (one ^ other).bit_count()
                if distance <= near.LIMIT and abs(shapes[first] - shapes[second]) <= 0.2:
                    found.add(near.Pair(first, second, distance, turned))
    return found


def test_that_all_pairs_within_the_limit_are_found_and_no_other() -> None:
    random = np.random.default_rng(0)
    hashes = random.integers(0, 1 << 64, 150, np.uint64)
    for place in range(0, 150, 3):  # neighbours that differ in a few bits, some of them mirrored
        flips = np.bitwise_or.reduce(np.uint64(1) << random.integers(0, 64, place % 20 + 1).astype(np.uint64))
        hashes[place + 1] = hashes[place] ^ flips
        hashes[place + 2] = hashing.mirrored(hashes[place : place + 1])[0]
    shapes = random.choice(np.array([0.0, 0.1, 0.4], np.float32), 150)
    expected = _brute(hashes, shapes)
    found = _end(near.pairs(hashes, shapes, 10_000))
    assert set(found) == expected
    assert len(found) == len(expected) > 30
    assert [pair.distance for pair in found] == sorted(pair.distance for pair in found)


def test_that_the_limit_goes_down_where_everything_looks_alike() -> None:
    hashes = np.random.default_rng(0).integers(0, 1 << 10, 400, np.uint64)  # differ in 10 bits at most
    found = _end(near.pairs(hashes, np.zeros(400, np.float32), 500))
    nearest = sorted(pair.distance for pair in _brute(hashes, np.zeros(400, np.float32)))
    assert 0 < len(found) <= 500
    assert [pair.distance for pair in found] == nearest[: len(found)]


def test_that_the_search_ends_where_pictures_with_one_hash_are_more_than_can_be_looked_at() -> None:
    search = near.pairs(np.full(1000, 7, np.uint64), np.zeros(1000, np.float32), 500)
    assert next(search) == 0
    with pytest.raises(StopIteration) as end:
        next(search)  # else it would tell here of the next rows
    assert [pair.distance for pair in end.value.value] == [0] * 500


def test_that_links_join_into_groups_directly_and_through_others() -> None:
    assert near.united(8, [(5, 1), (2, 1), (6, 7), (7, 6)]) == [[1, 2, 5], [6, 7]]
    assert near.united(3, []) == []


# --- the second look


@pytest.mark.parametrize("change", CHANGES)
def test_that_a_changed_copy_shows_the_same_details(change: str) -> None:
    for seed in range(5):
        picture, copy = scene(seed), CHANGES[change](scene(seed))
        other = _grey(copy)[:, ::-1] if change == "mirrored" else _grey(copy)
        assert likeness.likeness(_grey(picture), other).same


def test_that_other_pictures_in_the_same_colours_show_other_details() -> None:
    greys = [_grey(scene(seed)) for seed in range(6)]
    assert max(likeness.likeness(one, other).details for one in greys for other in greys if one is not other) < 0.6


def test_that_two_scenes_of_the_same_soft_light_are_no_copies() -> None:
    """Blurred they are one picture, and so are their hashes."""
    light = scene(0).filter(ImageFilter.GaussianBlur(30))
    first, second = (Image.blend(light, scene(seed), 0.12) for seed in (1, 2))
    assert not likeness.likeness(_grey(first), _grey(second)).same


def test_that_drawings_of_one_kind_before_different_backgrounds_are_no_copies(tmp_path: Path) -> None:
    """They share their outlines: the sample pictures hold some."""
    list(draw_samples(DrawSamplesJob(folder=str(tmp_path / "samples"), count=80), Stop()))
    drawn = []
    for number in (1, 16):  # two cars that have the same shape in the same place
        with Image.open(tmp_path / "samples" / "car" / f"car-{number:03}.jpg") as picture:
            drawn.append(_grey(picture))
    alike = likeness.likeness(*drawn)
    assert alike.details >= likeness.THE_SAME
    assert not alike.same


# --- groups


def test_that_copies_of_all_kinds_come_into_one_group_and_strangers_into_none() -> None:
    family = [scene(0), *(change(scene(0)) for change in CHANGES.values())]
    found = _Pictures([*(scene(seed) for seed in range(1, 9)), *family]).find()
    assert found == [Copies(list(range(8, 14)), mirrored=True)]


def test_that_pictures_of_one_colour_are_not_copies_of_one_another() -> None:
    plain = [Image.new("RGB", (60, 40), colour) for colour in ("white", "black", "red", "#808080")]
    pictures = _Pictures(plain)
    assert not pictures.find()
    assert not pictures.opened  # a thousand of them would be half a million pairs


def test_that_the_same_bytes_are_copies_whatever_they_show() -> None:
    plain = Image.new("RGB", (60, 40), "white")
    assert _Pictures([scene(0), plain, plain.copy()]).find() == [Copies([1, 2], mirrored=False)]


def test_that_what_was_compared_once_is_remembered(tmp_path: Path) -> None:
    pictures = _Pictures([scene(0), CHANGES["cut"](scene(0)), scene(1)])
    first = pictures.find(tmp_path)
    opened = pictures.opened
    assert opened >= 2
    assert pictures.find(tmp_path) == first
    assert pictures.opened == opened


def test_that_a_damaged_memory_costs_nothing_but_time(tmp_path: Path) -> None:
    (tmp_path / compared.FILE).write_bytes(b"\xc1 damaged")
    assert _Pictures([scene(0), CHANGES["resized"](scene(0))]).find(tmp_path) == [Copies([0, 1], mirrored=False)]


def test_that_a_search_that_is_dropped_leaves_no_thread() -> None:
    before = threading.active_count()
    pictures = _Pictures([scene(0), CHANGES["resized"](scene(0))])
    work = copies.find(pictures.looked, pictures._open, compared.Compared(None))
    next(work)
    work.close()
    assert threading.active_count() == before
