"""Data sets by their names on the command line: fetched, and then used like any folder."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from tests.pictures.data_sets import make_idx
from vgg_studio import paths
from vgg_studio.cli import main, resuming
from vgg_studio.cli.words import sort_out
from vgg_studio.core.errors import DataSetMissing, FolderMissing


def test_that_a_set_is_fetched_from_the_disk_and_says_what_comes_next(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    source = make_idx(tmp_path / "FashionMNIST" / "raw")
    assert main.run(sort_out(["fetch", "fashion-mnist", "--from", str(source)])) == 0
    shown = capfd.readouterr().out
    assert f"The pictures lie in {paths.data_sets_folder() / 'fashion-mnist'}" in shown
    assert "vgg-studio train fashion-mnist" in shown


def test_that_json_tells_the_folder(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    source = make_idx(tmp_path / "raw")
    assert main.run(sort_out(["fetch", "fashion-mnist", "--from", str(source), "--json"])) == 0
    events = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    (told,) = (event for event in events if event["type"] == "data_fetched")
    assert (told["name"], told["folder"]) == ("fashion-mnist", str(paths.data_sets_folder() / "fashion-mnist"))


def test_that_an_unknown_name_is_wrong_usage(capfd: pytest.CaptureFixture[str]) -> None:
    assert main.run(sort_out(["fetch", "imagenet"])) == 2
    assert "cifar10, fashion-mnist, flowers" in capfd.readouterr().err


def test_that_a_name_means_the_users_own_copy() -> None:
    with pytest.raises(DataSetMissing, match="vgg-studio fetch fashion-mnist"):
        resuming.folder("fashion-mnist")
    own = make_idx(paths.data_sets_folder() / "fashion-mnist")
    assert resuming.folder("fashion-mnist") == str(own)
    assert resuming.folder(f"fashion-mnist:{own}") == str(own)


def test_that_an_archive_stands_for_its_pictures_and_another_file_does_not(tmp_path: Path) -> None:
    archive = tmp_path / "pets.zip"
    with zipfile.ZipFile(archive, "w") as made:
        made.writestr("cat/1.png", b"")
    assert resuming.folder(str(archive)) == str(archive)
    (tmp_path / "notes.txt").write_text("text")
    with pytest.raises(FolderMissing):
        resuming.folder(str(tmp_path / "notes.txt"))


def test_that_a_set_that_is_not_here_ends_in_a_sentence(capfd: pytest.CaptureFixture[str]) -> None:
    assert main.run(sort_out(["train", "cifar10"])) == 1
    assert "vgg-studio fetch cifar10" in capfd.readouterr().err
