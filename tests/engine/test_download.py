"""Fetching weights from a server on this machine that misbehaves in every way that servers do."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from vgg_studio.core import transfer
from vgg_studio.core.errors import DownloadDamaged, DownloadFailed, NotWritable, describe
from vgg_studio.core.events import Event, PhaseProgress, PhaseStarted
from vgg_studio.core.jobs import Stop
from vgg_studio.core.locking import try_lock
from vgg_studio.engine.download import fetch, is_whole, place
from vgg_studio.engine.official import OfficialWeights

CONTENT = bytes(range(256)) * 4096  # 1 MiB
NAME = f"vgg16-{hashlib.sha256(CONTENT).hexdigest()[:8]}.pth"


class _Server(ThreadingHTTPServer):
    """Serves CONTENT; the attributes say how badly. `asked` keeps the Range headers."""

    daemon_threads = False
    block_on_close = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.content = CONTENT
        self.version = '"1"'
        self.status = 200
        self.cut_after: list[int] = []  # bytes of the body after which the connection breaks, once each
        self.ignores_ranges = False
        self.shift = 0  # bytes that a range begins too late
        self.tells_length = True
        self.redirect = ""
        self.pause = threading.Event()  # set: sends no more
        self.released = threading.Event()
        self.asked: list[str] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        server = self.server
        server.asked.append(self.headers.get("Range", ""))
        if server.redirect:
            self._answer(302, {"Location": server.redirect})
        elif server.status != 200:
            self._answer(server.status, {"Content-Length": "0"})
        else:
            self._send_from(self._start())

    def _start(self) -> int:
        wanted = self.headers.get("Range", "")
        same = self.headers.get("If-Range", self.server.version) == self.server.version
        return int(wanted[6:-1]) if wanted and same and not self.server.ignores_ranges else 0

    def _send_from(self, start: int) -> None:
        content = self.server.content
        if start >= len(content):
            self._answer(416, {"Content-Range": f"bytes */{len(content)}", "Content-Length": "0"})
            return
        headers = {"ETag": self.server.version}
        if self.server.tells_length:
            headers["Content-Length"] = str(len(content) - start)
        if start:
            start += self.server.shift
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        self._answer(206 if start else 200, headers)
        body = content[start:]
        cut = self.server.cut_after.pop(0) if self.server.cut_after else len(body)
        if self.server.pause.is_set():
            self.wfile.write(body[: len(body) // 2])
            self.server.released.wait(20)
        else:
            self.wfile.write(body[:cut])

    def _answer(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        pass


@pytest.fixture
def server() -> Iterator[_Server]:
    running = _Server()
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield running
    running.released.set()
    running.shutdown()
    running.server_close()
    thread.join()


def _weights(server: _Server, name: str = NAME) -> OfficialWeights:
    return OfficialWeights(
        variant="vgg16",
        kind="official",
        url=f"{server.address}/models/{name}",
        file_name=name,
        sha256_prefix=name[6:14],
        size_bytes=len(CONTENT),
        mean=(0.5,) * 3,
        std=(0.5,) * 3,
        image_size=224,
        resize_side=256,
    )


def _fetched(weights: OfficialWeights, folder: Path, **options: int) -> list[Event]:
    return list(fetch(weights, folder, Stop(), **options))


def _failure(weights: OfficialWeights, folder: Path, **options: int) -> DownloadFailed:
    with pytest.raises(DownloadFailed) as caught:
        _fetched(weights, folder, **options)
    assert not is_whole(weights, folder)
    assert weights.file_name in describe(caught.value.fact())
    return caught.value


def _part(weights: OfficialWeights, folder: Path) -> Path:
    return folder / f"{weights.file_name}.part"


def test_that_a_file_arrives_whole_with_its_progress_and_leaves_nothing_beside_it(
    server: _Server, tmp_path: Path
) -> None:
    weights = _weights(server)
    events = _fetched(weights, tmp_path / "weights")
    assert place(weights, tmp_path / "weights").read_bytes() == CONTENT
    assert isinstance(events[0], PhaseStarted)
    assert isinstance(events[-1], PhaseProgress)
    assert (events[-1].done, events[-1].total) == (len(CONTENT), len(CONTENT))
    assert not list((tmp_path / "weights").glob("*.part*"))


def test_that_a_file_which_is_there_is_not_fetched_again(server: _Server, tmp_path: Path) -> None:
    weights = _weights(server)
    place(weights, tmp_path).write_bytes(CONTENT)
    assert _fetched(weights, tmp_path) == []
    assert server.asked == []


def test_that_a_damaged_file_at_the_place_is_replaced(server: _Server, tmp_path: Path) -> None:
    weights = _weights(server)
    place(weights, tmp_path).write_bytes(CONTENT[:-1])
    _fetched(weights, tmp_path)
    assert is_whole(weights, tmp_path)


def test_that_a_refused_connection_is_told(server: _Server, tmp_path: Path) -> None:
    weights = _weights(server)
    server.shutdown()
    server.socket.close()
    assert _failure(weights, tmp_path).values["detail"] == "refused_connection"


@pytest.mark.parametrize("status", [404, 403, 500])
def test_that_the_servers_refusal_is_told_with_its_number(server: _Server, tmp_path: Path, status: int) -> None:
    server.status = status
    error = _failure(_weights(server), tmp_path)
    assert (error.values["detail"], error.values["status"]) == ("status", status)
    assert f"the server answered {status}" in describe(error.fact())


def test_that_a_broken_connection_is_taken_up_again_where_it_broke(server: _Server, tmp_path: Path) -> None:
    server.cut_after = [300_000, 200_000]
    weights = _weights(server)
    _fetched(weights, tmp_path)
    assert place(weights, tmp_path).read_bytes() == CONTENT
    assert server.asked == ["", "bytes=300000-", "bytes=500000-"]


def test_that_what_has_arrived_is_kept_when_the_server_gives_no_more(server: _Server, tmp_path: Path) -> None:
    server.cut_after = [300_000, 0]
    weights = _weights(server)
    assert _failure(weights, tmp_path).values["detail"] == "cut"
    assert _part(weights, tmp_path).read_bytes() == CONTENT[:300_000]
    _fetched(weights, tmp_path)
    assert place(weights, tmp_path).read_bytes() == CONTENT


def test_that_two_versions_of_a_file_are_never_joined(server: _Server, tmp_path: Path) -> None:
    server.content, server.cut_after = CONTENT[::-1], [300_000, 0]
    weights = _weights(server)
    _failure(weights, tmp_path)
    server.content, server.version = CONTENT, '"2"'
    _fetched(weights, tmp_path)
    assert place(weights, tmp_path).read_bytes() == CONTENT


def test_that_a_server_which_knows_no_ranges_sends_it_all_again(server: _Server, tmp_path: Path) -> None:
    server.cut_after, server.ignores_ranges = [300_000], True
    weights = _weights(server)
    _fetched(weights, tmp_path)
    assert place(weights, tmp_path).read_bytes() == CONTENT
    assert server.asked == ["", "bytes=300000-"]


def test_that_another_range_than_the_asked_one_is_not_joined(server: _Server, tmp_path: Path) -> None:
    server.cut_after, server.shift, server.tells_length = [300_000], 1000, False
    weights = _weights(server)
    _part(weights, tmp_path).write_bytes(CONTENT[:1000])
    error = _failure(weights, tmp_path)
    assert (error.values["detail"], error.values["status"]) == ("status", 206)
    assert _part(weights, tmp_path).read_bytes() == CONTENT[:1000]


def test_that_a_file_without_a_told_length_arrives_too(server: _Server, tmp_path: Path) -> None:
    server.tells_length = False
    weights = _weights(server)
    _fetched(weights, tmp_path)
    assert is_whole(weights, tmp_path)


def test_that_a_partial_file_which_is_complete_is_taken(server: _Server, tmp_path: Path) -> None:
    weights = _weights(server)
    _part(weights, tmp_path).write_bytes(CONTENT)
    _fetched(weights, tmp_path)
    assert place(weights, tmp_path).read_bytes() == CONTENT


def test_that_wrong_bytes_are_deleted_and_told(server: _Server, tmp_path: Path) -> None:
    server.content = CONTENT[:-1] + b"!"
    weights = _weights(server)
    with pytest.raises(DownloadDamaged) as caught:
        _fetched(weights, tmp_path)
    assert caught.value.values["name"] == NAME
    assert [path.suffix for path in tmp_path.iterdir()] == [".lock"]


def test_that_a_wrong_partial_file_costs_one_try_and_no_more(server: _Server, tmp_path: Path) -> None:
    weights = _weights(server)
    _part(weights, tmp_path).write_bytes(bytes(300_000))
    with pytest.raises(DownloadDamaged):
        _fetched(weights, tmp_path)
    _fetched(weights, tmp_path)
    assert is_whole(weights, tmp_path)


@pytest.mark.parametrize("tells_length", [True, False])
def test_that_a_file_beyond_the_limit_is_refused(server: _Server, tmp_path: Path, tells_length: bool) -> None:
    server.tells_length = tells_length
    weights = _weights(server)
    error = _failure(weights, tmp_path, limit_bytes=1 << 19)
    assert error.values["detail"] == "too_large"
    assert not _part(weights, tmp_path).exists()


def test_that_a_redirect_is_followed(server: _Server, tmp_path: Path) -> None:
    weights = _weights(server)
    other = _Server()
    other.redirect = weights.url
    thread = threading.Thread(target=other.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    _fetched(_weights(other), tmp_path)
    other.shutdown()
    other.server_close()
    thread.join()
    assert is_whole(weights, tmp_path)


def test_that_a_redirect_to_nowhere_is_told(server: _Server, tmp_path: Path) -> None:
    gone = _Server()
    gone.server_close()
    server.redirect = f"{gone.address}/{NAME}"
    assert _failure(_weights(server), tmp_path).values["detail"] == "refused_connection"


def test_that_an_address_on_this_disk_is_not_fetched(server: _Server, tmp_path: Path) -> None:
    weights = replace(_weights(server), url=(tmp_path / NAME).as_uri())
    assert _failure(weights, tmp_path / "weights").values["detail"] == "unsafe_address"
    server.redirect = weights.url
    assert _failure(_weights(server), tmp_path).values["detail"] == "status"


def test_that_a_redirect_in_circles_is_told(server: _Server, tmp_path: Path) -> None:
    server.redirect = f"{server.address}/{NAME}"
    assert _failure(_weights(server), tmp_path).values["detail"] == "status"


@pytest.mark.parametrize("address", ["http://example.com/a.pth", "ftp://127.0.0.1/a.pth"])
def test_that_only_encrypted_addresses_are_fetched_from_elsewhere(
    server: _Server, tmp_path: Path, address: str
) -> None:
    server.redirect = address
    assert _failure(_weights(server), tmp_path).values["detail"] == "unsafe_address"


def _stopped_after(events: Iterator[Event], stop: Stop, ready: threading.Event | None = None) -> float:
    """Seconds from the wish to stop to the end."""
    for event in events:
        if isinstance(event, PhaseProgress) and (ready is None or event.done):
            stop.ask("cancel")
            asked = time.monotonic()
    return time.monotonic() - asked


def test_that_a_slow_server_can_be_cancelled_and_what_came_is_kept(server: _Server, tmp_path: Path) -> None:
    server.pause.set()
    weights, stop = _weights(server), Stop()
    seconds = _stopped_after(fetch(weights, tmp_path, stop), stop, server.pause)
    assert not place(weights, tmp_path).exists()
    assert _part(weights, tmp_path).stat().st_size == len(CONTENT) // 2
    assert seconds < 5  # far below the 20 s that the server would have taken
    server.pause.clear()
    _fetched(weights, tmp_path)
    assert place(weights, tmp_path).read_bytes() == CONTENT


def test_that_a_server_which_falls_silent_is_given_up(
    server: _Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer, "_PATIENCE", 0.2)
    server.pause.set()
    weights = _weights(server)
    server.content = CONTENT[:1]  # half of it is nothing, so no try brings anything
    assert _failure(weights, tmp_path).values["detail"] == "too_slow"


def test_that_closing_the_generator_ends_the_transfer(server: _Server, tmp_path: Path) -> None:
    server.pause.set()
    events = fetch(_weights(server), tmp_path, Stop())
    next(events)
    next(events)
    events.close()  # type: ignore[attr-defined]
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("download")]


def test_that_a_second_process_waits_for_the_first_and_takes_its_file(server: _Server, tmp_path: Path) -> None:
    weights = _weights(server)
    with (tmp_path / f"{NAME}.lock").open("ab") as first:
        assert try_lock(first.fileno())
        events = fetch(weights, tmp_path, Stop())
        assert isinstance(next(events), PhaseStarted)
        _part(weights, tmp_path).write_bytes(CONTENT[:1000])
        waiting = next(events)
        assert isinstance(waiting, PhaseProgress)
        assert (waiting.done, waiting.total) == (1000, len(CONTENT))
        place(weights, tmp_path).write_bytes(CONTENT)
    list(events)
    assert server.asked == []


def test_that_waiting_for_another_process_can_be_cancelled(server: _Server, tmp_path: Path) -> None:
    stop = Stop()
    with (tmp_path / f"{NAME}.lock").open("ab") as first:
        assert try_lock(first.fileno())
        _stopped_after(fetch(_weights(server), tmp_path, stop), stop)
    assert server.asked == []


def test_that_a_folder_which_cannot_be_made_is_told(server: _Server, tmp_path: Path) -> None:
    (tmp_path / "weights").write_bytes(b"a file in the way")
    with pytest.raises(NotWritable):
        _fetched(_weights(server), tmp_path / "weights")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no device that is always full")
def test_that_a_full_disk_is_told_as_such(server: _Server, tmp_path: Path) -> None:
    from vgg_studio.core.errors import DiskFull

    weights = _weights(server)
    _part(weights, tmp_path).symlink_to("/dev/full")
    with pytest.raises(DiskFull):
        _fetched(weights, tmp_path)
