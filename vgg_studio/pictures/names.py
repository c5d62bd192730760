"""Names that other systems cannot hold, and names that read alike though they differ.

Windows' rules: https://learn.microsoft.com/windows/win32/fileio/naming-a-file. Look-alike letters: the pairs of Unicode's
confusables (UTS 39) that keyboards of Greek, Cyrillic and full-width letters produce, not the whole table.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import NamedTuple

LONGEST = 259  # characters of a whole path that programs for Windows can count on
_RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{number}" for port in ("com", "lpt") for number in "123456789¹²³")}
_FORBIDDEN = frozenset('<>:"|?*\\')
_DIRECTION = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_INVISIBLE = ("Cc", "Cf", "Zl", "Zp")
_BETWEEN = frozenset(" _-\u00a0\u2010\u2011\u2012\u2013\u2014\u2212\u3000")

# Letters that look like a Latin one in most fonts, in lower case after case folding; then signs that stand for letters.
_CYRILLIC = dict(zip("аеорсухіјѕһԁԛԝвкмнтг", "aeopcyxijshdqwbkmhtr", strict=True))
_GREEK = dict(zip("αορνικυχετηζμγβρ", "aopvikyxethzuybp", strict=True))
_SIGNS = {"0": "o", "1": "l", "i": "l", "|": "l", "ı": "l", "ø": "o", "ſ": "s"}
_LOOKS = str.maketrans({**_CYRILLIC, **_GREEK})
_STROKES = str.maketrans(_SIGNS)


class Alike(NamedTuple):
    """Names that read alike, and by what they differ: case, unicode, spaces or lookalike."""

    names: list[str]
    why: str


def alike(names: Iterable[str]) -> list[Alike]:
    """Groups of two and more different names that a person would take for the same, each with the mildest reason."""
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(_skeleton(name), []).append(name)
    return [Alike(sorted(group), _difference(group)) for _, group in sorted(groups.items()) if len(group) > 1]


def odd(name: bytes) -> str:
    """What other systems cannot hold in the name of one file or folder: a key such as `reserved`, "" for a good name."""
    try:
        text = name.decode("utf-8")
    except UnicodeDecodeError:
        return "bytes"
    if text.isascii() and text.isalnum():
        return "reserved" if text.casefold() in _RESERVED else ""
    if _DIRECTION.intersection(text):
        return "direction"
    if any(unicodedata.category(sign) in _INVISIBLE for sign in text):
        return "control"
    if text.partition(".")[0].rstrip(" ").casefold() in _RESERVED:
        return "reserved"
    if _FORBIDDEN.intersection(text):
        return "signs"
    return "ending" if text.endswith((".", " ")) else ""


def _skeleton(name: str) -> str:
    """What a name looks like: one way of writing, no case, no spaces, Latin letters for those that look like them."""
    seen = _plain(name).casefold().translate(_LOOKS)
    letters = "".join(sign for sign in seen if sign not in _BETWEEN and unicodedata.category(sign) not in _INVISIBLE)
    # Digits that stand for letters only count between letters: `class 1` and `class l` differ, `c0w` and `cow` hardly.
    return letters if any(sign.isdigit() for sign in letters[-1:]) else letters.translate(_STROKES)


def _plain(name: str) -> str:
    return unicodedata.normalize("NFKC", name)


def _difference(group: list[str]) -> str:
    def same(ways: Iterable[str]) -> bool:
        return len(set(ways)) == 1

    if same(map(_plain, group)):
        return "unicode"
    if same(_plain(name).casefold() for name in group):
        return "case"
    if same("".join(sign for sign in _plain(name).casefold() if sign not in _BETWEEN) for name in group):
        return "spaces"
    return "lookalike"
