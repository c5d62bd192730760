"""What a spreadsheet or a script finds in a saved table of predictions."""

from __future__ import annotations

import csv
import io

from vgg_studio.core.events import Guess, PicturePredicted, PredictionFailed
from vgg_studio.core.tables import predictions_csv


def _named(path: str, *guesses: tuple[str, float], unsure: bool = False) -> PicturePredicted:
    return PicturePredicted(path=path, top=[Guess(label=a, probability=b) for a, b in guesses], unsure=unsure)


def _read(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode("utf-8"), newline="")))


def test_that_every_picture_has_a_line_with_its_answer_and_all_guesses() -> None:
    rows = _read(
        predictions_csv(
            [_named("a.jpg", ("roses", 0.9), ("tulips", 0.1)), _named("b.jpg", ("daisy", 0.4), unsure=True)]
        )
    )
    assert rows[0] == {
        "path": "a.jpg",
        "answer": "roses",
        "probability": "0.9000",
        "verdict": "clear",
        "reason": "",
        "guess_2": "tulips",
        "probability_2": "0.1000",
    }
    assert (rows[1]["answer"], rows[1]["verdict"], rows[1]["guess_2"]) == ("daisy", "unsure", "")


def test_that_a_failed_picture_has_a_line_with_its_reason() -> None:
    rows = _read(predictions_csv([PredictionFailed(path="x.jpg", reason="empty file", code="empty")]))
    assert rows == [{"path": "x.jpg", "answer": "", "probability": "", "verdict": "failed", "reason": "empty file"}]


def test_that_no_text_is_a_formula() -> None:
    names = ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(1)", "\tx", "\rx"]
    for row in _read(predictions_csv([_named(name, (name, 0.5)) for name in names])):
        assert row["path"].startswith("'")
        assert row["answer"].startswith("'")


def test_that_commas_quotes_and_newlines_in_names_stay_in_their_cell() -> None:
    name = 'one, "two"\nthree.jpg'
    assert _read(predictions_csv([_named(name, ("a", 1.0))]))[0]["path"] == name


def test_that_only_a_table_with_other_than_ascii_letters_has_a_byte_order_mark() -> None:
    assert predictions_csv([_named("a.jpg", ("rose", 1.0))]).startswith(b"path,")
    assert predictions_csv([_named("a.jpg", ("玫瑰", 1.0))]).startswith(b"\xef\xbb\xbfpath,")


def test_that_a_name_that_is_no_unicode_text_is_written_all_the_same() -> None:
    assert b"\\udcff.jpg" in predictions_csv([_named("\udcff.jpg", ("rose", 1.0))])
