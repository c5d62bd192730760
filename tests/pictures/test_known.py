"""Digests and verdicts of pictures, remembered between runs."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from hashlib import blake2b
from pathlib import Path

import PIL
import pillow_heif
import pytest
from PIL import Image

from vgg_studio.core.data_events import Seen
from vgg_studio.core.errors import PictureRefused
from vgg_studio.pictures import files, known
from vgg_studio.pictures.guard import Guard
from vgg_studio.pictures.known import FILE, Known
from vgg_studio.pictures.known_file import KnownFile, Row

REFUSAL = PictureRefused("kind_not_allowed", kind="PSD", path="elsewhere")


def written(path: Path, content: bytes = b"some picture", age: float = 100.0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    then = time.time() - age
    os.utime(path, (then, then))
    return path


def right(content: bytes) -> bytes:
    return blake2b(content, digest_size=16).digest()


def count(folder: Path) -> int:
    with sqlite3.connect(folder / FILE) as base:
        (rows,) = base.execute("SELECT count(*) FROM pictures").fetchone()
    base.close()
    return int(rows)


class Reads:
    """Counts how often a file is truly read."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        self._open = files.ordinary_file
        monkeypatch.setattr(known, "ordinary_file", self)

    def __call__(self, path: bytes | str) -> object:
        self.count += 1
        return self._open(path)


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Reads:
    return Reads(monkeypatch)


# --- digests


def test_that_a_picture_is_read_once_for_all_runs(tmp_path: Path, reads: Reads) -> None:
    picture = written(tmp_path / "a.jpg")

    for _ in range(3):
        with Known(tmp_path / "cache") as ours:
            assert ours.digest(str(picture)) == ours.digest(os.fsencode(picture)) == right(b"some picture")

    assert reads.count == 1


def test_that_a_changed_picture_has_another_digest_and_no_verdict(tmp_path: Path) -> None:
    picture = written(tmp_path / "a.jpg", b"one")
    with Known(tmp_path / "cache") as ours:
        ours.accept(str(picture))
        written(picture, b"two", age=50)

        assert ours.digest(str(picture)) == right(b"two")
        assert ours.verdict(str(picture)) is None


def test_that_a_picture_put_in_the_place_of_another_with_its_time_and_size_is_noticed(tmp_path: Path) -> None:
    picture = written(tmp_path / "a.jpg", b"one")
    with Known(tmp_path / "cache") as ours:
        ours.digest(str(picture))
        other = tmp_path / "b.jpg"
        other.write_bytes(b"two")
        shutil.copystat(picture, other)
        other.replace(picture)

        assert ours.digest(str(picture)) == right(b"two")


def test_that_a_picture_changed_a_moment_ago_is_not_trusted(tmp_path: Path, reads: Reads) -> None:
    picture = written(tmp_path / "a.jpg", age=1.0)

    with Known(tmp_path / "cache") as ours:
        ours.accept(str(picture))
        before = reads.count
        ours.digest(str(picture))

        assert reads.count == before + 1
        assert ours.verdict(str(picture)) is None


def test_that_one_content_under_two_names_has_one_digest_and_one_verdict(tmp_path: Path) -> None:
    first, second = written(tmp_path / "a.jpg"), written(tmp_path / "else" / "b.png")
    with Known(tmp_path / "cache") as ours:
        ours.refuse(str(first), REFUSAL)
        ours.flush()

        assert ours.digest(str(second)) == ours.digest(str(first))
        found = ours.verdict(str(second))

    assert found is not None
    assert found.refusal is not None
    assert found.refusal.values == {"reason": "kind_not_allowed", "kind": "PSD", "path": str(second)}


@pytest.mark.parametrize("name", ["missing.jpg", "folder", "nul\0.jpg"])
def test_that_what_cannot_be_read_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    with Known(tmp_path / "cache") as ours:
        with pytest.raises(PictureRefused) as refused:
            ours.digest(str(tmp_path / name))
        assert ours.verdict(str(tmp_path / name)) is None

    assert refused.value.reason == ("not_a_file" if name == "folder" else "missing")


# --- verdicts


def test_that_verdicts_outlive_the_process(tmp_path: Path) -> None:
    good, bad, new = (written(tmp_path / name, name.encode()) for name in ("good", "bad", "new"))
    with Known(tmp_path / "cache") as ours:
        ours.accept(str(good))
        ours.refuse(str(bad), REFUSAL)

    with Known(tmp_path / "cache") as ours:
        verdict = ours.verdict(str(good))
        refused = ours.verdict(str(bad))
        assert verdict is not None
        assert verdict.refusal is None
        assert refused is not None
        assert refused.refusal is not None
        assert refused.refusal.reason == "kind_not_allowed"
        assert ours.verdict(str(new)) is None


def test_that_a_moments_trouble_is_not_remembered(tmp_path: Path) -> None:
    picture = written(tmp_path / "a.jpg")
    with Known(tmp_path / "cache") as ours:
        for refusal in (PictureRefused("unreadable"), PictureRefused("not_allowed"), PictureRefused("too_slow")):
            ours.refuse(str(picture), refusal)

        assert ours.verdict(str(picture)) is None


def test_that_a_verdict_of_other_rules_does_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    picture = written(tmp_path / "a.jpg")
    with Known(tmp_path / "cache") as ours:
        ours.refuse(str(picture), REFUSAL)
    monkeypatch.setattr(known, "_DOOR", b"2 99.0")

    with Known(tmp_path / "cache") as ours:
        assert ours.verdict(str(picture)) is None


def test_that_verdicts_are_those_of_both_libraries_that_decode() -> None:
    assert {PIL.__version__, pillow_heif.__version__} <= set(known._DOOR.decode().split())


def test_that_a_check_decodes_each_content_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good, twin, bad = (written(tmp_path / name) for name in ("good.png", "twin.png", "bad.png"))
    Image.new("RGB", (9, 9)).save(good)
    for path, content in ((good, good.read_bytes()), (twin, good.read_bytes()), (bad, b"no picture")):
        written(path, content)
    opened: list[bytes | str] = []

    look = Guard.look

    def noted(guard: Guard, path: bytes | str) -> Seen:
        opened.append(path)
        return look(guard, path)

    monkeypatch.setattr(Guard, "look", noted)

    for _ in range(2):
        with Known(tmp_path / "cache") as ours:
            refusals = [ours.check(str(path)) for path in (good, bad)]
            ours.flush()
            refusals.append(ours.check(str(twin)))
        assert [refusal and refusal.reason for refusal in refusals] == [None, "not_a_picture", None]
    assert opened == [str(good), str(bad)]


def test_that_what_was_seen_is_remembered_with_the_content(tmp_path: Path, reads: Reads) -> None:
    good, twin, new = (tmp_path / name for name in ("good.png", "twin.png", "new.png"))
    for path, width in ((good, 9), (twin, 9), (new, 11)):
        Image.new("RGB", (width, 7)).save(path)
        if path != new:
            written(path, path.read_bytes())
    with Known(tmp_path / "cache") as ours:
        assert ours.seen(str(good)) is None
        assert ours.check(str(good)) is ours.check(str(new)) is None
        assert (ours.seen(str(new)) or Seen(width=0, height=0)).width == 11  # changed a moment ago: for now only
        ours.flush()

        assert ours.check(str(twin)) is None
    before = reads.count
    with Known(tmp_path / "cache") as ours:
        assert ours.seen(str(good)) == ours.seen(str(twin))
        assert (ours.seen(str(good)) or Seen(width=0, height=0)).height == 7
        assert reads.count == before
        assert ours.seen(str(new)) is None


def test_that_what_was_seen_is_there_for_now_where_nothing_can_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(known, "_MOST_WAITING", 2)
    paths = [tmp_path / f"{number}.png" for number in range(5)]
    with Known(None) as ours:
        for width, path in enumerate(paths, 5):
            Image.new("RGB", (width, 7)).save(path)
            written(path, path.read_bytes())
            assert ours.check(str(path)) is None
            ours.flush()
        assert [getattr(ours.seen(str(path)), "width", 0) for path in paths] == [5, 6, 7, 8, 9]


def test_that_a_picture_that_was_only_decoded_is_looked_at_by_a_check(tmp_path: Path) -> None:
    path = tmp_path / "good.png"
    Image.new("RGB", (9, 7)).save(path)
    written(path, path.read_bytes())
    with Known(tmp_path / "cache") as ours:
        ours.accept(str(path))
        assert ours.seen(str(path)) is None
        assert ours.check(str(path)) is None
        assert ours.seen(str(path)) is not None


def test_that_a_file_larger_than_any_picture_is_judged_without_reading_it_all(tmp_path: Path, reads: Reads) -> None:
    path = tmp_path / "endless.png"
    with path.open("wb") as file:
        file.truncate((1 << 30) + 1)  # a hole, which takes no room

    with Known(tmp_path / "cache") as ours:
        refusal = ours.check(str(path))
    assert refusal is not None
    assert refusal.reason == "not_a_picture"
    assert reads.count == 0


# --- the file


def test_that_the_oldest_are_forgotten(tmp_path: Path) -> None:
    file = KnownFile(tmp_path / FILE, most=10)
    for number in range(25):
        file.put([Row(bytes([number]), b"", b"")])
    found = [number for number in range(25) if file.by_name(bytes([number]))]
    file.close()

    assert found == list(range(15, 25))


def test_that_a_file_seen_again_counts_as_new(tmp_path: Path) -> None:
    file = KnownFile(tmp_path / FILE, most=3)
    for name in (b"a", b"b", b"c", b"a", b"d"):
        file.put([Row(name, b"", b"")])
    found = [name for name in (b"a", b"b", b"c", b"d") if file.by_name(name)]
    file.close()

    assert found == [b"a", b"c", b"d"]


def _foreign(path: Path) -> None:
    path.unlink()
    base = sqlite3.connect(path)
    base.execute("CREATE TABLE pictures (theirs TEXT)")
    base.commit()
    base.close()


def _of_tomorrow(path: Path) -> None:
    base = sqlite3.connect(path)
    base.execute("PRAGMA user_version = 3")
    base.close()


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:5000])


def _overwritten(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[:4096] + b"\xa5" * (len(data) - 4096))


def _emptied(path: Path) -> None:
    path.write_bytes(b"")


def _text(path: Path) -> None:
    path.write_bytes(b"no database at all" * 500)


@pytest.mark.parametrize("spoil", [_foreign, _of_tomorrow, _cut, _overwritten, _emptied, _text])
def test_that_a_damaged_or_foreign_file_is_made_anew(tmp_path: Path, spoil: Callable[[Path], None]) -> None:
    picture = written(tmp_path / "a.jpg")
    with Known(tmp_path / "cache") as ours:
        ours.accept(str(picture))
    spoil(tmp_path / "cache" / FILE)

    with Known(tmp_path / "cache") as ours:
        assert ours.verdict(str(picture)) is None
        assert ours.digest(str(picture)) == right(b"some picture")
    assert count(tmp_path / "cache") == 1


def test_that_a_flipped_bit_makes_a_row_unknown_and_not_wrong(tmp_path: Path) -> None:
    picture = written(tmp_path / "a.jpg")
    with Known(tmp_path / "cache") as ours:
        ours.accept(str(picture))
    file = tmp_path / "cache" / FILE
    data = bytearray(file.read_bytes())
    place = data.index(right(b"some picture"))
    data[place] ^= 1
    file.write_bytes(data)

    with Known(tmp_path / "cache") as ours:
        assert ours.verdict(str(picture)) is None
        assert ours.digest(str(picture)) == right(b"some picture")


def test_that_without_a_folder_everything_is_answered(tmp_path: Path) -> None:
    picture = written(tmp_path / "a.jpg")
    with Known(picture) as ours:  # a file stands where the folder should be
        ours.accept(str(picture))

        assert ours.digest(str(picture)) == right(b"some picture")


def test_that_a_full_disk_costs_only_the_memory_of_what_came_last(tmp_path: Path) -> None:
    pictures = [written(tmp_path / f"{number}.jpg", b"%d" % number) for number in range(400)]
    with Known(tmp_path / "cache") as ours:
        ours.digest(str(pictures[0]))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (16 << 10, limits[1]))
    try:
        with Known(tmp_path / "cache") as ours:
            assert [ours.digest(str(one)) for one in pictures] == [right(b"%d" % one) for one in range(400)]
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    with Known(tmp_path / "cache") as ours:
        assert [ours.digest(str(one)) for one in pictures] == [right(b"%d" % one) for one in range(400)]
    assert count(tmp_path / "cache") == 400


_WRITER = """
import sys
from pathlib import Path
from vgg_studio.pictures.known import Known
ours = Known(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
while True:
    for path in sorted(Path(sys.argv[2]).iterdir()):
        ours.accept(str(path))
        ours.flush()
    if len(sys.argv) > 3:
        break
ours.close()
"""


def _writer(*arguments: Path | str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", _WRITER, *map(str, arguments)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def _go(writer: subprocess.Popen[str]) -> None:
    assert writer.stdin is not None
    assert writer.stdout is not None
    assert writer.stdout.readline() == "ready\n"
    writer.stdin.write("go\n")
    writer.stdin.flush()


def test_that_a_killed_writer_leaves_a_file_that_can_be_used(tmp_path: Path) -> None:
    pictures = [written(tmp_path / "pictures" / f"{number}.jpg", b"%d" % number) for number in range(50)]
    for wait in (0.05, 0.11, 0.17):
        with _writer(tmp_path / "cache", tmp_path / "pictures") as writer:
            _go(writer)
            time.sleep(wait)
            writer.send_signal(signal.SIGKILL)

    with Known(tmp_path / "cache") as ours:
        assert ours.verdict(str(pictures[0])) is not None
        assert [ours.digest(str(one)) for one in pictures] == [right(b"%d" % one) for one in range(50)]
    assert count(tmp_path / "cache") == 50


def test_that_processes_and_threads_write_at_once_and_lose_nothing(tmp_path: Path) -> None:
    for name in ("one", "two"):
        for number in range(40):
            written(tmp_path / name / f"{number}.jpg", f"{name} {number}".encode())
    ours = [written(tmp_path / "three" / f"{number}.jpg", b"%d" % number) for number in range(300)]
    with (
        _writer(tmp_path / "cache", tmp_path / "one", "once") as one,
        _writer(tmp_path / "cache", tmp_path / "two", "once") as two,
    ):
        _go(one)
        _go(two)
        with Known(tmp_path / "cache") as known_here, ThreadPoolExecutor(4) as pool:
            digests = list(pool.map(known_here.digest, [str(path) for path in ours]))
        assert one.wait() == two.wait() == 0

    assert digests == [right(b"%d" % number) for number in range(300)]
    assert count(tmp_path / "cache") == 380


def test_that_a_look_at_a_young_file_is_still_known_when_the_file_is_older(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.effect_noise((64, 48), 60).save(path)
    with Known(tmp_path) as memory:
        assert memory.check(str(path)) is None
        young = memory.seen(str(path))
        os.utime(path, (1e9, 1e9))
        memory.digest(str(path))
        assert memory.seen(str(path)) == young is not None
