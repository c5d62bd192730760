"""What an answer is worth in words: clear, not sure, or none; and how sure it is, never all of it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Literal

import msgspec

from vgg_studio import paths
from vgg_studio.app import places
from vgg_studio.app.prediction_state import Answer
from vgg_studio.core import wording
from vgg_studio.core.errors import REASONS, describe_reason
from vgg_studio.core.events import PictureRef, PredictionFailed
from vgg_studio.core.language import N_, _

Verdict = Literal["clear", "unsure", "failed"]
WORDS: dict[Verdict, str] = {"clear": N_("clear"), "unsure": N_("not sure"), "failed": N_("no answer")}
SIGNS: dict[Verdict, tuple[str, str]] = {
    "clear": ("check", "good"),
    "unsure": ("question", "warn"),
    "failed": ("bad", "bad"),
}
ALMOST = 0.9995  # from here on the rounded number would be 100 %


def verdict(row: Answer, threshold: float) -> Verdict:
    """Whether the answer is surer than the threshold (a fraction of 1)."""
    if isinstance(row, PredictionFailed) or not row.top:
        return "failed"
    return "clear" if row.top[0].probability >= threshold else "unsure"


def how_sure(probability: float) -> str:
    """A probability in per cent; no network is ever 100 % sure."""
    if probability >= ALMOST:
        return _("over {percent}").format(percent=wording.percent(0.999))
    return wording.percent(probability)


def picture_of(row: Answer) -> PictureRef:
    """The picture that the answer is about."""
    return row.picture or PictureRef(path=row.path)


def picture_name(row: Answer) -> str:
    """The picture's own name, made safe to show."""
    picture = picture_of(row)
    if _is_pasted(picture.path):
        return _("Pasted picture")
    return places.name(picture.path) if picture.path else wording.picture_text(picture)


def _is_pasted(path: str) -> bool:
    """Whether it is a file of the cache that holds a pasted picture: nobody ever saw the name that it was given there."""
    folder = os.path.dirname(path)
    return os.path.basename(folder) == "pasted" and folder == str(paths.cache_folder() / "pasted")


def failure_words(row: PredictionFailed) -> str:
    """Why there is no answer, in the reader's language where the code is known."""
    return (
        describe_reason(row.code)
        if row.code in REASONS and "{" not in REASONS[row.code]
        else wording.escaped(row.reason)
    )


def with_threshold(rows: Iterable[Answer], threshold: float) -> list[Answer]:
    """The answers with `unsure` as the threshold on the page has it, for a saved table."""
    return [
        row
        if isinstance(row, PredictionFailed)
        else msgspec.structs.replace(row, unsure=verdict(row, threshold) != "clear")
        for row in rows
    ]
