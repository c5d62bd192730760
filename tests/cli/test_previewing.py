"""What training sees of the pictures, as one sheet from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from tests.pictures import make_folder
from vgg_studio.cli import main
from vgg_studio.cli.orders import carry_out
from vgg_studio.cli.words import sort_out


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return make_folder(tmp_path / "data", ("cat", "dog"), count=10, size=32)


def run(*words: str | Path) -> int:
    return main.run(sort_out([str(word) for word in words]), carry_out)


def test_that_a_row_is_a_picture_and_a_column_a_round(data: Path, tmp_path: Path) -> None:
    file = tmp_path / "sheet.png"
    options = ("--variants", "5", "--batch-size", "3", "--image-size", "32", "--variation", "crop")
    assert run("preview", data, file, *options) == 0
    with Image.open(file) as sheet:
        assert sheet.size == (16 + 5 * (96 + 16), 16 + 3 * (96 + 28 + 16))


def test_that_without_variants_the_first_batch_is_shown(
    data: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run("preview", data, tmp_path / "batch.jpg", "--image-size", "32", "--json", "--batch-size", "5") == 0
    events = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    labels = [event["label"] for event in events if event["type"] == "preview_made"]
    assert len(labels) == 5
    assert set(labels) == {"cat", "dog"}
    assert events[-1]["files"] == [str(tmp_path / "batch.jpg")]


def test_that_a_file_of_another_kind_is_refused_before_any_work(
    data: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run("preview", data, tmp_path / "sheet.txt") == 2
    done = capfd.readouterr()
    assert "sheet.txt" in done.err
    assert done.out == ""


def test_that_a_folder_that_is_not_there_is_named(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run("preview", tmp_path / "nothing", tmp_path / "sheet.png") != 0
    assert "nothing" in capfd.readouterr().err
