"""Files by the file system's own names: from a reference to a name and back, and opened only where they are ordinary files."""

from __future__ import annotations

import base64
import errno
import io
import os
import stat
from types import ModuleType

from vgg_studio.core.errors import PictureRefused
from vgg_studio.core.facts import PictureRef, picture_ref

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
