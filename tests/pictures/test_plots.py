"""A run's curves and its test pictures as files that can be shown to others."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageColor

from tests.pictures import make_folder
from vgg_studio.core import events as ev, split
from vgg_studio.core.events import EpochRow
from vgg_studio.core.jobs import SavePlotsJob, TrainJob
from vgg_studio.core.metrics import wilson
from vgg_studio.core.run_folder import SPLIT, Manifest, RunFolder
from vgg_studio.core.writing import write_bytes
from vgg_studio.pictures import canvas, curves, fonts, plots
from vgg_studio.pictures.guard import Guard
from vgg_studio.pictures.listing import list_folder

ROWS = [
    EpochRow(epoch=number, train_loss=2 / number, val_loss=3 / number, train_accuracy=0.9, val_accuracy=0.1 * number)
    for number in range(1, 7)
]
STRANGE = "\U00012000"  # a sign of cuneiform


def scored_run(folder: Path, classes: tuple[str, str] = ("cat", "dog"), rows: list[EpochRow] = ROWS) -> RunFolder:
    data = make_folder(folder / "pictures", count=10)
    parts = split.make(list_folder(str(data)), 0)
    parts = msgspec.structs.replace(parts, classes=list(classes))
    wrong = [
        ev.WrongPicture(parts.test[0].picture, classes[parts.test[0].label], classes[1 - parts.test[0].label], 0.9)
    ]
    count = len(parts.test)
    scored = ev.Evaluation(
        split="test", accuracy=0.5, loss=0.4, classes=list(classes), confusion=[[1, 0], [0, 1]], count=count,
        correct=count - 1, interval=wilson(count - 1, count), wrong=wrong,
    )  # fmt: skip
    manifest = Manifest(
        job=TrainJob(data=str(data)), created=0.0, classes=list(classes), epochs=rows, best_epoch=4, evaluation=scored
    )
    run = RunFolder.create(folder / "run", manifest)
    write_bytes(run.file(SPLIT), split.to_csv(parts))
    return run


def drawn(run: RunFolder, folder: Path, **changes: object) -> dict[str, Image.Image]:
    job = msgspec.structs.replace(SavePlotsJob(run=str(run.path), folder=str(folder)), **changes)
    wrong = run.manifest.evaluation.wrong if run.manifest.evaluation else []
    files = list(plots.save(run, job, plots.choose(run, job.columns * job.rows), wrong))
    return {Path(file).name: Image.open(file).convert("RGB") for file in files}


def places(picture: Image.Image, colour: str) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Rows and columns of the pixels of a colour."""
    rows, columns = np.nonzero((np.asarray(picture) == ImageColor.getrgb(colour)).all(axis=2))
    return rows, columns


def test_that_the_curves_and_a_grid_are_written_with_the_tutorials_names(tmp_path: Path) -> None:
    run = scored_run(tmp_path)

    assert set(drawn(run, tmp_path / "new" / "folder")) == {"loss.png", "acc.png", "grid.png"}
    assert set(drawn(run, tmp_path / "jpg", kind="jpg")) == {"loss.jpg", "acc.jpg", "grid.jpg"}
    run.save(msgspec.structs.replace(run.manifest, evaluation=None))
    assert set(drawn(run, tmp_path / "early")) == {"loss.png", "acc.png"}


def test_that_a_falling_loss_is_drawn_falling_and_a_rising_score_rising(tmp_path: Path) -> None:
    found = drawn(scored_run(tmp_path), tmp_path / "plots")

    for name, falls in (("loss.png", True), ("acc.png", False)):
        rows, columns = places(found[name], canvas.CHECK)
        below = rows > 170  # less the words
        rows, columns = rows[below], columns[below]
        first, last = rows[columns < 400].mean(), rows[columns > 1300].mean()
        assert (last > first) == falls
        assert columns.max() <= curves.WIDTH - 50


def test_that_each_value_stands_at_its_place_between_the_numbers_of_the_axis() -> None:
    assert curves._axis(1.5).marks == [0, 0.5, 1.0, 1.5]
    assert curves._axis(2.31).marks == pytest.approx([0, 0.5, 1.0, 1.5, 2.0, 2.5])
    assert curves._axis(0.0).high > 0
    for highest in (0.003, 0.7, 1.0, 5.1, 69.0, 12_345.0):
        axis = curves._axis(highest)
        assert highest <= axis.high <= highest + axis.step
        assert 2 <= len(axis.marks) <= 8


@pytest.mark.parametrize("rows", [[], ROWS[:1], [EpochRow(epoch=1, train_loss=None, diverged=True)], ROWS * 40])
def test_that_a_run_of_any_length_has_its_curves(rows: list[EpochRow], tmp_path: Path) -> None:
    numbered = [msgspec.structs.replace(row, epoch=number) for number, row in enumerate(rows, start=1)]
    assert len(drawn(scored_run(tmp_path, rows=numbered), tmp_path / "plots")) == 3


def test_that_pictures_that_were_named_wrong_and_no_others_have_the_red_mark(tmp_path: Path) -> None:
    run = scored_run(tmp_path)
    assert run.manifest.evaluation is not None
    chosen = plots.choose(run, 20)
    grid = drawn(run, tmp_path / "plots")["grid.png"]

    rows, columns = places(grid.crop((0, plots._HEAD, *grid.size)), canvas.BAD)
    marked = {(column - plots._GAP) // (plots._SIDE + plots._GAP) for column in columns.tolist()}
    names = {one.picture for one in run.manifest.evaluation.wrong}
    assert marked == {place for place, (item, _) in enumerate(chosen) if item.picture in names}
    assert len(marked) == 1
    assert rows.min() == 0


def test_that_the_same_run_shows_the_same_pictures_and_what_is_gone_is_left_out(tmp_path: Path) -> None:
    run = scored_run(tmp_path)
    first = [item.picture for item, _ in plots.choose(run, 20)]
    assert first == [item.picture for item, _ in plots.choose(run, 20)]
    assert plots.choose(run, 1)[0][0].picture == first[0]

    (Path(run.manifest.job.data) / first[0].path).unlink()
    assert [item.picture for item, _ in plots.choose(run, 20)] == first[1:]


def test_that_pictures_of_the_grid_are_opened_by_other_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, small = scored_run(tmp_path), Guard.small
    asked: list[bytes | str] = []

    def counted(guard: Guard, path: bytes | str, side: int) -> npt.NDArray[np.uint8]:
        asked.append(path)
        return small(guard, path, side)

    monkeypatch.setattr(Guard, "small", counted)
    chosen = plots.choose(run, 20)
    assert chosen
    assert len(asked) == len(chosen)


def test_that_classes_are_told_by_number_where_no_font_has_their_letters() -> None:
    assert plots._names(["cat", STRANGE]) == ["class 0", "class 1"]
    assert plots._names(["cat", "d\x1bog"]) == ["cat", "d\\x1bog"]


@pytest.mark.parametrize("words", ["雏菊", "Gänseblümchen", "ромашка"])
def test_that_letters_are_drawn_as_they_are_or_not_at_all(words: str) -> None:
    font = fonts.for_text(words, 24)
    if font is None:
        pytest.skip("no font of this machine has these letters")
    assert len({bytes(font.getmask(sign)) for sign in words}) == len(set(words))
    assert bytes(font.getmask(words[1])) != bytes(font.getmask("\uffff"))


def test_that_words_that_no_font_has_are_never_boxes(tmp_path: Path) -> None:
    sheet = canvas.Canvas(200, 60)
    sheet.text(0, 0, STRANGE * 3, 24)
    sheet.save(tmp_path / "strange.png")
    asked = canvas.Canvas(200, 60)
    asked.text(0, 0, "???", 24)
    asked.save(tmp_path / "asked.png")

    assert fonts.for_text(STRANGE, 24) is None
    assert (tmp_path / "strange.png").read_bytes() == (tmp_path / "asked.png").read_bytes()


def test_that_long_names_end_in_dots_within_their_room() -> None:
    name = "a very long name of a class indeed"
    short = canvas.fitting(name, 24, 120)
    assert canvas.width_of(short, 24) <= 120
    assert short.endswith("...")
    assert canvas.fitting("cat", 24, 120) == "cat"
