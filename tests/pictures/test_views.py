"""The fixed variations of a picture that a frozen part computes once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from vgg_studio.engine.batches import Variation, _drawn
from vgg_studio.pictures import views

DIGESTS = [bytes([number]) * 16 for number in range(60)]


def stack(count: int) -> npt.NDArray[np.uint8]:
    return np.random.default_rng(3).integers(0, 256, (count, 8, 8, 3), np.uint8)


def test_that_flips_are_those_that_the_same_run_draws_without_a_frozen_part() -> None:
    for seed, epoch in ((0, 1), (5, 1), (0, 7), (-3, 2)):
        mirrored, _ = _drawn(list(range(200)), Variation("flip", seed, epoch))
        assert mirrored is not None
        assert np.array_equal(views.drawn("flip", 8, seed, epoch, 200) == views.MIRRORED, mirrored)


def test_that_each_round_draws_anew_and_all_views_come_up_about_equally_often() -> None:
    rounds = np.stack([views.drawn("flip_crop", 4, 1, epoch, 400) for epoch in range(1, 11)])

    assert set(np.unique(rounds)) == set(views.every("flip_crop", 4)) == {2, 3, 4, 5}
    counts = np.bincount(rounds.ravel())[2:]
    assert counts.min() > 850
    assert not np.array_equal(rounds[0], rounds[1])
    assert np.array_equal(rounds[0], views.drawn("flip_crop", 4, 1, 1, 400))
    assert np.array_equal(rounds[0][:100], views.drawn("flip_crop", 4, 1, 1, 100))


@pytest.mark.parametrize(
    ("variation", "wanted"),
    [
        ("none", (0,)),
        ("flip", (0, 1)),
        ("flip_crop", (2, 3, 4)),
        ("crop", (100, 101, 102)),
        ("crop_upside_down", (200, 201, 202)),
    ],
)
def test_that_only_views_that_are_told_are_drawn(variation: str, wanted: tuple[int, ...]) -> None:
    assert views.every(variation, 3) == wanted
    drawn = {int(view) for epoch in range(20) for view in views.drawn(variation, 3, 0, epoch, 50)}
    assert drawn == set(wanted)


def test_that_a_crop_depends_on_content_and_number_alone() -> None:
    pictures = stack(60)
    numbers = [2 + number % 5 for number in range(60)]
    shown, boxes = views.varied(pictures.copy(), numbers, DIGESTS)
    assert boxes is not None

    order = np.random.default_rng(0).permutation(60)
    mixed, mixed_boxes = views.varied(pictures[order], [numbers[n] for n in order], [DIGESTS[n] for n in order])
    assert mixed_boxes is not None
    assert np.array_equal(mixed, shown[order])
    assert np.array_equal(mixed_boxes, boxes[order])
    assert len({tuple(box) for box in boxes.tolist()}) == 60
    flipped = np.array([not np.array_equal(one, other) for one, other in zip(shown, pictures, strict=True)])
    assert 15 < flipped.sum() < 45
    assert np.array_equal(shown[flipped], pictures[flipped][:, :, ::-1])
    assert (boxes >= 0).all()
    assert (boxes[:, :2] + boxes[:, 2:] <= 1 + 1e-6).all()
    assert ((boxes[:, 2] * boxes[:, 3]) > 0.39).all()


def test_that_plain_and_mirrored_pictures_beside_crops_are_whole() -> None:
    pictures = stack(3)
    shown, boxes = views.varied(pictures.copy(), [0, 4, 1], DIGESTS[:3])

    assert boxes is not None
    assert boxes[[0, 2]].tolist() == [[0, 0, 1, 1]] * 2
    assert boxes[1].tolist() != [0, 0, 1, 1]
    assert np.array_equal(shown[0], pictures[0])
    assert np.array_equal(shown[2], pictures[2][:, ::-1])
    assert views.varied(pictures.copy(), [0, 1, 0], DIGESTS[:3])[1] is None


def test_that_views_of_one_law_are_no_other_laws_whatever_else_is_in_the_batch() -> None:
    alone, boxes = views.varied(stack(60), [100 + number % 5 for number in range(60)], DIGESTS)
    mixed, other = views.varied(stack(60), [(2 if number % 2 else 100) + number % 5 for number in range(60)], DIGESTS)

    assert boxes is not None
    assert other is not None
    assert np.array_equal(alone, stack(60))
    assert np.array_equal(boxes[::2], other[::2])
    assert np.array_equal(mixed[::2], alone[::2])
    assert (boxes[:, 2] * boxes[:, 3]).min() < 0.4 <= (other[1::2, 2] * other[1::2, 3]).min() + 1e-6


def test_that_half_of_the_fixed_crops_are_upside_down_where_they_may_be() -> None:
    _, boxes = views.varied(stack(60), [200 + number % 3 for number in range(60)], DIGESTS)

    assert boxes is not None
    assert 15 < (boxes[:, 3] < 0).sum() < 45
