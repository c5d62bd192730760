"""Pictures on a device: the same batches as from the computer's memory, each file read once."""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.engine.lessons import draw_folder
from vgg_studio.core.errors import PictureRefused
from vgg_studio.core.events import PictureRef
from vgg_studio.core.jobs import VARIATIONS, Stop
from vgg_studio.core.preprocessing import Preprocessing
from vgg_studio.core.split import Item
from vgg_studio.engine import batches, card_store
from vgg_studio.engine.batches import Batch, Variation
from vgg_studio.engine.card_store import DeviceStore, store_for
from vgg_studio.engine.data import PictureStore, read_all

PREP = Preprocessing(image_size=24)
CPU = torch.device("cpu")
DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)]
ROUND = [np.array([7, 2, 11]), np.array([0, 14, 3, 5])]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return draw_folder(tmp_path / "pictures", count=5)


def items_in(folder: Path) -> list[Item]:
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.png"))
    return [Item(PictureRef(path=name), number % 3) for number, name in enumerate(names)]


def on(device: torch.device, folder: Path, prep: Preprocessing = PREP) -> DeviceStore:
    return DeviceStore(str(folder), [item.picture for item in items_in(folder)], prep, device)


def same(ours: list[Batch], theirs: list[Batch]) -> bool:
    """Whether batches are equal to the last bit."""
    return len(ours) == len(theirs) and all(
        torch.equal(one.pictures.cpu(), other.pictures)
        and torch.equal(one.labels.cpu(), other.labels)
        and (one.boxes is None) == (other.boxes is None)
        and (one.boxes is None or other.boxes is None or torch.equal(one.boxes.cpu(), other.boxes))
        for one, other in zip(ours, theirs, strict=True)
    )


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("kind", ["", *VARIATIONS])
def test_that_batches_from_a_device_are_the_ordinary_ones(folder: Path, kind: str, channels: int, device: str) -> None:
    prep, items = Preprocessing(image_size=24, channels=channels), items_in(folder)
    variation = Variation(kind, seed=3, epoch=2) if kind else None
    plain = PictureStore(str(folder), [item.picture for item in items], prep)
    held = on(torch.device(device), folder, prep)

    wanted = list(batches.stream(plain, items, ROUND, variation))
    for _ in range(2):  # while they are read, and from memory
        found = list(batches.stream(held, items, ROUND, variation))
        assert same(found, wanted)
        assert {batch.pictures.device.type for batch in found} == {device}


@pytest.mark.parametrize("device", DEVICES)
def test_that_a_picture_is_read_once(folder: Path, device: str) -> None:
    items, store = items_in(folder), on(torch.device(device), folder)
    first = store.read(items[4].picture)
    store.load(items[5].picture)
    before = list(batches.stream(store, items, [np.arange(4, 6)]))
    for item in items:
        (folder / item.picture.path).unlink()

    assert np.array_equal(store.read(items[4].picture), first)
    assert same(list(batches.stream(store, items, [np.arange(4, 6)])), [_here(batch) for batch in before])
    with pytest.raises(PictureRefused):
        store.load(items[6].picture)


def _here(batch: Batch) -> Batch:
    return Batch(batch.pictures.cpu(), batch.labels.cpu())


def test_that_reading_a_folder_fills_the_device(folder: Path) -> None:
    items, store = items_in(folder), on(CPU, folder)
    (folder / items[3].picture.path).write_bytes(b"no picture")
    list(read_all(store, [item.picture for item in items], Stop()))
    for item in items:
        (folder / item.picture.path).unlink()

    (batch,) = batches.stream(store, items, [np.arange(15)])
    assert [picture for picture, _ in batch.refused] == [items[3].picture]
    assert batch.labels.tolist() == [item.label for item in items if item is not items[3]]


def test_that_a_batch_without_a_readable_picture_is_empty(folder: Path) -> None:
    items, store = items_in(folder), on(CPU, folder)
    (folder / items[0].picture.path).unlink()

    (batch,) = batches.stream(store, items, [np.array([0])], Variation("flip_crop", 0, 1))
    assert len(batch) == 0
    assert batch.pictures.shape == (0, 24, 24, 3)


def test_that_gathering_changes_nothing_that_is_held(folder: Path) -> None:
    items, store = items_in(folder), on(CPU, folder)
    before = store.read(items[0].picture).copy()
    store.gather([items[0].picture], np.array([True])).zero_()

    assert np.array_equal(store.read(items[0].picture), before)


def test_that_batches_from_a_device_leave_no_thread_when_abandoned(folder: Path) -> None:
    items = items_in(folder)
    with contextlib.closing(
        batches.stream(on(CPU, folder), items, [np.array([number]) for number in range(15)])
    ) as some:
        next(some)
    assert not any(thread.name.startswith("reading") for thread in threading.enumerate())


@pytest.mark.parametrize(
    ("free", "kind"), [(3 * 15 * 24 * 24 * 3, DeviceStore), (3 * 15 * 24 * 24 * 3 - 3, PictureStore)]
)
def test_that_pictures_go_to_a_card_only_where_a_third_of_its_memory_holds_them(
    folder: Path, monkeypatch: pytest.MonkeyPatch, free: int, kind: type
) -> None:
    pictures = [item.picture for item in items_in(folder)]

    def made(root: str, some: list[PictureRef], prep: Preprocessing, device: torch.device) -> DeviceStore:
        assert device == torch.device("cuda")
        return DeviceStore(root, some, prep, CPU)

    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (free, free))
    monkeypatch.setattr(card_store, "DeviceStore", made)

    assert type(store_for(str(folder), pictures, PREP, torch.device("cuda"))) is kind
    assert type(store_for(str(folder), pictures, PREP, CPU)) is PictureStore
