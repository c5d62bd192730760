"""A split as folders: complete, whole, elsewhere, never out of its place, completed where it was broken off."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from tests.pictures import encoded, make_folder, make_parts, noise, snapshot, web_page, written as put
from vgg_studio.core import split
from vgg_studio.core.events import Event, JobEnded, PhaseProgress, PictureLeftOut, SplitWritten
from vgg_studio.core.jobs import Stop, WriteSplitJob
from vgg_studio.core.writing import LITTER
from vgg_studio.pictures import split_folders
from vgg_studio.pictures.safe_names import Names, safe
from vgg_studio.pictures.scan import list_folder
from vgg_studio.pictures.split_folders import MARK, write_split


def written(data: Path, folder: Path, **settings: int) -> list[Event]:
    return list(write_split(WriteSplitJob(data=str(data), folder=str(folder), **settings), Stop()))


def ended(events: list[Event]) -> JobEnded:
    (last,) = [event for event in events if isinstance(event, JobEnded)]
    assert events[-1] is last
    return last


def refusal(events: list[Event]) -> str:
    failure = ended(events).failure
    assert failure is not None
    assert failure.code == "NotWritable"
    return str(failure.values["detail"])


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return noisy(tmp_path / "pets", {"cat": 20, "dog": 10})


def noisy(root: Path, classes: dict[str, int]) -> Path:
    """Pictures of which no two are alike."""
    for place, (name, count) in enumerate(classes.items()):
        for number in range(count):
            put(root / name / f"{number:03}.png", encoded(noise(16, 16, seed=1000 * place + number)))
    return root


def test_that_every_picture_is_copied_where_a_training_would_have_it(data: Path, tmp_path: Path) -> None:
    before = snapshot(data)
    events = written(data, tmp_path / "parts", seed=3, val_percent=20, test_percent=10)

    assert ended(events).outcome == "done"
    (told,) = [event for event in events if isinstance(event, SplitWritten)]
    assert (told.folder, told.parts) == (str(tmp_path / "parts"), {"train": 21, "val": 6, "test": 3})
    assert snapshot(data) == before
    made = split.make(list_folder(str(data)), 3, 20, 10)
    wanted = {
        f"{part}/{item.picture.path}": (data / item.picture.path).read_bytes()
        for part in split.PARTS
        for item in made.part(part)
    }
    assert files(tmp_path / "parts") == wanted
    again = list_folder(str(tmp_path / "parts"))
    assert (again.layout, again.classes) == ("train_val_test", ["cat", "dog"])
    assert {part: len(items) for part, items in again.items.items()} == told.parts
    one = made.test[0].picture.path
    assert (tmp_path / "parts" / "test" / one).stat().st_mtime_ns == (data / one).stat().st_mtime_ns
    assert [event.done for event in events if isinstance(event, PhaseProgress)][-1] == 30


def test_that_what_cannot_be_used_is_told_and_not_copied(data: Path, tmp_path: Path) -> None:
    web_page(data / "cat" / "page.jpg")
    events = written(data, tmp_path / "parts")
    (told,) = [event for event in events if isinstance(event, PictureLeftOut)]
    assert (told.picture.path, told.reason) == ("cat/page.jpg", "web_page")
    assert not [name for name in files(tmp_path / "parts") if name.endswith("page.jpg")]


def test_that_pictures_that_are_the_same_stand_in_one_part(data: Path, tmp_path: Path) -> None:
    for number in range(20):
        put(data / "cat" / f"again-{number:03}.png", (data / "cat" / f"{number:03}.png").read_bytes())
    assert ended(written(data, tmp_path / "parts", val_percent=30, test_percent=30)).outcome == "done"
    parts = {name.rsplit(os.sep, 1)[1]: name.split(os.sep)[0] for name in files(tmp_path / "parts") if "cat" in name}
    assert Counter(parts.values()) == {"train": 16, "val": 12, "test": 12}
    assert all(parts[f"{number:03}.png"] == parts[f"again-{number:03}.png"] for number in range(20))


def test_that_a_part_of_no_per_cent_has_no_folder(data: Path, tmp_path: Path) -> None:
    events = written(data, tmp_path / "parts", test_percent=0)
    assert sorted(path.name for path in (tmp_path / "parts").iterdir()) == ["train", "val"]
    assert [event.parts for event in events if isinstance(event, SplitWritten)] == [{"train": 25, "val": 5}]


def test_that_given_parts_are_kept(tmp_path: Path) -> None:
    data = make_parts(tmp_path / "set", {"train": {"a": 4, "b": 4}, "test": {"a": 3, "b": 2}})
    written(data, tmp_path / "parts")
    found = Counter(name.split(os.sep)[0] for name in files(tmp_path / "parts"))
    assert found == {"train": 6, "val": 2, "test": 5}


@pytest.mark.parametrize("place", [".", "new", "cat/new", "../pets/deep/er"])
def test_that_nothing_is_written_among_the_pictures_themselves(data: Path, place: str) -> None:
    before = snapshot(data)
    assert refusal(written(data, data / place)) == "within_the_pictures"
    assert snapshot(data) == before


def test_that_a_link_does_not_hide_where_the_pictures_are(data: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").symlink_to(data)
    assert refusal(written(data, tmp_path / "elsewhere" / "new")) == "within_the_pictures"


def test_that_a_folder_that_holds_things_is_left_alone(data: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("Dear")
    assert refusal(written(data, tmp_path / "mine")) == "holds_things"
    assert refusal(written(data, tmp_path)) == "holds_things"  # it holds the pictures
    assert files(tmp_path / "mine") == {"letter.txt": b"Dear"}


def test_that_a_file_is_no_place_for_folders(data: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert ended(written(data, tmp_path / "file")).outcome == "failed"
    assert ended(written(data, tmp_path / "file" / "below")).outcome == "failed"


def test_that_an_empty_folder_is_filled(data: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert ended(written(data, tmp_path / "empty")).outcome == "done"


def broken_off(data: Path, folder: Path, after: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the process end, as by a kill, in the middle of the copy number `after`."""
    copy, seen = split_folders._copy_bytes, []

    def killed(source: bytes, target: Path, stop: Stop) -> None:
        seen.append(target)
        copy(source, target, stop)
        if len(seen) > after:
            target.write_bytes(target.read_bytes()[:5])
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(split_folders, "_copy_bytes", killed)
        patch.setattr(Path, "unlink", lambda *_, **__: None)  # a kill tidies nothing up
        with pytest.raises(KeyboardInterrupt):
            written(data, folder)


@pytest.mark.parametrize("after", [0, 7, 29])
def test_that_what_a_kill_broke_off_is_completed_by_the_same_call(
    data: Path, tmp_path: Path, after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken_off(data, tmp_path / "parts", after, monkeypatch)
    assert (tmp_path / "parts" / MARK).exists()
    assert sum(name.endswith(".png") for name in files(tmp_path / "parts")) == after
    assert any(name.endswith(LITTER) for name in files(tmp_path / "parts"))

    events = written(data, tmp_path / "parts")
    assert ended(events).outcome == "done"
    written(data, tmp_path / "whole")
    assert files(tmp_path / "parts") == files(tmp_path / "whole")
    assert [event.done for event in events if isinstance(event, PhaseProgress)][-1] == 30 - after


def test_that_a_split_that_was_broken_off_is_not_completed_with_another_one(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken_off(data, tmp_path / "parts", 4, monkeypatch)
    before = files(tmp_path / "parts")
    assert refusal(written(data, tmp_path / "parts", seed=1)) == "another_split"
    assert files(tmp_path / "parts") == before


def test_that_a_call_can_be_stopped_and_taken_up_again(data: Path, tmp_path: Path) -> None:
    stop = Stop()
    for event in write_split(WriteSplitJob(data=str(data), folder=str(tmp_path / "parts")), stop):
        if getattr(event, "phase", "") == "saving":
            stop.ask("cancel")
    assert isinstance(event, JobEnded)
    assert event.outcome == "stopped"
    assert not any(name.endswith(".png") for name in files(tmp_path / "parts"))
    assert ended(written(data, tmp_path / "parts")).outcome == "done"
    assert len(files(tmp_path / "parts")) == 30


def test_that_too_small_a_disk_is_told_before_a_picture_is_copied(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full:
        free = 100

    monkeypatch.setattr("shutil.disk_usage", lambda _: Full)
    assert refusal(written(data, tmp_path / "parts")) == "no_room"
    assert not any(name.endswith(".png") for name in files(tmp_path / "parts"))


def test_that_names_that_meet_in_one_folder_are_numbered(tmp_path: Path) -> None:
    for place in ("a", "b", "c"):
        make_folder(tmp_path / "set" / "cat" / place, ["x"], count=2, size=8, seed=ord(place))
    (tmp_path / "set" / "cat" / "a" / "x" / "001.png").rename(tmp_path / "set" / "cat" / "a" / "x" / "000.PNG")
    make_folder(tmp_path / "set", ["dog"], count=3, size=8)
    assert ended(written(tmp_path / "set", tmp_path / "parts", val_percent=0, test_percent=0)).outcome == "done"
    names = sorted(path.name for path in (tmp_path / "parts" / "train" / "cat").iterdir())
    assert names == ["000-2.png", "000-3.png", "000-4.png", "000.PNG", "001-2.png", "001.png"]


def test_that_odd_names_of_classes_and_files_survive(tmp_path: Path) -> None:
    data = tmp_path / "set"
    for number, name in enumerate((b"caf\xc3\xa9", b"r\xf4se", b"a:b", b"CON", b"back\\slash")):
        folder = os.path.join(os.fsencode(data), name)
        os.makedirs(folder)
        for one in range(3):
            with open(os.path.join(folder, b"p\xff%d.png" % one), "wb") as file:
                file.write(encoded(noise(8, 8, seed=10 * number + one)))
    assert ended(written(data, tmp_path / "parts", val_percent=0, test_percent=0)).outcome == "done"
    found = sorted(path.name for path in (tmp_path / "parts" / "train").iterdir())
    assert found == ["CON_", "a%3Ab", "back%5Cslash", "café", "r%5Cxf4se"]
    assert len(files(tmp_path / "parts")) == 15
    assert (tmp_path / "parts" / "train" / "café" / os.fsdecode(b"p\xff0.png")).exists()


@given(
    st.text(st.characters(codec="utf-8"), max_size=300)
    | st.sampled_from(["", ".", "..", "../x", "a/b", "nul", "~$a", " "])
)
def test_that_a_safe_name_stays_in_its_folder_and_is_seen(name: str) -> None:
    made = safe(name)
    assert made
    assert len(made.encode()) < 250
    assert not set(made) & set('/\\:*?"<>|\0')
    assert made[0] not in ".~"
    assert made[-1] not in ". "
    assert os.path.normpath(os.path.join("/place", made)) == f"/place/{made}"


@given(st.lists(st.sampled_from(["a.jpg", "A.JPG", "a-2.jpg", "é.png", "é.png", "b"]), max_size=12))
def test_that_no_two_names_of_a_folder_are_the_same(wanted: list[str]) -> None:
    names = Names()
    made = [names.own(name) for name in wanted]
    assert len({name.casefold() for name in made}) == len(made)
    if wanted:
        assert made[0] == wanted[0]
