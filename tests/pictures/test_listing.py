"""How folders are understood: layouts, a level too high or low, what systems leave behind, links, names of all kinds."""

from __future__ import annotations

import os
import tracemalloc
from pathlib import Path

import pytest

from tests.pictures import make_folder, make_parts, shuffled, snapshot, written
from vgg_studio.core.errors import (
    DataError,
    FolderEmpty,
    FolderFlat,
    FolderMissing,
    FolderUnreadable,
    OneClass,
    SplitImpossible,
    TooFewPictures,
)
from vgg_studio.core.events import PictureRef
from vgg_studio.core.jobs import Stop
from vgg_studio.core.split import Listing
from vgg_studio.pictures import walking
from vgg_studio.pictures.files import locate
from vgg_studio.pictures.layout import part_named
from vgg_studio.pictures.listing import too_small
from vgg_studio.pictures.scan import list_folder, usable

posix = pytest.mark.skipif(os.name == "nt", reason="Windows has no such files")


def _list(root: Path) -> Listing:
    return list_folder(str(root))


def _touch(root: Path, *names: str) -> Path:
    for name in names:
        written(root / name, b"x")
    return root


def _found(listing: Listing) -> dict[str, dict[str, list[str]]]:
    """Paths by part and class."""
    return {
        part: {
            name: [item.picture.path for item in items if item.label == label]
            for label, name in enumerate(listing.classes)
        }
        for part, items in listing.items.items()
        if items
    }


# --- class folders


def test_that_each_folder_is_a_class_in_the_order_of_names(tmp_path: Path) -> None:
    listing = _list(_touch(tmp_path, "b/1.jpg", "a/2.png", "a/10.png", "B/1.jpg", "é/1.jpg"))
    assert listing.layout == "classes"
    assert listing.classes == ["B", "a", "b", "é"]
    assert _found(listing)["train"]["a"] == ["a/10.png", "a/2.png"]
    assert listing.folder == str(tmp_path)


def test_that_folders_inside_a_class_belong_to_it(tmp_path: Path) -> None:
    listing = _list(_touch(tmp_path, "a/1.jpg", "a/more/2.jpg", "a/more/x/3.jpg", "b/1.jpg"))
    assert _found(listing) == {"train": {"a": ["a/1.jpg", "a/more/2.jpg", "a/more/x/3.jpg"], "b": ["b/1.jpg"]}}


def test_that_extensions_count_whatever_their_case_and_other_files_are_ignored(tmp_path: Path) -> None:
    listing = _list(_touch(tmp_path, "a/1.JPG", "a/2.Tiff", "a/x.txt", "a/noname", "b/1.webp", "b/2.heic", "list.csv"))
    assert _found(listing)["train"] == {"a": ["a/1.JPG", "a/2.Tiff"], "b": ["b/1.webp", "b/2.heic"]}
    assert listing.ignored == 3


def test_that_what_systems_leave_behind_is_ignored_and_counted(tmp_path: Path) -> None:
    _touch(tmp_path, "a/1.jpg", "b/1.jpg")
    litter = ["a/Thumbs.db", "a/.DS_Store", "a/._1.jpg", "b/desktop.ini", "b/.hidden.jpg", "b/Icon\r", "a/~$x.jpg"]
    folders = ["__MACOSX", ".ipynb_checkpoints", ".Trash-1000", "$RECYCLE.BIN", "a/@eaDir", "System Volume Information"]
    _touch(tmp_path, *litter, *(f"{folder}/a/1.jpg" for folder in folders))
    listing = _list(tmp_path)
    assert listing.classes == ["a", "b"]
    assert len(listing.items["train"]) == 2
    assert listing.ignored == len(litter) + len(folders)


def test_that_an_empty_folder_is_a_class_of_none(tmp_path: Path) -> None:
    _touch(tmp_path, "a/1.jpg", "b/1.jpg", "notes/readme.txt")
    assert _list(tmp_path).classes == ["a", "b", "notes"]


def test_that_pictures_beside_the_class_folders_are_counted_as_ignored(tmp_path: Path) -> None:
    listing = _list(_touch(tmp_path, "a/1.jpg", "b/1.jpg", "loose.jpg"))
    assert (listing.ignored, len(listing.items["train"])) == (1, 2)


# --- given parts


@pytest.mark.parametrize(
    ("train", "val", "test"),
    [
        ("train", "val", "test"),
        ("Training", "valid", "Testing"),
        ("training", "Validation", "Prüfung"),
        ("训练", "验证", "测试"),
        ("训练集", "验证集", "测试集"),
        ("TRAIN", "dev", "TEST"),
        ("train_set", "val_set", "test_set"),
        ("flowers-train", "flowers-valid", "flowers-test"),
        ("entrenamiento", "validación", "prueba"),
        ("Trainingsdaten", "Validierungsdaten", "Testdaten"),
        ("训练数据", "验证数据", "测试数据"),
        ("学習", "検証", "テスト"),
        ("обучение", "валидация", "тест"),
        ("train", "eval", "holdout"),
        ("1_train", "2_val", "3_test"),
        ("Tra\u0131n".replace("\u0131", "i"), "validacio\u0301n", "Pru\u0308fung"),
    ],
)
def test_that_given_parts_are_found_in_many_spellings(tmp_path: Path, train: str, val: str, test: str) -> None:
    counts = {"cat": 2, "dog": 1}
    listing = _list(make_parts(tmp_path, {train: counts, val: counts, test: counts}))
    assert listing.layout == "train_val_test"
    assert listing.classes == ["cat", "dog"]
    assert {part: len(items) for part, items in listing.items.items()} == {"train": 3, "val": 3, "test": 3}
    assert listing.items["val"][0].picture.path == f"{val}/cat/000.png"


@pytest.mark.parametrize(("other", "layout"), [("val", "train_val"), ("test", "train_test")])
def test_that_two_parts_are_enough(tmp_path: Path, other: str, layout: str) -> None:
    counts = {"cat": 2, "dog": 1}
    assert _list(make_parts(tmp_path, {"train": counts, other: counts})).layout == layout


def test_that_folders_beside_the_parts_are_ignored(tmp_path: Path) -> None:
    make_parts(tmp_path, {"train": {"cat": 2, "dog": 1}, "test": {"cat": 1}, "extra": {"cat": 3}})
    listing = _list(_touch(tmp_path, "labels/x.txt", "train/loose.jpg"))
    assert listing.classes == ["cat", "dog"]
    assert listing.ignored == 5


def test_that_parts_wrapped_in_themselves_are_found(tmp_path: Path) -> None:
    counts = {"cat": 2, "dog": 1}
    make_parts(tmp_path / "seg_train", {"seg_train": counts})
    make_parts(tmp_path / "seg_test", {"seg_test": counts})
    listing = _list(_touch(tmp_path, "seg_pred/seg_pred/1.jpg"))
    assert (listing.layout, listing.classes) == ("train_test", ["cat", "dog"])
    assert listing.ignored == 1


def test_that_a_test_part_without_classes_is_ignored(tmp_path: Path) -> None:
    make_folder(tmp_path / "train", {"cat": 2, "dog": 2})
    listing = _list(_touch(tmp_path, "test/1.jpg", "test/2.jpg"))
    assert (listing.layout, listing.classes, listing.ignored) == ("classes", ["cat", "dog"], 2)


def test_that_a_class_may_be_called_train_or_test_driver(tmp_path: Path) -> None:
    listing = _list(_touch(tmp_path, "train/1.jpg", "plane/1.jpg", "test driver/1.jpg"))
    assert (listing.layout, listing.classes) == ("classes", ["plane", "test driver", "train"])


def test_that_a_part_with_a_class_that_is_not_learned_is_refused(tmp_path: Path) -> None:
    make_parts(tmp_path, {"train": {"cat": 2, "dog": 2}, "val": {"cat": 1, "Dog": 1}})
    with pytest.raises(SplitImpossible, match="Dog"):
        _list(tmp_path)


def test_that_a_part_may_lack_a_class(tmp_path: Path) -> None:
    listing = _list(make_parts(tmp_path, {"train": {"cat": 2, "dog": 2}, "val": {"cat": 1}}))
    assert _found(listing)["val"] == {"cat": ["val/cat/000.png"], "dog": []}


def test_that_words_are_parts_only_where_one_of_them_is() -> None:
    assert part_named(b"Validation") == ("val", ())
    assert part_named(b"my_train-set") == ("train", ("my", "set"))
    assert part_named(b"train test split") is None
    assert part_named(b"trainer") is None
    assert part_named(b"\xff\xfe") is None


# --- a level too high or too low


def test_that_folders_around_the_class_folders_are_looked_through(tmp_path: Path) -> None:
    make_folder(tmp_path / "download" / "flowers", {"rose": 2, "tulip": 2})
    listing = _list(_touch(tmp_path, "readme.txt", "download/licences/LICENSE.txt"))
    assert listing.classes == ["rose", "tulip"]
    assert listing.items["train"][0].picture.path == "download/flowers/rose/000.png"
    assert listing.folder == str(tmp_path)


def test_that_folders_around_the_parts_are_looked_through(tmp_path: Path) -> None:
    make_parts(tmp_path / "archive", {"train": {"cat": 2, "dog": 1}, "test": {"cat": 1}})
    assert _list(tmp_path).layout == "train_test"


def test_that_one_part_alone_is_used_and_the_folder_above_suggested(tmp_path: Path) -> None:
    make_parts(tmp_path / "set", {"train": {"cat": 2, "dog": 1}, "val": {"cat": 1}})
    listing = _list(tmp_path / "set" / "train")
    assert (listing.layout, listing.classes) == ("classes", ["cat", "dog"])
    assert listing.suggestion == str(tmp_path / "set")


def test_that_a_class_folder_suggests_the_folder_above(tmp_path: Path) -> None:
    make_folder(tmp_path / "flowers", {"rose": 2, "tulip": 2})
    with pytest.raises(FolderFlat) as error:
        _list(tmp_path / "flowers" / "rose")
    assert error.value.values["suggestion"] == str(tmp_path / "flowers")


@pytest.mark.parametrize(
    ("beside", "inner", "meant"),
    [
        ("docs/figure.png", "data/{}/cat/1.jpg", "data"),  # parts one level down
        ("extra/1.jpg", "images/{}/1.jpg", "images"),
        ("样本/1.jpg", "图片/{}/1.jpg", "图片"),
    ],
)
def test_that_a_set_inside_is_suggested_beside_folders_that_are_hardly_classes(
    tmp_path: Path, beside: str, inner: str, meant: str
) -> None:
    names = [inner.format(name) for name in ("train", "test")]
    listing = _list(_touch(tmp_path, beside, *names, names[0].replace("cat", "dog").replace("1.", "2.")))
    assert listing.suggestion == str(tmp_path / meant)


def test_that_a_set_beside_a_loose_picture_is_suggested(tmp_path: Path) -> None:
    make_folder(tmp_path / "flowers", {"rose": 2, "tulip": 2})
    with pytest.raises(OneClass) as error:
        _list(_touch(tmp_path, "cover.jpg"))
    assert error.value.values["suggestion"] == str(tmp_path / "flowers")


def test_that_classes_with_kinds_inside_are_classes_and_nothing_else_is_suggested(tmp_path: Path) -> None:
    listing = _list(_touch(tmp_path, "cat/tabby/1.jpg", "cat/siamese/1.jpg", "dog/1.jpg", "bird/1.jpg"))
    assert (listing.classes, listing.suggestion) == (["bird", "cat", "dog"], "")


def test_that_numbered_folds_are_not_taken_for_parts_of_one_set(tmp_path: Path) -> None:
    names = [f"{fold}_{part}/{name}/1.jpg" for fold in (1, 2) for part in ("train", "test") for name in "ab"]
    listing = _list(_touch(tmp_path, *names))
    assert listing.layout == "train_test"
    assert {item.picture.path[0] for items in listing.items.values() for item in items} == {"1"}


def test_that_nothing_is_suggested_where_nothing_fits_better(tmp_path: Path) -> None:
    make_folder(tmp_path / "flowers", {"rose": 2, "tulip": 2})
    _touch(tmp_path, "flat/1.jpg")
    assert _list(tmp_path / "flowers").suggestion == ""
    with pytest.raises(FolderFlat) as error:
        _list(tmp_path / "flat")
    assert error.value.values["suggestion"] == ""


# --- what is refused


def test_that_each_folder_that_cannot_be_used_has_its_sentence(tmp_path: Path) -> None:
    cases: dict[str, type[DataError]] = {
        "missing": FolderMissing,
        "file/x.txt": FolderMissing,
        "empty": FolderEmpty,
        "words": FolderEmpty,
        "empty classes": FolderEmpty,
        "flat": FolderFlat,
        "loose parts": FolderFlat,
        "one": OneClass,
        "one and empty": OneClass,
    }
    for folder in ("empty", "empty classes/a", "empty classes/b", "one and empty/b"):
        (tmp_path / folder).mkdir(parents=True)
    names = [
        "file/x.txt",
        "words/a.txt",
        "flat/1.jpg",
        "flat/x.txt",
        "loose parts/train/1.jpg",
        "loose parts/test/1.jpg",
    ]
    _touch(tmp_path, *names, "one/a/1.jpg", "one/a/2.jpg", "one and empty/a/1.jpg")
    for name, kind in cases.items():
        with pytest.raises(DataError) as error:
            _list(tmp_path / name)
        assert type(error.value) is kind, name
        assert str(tmp_path / name) in str(error.value)
        if kind in (FolderEmpty, FolderFlat):
            assert "one folder for each class" in str(error.value)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="the superuser may read everything")
def test_that_a_folder_that_may_not_be_read_is_said(tmp_path: Path) -> None:
    _touch(tmp_path, "a/1.jpg", "b/1.jpg", "c/1.jpg")
    (tmp_path / "c").chmod(0)
    try:
        listing = _list(tmp_path)
        with pytest.raises(FolderUnreadable):
            _list(tmp_path / "c")
    finally:
        (tmp_path / "c").chmod(0o700)
    assert [(entry.picture.path, entry.reason) for entry in listing.left_out] == [("c", "not_allowed")]


def test_that_an_error_of_the_disk_below_names_the_folder_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _touch(tmp_path, "a/1.jpg", "b/1.jpg", "c/1.jpg")
    whole = walking.Walk._read

    def failing(self: walking.Walk, folder: bytes) -> walking.Entries:
        if folder.endswith(b"/c"):
            raise PermissionError(13, "denied")
        return whole(self, folder)

    monkeypatch.setattr(walking.Walk, "_read", failing)
    listing = _list(tmp_path)
    assert [(entry.picture.path, entry.reason) for entry in listing.left_out] == [("c", "not_allowed")]
    assert len(listing.items["train"]) == 2


# --- links, names, sizes


@posix
def test_that_links_are_followed_but_never_in_circles_or_twice(tmp_path: Path) -> None:
    _touch(tmp_path / "data", "a/1.jpg", "a/deep/2.jpg", "b/1.jpg")
    _touch(tmp_path / "elsewhere", "3.jpg")
    (tmp_path / "data" / "a" / "up").symlink_to(tmp_path / "data")
    (tmp_path / "data" / "a" / "deep" / "self").symlink_to(tmp_path / "data" / "a" / "deep")
    (tmp_path / "data" / "a" / "to b").symlink_to(tmp_path / "data" / "b")
    (tmp_path / "data" / "b" / "out").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "data" / "b" / "4.jpg").symlink_to(tmp_path / "data" / "a" / "1.jpg")
    listing = _list(tmp_path / "data")
    assert _found(listing)["train"] == {"a": ["a/1.jpg", "a/deep/2.jpg"], "b": ["b/1.jpg", "b/4.jpg", "b/out/3.jpg"]}
    assert listing.ignored == 3


@posix
def test_that_a_class_folder_that_links_to_another_takes_nothing_from_it(tmp_path: Path) -> None:
    _touch(tmp_path, "b/1.jpg", "c/1.jpg")
    (tmp_path / "a").symlink_to(tmp_path / "b")
    assert _found(_list(tmp_path))["train"] == {"a": [], "b": ["b/1.jpg"], "c": ["c/1.jpg"]}


@posix
def test_that_class_folders_may_be_links(tmp_path: Path) -> None:
    make_folder(tmp_path / "store", {"x1": 2, "x2": 2})
    (tmp_path / "data").mkdir()
    for name, folder in {"cat": "x1", "dog": "x2"}.items():
        (tmp_path / "data" / name).symlink_to(tmp_path / "store" / folder)
    assert _found(_list(tmp_path / "data"))["train"]["cat"] == ["cat/000.png", "cat/001.png"]


@posix
def test_that_pipes_and_broken_links_named_like_pictures_are_listed_to_be_refused_by_name(tmp_path: Path) -> None:
    _touch(tmp_path, "a/1.jpg", "b/1.jpg")
    os.mkfifo(tmp_path / "a" / "pipe.jpg")
    (tmp_path / "a" / "gone.jpg").symlink_to(tmp_path / "nowhere")
    assert _found(_list(tmp_path))["train"]["a"] == ["a/1.jpg", "a/gone.jpg", "a/pipe.jpg"]


def test_that_a_tree_of_two_hundred_levels_is_listed(tmp_path: Path) -> None:
    deep = "/".join(["x"] * 200)
    listing = _list(_touch(tmp_path, f"a/{deep}/1.jpg", "b/1.jpg"))
    assert _found(listing)["train"]["a"] == [f"a/{deep}/1.jpg"]


ODD_CLASSES = [
    "<img src=x>",
    "R&D",
    "Cat",
    "cat",
    "CON",
    "new\nline",
    "\u202egpj",
    "e\u0301",
    "\u00e9",
    "=1+1",
    " ",
    "训练 x",
]


@posix
def test_that_classes_of_all_names_are_ordinary_classes(tmp_path: Path) -> None:
    listing = _list(_touch(tmp_path, *(f"{name}/1.jpg" for name in ODD_CLASSES)))
    assert listing.classes == sorted(ODD_CLASSES)
    assert len(listing.items["train"]) == len(ODD_CLASSES)


@posix
def test_that_names_that_are_no_text_stay_apart_and_find_their_files(tmp_path: Path) -> None:
    for folder in (b"caf\xe9", b"caf\xe8", b"caf\\xe9", b"ok"):
        os.mkdir(os.path.join(os.fsencode(tmp_path), folder))
        with open(os.path.join(os.fsencode(tmp_path), folder, b"\xff.jpg"), "wb"):
            pass
    listing = _list(tmp_path)
    assert len(set(listing.classes)) == 4
    assert r"caf\xe9 (2)" in listing.classes
    for item in listing.items["train"]:
        assert os.path.exists(locate(item.picture, listing.folder))
        item.picture.path.encode("utf-8")


def test_that_many_thousand_pictures_are_listed_without_opening_or_writing(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for number in range(3000):
            (tmp_path / name / f"{number}.jpg").touch()
    before = snapshot(tmp_path)
    assert len(_list(tmp_path).items["train"]) == 6000
    assert snapshot(tmp_path) == before


@pytest.mark.slow
def test_that_a_hundred_thousand_files_take_little_memory(tmp_path: Path) -> None:
    for label in range(9):
        folder = tmp_path / f"class {label}"
        folder.mkdir()
        for number in range(50_000 if label == 8 else 6250):
            os.close(os.open(folder / f"picture {number:06}.jpg", os.O_CREAT | os.O_WRONLY))
    tracemalloc.start()
    try:
        listing = _list(tmp_path)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(listing.items["train"]) == 100_000
    assert most < 300e6


def test_that_a_stop_is_heard_inside_a_folder_of_many_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stop, names = Stop(), []

    def asking(name: bytes) -> bool:
        names.append(name)
        if len(names) == 250:
            stop.ask("cancel")
        return False

    monkeypatch.setattr(walking, "is_system", asking)
    monkeypatch.setattr(walking, "_LOOK_EVERY", 100)
    _touch(tmp_path, *(f"a/{number}.jpg" for number in range(600)))
    with pytest.raises(walking.Stopped):
        list_folder(str(tmp_path), stop)
    assert len(names) < 400


def test_that_the_listing_does_not_depend_on_the_order_of_the_disk(tmp_path: Path) -> None:
    names = [f"{folder}/{number}.jpg" for folder in "cab" for number in range(9)]
    first = _list(_touch(tmp_path / "one", *names))
    second = _list(_touch(tmp_path / "two", *shuffled(names, 3)))
    assert _found(first) == _found(second)


def test_that_a_stop_ends_a_listing_at_the_next_folder(tmp_path: Path) -> None:
    stop = Stop()
    stop.ask("cancel")
    with pytest.raises(walking.Stopped):
        list_folder(str(make_folder(tmp_path / "x")), stop)


# --- what can be used


def _refs(listing: Listing, *paths: str) -> set[PictureRef]:
    return {item.picture for items in listing.items.values() for item in items if item.picture.path in paths}


def test_that_refused_pictures_and_classes_with_fewer_than_two_are_dropped(tmp_path: Path) -> None:
    names = [f"{name}/{number}.jpg" for name in "abd" for number in range(3)]
    listing = _list(_touch(tmp_path, *names, "c/0.jpg", "none/x.txt"))
    refused = _refs(listing, "a/0.jpg", "b/0.jpg", "b/1.jpg")
    good = usable(listing, refused)
    assert _found(good) == {"train": {"a": ["a/1.jpg", "a/2.jpg"], "d": ["d/0.jpg", "d/1.jpg", "d/2.jpg"]}}
    assert too_small(listing, refused) == [("b", 1), ("c", 1), ("none", 0)]


def test_that_a_class_that_only_other_parts_still_hold_is_dropped(tmp_path: Path) -> None:
    counts = {"a": 2, "b": 2, "c": 1}
    listing = _list(make_parts(tmp_path, {"train": counts, "test": {**counts, "c": 2}}))
    refused = _refs(listing, "train/c/000.png")
    assert usable(listing, refused).classes == ["a", "b"]
    assert too_small(listing, refused) == [("c", 2)]


def test_that_fewer_than_two_usable_classes_are_too_few(tmp_path: Path) -> None:
    listing = _list(_touch(tmp_path, "a/0.jpg", "a/1.jpg", "b/0.jpg"))
    with pytest.raises(TooFewPictures):
        usable(listing, set())
