"""`correct`: what is put right from the command line, and what of it is told."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.cli.conftest import Command
from tests.pictures import make_folder
from vgg_studio import paths
from vgg_studio.core import corrections
from vgg_studio.core.facts import PictureRef
from vgg_studio.pictures.corrected import corrected
from vgg_studio.pictures.listing import list_folder


@pytest.fixture
def zoo(tmp_path: Path) -> Path:
    return make_folder(tmp_path / "zoo", count=3, size=8)


def standing(folder: Path) -> dict[PictureRef, str]:
    return corrections.load(str(folder), paths.corrections_folder()).standing()


def test_that_pictures_are_named_as_in_the_folder_or_from_here(
    command: Command, zoo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(zoo)
    done = command("correct", str(zoo), "--leave-out", "cat/000.png", str(zoo / "cat" / "001.png"), "./dog/002.png")
    assert done.stdout == "3 pictures left out.\n"
    assert standing(zoo) == {PictureRef(path=path): "" for path in ("cat/000.png", "cat/001.png", "dog/002.png")}


def test_that_what_is_put_right_in_an_archive_is_heeded_when_it_is_read(command: Command, zoo: Path) -> None:
    archive = shutil.make_archive(str(zoo), "zip", zoo)
    done = command("correct", archive, "--leave-out", "cat/000.png")
    assert done.stdout == "1 picture left out.\n"
    left_out = corrected(list_folder(archive)).left_out
    assert [(entry.picture.path, entry.reason) for entry in left_out] == [("cat/000.png", corrections.BY_HAND)]


def test_that_steps_are_taken_back_and_done_again(command: Command, zoo: Path) -> None:
    moved = PictureRef(path="cat/000.png")
    assert command("correct", str(zoo), "--move", "cat/000.png", "--to", "dog").returncode == 0
    assert standing(zoo) == {moved: "dog"}
    assert command("correct", str(zoo), "--undo").stdout == "Taken back: 1 picture put into dog.\n"
    assert standing(zoo) == {}
    assert command("correct", str(zoo), "--redo").stdout == "1 picture put into dog.\n"
    command("correct", str(zoo), "--take-back", "cat/000.png")
    assert standing(zoo) == {}


def test_that_what_was_put_right_is_listed_for_people_and_programs(command: Command, zoo: Path) -> None:
    command("correct", str(zoo), "--leave-out", "cat/000.png")
    command("correct", str(zoo), "--move", "cat/001.png", "--to", "dog")
    text = command("correct", str(zoo), "--list").stdout
    assert text.splitlines() == ["cat/000.png: left out", "cat/001.png: put into dog"]
    lines = [json.loads(line) for line in command("correct", str(zoo), "--json").stdout.splitlines()]
    assert [line["type"] for line in lines] == ["picture_left_out", "pictures_listed", "job_ended"]
    assert lines[1]["class_name"] == "dog"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--leave-out", "cat/none.png"), 1, "There is no file or folder cat/none.png."),
        (("--move", "cat/000.png", "--to", "horse"), 2, "Allowed: cat, dog."),
        (("--leave-out",), 2, "pictures of the folder"),
        (("--undo", "--list"), 2, "one of them"),
    ],
)
def test_that_what_makes_no_sense_changes_nothing(
    command: Command, zoo: Path, words: tuple[str, ...], code: int, said: str
) -> None:
    done = command("correct", str(zoo), *words)
    assert (done.returncode, standing(zoo)) == (code, {})
    assert said in done.stderr
