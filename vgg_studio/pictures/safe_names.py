"""Names for new files and folders: any text becomes one that every system can hold, and no two become the same."""

from __future__ import annotations

import os
import unicodedata

from vgg_studio.pictures.names import odd

_LONGEST = 200  # bytes: file systems hold 255, and a number or an ending may follow
_NEVER = frozenset('<>:"/|?*\\')
_INVISIBLE = ("Cc", "Cf", "Cs", "Zl", "Zp")


def safe(text: str) -> str:
    """A name for one folder: what cannot stand in one is written as its bytes in per cent signs, as in addresses.

    Never hidden, never `.` or `..`, never one of Windows' devices; it leads into no other folder.
    """
    name = "".join(
        _escaped(sign) if sign in _NEVER or unicodedata.category(sign) in _INVISIBLE else sign for sign in text
    )
    if name[:1] in (".", "~"):  # hidden, or an office program's litter
        name = _escaped(name[0]) + name[1:]
    if name[-1:] in (".", " "):
        name = name[:-1] + _escaped(name[-1])
    name = name.encode("utf-8")[:_LONGEST].decode("utf-8", "ignore").rstrip(". ") or "_"
    return name + "_" if odd(name.encode("utf-8")) else name


class Names:
    """Names within one folder. Systems that know no upper and lower case, or write accents otherwise, see them apart, too."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def own(self, name: str) -> str:
        """The name itself, or with a number where it is taken: `a.jpg`, `a-2.jpg`, `a-3.jpg`."""
        stem, ending = os.path.splitext(name)
        found, count = name, 1
        while (key := unicodedata.normalize("NFC", found).casefold()) in self._taken:
            count += 1
            found = f"{stem}-{count}{ending}"
        self._taken.add(key)
        return found


def _escaped(sign: str) -> str:
    return "".join(f"%{byte:02X}" for byte in sign.encode("utf-8", "surrogateescape"))
