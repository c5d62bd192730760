"""`scan`: a report that can be read, a table with one row a problem, and an exit code that tells whether the set can be used."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pictures import make_folder, make_parts, web_page
from vgg_studio.cli import main
from vgg_studio.cli.orders import Engine, carry_out
from vgg_studio.cli.words import sort_out
from vgg_studio.core import events as ev, jobs
from vgg_studio.core.events import Finding, PictureRef


def _ref(path: str) -> PictureRef:
    return PictureRef(path=path)


COPIES = [
    Finding(
        kind="two_classes",
        pictures=[_ref("cat/1.jpg"), _ref("dog/2.jpg")],
        classes=["cat", "dog"],
        parts=["train", "train"],
        values={"exact": 1},
    ),
    *(Finding(kind="dark", pictures=[_ref(f"cat/{n}.jpg")], classes=["cat"], parts=["train"]) for n in range(8)),
    Finding(kind="tiny_class", classes=["=dog"], values={"count": 3}),
]


def _sick(job: jobs.AnyJob, stop: jobs.Stop) -> Iterator[ev.Event]:
    counts = [ev.ClassCount(name="cat", train=9), ev.ClassCount(name="=dog", train=3)]
    yield ev.ClassesListed(folder="/x", layout="classes", classes=counts, ignored=2, suggestion="/x/inner one")
    yield ev.PicturesListed(class_name="cat", pictures=[_ref("cat/=bad.jpg")])
    yield ev.PictureLeftOut(picture=_ref("cat/=bad.jpg"), reason="web_page")
    yield ev.ClassLeftOut(name="lonely", count=1)
    yield ev.FindingsMade(findings=COPIES)
    yield ev.FolderScanned(folder="/x", layout="classes", classes=counts, split={"train": 8, "val": 2, "test": 2})
    yield ev.JobEnded(outcome="done")


def _scan(capfd: pytest.CaptureFixture[str], *words: str, engine: Engine = carry_out) -> tuple[int, str, str]:
    code = main.run(sort_out(["scan", *words]), engine)
    return code, *capfd.readouterr()


def test_that_the_report_names_classes_problems_and_the_split(capfd: pytest.CaptureFixture[str]) -> None:
    code, out, _ = _scan(capfd, "anything", engine=_sick)
    lines = out.splitlines()
    assert code == 0
    assert "A folder for each class." in lines
    assert ["cat", "9"] in [line.split() for line in lines]
    assert "The same picture in two classes: 1" in lines
    assert "  cat/1.jpg, dog/2.jpg: The same picture in cat, dog." in lines
    assert "Very dark pictures: 8" in lines
    assert "  and 3 more" in lines
    assert any("is a web page, not a picture (1)" in line for line in lines)
    assert any("scan '/x/inner one'" in line for line in lines)
    assert any("8 pictures to learn from, 2 pictures to choose the best round" in line for line in lines)


def test_that_the_table_has_one_row_a_problem_and_no_formula(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, _, _ = _scan(capfd, "anything", "--csv", str(tmp_path / "problems.csv"), engine=_sick)
    with (tmp_path / "problems.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    assert code == 0
    assert rows[0] == ["class", "path", "kind", "reason", "other"]
    assert rows[1:4] == [
        ["cat", "cat/=bad.jpg", "left_out", "is a web page, not a picture", ""],
        ["lonely", "", "class_left_out", "1 picture", ""],
        ["dog", "dog/2.jpg", "two_classes", "The same picture in cat, dog.", "cat/1.jpg"],
    ]
    assert [row[2] for row in rows[4:]] == ["dark"] * 8 + ["tiny_class"]
    assert rows[-1][0] == "'=dog"
    assert not any(cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row)


def _put_right(job: jobs.AnyJob, stop: jobs.Stop) -> Iterator[ev.Event]:
    counts = [ev.ClassCount(name="cat", train=9), ev.ClassCount(name="dog", train=3)]
    yield ev.ClassesListed(folder="/x", layout="classes", classes=counts)
    yield ev.PictureLeftOut(picture=_ref("cat/1.jpg"), reason="by_hand", values={"class_name": "cat"})
    yield ev.JobEnded(outcome="done")


def test_that_the_table_has_the_class_of_a_picture_left_out_by_hand(
    capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    _scan(capfd, "anything", "--csv", str(tmp_path / "problems.csv"), engine=_put_right)
    lines = (tmp_path / "problems.csv").read_text(encoding="utf-8").splitlines()
    assert lines[1:] == ["cat,cat/1.jpg,left_out,by hand,"]


def test_that_programs_get_events_and_nothing_else(capfd: pytest.CaptureFixture[str]) -> None:
    _, out, _ = _scan(capfd, "anything", "--json", engine=_sick)
    kinds = [json.loads(line)["type"] for line in out.splitlines()]
    assert kinds[-2:] == ["findings", "folder_scanned"]


def test_that_a_real_folder_is_scanned_and_left_alone(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    parts = make_parts(tmp_path / "set", {"Training": {"a": 4, "b": 4}, "Prüfung": {"a": 2, "b": 2}})
    web_page(parts / "Training" / "a" / "page.jpg")
    before = sorted(parts.rglob("*"))
    code, out, _ = _scan(capfd, str(parts), "--csv", str(tmp_path / "p.csv"))
    assert code == 0
    assert "Divided into training and test part, each with a folder for each class." in out
    assert ["a", "4", "0", "2"] in [line.split() for line in out.splitlines()]
    assert "Training/a/page.jpg" in (tmp_path / "p.csv").read_text(encoding="utf-8-sig")
    assert sorted(parts.rglob("*")) == before


def test_that_a_folder_that_cannot_be_used_fails_and_the_right_one_is_offered(
    capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    make_folder(tmp_path / "set")
    code, out, err = _scan(capfd, str(tmp_path / "set" / "cat"))
    assert code == 1
    assert "are not sorted into folders" in err
    assert f"vgg-studio scan {tmp_path / 'set'}" in out


def test_that_a_table_that_cannot_be_written_is_said_before_anything_is_read(
    capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    code, out, err = _scan(capfd, str(make_folder(tmp_path / "set")), "--csv", str(tmp_path / "no" / "p.csv"))
    assert code == 1
    assert "Reading" not in out
    assert str(tmp_path / "no") in err
