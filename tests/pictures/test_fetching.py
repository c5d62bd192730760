"""Making data sets ready: from the disk, from a server on this machine that may misbehave, or not at all."""

from __future__ import annotations

import hashlib
import io
import tarfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.pictures import class_picture, encoded, make_folder
from tests.pictures.data_sets import make_cifar, make_idx
from vgg_studio import paths
from vgg_studio.core import data_sets
from vgg_studio.core.data_sets import CIFAR_FOLDER, SETS, RemoteFile, is_there
from vgg_studio.core.errors import describe
from vgg_studio.core.events import DataFetched, Event, JobEnded, PhaseProgress
from vgg_studio.core.jobs import FetchDataJob, Stop
from vgg_studio.pictures.fetching import fetch_data
from vgg_studio.pictures.listing import list_folder


class _Server(ThreadingHTTPServer):
    """Serves `files`; each cut in `cuts` breaks one connection after so many bytes of its body."""

    daemon_threads = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files: dict[str, bytes] = {}
        self.cuts: list[int] = []
        self.asked: list[str] = []

    def address(self, name: str) -> str:
        return f"http://127.0.0.1:{self.server_port}/{name}"


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        content = self.server.files.get(self.path[1:])
        if content is None:
            self.send_error(404)
            return
        start = int(self.headers.get("Range", "bytes=0-")[6:-1])
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(content) - start))
        self.send_header("ETag", '"1"')
        self.end_headers()
        cut = self.server.cuts.pop(0) if self.server.cuts else len(content)
        self.wfile.write(content[start : start + cut])

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        pass


@pytest.fixture
def server() -> Iterator[_Server]:
    running = _Server()
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield running
    running.shutdown()
    running.server_close()
    thread.join()


def _published(monkeypatch: pytest.MonkeyPatch, server: _Server, name: str, files: dict[str, bytes]) -> None:
    """Let a data set be published on the server."""
    server.files = dict(files)
    remote = tuple(
        RemoteFile(file, server.address(file), f"md5:{hashlib.md5(data, usedforsecurity=False).hexdigest()}", len(data))
        for file, data in files.items()
    )
    monkeypatch.setitem(SETS, name, SETS[name]._replace(files=remote))


def _tgz(folder: Path, below: str) -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as archive:
        archive.add(folder, below)
    return data.getvalue()


@pytest.fixture
def cifar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tiny CIFAR-10 that is taken for the published one."""
    for name, digest in make_cifar(tmp_path / CIFAR_FOLDER).items():
        monkeypatch.setitem(data_sets.CIFAR_SUMS, name, digest)
    return tmp_path / CIFAR_FOLDER


def _flowers(root: Path) -> Path:
    return make_folder(root, SETS["flowers"].classes, count=3, size=16, suffix=".jpg")


def _fetch(name: str, source: object = "") -> list[Event]:
    return list(fetch_data(FetchDataJob(name=name, source=str(source)), Stop()))


def _ready(events: list[Event]) -> str:
    """The folder that was told; the order must have ended well."""
    assert isinstance(events[-1], JobEnded)
    assert events[-1].outcome == "done", events[-1].failure and describe(events[-1].failure)
    (told,) = (event.folder for event in events if isinstance(event, DataFetched))
    return told


def _failure(events: list[Event]) -> str:
    assert isinstance(events[-1], JobEnded)
    assert events[-1].failure
    assert not any(isinstance(event, DataFetched) for event in events)
    return describe(events[-1].failure)


# --- from the disk


@pytest.mark.parametrize("given", ["folder", "above", "a file", "archive"])
def test_that_a_set_comes_from_the_disk(tmp_path: Path, given: str) -> None:
    folder = make_idx(tmp_path / "FashionMNIST" / "raw")
    source = {
        "folder": folder,
        "above": tmp_path,
        "a file": folder / "t10k-labels-idx1-ubyte.gz",
        "archive": tmp_path / "fashion.tgz",
    }[given]
    (tmp_path / "fashion.tgz").write_bytes(_tgz(folder, "."))
    told = _ready(_fetch("fashion-mnist", source))
    assert told == str(paths.data_sets_folder() / "fashion-mnist")
    assert list_folder("fashion-mnist").folder == told
    assert len(list_folder("fashion-mnist").items["train"]) == 24


def test_that_plain_idx_files_are_taken_too(tmp_path: Path) -> None:
    _ready(_fetch("fashion-mnist", make_idx(tmp_path / "raw", packed=False)))
    assert is_there("fashion-mnist", str(paths.data_sets_folder()))


@pytest.mark.parametrize("given", ["folder", "archive"])
def test_that_cifar_comes_from_the_disk(tmp_path: Path, cifar: Path, given: str) -> None:
    (tmp_path / "cifar-10-python.tar.gz").write_bytes(_tgz(cifar, CIFAR_FOLDER))
    _ready(_fetch("cifar10", cifar if given == "folder" else tmp_path / "cifar-10-python.tar.gz"))
    assert len(list_folder("cifar10").items["test"]) == 10


@pytest.mark.parametrize("given", ["folder", "archive"])
def test_that_flowers_come_from_the_disk(tmp_path: Path, given: str) -> None:
    folder = _flowers(tmp_path / "flower_photos")
    (tmp_path / "f.tgz").write_bytes(_tgz(folder, "flower_photos"))
    _ready(_fetch("flowers", folder if given == "folder" else tmp_path / "f.tgz"))
    assert list_folder("flowers").classes == list(SETS["flowers"].classes)


def test_that_another_set_is_not_taken_under_this_name(tmp_path: Path) -> None:
    folder = _flowers(tmp_path / "flower_photos")
    (tmp_path / "f.tgz").write_bytes(_tgz(folder, "flower_photos"))
    assert "of another kind" in _failure(_fetch("cifar10", tmp_path / "f.tgz"))
    assert "is not in" in _failure(_fetch("cifar10", folder))
    assert not is_there("cifar10", str(paths.data_sets_folder()))
    assert not (paths.data_sets_folder() / "cifar10").exists()


def test_that_spoilt_files_do_not_stay_under_the_sets_name(tmp_path: Path, cifar: Path) -> None:
    (cifar / "data_batch_3").write_bytes(b"spoilt")
    _failure(_fetch("cifar10", cifar))
    assert not (paths.data_sets_folder() / "cifar10").exists()


@pytest.mark.parametrize("given", ["folder", "a file"])
def test_that_what_was_put_by_hand_into_the_sets_folder_is_not_thrown_away(given: str) -> None:
    folder = make_idx(paths.data_sets_folder() / "fashion-mnist")
    (folder / "t10k-labels-idx1-ubyte.gz").unlink()  # not all of it has come yet
    file = folder / "train-images-idx3-ubyte.gz"
    assert "is not in" in _failure(_fetch("fashion-mnist", folder if given == "folder" else file))
    assert file.is_file()


def test_that_what_is_there_is_only_told(tmp_path: Path) -> None:
    _fetch("fashion-mnist", make_idx(tmp_path / "raw"))
    events = _fetch("fashion-mnist")
    assert [type(event) for event in events] == [DataFetched, JobEnded]


def test_that_an_archive_of_ones_own_is_unpacked(tmp_path: Path) -> None:
    (tmp_path / "pets.tgz").write_bytes(_tgz(make_folder(tmp_path / "pets"), "pets"))
    told = _ready(_fetch("", tmp_path / "pets.tgz"))
    assert list_folder(told).classes == ["cat", "dog"]


def test_that_unknown_names_and_paths_end_in_a_sentence(tmp_path: Path) -> None:
    assert "cifar10" in _failure(_fetch("imagenet"))
    assert "no file or folder" in _failure(_fetch("cifar10", tmp_path / "nowhere"))


# --- from a server


def test_that_single_files_are_downloaded_and_checked(
    tmp_path: Path, server: _Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {file.name: file.read_bytes() for file in sorted(make_idx(tmp_path / "raw").iterdir())}
    _published(monkeypatch, server, "fashion-mnist", files)
    events = _fetch("fashion-mnist")
    assert len(list_folder(_ready(events)).items["test"]) == 12
    assert any(isinstance(event, PhaseProgress) and event.phase == "downloading" for event in events)


def test_that_an_archive_is_downloaded_unpacked_and_then_gone(
    cifar: Path, server: _Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    _published(monkeypatch, server, "cifar10", {"cifar-10-python.tar.gz": _tgz(cifar, CIFAR_FOLDER)})
    told = _ready(_fetch("cifar10"))
    assert len(list_folder(told).items["train"]) == 50
    assert not (paths.data_sets_folder() / "cifar10.files").exists()


def test_that_a_broken_connection_goes_on_where_it_broke(
    tmp_path: Path, server: _Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = _tgz(_flowers(tmp_path / "flower_photos"), "flower_photos")
    _published(monkeypatch, server, "flowers", {"flower_photos.tgz": data})
    server.cuts = [1000, 1000]
    assert list_folder(_ready(_fetch("flowers"))).classes[0] == "daisy"
    assert len(server.asked) == 3


def test_that_a_file_that_was_put_there_by_hand_is_not_downloaded(
    cifar: Path, server: _Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = _tgz(cifar, CIFAR_FOLDER)
    _published(monkeypatch, server, "cifar10", {"cifar-10-python.tar.gz": data})
    server.files.clear()
    sentence = _failure(_fetch("cifar10"))
    folder = paths.data_sets_folder() / "cifar10.files"
    assert server.address("cifar-10-python.tar.gz") in sentence
    assert str(folder) in sentence
    (folder / "cifar-10-python.tar.gz").write_bytes(data)
    _ready(_fetch("cifar10"))


def test_that_another_file_than_the_published_one_is_not_used(
    tmp_path: Path, server: _Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    _published(monkeypatch, server, "flowers", {"flower_photos.tgz": _tgz(_flowers(tmp_path / "a"), "flower_photos")})
    server.files["flower_photos.tgz"] = encoded(class_picture(0, 0))
    assert "not the one that was published" in _failure(_fetch("flowers"))
    assert not (paths.data_sets_folder() / "flowers").exists()


def test_that_a_stop_ends_it_without_the_set(tmp_path: Path, server: _Server, monkeypatch: pytest.MonkeyPatch) -> None:
    _published(monkeypatch, server, "flowers", {"flower_photos.tgz": _tgz(_flowers(tmp_path / "a"), "flower_photos")})
    stop = Stop()
    stop.ask("cancel")
    (*_, ended) = fetch_data(FetchDataJob(name="flowers"), stop)
    assert isinstance(ended, JobEnded)
    assert ended.outcome == "stopped"
    assert not is_there("flowers", str(paths.data_sets_folder()))


def test_that_every_published_address_is_https() -> None:
    assert all(file.address.startswith("https://") for one in SETS.values() for file in one.files)
