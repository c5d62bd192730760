"""Predictions as a CSV file, the same from the window and from the command line."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from vgg_studio.core.events import PicturePredicted, PredictionFailed

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
BYTE_ORDER_MARK = "\ufeff"


def predictions_csv(rows: Iterable[PicturePredicted | PredictionFailed]) -> bytes:
    """A table with one line a picture: path, answer, probability, verdict (clear, unsure, failed), reason, further guesses.

    Column names and verdicts are English in every language, so that a script can read any of these files; probabilities
    are fractions of 1. Texts that a spreadsheet would run as a formula get a leading apostrophe. UTF-8, and with a byte
    order mark only where a text is not plain ASCII: without it Excel shows such texts as rubbish.
    """
    kept = list(rows)
    guesses = max((len(row.top) for row in kept if isinstance(row, PicturePredicted)), default=1)
    head = ["path", "answer", "probability", "verdict", "reason"]
    head += [name for place in range(2, guesses + 1) for name in (f"guess_{place}", f"probability_{place}")]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")  # RFC 4180
    writer.writerow(head)
    for row in kept:
        cells = _cells(row)
        writer.writerow(cells + [""] * (len(head) - len(cells)))
    content = text.getvalue()
    return (content if content.isascii() else BYTE_ORDER_MARK + content).encode("utf-8", "backslashreplace")


def _cells(row: PicturePredicted | PredictionFailed) -> list[str]:
    if isinstance(row, PredictionFailed):
        return [harmless(row.path), "", "", "failed", harmless(row.reason)]
    top = [cell for guess in row.top for cell in (harmless(guess.label), f"{guess.probability:.4f}")]
    verdict = "unsure" if row.unsure else "clear"
    return [harmless(row.path), *(top[:2] or ["", ""]), verdict, "", *top[2:]]


def harmless(text: str) -> str:
    """The text with an apostrophe before it where a spreadsheet would take it for a formula."""
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text
