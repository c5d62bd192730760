"""What a preview shows is what a training learns from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.pictures import class_picture, make_folder, pixels
from vgg_studio.core import events as ev, split
from vgg_studio.core.jobs import VARIATIONS, PreviewJob, Stop
from vgg_studio.core.preprocessing import Preprocessing
from vgg_studio.engine import batches
from vgg_studio.engine.data import PictureStore
from vgg_studio.pictures import varying, views
from vgg_studio.pictures.known import in_cache
from vgg_studio.pictures.listing import list_folder
from vgg_studio.pictures.preview import cropped, preview, varied

SIZE = 32


@pytest.mark.parametrize("variation", [kind for kind in VARIATIONS if kind not in ("none", "flip")])
def test_that_a_crop_without_torch_is_the_crop_of_training(variation: str) -> None:
    drawn = varying.drawn_for(variation, 3, 1, np.arange(40))
    assert drawn.boxes is not None
    pictures = np.stack([pixels(class_picture(number % 4, number, SIZE)) for number in range(40)])
    tensors = torch.from_numpy(pictures).permute(0, 3, 1, 2).float()
    learned = batches.cropped(tensors, torch.from_numpy(drawn.boxes)).permute(0, 2, 3, 1).numpy()
    for picture, box, expected in zip(pictures, drawn.boxes, learned, strict=True):
        assert np.abs(cropped(picture, box) - expected).max() <= 0.51  # rounded to whole numbers


@pytest.mark.parametrize("variation", VARIATIONS)
def test_that_the_preview_shows_the_first_batch_that_is_learned_from(tmp_path: Path, variation: str) -> None:
    data = make_folder(tmp_path / "data", ("cat", "dog", "owl"), count=12, size=SIZE)
    parts = split.make(list_folder(str(data)), seed=4)
    prep = Preprocessing(image_size=SIZE, decode="scaled")
    store = PictureStore(str(data), [item.picture for item in parts.train], prep)
    numbers = batches.plan(varying.order(4, 1, len(parts.train)), 8)
    stream = batches.stream(store, parts.train, numbers, batches.Variation(variation, 4, 1))
    batch = next(stream)
    stream.close()
    learned = batch.pictures.permute(0, 3, 1, 2).float()
    learned = learned if batch.boxes is None else batches.cropped(learned, batch.boxes)
    job = PreviewJob(data=str(data), batch=8, image_size=SIZE, variation=variation, seed=4)
    shown = [event for event in preview(job, Stop(), cache=tmp_path) if isinstance(event, ev.PreviewMade)]
    assert [event.label for event in shown] == [parts.classes[label] for label in batch.labels.tolist()]
    for event, expected in zip(shown, learned, strict=True):
        with Image.open(event.file) as picture:
            values = np.asarray(picture).astype(float)
        assert (
            np.abs(values - expected.permute(1, 2, 0).numpy()).mean() < 12
        )  # JPEG's loss; others differ by 60 and more


def test_that_what_was_drawn_is_done_in_the_same_order_as_in_training() -> None:
    picture = pixels(class_picture(1, 0, SIZE))
    drawn = varying.drawn_for("flip_crop", 0, 1, [next(n for n in range(99) if _mirrors(n))])
    assert drawn.boxes is not None
    assert np.array_equal(varied(picture, drawn), cropped(picture[:, ::-1], drawn.boxes[0]))


def _mirrors(number: int) -> bool:
    mirrored = varying.drawn_for("flip_crop", 0, 1, [number]).mirrored
    return mirrored is not None and bool(mirrored[0])


def test_that_over_a_frozen_part_the_views_that_it_knows_are_shown(tmp_path: Path) -> None:
    data = make_folder(tmp_path / "data", ("cat", "dog"), count=10, size=SIZE)
    parts = split.make(list_folder(str(data)), seed=2)
    prep = Preprocessing(image_size=SIZE, decode="scaled")
    store = PictureStore(str(data), [item.picture for item in parts.train], prep)
    job = PreviewJob(data=str(data), batch=6, image_size=SIZE, variation="crop", seed=2, views=3, variants=4)
    shown = [event for event in preview(job, Stop(), cache=tmp_path) if isinstance(event, ev.PreviewMade)]
    numbers = {item.picture: number for number, item in enumerate(parts.train)}
    with in_cache() as known:
        for event in shown:
            view = views.drawn("crop", 3, 2, event.variant + 1, len(parts.train))[numbers[event.picture]]
            digest = known.digest_of(event.picture, str(data))
            pictures, boxes = views.varied(store.read(event.picture)[None].copy(), [int(view)], [digest])
            assert boxes is not None
            tensors = torch.from_numpy(pictures).permute(0, 3, 1, 2).float()
            expected = batches.cropped(tensors, torch.from_numpy(boxes))[0].permute(1, 2, 0).numpy()
            with Image.open(event.file) as picture:
                assert np.abs(np.asarray(picture).astype(float) - expected).mean() < 12
    assert len({Path(event.file).read_bytes() for event in shown if event.picture == shown[0].picture}) <= 3
