from __future__ import annotations

import itertools

import pytest
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QApplication

from vgg_studio.app import theme
from vgg_studio.app.network_strip import CLASSIFIER_HEIGHT, GROUP_GAP, NetworkStrip, sentence, slabs
from vgg_studio.core import vgg


@pytest.mark.parametrize("variant", vgg.VARIANTS)
def test_that_a_network_has_as_many_slabs_as_its_name_says(variant: str) -> None:
    number = int(variant.removeprefix("vgg").partition("_")[0])
    assert len(slabs(vgg.Shape(variant), "block1", 288)) == number


@pytest.mark.parametrize("variant", ["vgg11", "vgg16", "vgg19_bn"])
def test_that_the_slabs_fill_the_whole_width(variant: str) -> None:
    found = slabs(vgg.Shape(variant), "block1", 288)
    assert found[0].rect.left() == 0
    assert found[-1].rect.right() == pytest.approx(288)


def test_that_blocks_stand_apart_and_get_lower_with_the_pictures_inside() -> None:
    found = slabs(vgg.Shape("vgg16"), "block1", 288)
    heights = [slab.rect.height() for slab in found]
    assert sorted(set(heights), reverse=True) == [36, 30, 24, 18, 12, CLASSIFIER_HEIGHT]
    assert heights == sorted(heights, reverse=True)
    wide_gaps = [b.rect.left() - a.rect.right() for a, b in itertools.pairwise(found)]
    assert sum(gap == pytest.approx(GROUP_GAP) for gap in wide_gaps) == 5


def test_that_the_layers_from_the_chosen_stage_on_are_those_that_learn() -> None:
    found = slabs(vgg.Shape("vgg16"), "block5", 288)
    assert [slab.name for slab in found if slab.learns] == ["conv5-1", "conv5-2", "conv5-3", "fc6", "fc7", "fc8"]


def test_that_the_sentence_counts_what_stays_and_what_learns() -> None:
    assert sentence(vgg.Shape("vgg16"), "block5") == "10 layers stay as they are, 6 learn"
    assert sentence(vgg.Shape("vgg11"), "fc8") == "10 layers stay as they are, 1 learns"
    assert sentence(vgg.Shape("vgg16"), "block1") == "All 16 layers learn"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_that_layers_that_stay_are_painted_paler_than_those_that_learn(application: QApplication, scheme: str) -> None:
    theme.choose(scheme)
    strip = NetworkStrip()
    strip.resize(288, 36)
    strip.show_network(vgg.Shape("vgg16"), "block5")
    picture = strip.grab().toImage()
    ratio = strip.devicePixelRatioF()
    for slab in strip.slabs():
        middle = slab.rect.center() * ratio
        shown = QColor(picture.pixel(int(middle.x()), int(middle.y())))
        assert shown.name() == theme.color("text" if slab.learns else "frozen").name()


def test_that_a_screen_reader_hears_the_sentence(application: QApplication) -> None:
    strip = NetworkStrip()
    strip.show_network(vgg.Shape("vgg16"), "block5")
    assert strip.accessibleName() == "10 layers stay as they are, 6 learn"
