"""Pictures as arrays, batches, and what is drawn by chance."""

from __future__ import annotations

import contextlib
import shutil
import threading
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.engine.lessons import draw, draw_folder, only
from vgg_studio.core import events as ev
from vgg_studio.core.errors import PictureRefused
from vgg_studio.core.events import PictureRef
from vgg_studio.core.jobs import VARIATIONS, Stop, TrainJob
from vgg_studio.core.preprocessing import Preprocessing
from vgg_studio.core.split import Item
from vgg_studio.engine import alike, batches, draws, schedule
from vgg_studio.engine.batches import Variation
from vgg_studio.engine.data import PictureStore, ahead, read_all
from vgg_studio.engine.ending import Asked
from vgg_studio.pictures.known import Known
from vgg_studio.pictures.listing import list_folder
from vgg_studio.pictures.opening import open_picture
from vgg_studio.pictures.resizing import to_array

PREP = Preprocessing(image_size=24)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_folder(tmp_path_factory.mktemp("pictures"), count=5)


def items_in(folder: Path) -> list[Item]:
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.png"))
    return [Item(PictureRef(path=name), number % 3) for number, name in enumerate(names)]


def store_of(folder: Path, memory: int = 1 << 30, prep: Preprocessing = PREP) -> PictureStore:
    return PictureStore(str(folder), [item.picture for item in items_in(folder)], prep, memory)


def numbered(*numbers: int) -> np.ndarray:
    return np.array(numbers, np.intp)


# --- reading


@pytest.mark.parametrize("memory", [0, 1 << 30])
def test_that_a_picture_comes_as_the_one_transform_makes_it_each_time(folder: Path, memory: int) -> None:
    store = store_of(folder, memory)
    picture = items_in(folder)[3].picture

    wanted = to_array(open_picture(folder / picture.path), PREP)

    assert np.array_equal(store.read(picture), wanted)
    assert np.array_equal(store.read(picture), wanted)
    assert store.keeps == bool(memory)


def test_that_a_kept_picture_outlives_its_file(folder: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(folder, tmp_path / "copy")
    kept, anew = store_of(copy), store_of(copy, memory=0)
    picture = items_in(copy)[0].picture
    first = kept.read(picture)
    anew.read(picture)
    (copy / picture.path).unlink()

    assert np.array_equal(kept.read(picture), first)
    with pytest.raises(PictureRefused) as refused:
        anew.read(picture)
    assert refused.value.reason == "missing"


def test_that_reading_names_what_cannot_be_used_and_counts_everything(folder: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(folder, tmp_path / "copy")
    (copy / "red" / "red-001.png").write_bytes(b"no picture")
    pictures = [item.picture for item in items_in(copy)]
    events, refused = [], {}
    steps = read_all(store_of(copy), pictures, Stop())
    with contextlib.suppress(StopIteration):
        while True:
            try:
                events.append(next(steps))
            except StopIteration as end:
                refused = end.value
                raise

    assert (
        [event.picture for event in only(events, ev.PictureLeftOut)]
        == list(refused)
        == [PictureRef(path="red/red-001.png")]
    )
    assert only(events, ev.PhaseProgress)[-1].done == len(pictures) == 15


def test_that_reading_stops_when_it_is_asked(folder: Path) -> None:
    stop = Stop()
    steps = read_all(store_of(folder), [item.picture for item in items_in(folder)], stop)
    next(steps)
    stop.ask("cancel")

    with pytest.raises(Asked):
        list(steps)


class Asking(Known):
    """Knows of no look, and is asked to stop by the first question or the first look; later looks hang until let go."""

    def __init__(self, stop: Stop, heard_at: str) -> None:
        super().__init__(None)
        self.asked: list[bytes | str] = []
        self.freed: list[bool] = []
        self._stop, self._heard_at, self._gone = stop, heard_at, threading.Event()

    def seen(self, path: bytes | str) -> None:
        self.asked.append(path)
        if self._heard_at == "question":
            self._stop.ask("cancel")

    def check(self, path: bytes | str) -> None:
        if path == self.asked[0]:
            self._stop.ask("cancel")
        else:
            self.freed.append(self._gone.wait(20))

    def let_go(self) -> None:
        self._gone.set()
        super().let_go()


@pytest.mark.parametrize("heard_at", ["question", "look"])
def test_that_a_stop_is_heard_while_pictures_are_compared_and_waits_for_none(folder: Path, heard_at: str) -> None:
    stop = Stop()
    with Asking(stop, heard_at) as known, pytest.raises(Asked):
        list(alike.groups(list_folder(str(folder)), known, stop))
    assert len(known.asked) == (1 if heard_at == "question" else 15)
    assert all(known.freed)


def test_that_no_decoder_stays_when_pictures_that_are_alike_were_compared(tmp_path: Path) -> None:
    folder = draw_folder(tmp_path / "pictures", count=3)
    for copy in range(2):
        with Image.open(next(folder.rglob("*.png"))) as picture:
            picture.save(folder / "red" / f"again-{copy}.png", compress_level=copy)
    with Known(None) as known:
        steps = alike.groups(list_folder(str(folder)), known, Stop())
        with contextlib.suppress(StopIteration):
            while True:
                next(steps)
        assert known._guard is None


def test_that_work_ahead_comes_in_order_and_leaves_no_thread_when_abandoned() -> None:
    answers = ahead((partial(int, number) for number in range(1000)), threads=3)

    with contextlib.closing(answers):
        assert [next(answers) for _ in range(10)] == list(range(10))
        assert any(thread.name.startswith("reading") for thread in threading.enumerate())
    assert not any(thread.name.startswith("reading") for thread in threading.enumerate())


def test_that_what_was_not_begun_is_not_done_when_abandoned() -> None:
    begun: list[int] = []

    def work(number: int) -> int:
        begun.append(number)
        time.sleep(0.02)
        return number

    with contextlib.closing(ahead((partial(work, number) for number in range(100)), threads=1, depth=50)) as answers:
        next(answers)

    assert len(begun) < 50


def test_that_an_error_within_the_threads_reaches_the_reader() -> None:
    answers = ahead((partial(int, text) for text in ("1", "x", "3")), threads=2)

    assert next(answers) == 1
    with pytest.raises(ValueError, match="x"):
        next(answers)


# --- batches


def test_that_a_batch_holds_the_asked_pictures_with_their_labels(folder: Path) -> None:
    store, items = store_of(folder), items_in(folder)

    (batch,) = batches.stream(store, items, [numbered(7, 2, 11)])

    assert batch.labels.tolist() == [items[7].label, items[2].label, items[11].label]
    for row, number in enumerate((7, 2, 11)):
        assert np.array_equal(batch.pictures[row].numpy(), store.read(items[number].picture))


def test_that_a_picture_that_cannot_be_read_leaves_the_others_with_their_own_labels(
    folder: Path, tmp_path: Path
) -> None:
    copy = shutil.copytree(folder, tmp_path / "copy")
    items, store = items_in(copy), store_of(copy, memory=0)
    (copy / items[2].picture.path).unlink()

    (batch,) = batches.stream(store, items, [numbered(7, 2, 11)], Variation("flip", 0, 1))

    assert batch.labels.tolist() == [items[7].label, items[11].label]
    assert [picture for picture, _ in batch.refused] == [items[2].picture]


@pytest.mark.parametrize("kind", VARIATIONS)
def test_that_a_picture_is_varied_alike_in_any_batch(folder: Path, kind: str) -> None:
    store, items = store_of(folder), items_in(folder)
    variation = Variation(kind, seed=4, epoch=2)

    (whole,) = batches.stream(store, items, [np.arange(15)], variation)
    parts = list(batches.stream(store, items, [numbered(14, 3), numbered(8)], variation))

    assert torch.equal(torch.cat([part.pictures for part in parts]), whole.pictures[[14, 3, 8]])
    if whole.boxes is not None:
        assert torch.equal(torch.cat([part.boxes for part in parts if part.boxes is not None]), whole.boxes[[14, 3, 8]])


def test_that_about_half_of_the_pictures_are_mirrored_and_others_each_round(folder: Path) -> None:
    store, items = store_of(folder), items_in(folder)
    mirrored = []
    for epoch in range(1, 21):
        (batch,) = batches.stream(store, items, [np.arange(15)], Variation("flip", 0, epoch))
        plain = np.stack([store.read(item.picture) for item in items])
        flips = [
            bool((row.numpy() == picture[:, ::-1]).all()) for row, picture in zip(batch.pictures, plain, strict=True)
        ]
        for row, picture, flip in zip(batch.pictures, plain, flips, strict=True):
            assert flip or np.array_equal(row.numpy(), picture)
        mirrored.append(flips)

    assert 0.4 < np.mean(mirrored) < 0.6
    assert mirrored[0] != mirrored[1]


def test_that_varying_a_batch_does_not_touch_the_kept_pictures(folder: Path) -> None:
    store, items = store_of(folder), items_in(folder)
    before = np.stack([store.read(item.picture) for item in items])

    list(batches.stream(store, items, [np.arange(15)], Variation("flip", 0, 1)))

    assert np.array_equal(before, np.stack([store.read(item.picture) for item in items]))


def test_that_crops_lie_within_the_picture() -> None:
    boxes = draws.crop_boxes(draws.uniform(0, 1, np.arange(1000), draws.FOR_VIEW))

    left, top, width, height = boxes.T
    assert boxes.min() >= 0
    assert (left + width).max() <= 1
    assert (top + height).max() <= 1
    assert (width * height).min() > 0.35


def test_that_the_whole_picture_as_crop_is_the_picture_and_a_quarter_is_that_quarter() -> None:
    picture = torch.rand(1, 3, 16, 16)

    assert torch.allclose(batches.cropped(picture, torch.tensor([[0.0, 0.0, 1.0, 1.0]])), picture, atol=1e-6)
    flat = torch.zeros(1, 1, 16, 16)
    flat[..., 8:, 8:] = 1
    assert torch.allclose(batches.cropped(flat, torch.tensor([[0.5, 0.5, 0.5, 0.5]]))[..., 1:, 1:], torch.ones(1))


@pytest.mark.parametrize(
    ("count", "size", "sizes"), [(10, 4, [4, 4, 2]), (9, 4, [4, 5]), (8, 4, [4, 4]), (1, 4, [1]), (3, 1, [1, 1, 1])]
)
def test_that_batches_hold_every_picture_once_and_no_last_one_is_alone(count: int, size: int, sizes: list[int]) -> None:
    parts = batches.plan(draws.order(0, 1, count), size)

    assert [len(part) for part in parts] == sizes
    assert sorted(np.concatenate(parts).tolist()) == list(range(count))


# --- chance


def test_that_a_draw_depends_on_seed_epoch_and_number_alone() -> None:
    drawn = draws.uniform(1, 2, np.arange(50), 3)

    assert np.array_equal(draws.uniform(1, 2, [17, 3], 3), drawn[[17, 3]])
    for other in (draws.uniform(2, 2, np.arange(50), 3), draws.uniform(1, 3, np.arange(50), 3)):
        assert not np.isclose(other, drawn).any()


def test_that_draws_spread_evenly_between_0_and_1() -> None:
    drawn = draws.uniform(0, 1, np.arange(20_000), 2)

    assert 0 <= drawn.min() <= drawn.max() < 1
    counts, _ = np.histogram(drawn, 20)
    assert abs(counts / drawn.size - 1 / 20).max() < 0.005
    assert abs(np.corrcoef(drawn[:, 0], drawn[:, 1]).min()) < 0.03
    assert abs(np.corrcoef(drawn[:-1, 0], drawn[1:, 0]).min()) < 0.03


def test_that_an_order_holds_every_picture_once_and_differs_by_round() -> None:
    first, second = draws.order(0, 1, 100), draws.order(0, 2, 100)

    assert sorted(first) == sorted(second) == list(range(100))
    assert list(first) != list(second)


def test_that_each_step_has_a_seed_of_its_own_that_torch_takes() -> None:
    seeds = {draws.step_seed(seed, epoch, step) for seed in (-1, 0, 1) for epoch in range(1, 20) for step in range(50)}

    assert len(seeds) == 3 * 19 * 50
    assert all(0 <= seed < 2**63 for seed in seeds)


# --- schedule


def rates(job: TrainJob, batches: int = 10) -> list[float]:
    return [
        schedule.rate(job, 1.0, epoch, batch, batches) for epoch in range(1, job.epochs + 1) for batch in range(batches)
    ]


def test_that_warm_up_climbs_in_a_straight_line_to_the_full_rate() -> None:
    values = rates(TrainJob(epochs=4, warmup=2, schedule="none"))

    assert np.allclose(np.diff(values[:20]), 1 / 20)
    assert values[19:] == [1.0] * 21


def test_that_the_cosine_falls_from_the_full_rate_to_nearly_nothing() -> None:
    values = rates(TrainJob(epochs=4, warmup=1, schedule="cosine"))

    assert values[10] == 1.0
    assert (np.diff(values[10:]) < 0).all()
    assert values[25] == pytest.approx(0.5)
    assert values[-1] < 0.01


def test_that_steps_come_at_the_end_of_their_rounds() -> None:
    values = rates(TrainJob(epochs=6, schedule="step", step_epochs=2, step_factor=0.1))

    assert values[::10] == pytest.approx([1, 1, 0.1, 0.1, 0.01, 0.01])


@pytest.mark.parametrize("channels", [1, 2, 4])
def test_that_other_numbers_of_channels_come_through(folder: Path, channels: int) -> None:
    prep = Preprocessing(image_size=24, channels=channels)

    (batch,) = batches.stream(store_of(folder, prep=prep), items_in(folder), [numbered(0, 1)], Variation("flip", 0, 1))

    assert batch.pictures.shape == (2, 24, 24, channels)


def test_that_pictures_that_do_not_fit_are_read_anew(tmp_path: Path) -> None:
    draw(tmp_path / "a" / "one.png", (1, 2, 3), 0)
    refs = [PictureRef(path="a/one.png")]

    assert not PictureStore(str(tmp_path), refs, PREP, memory=24 * 24 * 3 - 1).keeps
    assert PictureStore(str(tmp_path), refs, PREP, memory=24 * 24 * 3).keeps
