"""Drawing with words: lines without steps, text in a font that has its letters, and files that are whole or not there."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image, ImageDraw

from vgg_studio.core.language import _
from vgg_studio.core.writing import write_bytes
from vgg_studio.pictures import fonts

# The window's light colours.
PAPER, TEXT, MUTED, GRID = "#FFFFFF", "#15181D", "#58606C", "#E7EAEF"
TRAIN, CHECK, BAD, MATTE = "#747E8E", "#3450CC", "#B3261E", "#EFF1F5"
KINDS = {"png": "PNG", "jpg": "JPEG"}
_FINER = 2  # lines are drawn this much larger, then scaled down
_QUALITY = 92
_LOOK = 24  # px


class Canvas:
    """A sheet of `width` x `height` px. Lines come first, then text on top of them."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self._large: Image.Image | None = Image.new("RGB", (width * _FINER, height * _FINER), PAPER)
        self.image = Image.new("RGB", (1, 1))

    def line(self, points: list[tuple[float, float]], colour: str, width: float) -> None:
        """A line through points, with round corners."""
        self._pen().line([(x * _FINER, y * _FINER) for x, y in points], colour, round(width * _FINER), joint="curve")

    def dot(self, x: float, y: float, radius: float, colour: str, fill: str | None = None) -> None:
        """A dot; with `fill` a ring."""
        box = [value * _FINER for value in (x - radius, y - radius, x + radius, y + radius)]
        self._pen().ellipse(box, fill or colour, colour, round(2 * _FINER) if fill else 1)

    def box(self, box: tuple[float, float, float, float], fill: str) -> None:
        """A filled rectangle."""
        self._pen().rectangle([value * _FINER for value in box], fill)

    def paste(self, picture: Image.Image, left: int, top: int) -> None:
        """A picture; no line is drawn after it."""
        self._settle().paste(picture, (left, top))

    def text(self, x: float, y: float, words: str, size: int, colour: str = TEXT, anchor: str = "la") -> None:
        """Words at a place (`anchor` as Pillow has it: l, m, r and a, m, s); letters that no font has become question marks."""
        font = fonts.for_text(words, size)
        if font is None:
            words = words.encode("ascii", "replace").decode()
            font = fonts.for_text(words, size)
        ImageDraw.Draw(self._settle()).text((x, y), words, colour, font, anchor)

    def save(self, file: Path) -> None:
        """Write the sheet as the kind that its name says. Raises StorageError."""
        data = io.BytesIO()
        self._settle().save(data, KINDS[file.suffix.removeprefix(".")], quality=_QUALITY)
        write_bytes(file, data.getvalue())

    def _pen(self) -> ImageDraw.ImageDraw:
        if self._large is None:
            raise RuntimeError("text was drawn already")
        return ImageDraw.Draw(self._large)

    def _settle(self) -> Image.Image:
        if self._large is not None:
            self.image = self._large.resize((self.width, self.height), Image.Resampling.LANCZOS)
            self._large = None
        return self.image


def said(text: str) -> str:
    """A text in the chosen language, or as it stands here where no font has that language's letters."""
    translated = _(text)
    return translated if fonts.for_text(translated, _LOOK) else text


def width_of(words: str, size: int) -> float:
    """Px that words take."""
    font = fonts.for_text(words, size)
    return font.getlength(words) if font else len(words) * size / 2


def fitting(words: str, size: int, room: float) -> str:
    """Words that fit into so many px: cut off with three dots where they are too long."""
    if width_of(words, size) <= room:
        return words
    while words and width_of(words + "...", size) > room:
        words = words[:-1]
    return words.rstrip() + "..."
