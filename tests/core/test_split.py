"""The split depends on names and seed alone, keeps classes alike, and its file gives back what was written."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import given, strategies as st

from tests.pictures import shuffled
from vgg_studio.core import split
from vgg_studio.core.errors import RunDamaged
from vgg_studio.core.events import Part, PictureRef
from vgg_studio.core.split import PARTS, Item, Layout, Listing, Split


def _listing(
    *counts: int, layout: Layout = "classes", val: tuple[int, ...] = (), test: tuple[int, ...] = ()
) -> Listing:
    parts: dict[Part, tuple[int, ...]] = {"train": counts, "val": val, "test": test}
    items: dict[Part, list[Item]] = {
        part: [
            Item(PictureRef(path=f"{part}/c{label}/{number}.png"), label)
            for label, count in enumerate(of_part)
            for number in range(count)
        ]
        for part, of_part in parts.items()
    }
    return Listing(folder="/data", layout=layout, classes=[f"c{label}" for label in range(len(counts))], items=items)


def _everything(made: Split) -> list[Item]:
    return [item for part in PARTS for item in made.part(part)]


def test_that_a_class_is_cut_seventy_fifteen_fifteen() -> None:
    made = split.make(_listing(100, 40), seed=1)
    assert [Counter(item.label for item in made.part(part)) for part in PARTS] == [
        {0: 70, 1: 28},
        {0: 15, 1: 6},
        {0: 15, 1: 6},
    ]


def test_that_no_picture_is_lost_or_stands_in_two_parts() -> None:
    listing = _listing(57, 3, 20)
    made = split.make(listing, seed=3)
    assert Counter(_everything(made)) == Counter(listing.items["train"])


def test_that_the_split_is_the_same_for_the_same_seed() -> None:
    assert split.make(_listing(30, 30), seed=5) == split.make(_listing(30, 30), seed=5)


def test_that_another_seed_gives_another_split() -> None:
    assert split.make(_listing(30, 30), seed=5).test != split.make(_listing(30, 30), seed=6).test


def test_that_the_split_does_not_change_between_versions() -> None:
    made = split.make(_listing(8, 8), seed=0)
    assert [item.picture.path for item in made.val + made.test] == [
        "train/c0/2.png",
        "train/c1/7.png",
        "train/c0/6.png",
        "train/c1/4.png",
    ]


@given(st.integers(0, 2**31), st.integers(0, 100))
def test_that_the_order_of_listing_does_not_matter(seed: int, order: int) -> None:
    listing = _listing(9, 13)
    mixed = Listing(
        folder=listing.folder,
        layout=listing.layout,
        classes=listing.classes,
        items={"train": shuffled(listing.items["train"], order)},
    )
    assert split.make(mixed, seed) == split.make(listing, seed)


def test_that_a_new_picture_leaves_nearly_all_others_where_they_were() -> None:
    before = split.make(_listing(100), seed=2)
    after = split.make(_listing(101), seed=2)
    moved = [part for part in PARTS for item in before.part(part) if item not in after.part(part)]
    assert len(moved) <= 2


@pytest.mark.parametrize(
    ("count", "train", "val", "test"),
    [(0, 0, 0, 0), (1, 1, 0, 0), (2, 1, 1, 0), (3, 1, 1, 1), (4, 2, 1, 1), (7, 5, 1, 1), (10, 6, 2, 2), (20, 14, 3, 3)],
)
def test_that_few_pictures_go_to_training_first_then_checking_then_the_score(
    count: int, train: int, val: int, test: int
) -> None:
    assert split.split_counts(_listing(count), seed=0) == {"train": train, "val": val, "test": test}


@given(st.integers(1, 5000), st.integers(1, 2))
def test_that_training_keeps_at_least_one_and_most_of_many(count: int, parts: int) -> None:
    held = split.shares(count, parts)
    assert sum(held) <= count - 1
    assert all(share >= 0 for share in held)
    if count >= 20:
        assert all(abs(share - 0.15 * count) <= 0.5 for share in held)


def test_that_checking_is_cut_from_training_where_only_a_test_part_is_given() -> None:
    made = split.make(_listing(100, 20, layout="train_test", test=(7, 8)), seed=0)
    assert Counter(item.label for item in made.val) == {0: 15, 1: 3}
    assert len(made.train) == 102
    assert {item.picture.path.split("/")[0] for item in made.test} == {"test"}
    assert len(made.test) == 15


def test_that_nothing_is_cut_where_training_and_checking_are_given() -> None:
    assert split.split_counts(_listing(5, 6, layout="train_val", val=(2, 3)), 0) == {"train": 11, "val": 5, "test": 0}


def test_that_three_given_parts_stay_as_they_are() -> None:
    listing = _listing(5, 6, layout="train_val_test", val=(2, 3), test=(1, 1))
    assert split.split_counts(listing, 0) == {"train": 11, "val": 5, "test": 2}


def _pictures() -> st.SearchStrategy[PictureRef]:
    text = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=12)
    odd = st.sampled_from(["=1+1", "'", "'=x", "@a", "\t", "\r\n", 'a"b', "a,b", "\n", "-", "é", "\u202egpj.exe", " "])
    raw = st.binary(min_size=1, max_size=6).map(lambda name: base64.b64encode(name).decode())
    return st.builds(PictureRef, path=text | odd, raw=st.just("") | raw, row=st.integers(-1, 5))


@st.composite
def _splits(draw: st.DrawFn) -> Split:
    names = draw(st.lists(st.text(st.characters(codec="utf-8"), max_size=8), min_size=1, max_size=4))
    items = st.lists(st.builds(Item, _pictures(), st.integers(0, len(names) - 1)), max_size=6)
    return Split(classes=names, train=draw(items), val=draw(items), test=draw(items))


@given(_splits())
def test_that_the_file_gives_back_what_was_written(made: Split) -> None:
    assert split.from_csv(split.to_csv(made)) == made


def test_that_a_spreadsheet_finds_no_formula_in_the_file() -> None:
    names = ["=HYPERLINK(1)", "+1", "-1", "@SUM(A1)", "\tx"]
    made = Split(classes=names, train=[Item(PictureRef(path=name), label) for label, name in enumerate(names)])
    fields = [field for line in split.to_csv(made).decode().splitlines()[1:] for field in line.split(",")[2:4]]
    assert all(field.startswith("'") for field in fields)


def _damages() -> Iterator[bytes]:
    good = split.to_csv(split.make(_listing(4, 4), 0))
    yield b""
    yield b"a,b,c\n"
    yield good[: len(good) // 2]
    yield good.replace(b",-1\r", b",x\r", 1)
    yield good.replace(b"train,0,c0", b"train,7,c0")
    yield good.replace(b"val,", b"exam,", 1)
    yield b"\xff\xfe" + good
    yield good + b'train,0,"c0'


@pytest.mark.parametrize("data", list(_damages()), ids=lambda data: repr(data[-12:]))
def test_that_a_damaged_file_is_called_damaged(data: bytes) -> None:
    with pytest.raises(RunDamaged):
        split.from_csv(data)
