"""The split depends on names and seed alone, keeps classes alike, and its file gives back what was written."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import given, strategies as st

from tests.pictures import shuffled
from vgg_studio.core import cutting, split
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


_PER_CENT = st.sampled_from([0, 1, 10, 15, 33, 50])


@given(st.integers(1, 5000), st.lists(_PER_CENT, min_size=1, max_size=2))
def test_that_training_keeps_at_least_one_and_the_parts_what_was_asked_for(count: int, percents: list[int]) -> None:
    held = cutting.shares(count, percents)
    assert 0 <= sum(held) <= count - 1
    for share, percent in zip(held, percents, strict=True):
        assert (share == 0) or percent
        if percent and count > len(percents):
            assert share >= 1
        if count >= 100:
            assert abs(share - percent / 100 * count) <= 2


def _cut_without_groups(listing: Listing, seed: int) -> list[Item]:
    """The rule as it was before there were groups, spelled out: each class in the order of its hashes, cut by numbers."""
    held = []
    for label in range(len(listing.classes)):
        items = [item for item in listing.items["train"] if item.label == label]
        items.sort(key=lambda item: split._rank(item, listing.classes[item.label], seed))
        share = max(1, (15 * len(items) + 50) // 100)
        spare = max(0, len(items) - 1)
        held += items[: min(share, spare) + min(share, max(0, spare - share))]
    return held


@given(st.lists(st.integers(0, 60), min_size=2, max_size=4), st.integers(-5, 5))
def test_that_without_groups_the_split_is_the_one_of_older_runs(counts: list[int], seed: int) -> None:
    listing = _listing(*counts)
    made = split.make(listing, seed)
    assert sorted(split._key(item) for item in made.val + made.test) == sorted(
        split._key(item) for item in _cut_without_groups(listing, seed)
    )
    assert split.make(listing, seed, groups={}) == made


@st.composite
def _grouped(draw: st.DrawFn) -> tuple[Listing, dict[PictureRef, int]]:
    """A listing with groups of all sizes, within classes and across them."""
    listing = _listing(*draw(st.lists(st.integers(2, 40), min_size=2, max_size=4)))
    pictures = shuffled([item.picture for item in listing.items["train"]], draw(st.integers(0, 9)))
    groups: dict[PictureRef, int] = {}
    for number, size in enumerate(draw(st.lists(st.integers(2, 12), max_size=8))):
        for _ in range(min(size, len(pictures))):
            groups[pictures.pop()] = number
    return listing, groups


@given(_grouped(), st.integers(0, 5), _PER_CENT, _PER_CENT)
def test_that_no_group_stands_on_both_sides_of_a_border(
    made_of: tuple[Listing, dict[PictureRef, int]], seed: int, val: int, test: int
) -> None:
    listing, groups = made_of
    made = split.make(listing, seed, val, test, groups)
    assert Counter(_everything(made)) == Counter(listing.items["train"])
    assert made.groups == groups
    parts_of: dict[int, set[str]] = {}
    for part in PARTS:
        for item in made.part(part):
            if item.picture in groups:
                parts_of.setdefault(groups[item.picture], set()).add(part)
    assert all(len(parts) == 1 for parts in parts_of.values())
    assert not split.leaked(made, "test")
    learned = {item.label for item in made.train}
    assert learned == {item.label for item in listing.items["train"]}
    assert (bool(val), bool(test)) >= (bool(made.val), bool(made.test))


@given(_grouped(), st.integers(0, 100))
def test_that_the_order_of_listing_does_not_matter_with_groups_either(
    made_of: tuple[Listing, dict[PictureRef, int]], order: int
) -> None:
    listing, groups = made_of
    mixed = Listing(
        folder=listing.folder,
        layout=listing.layout,
        classes=listing.classes,
        items={"train": shuffled(listing.items["train"], order)},
    )
    other_numbers = {picture: 1000 - number for picture, number in groups.items()}
    one, other = split.make(mixed, 3, groups=other_numbers), split.make(listing, 3, groups=groups)
    assert all(one.part(part) == other.part(part) for part in PARTS)


def _in_pairs(listing: Listing, size: int = 2) -> dict[PictureRef, int]:
    return {item.picture: number // size for number, item in enumerate(listing.items["train"])}


def test_that_classes_keep_their_shares_where_groups_are_small() -> None:
    listing = _listing(100, 40)
    made = split.make(listing, 1, groups=_in_pairs(listing))
    for part in (made.val, made.test):
        counts = Counter(item.label for item in part)
        assert abs(counts[0] - 15) <= 1
        assert abs(counts[1] - 6) <= 1


def test_that_a_class_of_a_few_large_groups_is_in_every_part() -> None:
    listing = _listing(30, 30)
    made = split.make(listing, 1, groups=_in_pairs(listing, 10))
    assert [Counter(item.label for item in made.part(part)) for part in PARTS] == [{0: 10, 1: 10}] * 3


def test_that_no_part_takes_the_last_pictures_that_another_could_have() -> None:
    listing = _listing(100, 30)
    ours = [item.picture for item in listing.items["train"] if item.label == 0]
    made = split.make(listing, 1, groups=dict.fromkeys(ours[3:], 7))  # one group of 97, three pictures by themselves
    assert [sum(item.label == 0 for item in made.part(part)) for part in PARTS] == [97, 2, 1]


def test_that_a_class_of_one_group_is_learned_from() -> None:
    listing = _listing(6, 30)
    groups = {item.picture: 7 for item in listing.items["train"] if item.label == 0}
    made = split.make(listing, 0, groups=groups)
    assert {item.label for item in made.val + made.test} == {1}


def test_that_a_new_picture_in_a_group_leaves_nearly_all_others_where_they_were() -> None:
    before = split.make(_listing(100), 2, groups=_in_pairs(_listing(100)))
    after = split.make(_listing(101), 2, groups=_in_pairs(_listing(101)))
    moved = [part for part in PARTS for item in before.part(part) if item not in after.part(part)]
    assert len(moved) <= 4


@pytest.mark.parametrize(
    ("val", "test", "counts"),
    [(0, 0, (20, 0, 0)), (0, 20, (16, 0, 4)), (20, 0, (16, 4, 0)), (50, 50, (1, 10, 9)), (1, 1, (18, 1, 1))],
)
def test_that_parts_may_be_larger_smaller_and_absent(val: int, test: int, counts: tuple[int, ...]) -> None:
    made = split.split_counts(_listing(20), 0, val, test)
    assert tuple(made.values()) == counts


def test_that_the_share_for_the_score_is_not_asked_where_a_test_part_is_given() -> None:
    made = split.make(_listing(100, 20, layout="train_test", test=(7, 8)), 0, val_percent=0, test_percent=50)
    assert (len(made.train), len(made.val), len(made.test)) == (120, 0, 15)


def test_that_pictures_of_a_given_part_which_took_part_in_the_training_are_told() -> None:
    listing = _listing(5, 6, layout="train_val_test", val=(2, 3), test=(2, 1))
    train, val, test = (listing.items[part] for part in PARTS)
    groups = {train[0].picture: 4, test[1].picture: 4, val[0].picture: 5, test[0].picture: 5, train[1].picture: 6}
    groups |= {train[2].picture: 7, val[1].picture: 7}
    made = split.make(listing, 0, groups=groups)
    assert split.leaked(made, "test") == {test[0].picture, test[1].picture}  # the first one chose the best round
    assert split.leaked(made, "val") == {val[1].picture}
    assert split.leaked(made, "train") == frozenset()
    assert split.leaked(split.make(listing, 0), "test") == frozenset()


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
    made = Split(classes=names, train=draw(items), val=draw(items), test=draw(items))
    for item in _everything(made):
        if (number := draw(st.integers(-3, 3))) >= 0:
            made.groups[item.picture] = number
    return made


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
    yield good + b"train,0,c0,x.png,,-1,3\r\n"


@pytest.mark.parametrize("data", list(_damages()), ids=lambda data: repr(data[-12:]))
def test_that_a_damaged_file_is_called_damaged(data: bytes) -> None:
    with pytest.raises(RunDamaged):
        split.from_csv(data)
