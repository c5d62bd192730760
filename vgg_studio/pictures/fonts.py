"""A font that has a text's letters: Pillow's own, else one of the system's. Chinese must not become a row of boxes."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import cast

from PIL import ImageFont

Font = ImageFont.FreeTypeFont
_NONE = "\uffff"  # a sign that no font has: what is drawn for it is what stands for a missing letter
# Files that systems bring along, in the order of preference, with the number of the Chinese face in a collection.
_NAMES = (
    ("DejaVuSans.ttf", 0),
    ("segoeui.ttf", 0),
    ("Arial Unicode.ttf", 0),
    ("NotoSansCJK-Regular.ttc", 2),
    ("NotoSansCJKsc-Regular.otf", 0),
    ("NotoSansSC-Regular.otf", 0),
    ("SourceHanSansSC-Regular.otf", 0),
    ("wqy-microhei.ttc", 0),
    ("wqy-zenhei.ttc", 0),
    ("DroidSansFallbackFull.ttf", 0),
    ("msyh.ttc", 0),
    ("simhei.ttf", 0),
    ("PingFang.ttc", 0),
    ("Hiragino Sans GB.ttc", 0),
    ("STHeiti Light.ttc", 0),
)
_FOLDERS = (
    "/usr/share/fonts",
    "/usr/local/share/fonts",
    "~/.fonts",
    "~/.local/share/fonts",
    "/System/Library/Fonts",
    "/Library/Fonts",
    "C:/Windows/Fonts",
)


def for_text(text: str, size: int) -> Font | None:
    """A font of `size` px with all letters of a text; None where there is none on this machine."""
    plain = _own(size)
    if _has(plain, text):
        return plain
    return next((font for font in _systems(size) if _has(font, text)), None)


@cache
def _own(size: int) -> Font:
    return cast(Font, ImageFont.load_default(size))  # with a size it is


@cache
def _systems(size: int) -> tuple[Font, ...]:
    found: list[Font] = []
    for path, face in _files():
        try:
            found.append(ImageFont.truetype(path, size, index=face))
        except OSError:  # damaged, or another collection of that name
            continue
    return tuple(found)


@cache
def _files(folders: tuple[str, ...] = _FOLDERS) -> tuple[tuple[str, int], ...]:
    wanted = {name.lower(): (place, face) for place, (name, face) in enumerate(_NAMES)}
    found: dict[int, tuple[str, int]] = {}
    for folder in folders:
        for base, _folders, names in os.walk(Path(folder).expanduser()):
            for name in names:
                if name.lower() in wanted:
                    place, face = wanted[name.lower()]
                    found.setdefault(place, (os.path.join(base, name), face))
    return tuple(found[place] for place in sorted(found))


def _has(font: Font, text: str) -> bool:
    missing = _drawn(font, _NONE)
    return all(sign.isspace() or _drawn(font, sign) != missing for sign in set(text))


def _drawn(font: Font, sign: str) -> tuple[tuple[int, int], bytes]:
    mask = font.getmask(sign)
    return mask.size, bytes(mask)
