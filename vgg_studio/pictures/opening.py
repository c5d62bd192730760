"""The one door for pictures: nothing else in the studio opens a picture's file.

ordinary file? -> `decoding`: first bytes -> allowed kind? -> at most 100 megapixels? -> all pixels -> upright RGB.
Each step may end in PictureRefused with its reason.
"""

from __future__ import annotations

import base64
import errno
import io
import os
import stat
from types import ModuleType

from PIL import Image

from vgg_studio.core.errors import PictureRefused
from vgg_studio.core.facts import PictureRef, picture_ref
from vgg_studio.pictures.decoding import DOOR as DOOR, Decoded, decoded

# O_NONBLOCK: a pipe named x.jpg answers at once. The names are missing on Windows, which needs O_BINARY.
_FLAGS = os.O_RDONLY | sum(getattr(os, name, 0) for name in ("O_NONBLOCK", "O_CLOEXEC", "O_NOCTTY", "O_BINARY"))
_REASON_OF_ERRNO = {
    errno.ENOENT: "missing",
    errno.ENOTDIR: "missing",
    errno.ENAMETOOLONG: "missing",
    errno.EACCES: "not_allowed",
    errno.EPERM: "not_allowed",
    errno.ENXIO: "not_a_file",  # a socket, or a pipe without a writer
    errno.ENODEV: "not_a_file",
    errno.ELOOP: "not_a_file",
    errno.EISDIR: "not_a_file",
}


def open_picture(path: str | bytes | os.PathLike[str], *, at_least: int = 0) -> Image.Image:
    """The picture in mode RGB, upright, all of it decoded; of an animation the first frame.

    With `at_least` (px) a JPEG may come smaller, by 2, 4 or 8, as long as both sides keep that many pixels: much faster.
    Raises PictureRefused with a reason of `core.errors.REASONS`. Safe to call from several threads.
    """
    return open_whole(path, at_least=at_least).picture


def open_whole(path: str | bytes | os.PathLike[str], *, at_least: int = 0) -> Decoded:
    """What `open_picture` opens, with what its file says of it. Raises PictureRefused."""
    try:
        with _ordinary_file(path) as file:
            return decoded(file, at_least)
    except PictureRefused as refusal:
        refusal.values.setdefault("path", shown(os.fsencode(path)))
        raise


def open_ref(ref: PictureRef, root: str, *, at_least: int = 0) -> Image.Image:
    """The picture of a reference, as `open_picture` gives it: a file below `root`, or a row of the data set in `root`.

    Raises PictureRefused.
    """
    if ref.row < 0:
        return open_picture(locate(ref, root), at_least=at_least)
    from vgg_studio.pictures import datasets  # reads its files through this door

    return datasets.picture(ref, root)


def ordinary_file(path: str | bytes | os.PathLike[str]) -> io.BufferedReader:
    """A file opened to read its bytes, never a pipe or device. Raises PictureRefused."""
    try:
        return _ordinary_file(path)
    except PictureRefused as refusal:
        refusal.values.setdefault("path", shown(os.fsencode(path)))
        raise


def locate(ref: PictureRef, root: str = "") -> bytes:
    """The file system's own name of a picture; with `root` for references of a scan, which never lead out of it."""
    if ref.row >= 0:
        raise PictureRefused("missing", path=ref.path)
    try:
        name = base64.b64decode(ref.raw) if ref.raw else os.fsencode(ref.path)
    except ValueError as error:  # a stranger's list of pictures
        raise PictureRefused("missing", path=ref.path) from error
    if not root:
        return name
    if _leads_out(name):
        raise PictureRefused("not_allowed", path=ref.path)
    return os.path.join(os.fsencode(root), name)


def _leads_out(name: bytes, system: ModuleType = os.path) -> bool:
    """Whether a relative name could mean a file elsewhere; on Windows also by a backslash or a drive (`C:x`)."""
    drive, path = system.splitdrive(name)
    parts = path.replace(os.fsencode(system.sep), b"/").split(b"/")
    return bool(drive) or not parts[0] or b".." in parts


def refer(path: bytes, root: bytes | str = b"") -> PictureRef:
    """The reference to a file: relative to `root` with `/` between parts, or as it is; `raw` where it is no Unicode text."""
    base = os.fsencode(root)
    name = path[len(base) :].lstrip(os.fsencode(os.sep)) if base and path.startswith(base) else path
    if base and os.sep != "/":
        name = name.replace(os.fsencode(os.sep), b"/")
    return picture_ref(name)


def shown(name: bytes) -> str:
    r"""A name as text that can always be sent and shown; bytes that are no text as `\xff`."""
    return name.decode("utf-8", "backslashreplace")


def reason_of(error: OSError) -> str:
    """The key of REASONS for an error of the file system."""
    return _REASON_OF_ERRNO.get(error.errno or 0, "unreadable")


def _ordinary_file(path: str | bytes | os.PathLike[str]) -> io.BufferedReader:
    try:
        handle = os.open(path, _FLAGS)
    except OSError as error:
        raise PictureRefused("not_a_file" if os.path.isdir(path) else reason_of(error)) from error
    except ValueError as error:  # a NUL in the name
        raise PictureRefused("missing", path=repr(path)) from error
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise PictureRefused("not_a_file")
        return os.fdopen(handle, "rb")
    except BaseException:
        os.close(handle)
        raise
