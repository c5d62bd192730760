"""`predict`, on a stand-in engine that knows one answer."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from tests.cli.conftest import Command


@pytest.fixture
def some(tmp_path: Path) -> Path:
    """A folder with pictures as the stand-in takes them: by their names alone."""
    for name in ("good.jpg", "odd.jpg", "bad.jpg", "=sum.jpg"):
        (tmp_path / name).touch()
    return tmp_path


def _rows(file: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(file.read_text(encoding="utf-8-sig"))))


def test_that_each_picture_gets_a_line_with_its_answers(command: Command, run: Path, some: Path) -> None:
    done = command("predict", str(run), str(some / "good.jpg"), str(some / "odd.jpg"))
    lines = done.stdout.replace("\u00a0", " ").splitlines()
    assert done.returncode == 0
    assert lines == [
        f"{some / 'good.jpg'}: [red] 75.0 % (then =cmd 25.0 %)",
        f"{some / 'odd.jpg'}: unsure, perhaps [red] 75.0 % (then =cmd 25.0 %)",
    ]


def test_that_top_limits_the_answers(command: Command, run: Path, some: Path) -> None:
    done = command("predict", str(run), str(some / "good.jpg"), "--top", "1", "--json")
    assert len(json.loads(done.stdout)["top"]) == 1
    assert command("predict", str(run), str(some / "good.jpg"), "--top", "0").returncode == 2


def test_that_an_unreadable_picture_does_not_fail_the_rest(command: Command, run: Path, some: Path) -> None:
    done = command("predict", str(run), str(some / "bad.jpg"), str(some / "good.jpg"), "--json")
    assert done.returncode == 0
    assert [json.loads(line)["type"] for line in done.stdout.splitlines()] == ["prediction_failed", "prediction"]
    text = command("predict", str(run), str(some / "bad.jpg"), str(some / "good.jpg")).stdout
    assert f"{some / 'bad.jpg'}: is a web page, not a picture" in text
    assert "1 of 2 pictures could not be read." in text


def test_that_it_fails_where_no_picture_could_be_named(command: Command, run: Path, some: Path) -> None:
    done = command("predict", str(run), str(some / "bad.jpg"))
    assert done.returncode == 1
    assert done.stderr == "No picture could be named.\n"


def test_that_a_missing_path_fails_after_the_rest(command: Command, run: Path, some: Path) -> None:
    done = command("predict", str(run), "nowhere.jpg", str(some / "good.jpg"), "--json")
    first, last = (json.loads(line) for line in done.stdout.splitlines())
    assert done.returncode == 1
    assert first["type"] == "prediction"
    assert (last["type"], last["path"], last["code"]) == ("prediction_failed", "nowhere.jpg", "missing")
    assert done.stderr == "There is no file or folder nowhere.jpg. Check the name.\n"


def test_that_the_table_holds_every_picture_and_no_formula(command: Command, run: Path, some: Path) -> None:
    table = some / "answers.csv"
    words = [str(some / name) for name in ("good.jpg", "odd.jpg", "bad.jpg")]
    done = command("predict", str(run), *words, "--csv", str(table))
    assert done.returncode == 0
    assert [(row["answer"], row["verdict"], row["guess_2"]) for row in _rows(table)] == [
        ("[red]", "clear", "'=cmd"),
        ("[red]", "unsure", "'=cmd"),
        ("", "failed", ""),
    ]
    assert f"Written: {table}" in done.stdout


def test_that_a_table_that_cannot_be_written_is_told_before_the_work(command: Command, run: Path, some: Path) -> None:
    done = command("predict", str(run), str(some / "good.jpg"), "--csv", str(some / "nowhere" / "answers.csv"))
    assert done.returncode == 1
    assert "nowhere" in done.stderr
    assert done.stdout == ""


def test_that_what_follows_two_dashes_is_a_path(command: Command, run: Path, tmp_path: Path) -> None:
    done = command("predict", str(run), "--", "--debug")
    assert done.returncode == 1
    assert "--debug" in done.stderr
