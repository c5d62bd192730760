"""Data sets without picture files: what is read of them, how their pictures are named, and what is never believed."""

from __future__ import annotations

import gzip
import os
import pickle
import struct
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from tests.pictures import make_folder
from tests.pictures.data_sets import grey_picture, make_cifar, make_idx, old_pickle, write_batch, write_idx
from vgg_studio import paths
from vgg_studio.core import data_sets
from vgg_studio.core.data_sets import CIFAR_FOLDER, find, resolve
from vgg_studio.core.errors import DataSetDamaged, DataSetMissing, PictureRefused
from vgg_studio.core.events import FolderScanned, JobEnded, PictureRef, ThumbnailFailed, ThumbnailMade
from vgg_studio.core.jobs import ScanJob, Stop, ThumbnailJob
from vgg_studio.core.preprocessing import Preprocessing
from vgg_studio.pictures import cifar_files, datasets, idx_files
from vgg_studio.pictures.known import Known
from vgg_studio.pictures.listing import list_folder
from vgg_studio.pictures.opening import open_picture, open_ref
from vgg_studio.pictures.resizing import many_to_arrays, to_array
from vgg_studio.pictures.scan import scan
from vgg_studio.pictures.thumbnails import make_thumbnails


@pytest.fixture
def cifar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tiny CIFAR-10 that is taken for the published one."""
    for name, digest in make_cifar(tmp_path / "c" / CIFAR_FOLDER).items():
        monkeypatch.setitem(data_sets.CIFAR_SUMS, name, digest)
    return tmp_path / "c"


def test_that_a_set_of_rows_is_listed_with_the_parts_and_classes_it_was_published_in(tmp_path: Path) -> None:
    listing = list_folder(str(make_idx(tmp_path / "FashionMNIST" / "raw")))
    assert listing.layout == "train_test"
    assert listing.classes == ["T-shirt/top", "Trouser", "Pullover"]
    assert [len(listing.items[part]) for part in ("train", "val", "test")] == [24, 0, 12]
    assert listing.items["test"][1].picture == PictureRef(path="test/Trouser/00001", row=25)
    assert listing.items["train"][0].picture.path == "train/T-shirt-top/00000"


@pytest.mark.parametrize("above", ["", "raw", "FashionMNIST/raw", "wrapped/again"])
@pytest.mark.parametrize("packed", [True, False], ids=["packed", "plain"])
def test_that_torchvisions_own_folders_are_recognised(tmp_path: Path, above: str, packed: bool) -> None:
    make_idx(tmp_path / above, packed=packed)
    found = find(str(tmp_path))
    assert found is not None
    assert Path(found.folder) == tmp_path / above


def test_that_class_folders_are_no_such_set(tmp_path: Path) -> None:
    assert find(str(make_folder(tmp_path))) is None


def test_that_mnists_files_get_digits_for_names(tmp_path: Path) -> None:
    assert list_folder(str(make_idx(tmp_path / "MNIST" / "raw"))).classes == ["0", "1", "2"]


def test_that_a_set_without_a_test_part_is_split_like_any_folder(tmp_path: Path) -> None:
    listing = list_folder(str(make_idx(tmp_path, counts={"train": 9})))
    assert (listing.layout, len(listing.items["train"]), len(listing.items["test"])) == ("classes", 9, 0)


def test_that_a_row_is_the_picture_that_was_stored(tmp_path: Path, cifar: Path) -> None:
    root = str(make_idx(tmp_path / "idx"))
    picture = open_ref(PictureRef(path="test/2/00002", row=26), root)
    assert picture.mode == "RGB"
    assert np.array_equal(np.asarray(picture.convert("L")), grey_picture(2, 2, seed=1))
    batch = cifar_files.read_batch(str(cifar / CIFAR_FOLDER / "data_batch_2"), data_sets.CIFAR_SUMS)
    assert np.array_equal(np.asarray(open_ref(PictureRef(row=13), str(cifar))), batch.pixels[3])


def test_that_cifars_planes_become_colours(tmp_path: Path) -> None:
    data = np.zeros((1, 3072), np.uint8)
    data[0, 1024 + 32 * 5 + 7] = 200  # green, row 5, column 7
    digest = write_batch(tmp_path / "test_batch", old_pickle(data, [3]))
    batch = cifar_files.read_batch(str(tmp_path / "test_batch"), {"test_batch": digest})
    assert batch.pixels[0, 5, 7].tolist() == [0, 200, 0]
    assert batch.labels.tolist() == [3]


def test_that_numpy_reads_the_same_from_a_batch(tmp_path: Path) -> None:
    data = np.random.default_rng(0).integers(0, 256, (3, 3072), np.uint8)
    digest = write_batch(tmp_path / "test_batch", old_pickle(data, [1, 2, 3]))
    usual = pickle.loads((tmp_path / "test_batch").read_bytes(), encoding="latin1")  # noqa: S301 - as torchvision does it
    batch = cifar_files.read_batch(str(tmp_path / "test_batch"), {"test_batch": digest})
    assert np.array_equal(batch.pixels, usual["data"].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1))
    assert batch.labels.tolist() == usual["labels"]


@pytest.mark.parametrize("row", [36, 10**9])
def test_that_a_row_that_is_not_there_is_refused(tmp_path: Path, row: int) -> None:
    with pytest.raises(PictureRefused, match="no longer there"):
        open_ref(PictureRef(path="x", row=row), str(make_idx(tmp_path)))


def test_that_a_row_of_no_set_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PictureRefused, match="no longer there"):
        open_ref(PictureRef(path="x", row=0), str(make_folder(tmp_path)))


def test_that_a_reference_to_a_file_is_opened_as_ever(tmp_path: Path) -> None:
    root = make_folder(tmp_path)
    opened = open_ref(PictureRef(path="cat/000.png"), str(root))
    assert np.array_equal(np.asarray(opened), np.asarray(open_picture(root / "cat" / "000.png")))


def test_that_whole_paths_lead_back_to_the_set(tmp_path: Path) -> None:
    refs = datasets.whole(str(make_idx(tmp_path)))
    assert len(refs) == 36
    assert Path(refs[25].path) == tmp_path / "test" / "1" / "00001"
    assert np.array_equal(np.asarray(open_ref(refs[25], "").convert("L")), grey_picture(1, 1, seed=1))


def test_that_a_changed_set_is_read_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets, "_YOUNG", -1.0)
    root = str(make_idx(tmp_path))
    assert len(datasets.opened(root).train) == 24
    make_idx(tmp_path, counts={"train": 6, "t10k": 3})
    assert len(datasets.opened(root).train) == 6


def test_that_digests_tell_rows_apart_and_files_keep_theirs(tmp_path: Path) -> None:
    root, folder = str(make_idx(tmp_path / "idx")), make_folder(tmp_path / "folder")
    with Known(None) as known:
        rows = [known.digest_of(PictureRef(row=row), root) for row in range(36)]
        assert len(set(rows)) == 36
        assert known.digest_of(PictureRef(row=3), root) == rows[3]
        file = PictureRef(path="cat/000.png")
        assert known.digest_of(file, str(folder)) == known.digest(os.fsencode(folder / "cat" / "000.png"))


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize(("side", "resize"), [(28, "square"), (32, "square"), (45, "crop"), (64, "crop")])
@pytest.mark.parametrize("given", [1, 3])
def test_that_many_pictures_at_once_are_what_each_is_alone(channels: int, side: int, resize: str, given: int) -> None:
    from PIL import Image

    pixels = np.random.default_rng(0).integers(0, 256, (5, 28, 28, given), np.uint8)
    prep = Preprocessing(image_size=side, resize=resize, channels=channels)
    alone = [to_array(Image.fromarray(one[..., 0] if given == 1 else one).convert("RGB"), prep) for one in pixels]
    assert np.array_equal(many_to_arrays(pixels, prep), np.stack(alone))


def test_that_a_scan_reads_a_set_like_a_folder(tmp_path: Path) -> None:
    events = list(scan(ScanJob(data=str(make_idx(tmp_path))), Stop()))
    scanned = next(event for event in events if isinstance(event, FolderScanned))
    assert (scanned.left_out_count, [count.train for count in scanned.classes]) == (0, [8, 8, 8])
    assert scanned.split["test"] == 12
    assert isinstance(events[-1], JobEnded)
    assert events[-1].outcome == "done"


def test_that_rows_have_thumbnails(tmp_path: Path) -> None:
    root = str(make_idx(tmp_path / "idx"))
    job = ThumbnailJob(pictures=[PictureRef(row=0), PictureRef(row=1), PictureRef(row=99)], data=root)
    first, second, missing, _ = make_thumbnails(job, Stop(), cache=tmp_path)
    assert isinstance(first, ThumbnailMade)
    assert isinstance(second, ThumbnailMade)
    assert first.file != second.file
    assert open_picture(first.file).size == (28, 28)
    assert isinstance(missing, ThumbnailFailed)


# --- addresses


def test_that_an_address_means_a_path_or_the_users_own_copy(tmp_path: Path) -> None:
    home = tmp_path / "home"
    own = make_idx(home / "fashion-mnist")
    assert resolve("fashion-mnist", str(home)) == str(own)
    assert resolve(f"fashion-mnist:{own}", "elsewhere") == str(own)
    assert resolve(str(own / "train-images-idx3-ubyte.gz"), "elsewhere") == str(own)
    assert resolve("some folder", str(home)) == "some folder"


def test_that_a_set_that_is_not_there_is_asked_for_by_name(tmp_path: Path) -> None:
    with pytest.raises(DataSetMissing, match="vgg-studio fetch cifar10"):
        resolve("cifar10", str(tmp_path))
    with pytest.raises(DataSetMissing):
        resolve(f"cifar10:{make_folder(tmp_path / 'cats')}", str(tmp_path))


def test_that_a_folder_of_that_name_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    make_folder(tmp_path / "cifar10")
    assert list_folder("cifar10").classes == ["cat", "dog"]


def test_that_the_own_copy_is_listed_by_its_name(cifar: Path) -> None:
    cifar.rename(paths.data_sets_folder() / "cifar10")
    listing = list_folder("cifar10")
    assert listing.folder == str(paths.data_sets_folder() / "cifar10")
    assert len(listing.items["train"]) == 50
    assert listing.classes[9] == "truck"


# --- what is never believed


class _Evil:
    def __init__(self, trace: Path) -> None:
        self._trace = trace

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self._trace),)


def _hostile(trace: Path) -> dict[str, bytes]:
    good = old_pickle(np.zeros((1, 3072), np.uint8), [0])
    return {
        "function": pickle.dumps({"data": _Evil(trace), "labels": [0]}, protocol=2),
        "beside the data": good[:-2] + b"U\x04more" + pickle.dumps(_Evil(trace), protocol=2)[2:-1] + b"u.",
        "getattr": b"cbuiltins\ngetattr\n.",
        "numpy's loader": b"cnumpy\nload\n(Vx\ntR.",
        "objects": pickle.dumps({"data": np.array([_Evil(trace)]), "labels": [0]}, protocol=2),
        "persistent": b"Pname\n.",
        "extension": b"\x82\x01.",
    }


@pytest.mark.parametrize(
    "kind", ["function", "beside the data", "getattr", "numpy's loader", "objects", "persistent", "extension"]
)
def test_that_nothing_in_a_pickled_file_runs_even_if_its_sum_were_right(tmp_path: Path, kind: str) -> None:
    trace = tmp_path / "trace"
    digest = write_batch(tmp_path / "test_batch", _hostile(trace)[kind])
    with pytest.raises(DataSetDamaged, match=r"more than numbers|damaged"):
        cifar_files.read_batch(str(tmp_path / "test_batch"), {"test_batch": digest})
    assert not trace.exists()


def test_that_the_hostile_file_would_run_under_the_usual_reader(tmp_path: Path) -> None:
    pickle.loads(_hostile(tmp_path / "trace")["function"])  # noqa: S301 - that is the point
    assert (tmp_path / "trace").exists()


def test_that_a_file_of_another_sum_is_not_even_opened(tmp_path: Path) -> None:
    write_batch(tmp_path / "test_batch", old_pickle(np.zeros((1, 3072), np.uint8), [0]))
    with pytest.raises(DataSetDamaged, match="checksum"):
        cifar_files.read_batch(str(tmp_path / "test_batch"))


@pytest.mark.parametrize(
    ("data", "labels"),
    [
        (np.zeros((2, 3072), np.uint8), [0]),
        (np.zeros((1, 3071), np.uint8), [0]),
        (np.zeros((1, 3072), np.int64), [0]),
        (np.zeros((1, 3072), np.uint8), [10]),
        (np.zeros((1, 3072), np.uint8), [-1]),
        (np.zeros((1, 3072), np.uint8), ["0"]),
        (np.zeros((0, 3072), np.uint8), []),
    ],
)
def test_that_numbers_that_do_not_fit_together_are_refused(
    tmp_path: Path, data: npt.NDArray[Any], labels: list[object]
) -> None:
    digest = write_batch(tmp_path / "test_batch", old_pickle(data, labels))
    with pytest.raises(DataSetDamaged):
        cifar_files.read_batch(str(tmp_path / "test_batch"), {"test_batch": digest})


def test_that_every_cut_of_a_batch_is_refused(tmp_path: Path) -> None:
    whole = old_pickle(np.zeros((1, 3072), np.uint8), [0])
    for end in [*range(120), len(whole) - 1]:
        digest = write_batch(tmp_path / "test_batch", whole[:end])
        with pytest.raises(DataSetDamaged):
            cifar_files.read_batch(str(tmp_path / "test_batch"), {"test_batch": digest})


_IDX = {
    "magic of labels": struct.pack(">4I", 0x801, 2, 3, 3) + bytes(18),
    "other numbers": struct.pack(">4I", 0xD03, 2, 3, 3) + bytes(72),
    "too short": struct.pack(">4I", 0x803, 2, 3, 3) + bytes(17),
    "too long": struct.pack(">4I", 0x803, 2, 3, 3) + bytes(19),
    "cut in the header": struct.pack(">2I", 0x803, 2),
    "huge": struct.pack(">4I", 0x803, 2**32 - 1, 2**32 - 1, 2**32 - 1),
    "no pixels": struct.pack(">4I", 0x803, 5, 0, 0),
    "very wide": struct.pack(">4I", 0x803, 1, 1, 2000) + bytes(2000),
    "empty": b"",
}


@pytest.mark.parametrize("packed", [True, False], ids=["packed", "plain"])
@pytest.mark.parametrize("kind", _IDX)
def test_that_an_odd_idx_file_is_refused(tmp_path: Path, kind: str, packed: bool) -> None:
    file = tmp_path / "x.gz"
    file.write_bytes(gzip.compress(_IDX[kind]) if packed else _IDX[kind])
    with pytest.raises(DataSetDamaged):
        idx_files.read_pictures(str(file))


def test_that_a_bomb_unpacks_to_no_more_than_it_announced(tmp_path: Path) -> None:
    file = tmp_path / "x.gz"
    file.write_bytes(gzip.compress(struct.pack(">4I", 0x803, 1, 4, 4) + bytes(64 << 20)))
    with pytest.raises(DataSetDamaged):
        idx_files.read_pictures(str(file))


def test_that_a_bomb_that_announces_what_it_holds_is_not_unpacked(tmp_path: Path) -> None:
    head = struct.pack(">4I", 0x0803, 100, 1000, 1000)
    (tmp_path / "x.gz").write_bytes(gzip.compress(head + bytes(100_000_000)))
    with pytest.raises(DataSetDamaged, match="more than it can"):
        idx_files.read_pictures(str(tmp_path / "x.gz"))


def test_that_a_packed_file_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    file = write_idx(tmp_path / "x", np.zeros((4, 8, 8), np.uint8))
    file.write_bytes(file.read_bytes()[:-9])
    with pytest.raises(DataSetDamaged):
        idx_files.read_pictures(str(file))


def test_that_pictures_and_labels_must_be_as_many(tmp_path: Path) -> None:
    make_idx(tmp_path)
    write_idx(tmp_path / "train-labels-idx1-ubyte", np.zeros(23, np.uint8))
    with pytest.raises(DataSetDamaged):
        list_folder(str(tmp_path))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_that_a_pipe_in_the_place_of_a_file_makes_nobody_wait(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "test_batch")
    with pytest.raises(PictureRefused):
        cifar_files.read_batch(str(tmp_path / "test_batch"))
