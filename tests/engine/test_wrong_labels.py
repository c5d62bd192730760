"""Probable wrong labels: those pictures that another class fits better than is usual for it, most suspicious first."""

from __future__ import annotations

import shutil
from pathlib import Path
from random import Random

import numpy as np
import pytest

from tests.engine.lessons import draw_folder, only, tiny
from vgg_studio.core import events as ev
from vgg_studio.core.jobs import QuickLookJob, Stop, TrainJob
from vgg_studio.core.split import Item
from vgg_studio.engine import wrong_labels
from vgg_studio.engine.quick_look import quick_look
from vgg_studio.engine.wrong_labels import suspects


def chances_of(
    labels: list[int], classes: int, sure: float, seed: int = 0
) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Probabilities of a network that is right, each time about as `sure` as said."""
    noise = np.random.default_rng(seed).uniform(-0.05, 0.05, len(labels))
    chances = np.repeat(((1 - sure - noise) / (classes - 1))[:, None], classes, axis=1)
    chances[np.arange(len(labels)), labels] = sure + noise
    return chances


def test_that_what_another_class_fits_is_found_most_suspicious_first() -> None:
    truth = [0] * 20 + [1] * 20 + [2] * 20
    given = np.array(truth)
    given[[3, 25, 41]] = [2, 0, 1]
    chances = chances_of(truth, 3, 0.85)
    chances[25] = [0.02, 0.97, 0.01]
    assert suspects(chances, given).tolist()[0] == 25
    assert set(suspects(chances, given).tolist()) <= {3, 25, 41}
    chances[3], chances[41] = [0.92, 0.04, 0.04], [0.03, 0.03, 0.94]
    assert suspects(chances, given).tolist() == [25, 41, 3]


def test_that_nothing_is_found_where_the_network_agrees() -> None:
    labels = [0] * 20 + [1] * 20
    assert suspects(chances_of(labels, 2, 0.7), np.array(labels)).tolist() == []


def test_that_a_class_that_the_network_often_takes_for_another_is_not_accused_as_a_whole() -> None:
    labels = np.array([0] * 30 + [1] * 30)
    chances = chances_of([0] * 30 + [0] * 30, 2, 0.6)  # it knows only one of two
    chances[:30] = chances_of([0] * 30, 2, 0.9)
    assert suspects(chances, labels).tolist() == []


def test_that_a_class_without_pictures_accuses_nobody() -> None:
    labels = np.array([0] * 5 + [1] * 5)
    chances = np.concatenate([chances_of(labels.tolist(), 2, 0.8), np.zeros((10, 1))], axis=1)
    chances[2] = [0.1, 0.0, 0.9]
    assert suspects(chances, labels).tolist() == []


def test_that_a_finding_names_both_classes() -> None:
    items = [(Item(ev.PictureRef(path=f"{number}.png"), number % 2), "test") for number in range(20)]
    chances = chances_of([number % 2 for number in range(20)], 2, 0.8)
    chances[4] = [0.01, 0.99]
    (found,) = wrong_labels.findings(items, chances, ["cat", "dog"])  # type: ignore[arg-type]
    assert (found.kind, found.pictures[0].path, found.classes, found.parts) == (
        "wrong_label",
        "4.png",
        ["cat"],
        ["test"],
    )
    assert found.values == {"named": "dog", "probability": 0.99}


def test_that_a_quick_look_finds_pictures_in_the_wrong_folder_in_every_part(tmp_path: Path) -> None:
    draw_folder(tmp_path / "set" / "train", count=24)
    draw_folder(tmp_path / "set" / "test", count=4, first=30)
    wrong = {}
    for part, number, name, other in (
        ("train", 0, "blue", "red"),
        ("train", 1, "red", "green"),
        ("train", 2, "green", "blue"),
        ("test", 31, "blue", "green"),
    ):
        file = tmp_path / "set" / part / name / f"{name}-{number:03}.png"
        shutil.move(file, tmp_path / "set" / part / other / file.name)
        wrong[f"{part}/{other}/{file.name}"] = (name, part)
    job = tiny(tmp_path / "set", tmp_path / "run", train_from="fc8", variation="none", width_divisor=4, image_size=64)
    events = list(quick_look(QuickLookJob(job=job, folds=4), Stop()))

    found = [finding for event in only(events, ev.FindingsMade) for finding in event.findings]
    told = {one.pictures[0].path: (one.values["named"], one.parts[0].replace("val", "train")) for one in found}
    assert told == wrong
    assert [type(event) for event in events].index(ev.QuickLook) < [type(event) for event in events].index(
        ev.FindingsMade
    )


@pytest.mark.parametrize("groups", [[None] * 12, [0, 0, 1, 1, 1, None, None, 2, None, 2, None, 3]])
def test_that_copies_of_a_picture_are_held_out_together(groups: list[int | None]) -> None:
    from vgg_studio.engine.quick_look import _folds

    labels = np.array([0] * 6 + [1] * 6)
    folds = _folds(labels, 3, 0, groups)
    of_group: dict[int, set[int]] = {}
    for group, fold in zip(groups, folds.tolist(), strict=True):
        if group is not None:
            of_group.setdefault(group, set()).add(fold)
    assert all(len(one) == 1 for one in of_group.values())
    if not of_group:
        assert folds.tolist() == _folds(labels, 3, 0).tolist()


@pytest.mark.real
@pytest.mark.timeout(1200)
@pytest.mark.slow
def test_that_of_twenty_flowers_in_wrong_folders_more_than_half_are_found(real_data: Path, tmp_path: Path) -> None:
    data = tmp_path / "flowers"
    shutil.copytree(real_data / "data" / "flowers", data)
    random = Random(0)
    names = sorted(folder.name for folder in data.iterdir())
    moved = {}
    for picture in random.sample(sorted(str(path.relative_to(data)) for path in data.rglob("*.jpg")), 20):
        name, file = picture.split("/")
        other = random.choice([one for one in names if one != name])
        (data / picture).rename(data / other / file)
        moved[f"{other}/{file}"] = name
    weights = real_data / "weights" / "vgg16_features.pth"
    events = list(quick_look(QuickLookJob(job=TrainJob(data=str(data), variant="vgg16", weights=str(weights))), Stop()))

    found = [finding for event in only(events, ev.FindingsMade) for finding in event.findings]
    right = [one for one in found if moved.get(one.pictures[0].path) == one.values["named"]]
    assert len(right) >= 12
    assert len(found) - len(right) <= 25  # among 1,000; 20 are doubtful where none was moved
