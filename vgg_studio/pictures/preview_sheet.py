"""A sheet of previews: a row of variations for each picture, or one batch with the names of its classes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from vgg_studio.core import wording
from vgg_studio.core.errors import UsageError
from vgg_studio.core.events import PreviewMade
from vgg_studio.pictures.canvas import KINDS, MATTE, Canvas, fitting
from vgg_studio.pictures.opening import open_picture

_LEAST, _GAP, _CAPTION, _WORDS = 96, 16, 28, 18  # px


def write(made: Sequence[PreviewMade], file: Path) -> None:
    """Write the sheet as .png or .jpg. Raises UsageError for another name, StorageError.

    With more than one variation each row is a picture; else the pictures stand in as square a sheet as their number allows.
    """
    check(file)
    variants = 1 + max((one.variant for one in made), default=0)
    columns = variants if variants > 1 else max(1, math.ceil(math.sqrt(len(made))))
    pictures = [open_picture(one.file) for one in made]
    side = max([_LEAST, *(picture.width for picture in pictures)])
    rows = math.ceil(len(made) / columns)
    sheet = Canvas(_GAP + columns * (side + _GAP), _GAP + max(1, rows) * (side + _CAPTION + _GAP))
    places = [
        (_GAP + index % columns * (side + _GAP), _GAP + index // columns * (side + _CAPTION + _GAP))
        for index in range(len(made))
    ]
    for left, top in places:  # before the first picture: see Canvas
        sheet.box((left, top, left + side, top + side), MATTE)
    for one, picture, (left, top) in zip(made, pictures, places, strict=True):
        scale = max(1, side // picture.width)  # data sets of 28 px exist
        shown = picture.resize((picture.width * scale, picture.height * scale), Image.Resampling.NEAREST)
        sheet.paste(shown, left + (side - shown.width) // 2, top + (side - shown.height) // 2)
        if one.variant == 0:
            sheet.text(left, top + side + 4, fitting(wording.escaped(one.label), _WORDS, side), _WORDS)
    sheet.save(file)


def check(file: Path) -> None:
    """Raise UsageError where the name of the file is not that of a kind that can be written."""
    if file.suffix.removeprefix(".") not in KINDS:
        raise UsageError(name="FILE", value=file.name, allowed=", ".join(f"*.{kind}" for kind in KINDS))
