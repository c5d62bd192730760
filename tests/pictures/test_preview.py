from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.pictures import class_picture, make_folder, pixels, snapshot, web_page
from vgg_studio import paths
from vgg_studio.core import corrections, events as ev
from vgg_studio.core.jobs import PreviewJob, Stop
from vgg_studio.pictures import varying
from vgg_studio.pictures.preview import cropped, preview, varied

SIZE = 32


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    folder = make_folder(tmp_path / "data", ("cat", "dog", "owl"), count=12, size=SIZE)
    before = snapshot(folder)
    yield folder
    assert snapshot(folder) == before


def made(job: PreviewJob, cache: Path) -> list[ev.PreviewMade]:
    events = list(preview(job, Stop(), cache=cache))
    assert events[-1] == ev.JobEnded(outcome="done", time=events[-1].time)
    return [event for event in events if isinstance(event, ev.PreviewMade)]


def shown(event: ev.PreviewMade) -> np.ndarray:
    with Image.open(event.file) as picture:
        return np.asarray(picture).astype(int)


def test_that_the_first_batch_is_shown_with_the_names_of_its_classes(data: Path, tmp_path: Path) -> None:
    batch = made(PreviewJob(data=str(data), batch=7, image_size=SIZE, variation="none"), tmp_path)
    assert len(batch) == 7
    assert [event.label for event in batch] == [event.picture.path.split("/")[0] for event in batch]
    assert len({event.label for event in batch}) > 1
    for event in batch:
        original = pixels(Image.open(data / event.picture.path)).astype(int)
        assert np.abs(shown(event) - original).mean() < 12


def test_that_another_seed_shows_another_first_batch(data: Path, tmp_path: Path) -> None:
    first, other = (
        [event.picture for event in made(PreviewJob(data=str(data), batch=7, image_size=SIZE, seed=seed), tmp_path)]
        for seed in (0, 1)
    )
    assert first != other


def test_that_what_is_left_out_meanwhile_is_in_no_batch(data: Path, tmp_path: Path) -> None:
    job = PreviewJob(data=str(data), batch=7, image_size=SIZE)
    first = made(job, tmp_path)[0].picture
    place = paths.corrections_folder()
    put_right = corrections.load(str(data), place).with_step(corrections.leave_out([first]))
    corrections.save(put_right, str(data), place)
    assert first not in [event.picture for event in made(job, tmp_path)]


def test_that_each_variation_of_a_picture_is_what_another_round_sees(data: Path, tmp_path: Path) -> None:
    ref = made(PreviewJob(data=str(data), batch=4, image_size=SIZE), tmp_path)[0].picture
    asked = PreviewJob(data=str(data), pictures=[ref], variants=6, variation="flip_crop", image_size=SIZE)
    seen = made(asked, tmp_path)
    assert [event.variant for event in seen] == list(range(6))
    assert len({Path(event.file).read_bytes() for event in seen}) == 6
    assert seen == [
        ev.PreviewMade(picture=e.picture, file=e.file, label=e.label, variant=e.variant, time=s.time)
        for s, e in zip(seen, made(asked, tmp_path), strict=True)
    ]


def test_that_a_picture_of_the_batch_looks_alike_when_it_is_asked_for_by_name(data: Path, tmp_path: Path) -> None:
    batch = made(PreviewJob(data=str(data), batch=5, image_size=SIZE, variation="crop"), tmp_path)
    asked = PreviewJob(data=str(data), pictures=[batch[3].picture], variants=2, image_size=SIZE, variation="crop")
    assert made(asked, tmp_path)[0].file == batch[3].file


def test_that_mirrored_pictures_are_mirrored_and_upside_down_ones_stand_on_their_head() -> None:
    picture = pixels(class_picture(1, 0, SIZE))
    mirrored = varied(picture, varying.Drawn(np.array([True]), None))
    assert np.array_equal(mirrored, picture[:, ::-1])
    whole = np.array([0.0, 1.0, 1.0, -1.0])
    assert np.array_equal(cropped(picture, whole), picture[::-1])


def test_that_a_crop_of_the_right_half_shows_the_right_half_twice_as_wide() -> None:
    picture = np.zeros((SIZE, SIZE, 3), np.uint8)
    picture[:, SIZE // 2 :] = np.linspace(0, 240, SIZE // 2).astype(np.uint8)[None, :, None]
    half = cropped(picture, np.array([0.5, 0.0, 0.5, 1.0]))
    assert np.abs(half[0, ::2, 0].astype(int) - picture[0, SIZE // 2 :, 0]).max() <= 8
    assert (np.diff(half[0, :, 0].astype(int)) >= 0).all()


def test_that_grey_is_shown_grey(data: Path, tmp_path: Path) -> None:
    event = made(PreviewJob(data=str(data), batch=1, image_size=SIZE, channels=1), tmp_path)[0]
    values = shown(event)
    assert np.array_equal(values[..., 0], values[..., 2])


def test_that_a_broken_picture_is_named_and_the_others_are_shown(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "data", ("cat", "dog"), count=6, size=SIZE)
    web_page(folder / "cat" / "bad.jpg")
    refs = [ev.PictureRef(path="cat/bad.jpg"), ev.PictureRef(path="dog/001.png")]
    events = list(preview(PreviewJob(data=str(folder), pictures=refs, image_size=SIZE), Stop(), cache=tmp_path))
    assert [e.reason for e in events if isinstance(e, ev.PictureLeftOut)] == ["web_page"]
    assert [e.picture for e in events if isinstance(e, ev.PreviewMade)] == refs[1:]


def test_that_a_picture_outside_of_the_folder_is_not_shown(data: Path, tmp_path: Path) -> None:
    make_folder(tmp_path / "other", ("cat",), count=1, size=SIZE)
    refs = [ev.PictureRef(path="../other/cat/000.png")]
    events = list(preview(PreviewJob(data=str(data), pictures=refs, image_size=SIZE), Stop(), cache=tmp_path))
    assert not [event for event in events if isinstance(event, ev.PreviewMade)]


def test_that_a_folder_that_is_not_there_ends_as_failed(tmp_path: Path) -> None:
    events = list(preview(PreviewJob(data=str(tmp_path / "nothing")), Stop(), cache=tmp_path))
    assert isinstance(events[-1], ev.JobEnded)
    assert events[-1].outcome == "failed"


def test_that_a_stop_ends_it_between_two_pictures(data: Path, tmp_path: Path) -> None:
    stop, seen = Stop(), 0
    for event in preview(PreviewJob(data=str(data), batch=9, image_size=SIZE), stop, cache=tmp_path):
        seen += isinstance(event, ev.PreviewMade)
        if seen == 2:
            stop.ask("cancel")
    assert seen == 2
    assert isinstance(event, ev.JobEnded)
    assert event.outcome == "stopped"


def test_that_previews_nobody_asked_for_in_a_day_go(data: Path, tmp_path: Path) -> None:
    old, new = (Path(event.file) for event in made(PreviewJob(data=str(data), batch=2, image_size=SIZE), tmp_path))
    os.utime(old, (1e9, 1e9))
    made(PreviewJob(data=str(data), batch=1, image_size=SIZE, seed=5), tmp_path)
    assert not old.exists()
    assert new.exists()
