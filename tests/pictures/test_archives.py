"""Unpacking archives: what comes out of good ones, and that nothing comes out of the others."""

from __future__ import annotations

import io
import os
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.pictures import class_picture, encoded, make_folder
from tests.pictures.data_sets import make_idx
from vgg_studio import paths
from vgg_studio.core.errors import ArchiveRefused, DiskFull
from vgg_studio.core.events import ClassesListed, Event, JobEnded, PhaseProgress, PhaseStarted
from vgg_studio.core.jobs import ScanJob, Stop, StopHow
from vgg_studio.pictures.archive_members import Bounds, parts_of
from vgg_studio.pictures.archives import unpack
from vgg_studio.pictures.listing import list_folder
from vgg_studio.pictures.located import place
from vgg_studio.pictures.scan import scan
from vgg_studio.pictures.walking import Stopped

PICTURE = encoded(class_picture(0, 0, 16))
Add = Callable[[Path, dict[str, bytes]], Path]


def _tar(mode: str) -> Add:
    def made(file: Path, members: dict[str, bytes]) -> Path:
        with tarfile.open(file, mode) as archive:  # type: ignore[call-overload]  # the mode is a parameter
            for name, data in members.items():
                info = tarfile.TarInfo(name)
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
        return file

    return made


def _zip(file: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
    return file


MAKERS: dict[str, Add] = {
    "flowers.zip": _zip,
    "flowers.tar": _tar("w"),
    "flowers.tgz": _tar("w:gz"),
    "flowers.tar.bz2": _tar("w:bz2"),
    "flowers.tar.xz": _tar("w:xz"),
}
GOOD = {
    "flower_photos/LICENSE.txt": b"text",
    "flower_photos/daisy/1.png": PICTURE,
    "flower_photos/daisy/2.png": PICTURE,
    "flower_photos/roses/1.png": PICTURE,
    "./flower_photos/roses/3.png": PICTURE,
    "flower_photos/roses/._3.png": b"litter",
    "__MACOSX/flower_photos/roses/3.png": b"litter",
}
LINKS = (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE)


def _files(folder: Path) -> list[str]:
    return sorted(file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file())


def _unpack(archive: Path, target: Path, bounds: Bounds | None = None) -> list[Event]:
    return list(unpack(archive, target, Stop(), bounds))


@pytest.mark.parametrize("name", MAKERS)
def test_that_pictures_come_out_and_nothing_else(tmp_path: Path, name: str) -> None:
    target = tmp_path / "out" / "flowers"
    events = _unpack(MAKERS[name](tmp_path / name, GOOD), target)
    pictures = ["daisy/1.png", "daisy/2.png", "roses/1.png", "roses/3.png"]
    assert _files(target) == [f"flower_photos/{picture}" for picture in pictures]
    assert (target / "flower_photos/daisy/1.png").read_bytes() == PICTURE
    assert isinstance(events[0], PhaseStarted)
    assert list((tmp_path / "out").glob(".*.part")) == []


def test_that_what_is_unpacked_is_not_unpacked_again(tmp_path: Path) -> None:
    archive = _zip(tmp_path / "a.zip", GOOD)
    _unpack(archive, tmp_path / "out")
    archive.write_bytes(b"no archive any more")
    assert _unpack(archive, tmp_path / "out") == []


@pytest.mark.parametrize(
    "name", ["../../evil.png", "/etc/evil.png", "a/../../evil.png", "..\\evil.png", "C:\\evil.png", "C:evil.png"]
)
@pytest.mark.parametrize("kind", ["flowers.zip", "flowers.tgz"])
def test_that_a_member_that_leads_out_spoils_the_whole_archive(tmp_path: Path, name: str, kind: str) -> None:
    archive = MAKERS[kind](tmp_path / kind, GOOD | {name: PICTURE})
    with pytest.raises(ArchiveRefused, match="outside of its folder"):
        _unpack(archive, tmp_path / "deep" / "out")
    assert _files(tmp_path) in ([kind], sorted(["deep/.out.lock", kind]))


@pytest.mark.parametrize(
    "name", ["a/\x07.png", "a/new\nline.png", "a/" + "x" * 300 + ".png", "/".join("a" * 30) + "/x.png"]
)
def test_that_odd_names_are_refused(name: str) -> None:
    with pytest.raises(ArchiveRefused):
        parts_of(name)


@pytest.mark.parametrize("kind", LINKS)
def test_that_links_and_devices_spoil_the_whole_archive(tmp_path: Path, kind: bytes) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        good = tarfile.TarInfo("cat/1.png")
        good.size = len(PICTURE)
        archive.addfile(good, io.BytesIO(PICTURE))
        info = tarfile.TarInfo("cat/2.png")
        info.type, info.linkname = kind, "/etc/passwd"
        archive.addfile(info)
    with pytest.raises(ArchiveRefused, match="link or a device"):
        _unpack(tmp_path / "a.tar", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_that_a_link_in_a_zip_is_seen(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        info = zipfile.ZipInfo("cat/1.png")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, "/etc/passwd")
    with pytest.raises(ArchiveRefused, match="link or a device"):
        _unpack(tmp_path / "a.zip", tmp_path / "out")


def test_that_a_name_that_comes_twice_spoils_the_archive(tmp_path: Path) -> None:
    archive = _tar("w")(tmp_path / "a.tar", {"cat/1.png": PICTURE, "./cat/1.png": PICTURE})
    with pytest.raises(ArchiveRefused, match="twice"):
        _unpack(archive, tmp_path / "out")


def test_that_a_name_of_both_a_picture_and_a_folder_is_the_archives_fault(tmp_path: Path) -> None:
    archive = _zip(tmp_path / "a.zip", {"cat.png": PICTURE, "cat.png/deep/1.png": PICTURE})
    with pytest.raises(ArchiveRefused, match="twice"):
        _unpack(archive, tmp_path / "out")


@pytest.mark.parametrize(
    "bounds",
    [Bounds(0, together=300), Bounds(0, one=len(PICTURE) - 1), Bounds(0, members=3)],
    ids=["all", "one", "many"],
)
@pytest.mark.parametrize("kind", MAKERS)
def test_that_an_archive_holds_no_more_than_it_may(tmp_path: Path, bounds: Bounds, kind: str) -> None:
    with pytest.raises(ArchiveRefused, match="too much"):
        _unpack(MAKERS[kind](tmp_path / kind, GOOD), tmp_path / "out", bounds)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("kind", ["flowers.zip", "flowers.tgz"])
def test_that_a_bomb_is_refused_before_it_is_on_the_disk(tmp_path: Path, kind: str) -> None:
    archive = MAKERS[kind](tmp_path / kind, {f"cat/{number}.bmp": bytes(40 << 20) for number in range(2)})
    with pytest.raises(ArchiveRefused, match="too much"):
        _unpack(archive, tmp_path / "out")


def test_that_an_archive_leaves_the_disk_some_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Nearly:
        free = 90 << 20

    archive = _zip(tmp_path / "a.zip", GOOD)
    with monkeypatch.context() as patched:
        patched.setattr("shutil.disk_usage", lambda _: Nearly)
        with pytest.raises(DiskFull):
            _unpack(archive, tmp_path / "out")
    assert _files(tmp_path) == [".out.lock", "a.zip"]


@pytest.mark.parametrize("kind", ["flowers.zip", "flowers.tgz"])
def test_that_folders_count_among_what_an_archive_holds(tmp_path: Path, kind: str) -> None:
    with (
        tarfile.open(tmp_path / "flowers.tgz", "w:gz") as tar,
        zipfile.ZipFile(tmp_path / "flowers.zip", "w") as packed,
    ):
        for number in range(20):
            info = tarfile.TarInfo(f"cat/{number}")
            info.type = tarfile.DIRTYPE
            tar.addfile(info)
            packed.writestr(zipfile.ZipInfo(f"cat/{number}/"), b"")
    with pytest.raises(ArchiveRefused, match="too much"):
        _unpack(tmp_path / kind, tmp_path / "out", Bounds(members=19, together=1 << 20))
    with pytest.raises(ArchiveRefused, match="holds no pictures"):
        _unpack(tmp_path / kind, tmp_path / "out", Bounds(members=20, together=1 << 20))


def test_that_a_stop_is_heard_among_folders(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        for number in range(20):
            info = tarfile.TarInfo(f"cat/{number}")
            info.type = tarfile.DIRTYPE
            tar.addfile(info)
    with pytest.raises(Stopped):
        list(unpack(tmp_path / "a.tar", tmp_path / "out", _LateStop(5)))


def test_that_a_name_of_many_megabytes_is_not_read(tmp_path: Path) -> None:
    info = tarfile.TarInfo("././@LongLink")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, 40 << 20
    (tmp_path / "a.tar").write_bytes(info.tobuf(tarfile.GNU_FORMAT) + b"x" * (1 << 20))
    with pytest.raises(ArchiveRefused, match="too much"):
        _unpack(tmp_path / "a.tar", tmp_path / "out")


@pytest.mark.parametrize("kind", MAKERS)
def test_that_a_damaged_archive_leaves_nothing(tmp_path: Path, kind: str) -> None:
    noisy = {f"cat/{number}.png": os.urandom(3000) for number in range(6)}
    whole = MAKERS[kind](tmp_path / kind, noisy).read_bytes()
    for end in (0, 10, len(whole) // 3, len(whole) // 2):
        (tmp_path / kind).write_bytes(whole[:end])
        with pytest.raises(ArchiveRefused):
            _unpack(tmp_path / kind, tmp_path / "out")
        assert not (tmp_path / "out").exists()


def test_that_an_archive_without_pictures_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArchiveRefused, match="holds no pictures"):
        _unpack(_zip(tmp_path / "a.zip", {"cat/readme.txt": b"text"}), tmp_path / "out")


def test_that_a_locked_zip_says_so(tmp_path: Path) -> None:
    data = bytearray(_zip(tmp_path / "a.zip", {"cat/1.png": PICTURE}).read_bytes())
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "a.zip").write_bytes(data)
    with pytest.raises(ArchiveRefused, match="password"):
        _unpack(tmp_path / "a.zip", tmp_path / "out")


def test_that_chinese_names_of_old_programs_are_read_as_they_were_meant(tmp_path: Path) -> None:
    file = _zip(tmp_path / "a.zip", {"XXXX/1.png": PICTURE})
    file.write_bytes(file.read_bytes().replace(b"XXXX", "玫瑰".encode("gb18030")))
    _unpack(file, tmp_path / "out")
    assert _files(tmp_path / "out") == ["玫瑰/1.png"]


def test_that_a_stop_leaves_nothing_and_a_broken_attempt_is_swept(tmp_path: Path) -> None:
    archive = _zip(tmp_path / "a.zip", GOOD)
    stop = Stop()
    stop.ask("cancel")
    with pytest.raises(Stopped):
        list(unpack(archive, tmp_path / "out", stop))
    litter = tmp_path / ".out.part" / "cat"  # what a killed process leaves
    litter.mkdir(parents=True)
    (litter / "half.png").write_bytes(b"half")
    _unpack(archive, tmp_path / "out")
    assert "cat/half.png" not in _files(tmp_path / "out")
    assert not (tmp_path / ".out.part").exists()


class _LateStop(Stop):
    """Asks to stop once it has been looked at so often."""

    def __init__(self, looks: int) -> None:
        super().__init__()
        self.looks = looks

    @property
    def how(self) -> StopHow | None:
        self.looks -= 1
        return "cancel" if self.looks < 0 else None

    @how.setter
    def how(self, how: StopHow | None) -> None:
        pass


@pytest.mark.parametrize("looks", range(2, 6))
def test_that_a_stop_within_the_last_picture_leaves_no_half_of_it(tmp_path: Path, looks: int) -> None:
    archive = _zip(tmp_path / "a.zip", {"cat/1.bmp": os.urandom(5 << 20)})
    with pytest.raises(Stopped):
        list(unpack(archive, tmp_path / "out", _LateStop(looks)))
    assert not (tmp_path / "out").exists()


def test_that_an_attempt_that_is_given_up_half_way_is_swept(tmp_path: Path) -> None:
    attempt = unpack(_zip(tmp_path / "a.zip", GOOD), tmp_path / "out", Stop())
    next(attempt)
    attempt.close()  # type: ignore[attr-defined]  # it is a generator
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / ".out.part").exists()


def test_that_an_archive_is_scanned_like_a_folder(tmp_path: Path) -> None:
    archive = _zip(tmp_path / "my flowers.zip", GOOD)
    events = list(scan(ScanJob(data=str(archive)), Stop()))
    listed = next(event for event in events if isinstance(event, ClassesListed))
    assert [row.name for row in listed.classes] == ["daisy", "roses"]
    assert Path(listed.folder) == place(str(archive))
    assert place(str(archive)).parent == paths.data_sets_folder()
    assert place(str(archive)).name.startswith("my-flowers-")
    assert isinstance(events[-1], JobEnded)
    assert events[-1].outcome == "done"
    assert not any(isinstance(event, PhaseProgress) and event.phase == "unpacking" for event in events[5:])


def test_that_a_changed_archive_is_another_one(tmp_path: Path) -> None:
    archive = _zip(tmp_path / "a.zip", GOOD)
    before = place(str(archive))
    _zip(archive, GOOD | {"flower_photos/roses/9.png": PICTURE})
    assert place(str(archive)) != before


def test_that_an_archive_of_a_set_without_files_is_that_set(tmp_path: Path) -> None:
    folder = make_idx(tmp_path / "idx")
    members = {f"FashionMNIST/raw/{file.name}": file.read_bytes() for file in folder.iterdir()}
    listing = list_folder(str(_tar("w:gz")(tmp_path / "fashion.tar.gz", members)))
    assert listing.items["train"][0].picture.row == 0
    assert listing.classes[0] == "T-shirt/top"


def test_that_the_pictures_of_an_archive_stay_where_they_are(tmp_path: Path) -> None:
    root = make_folder(tmp_path / "set")
    archive = _tar("w")(
        tmp_path / "a.tar", {f"{file.parent.name}/{file.name}": file.read_bytes() for file in root.rglob("*.png")}
    )
    before = archive.stat()
    list_folder(str(archive))
    assert (archive.stat().st_mtime_ns, archive.stat().st_size) == (before.st_mtime_ns, before.st_size)
