"""One attempt to fetch a file over https into a partial file, in a thread of its own that can be broken off at once."""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import socket
import ssl
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from email.message import Message
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlsplit

from vgg_studio import __version__
from vgg_studio.core.errors import DownloadFailed, StudioError, from_os_error

_PATIENCE = 20.0  # seconds without a byte
_CHUNK = 1 << 18
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class Transfer(threading.Thread):
    """Fetches `url` to the end of `part`. `done` and `total` (0: unknown) are bytes; `error` is set when it failed.

    What the server says of the file's version is kept beside the part, so that a later attempt never joins two versions.
    """

    def __init__(self, url: str, part: Path, limit_bytes: int) -> None:
        super().__init__(name=f"download {part.name}", daemon=True)
        self.done = 0
        self.total = 0
        self.error: StudioError | None = None
        self.can_go_on = False  # the connection broke off: another attempt may get the rest
        self._url = url
        self._part = part
        self._limit = limit_bytes
        self._sockets: list[socket.socket] = []
        self._aborted = threading.Event()

    def abort(self) -> None:
        """Break off, also in the middle of waiting for the server."""
        self._aborted.set()
        for opened in self._sockets:
            with contextlib.suppress(OSError):  # of the plain socket: the encrypted one would first say goodbye
                socket.socket.shutdown(opened, socket.SHUT_RDWR)
        self.join(0.2)

    def run(self) -> None:
        """The attempt."""
        try:
            self._fetch()
        except StudioError as error:
            self.error = error
        except urllib.error.HTTPError as error:
            error.close()
            self.error = self._failed("status", status=error.code)
        except urllib.error.URLError as error:
            self.error = self._unreachable(error.reason)
        except TimeoutError:
            self.error, self.can_go_on = self._failed("too_slow"), True
        except (OSError, http.client.HTTPException, ValueError):
            self.error, self.can_go_on = self._failed("cut"), True

    def _fetch(self) -> None:
        if not _is_safe(self._url):
            raise self._failed("unsafe_address")
        start = self._part.stat().st_size if self._part.exists() else 0
        request = urllib.request.Request(self._url, headers=self._headers(start))  # noqa: S310 - address checked above
        try:
            with self._opener().open(request, timeout=_PATIENCE) as response:
                self._receive(response, start)
        except urllib.error.HTTPError as error:
            if error.code != http.client.REQUESTED_RANGE_NOT_SATISFIABLE or not start:
                raise
            error.close()
            self.done = self.total = start  # nothing is missing; whether it is the right file, its hash will tell

    def _receive(self, response: Any, start: int) -> None:
        first, whole = _content_range(response.headers)
        resumed = response.status == http.client.PARTIAL_CONTENT and first == start
        if response.status == http.client.PARTIAL_CONTENT and not resumed:
            raise self._failed("status", status=response.status)
        self.done = start if resumed else 0
        self.total = whole if resumed else int(response.headers.get("Content-Length") or 0)
        self._check_size(max(self.total, self.done))
        self._remember_version(response.headers)
        try:
            with self._part.open("ab" if resumed else "wb") as out:
                self._copy(response, out)
                out.flush()
                os.fsync(out.fileno())
        except _DiskError as error:
            raise from_os_error(error.cause, str(self._part), max(1, (self.total - self.done) >> 20)) from error
        if self.done < self.total:
            raise http.client.IncompleteRead(b"")

    def _copy(self, response: Any, out: BinaryIO) -> None:
        while not self._aborted.is_set() and (chunk := response.read1(_CHUNK)):
            self._check_size(self.done + len(chunk))
            try:
                out.write(chunk)
            except OSError as error:
                raise _DiskError(error) from error
            self.done += len(chunk)

    def _check_size(self, size: int) -> None:
        if size > self._limit:
            self._part.unlink(missing_ok=True)
            raise self._failed("too_large", megabytes=self._limit >> 20)

    def _headers(self, start: int) -> dict[str, str]:
        headers = {"User-Agent": f"vgg-studio/{__version__}"}
        if start:
            headers["Range"] = f"bytes={start}-"
            if version := self._version():
                headers["If-Range"] = version
        return headers

    @property
    def _version_file(self) -> Path:
        return version_file(self._part)

    def _version(self) -> str:
        return self._version_file.read_text(encoding="ascii", errors="replace") if self._version_file.exists() else ""

    def _remember_version(self, headers: Message) -> None:
        tag = headers.get("ETag", "")
        strong = tag if not tag.startswith("W/") else ""  # a weak one may not be used for ranges (RFC 9110, 13.1.5)
        self._version_file.write_text(strong or headers.get("Last-Modified", ""), encoding="ascii", errors="replace")

    def _opener(self) -> urllib.request.OpenerDirector:
        keep = self._sockets.append
        handlers: list[urllib.request.BaseHandler] = [_Http(keep), _Https(keep), _CheckedRedirects(self._failed)]
        if urlsplit(self._url).hostname in _LOOPBACK:
            handlers.append(urllib.request.ProxyHandler({}))
        return urllib.request.build_opener(*handlers)

    def _unreachable(self, reason: object) -> StudioError:
        if isinstance(reason, ssl.SSLCertVerificationError):
            return self._failed("certificate")
        return self._failed("too_slow" if isinstance(reason, TimeoutError) else "refused_connection")

    def _failed(self, detail: str, **values: str | int) -> DownloadFailed:
        name = urlsplit(self._url).path.rpartition("/")[2]
        return DownloadFailed(host=urlsplit(self._url).hostname or "", name=name, detail=detail, **values)


class _DiskError(Exception):
    """Carries the disk's own error past the network's, which are OSErrors too."""

    def __init__(self, cause: OSError) -> None:
        super().__init__()
        self.cause = cause


def version_file(part: Path) -> Path:
    """Where the version of a partial file is noted."""
    return part.with_name(f"{part.name}.version")


def _is_safe(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)


def _content_range(headers: Message) -> tuple[int, int]:
    """First byte and whole length out of `Content-Range: bytes 5-9/10`; (-1, 0) without."""
    found = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", headers.get("Content-Range", ""))
    return (int(found[1]), int(found[2])) if found else (-1, 0)


class _CheckedRedirects(urllib.request.HTTPRedirectHandler):
    def __init__(self, failed: Callable[[str], DownloadFailed]) -> None:
        super().__init__()
        self._failed = failed

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        if not _is_safe(newurl):
            fp.close()
            raise self._failed("unsafe_address")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


class _Http(urllib.request.HTTPHandler):
    """Lets the sockets be known, because only closing its socket ends a wait for a server."""

    def __init__(self, keep: Callable[[socket.socket], None]) -> None:
        super().__init__()
        self._keep = keep

    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(partial(_HttpConnection, keep=self._keep), req)


class _Https(urllib.request.HTTPSHandler):
    def __init__(self, keep: Callable[[socket.socket], None]) -> None:
        super().__init__()
        self._keep = keep

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(partial(_HttpsConnection, keep=self._keep), req, context=ssl.create_default_context())


class _HttpConnection(http.client.HTTPConnection):
    def __init__(self, host: str, *, keep: Callable[[socket.socket], None], **options: Any) -> None:
        super().__init__(host, **options)
        self._keep = keep

    def connect(self) -> None:
        super().connect()
        self._keep(self.sock)


class _HttpsConnection(http.client.HTTPSConnection):
    def __init__(self, host: str, *, keep: Callable[[socket.socket], None], **options: Any) -> None:
        super().__init__(host, **options)
        self._keep = keep

    def connect(self) -> None:
        super().connect()
        self._keep(self.sock)
