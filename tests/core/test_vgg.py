from __future__ import annotations

import pytest

from vgg_studio.core import vgg


@pytest.mark.parametrize(("classes", "parameters"), [(1000, 138_357_544), (5, 134_281_029)])
def test_that_vgg16_has_its_published_number_of_parameters(classes: int, parameters: int) -> None:
    assert vgg.parameters(vgg.Shape("vgg16", classes)) == parameters


@pytest.mark.parametrize("variant", vgg.VARIANTS)
def test_that_a_variant_has_as_many_weight_layers_as_its_name_says(variant: str) -> None:
    counted = [layer for layer in vgg.layers(vgg.Shape(variant)) if layer.counts]
    assert len(counted) == int(variant.removesuffix("_bn").removeprefix("vgg"))


def test_that_the_work_of_one_picture_is_the_published_one() -> None:
    billions = {
        variant: round(vgg.macs(vgg.Shape(variant)) / 1e9, 1) for variant in ("vgg11", "vgg13", "vgg16", "vgg19")
    }
    assert billions == {"vgg11": 7.6, "vgg13": 11.3, "vgg16": 15.5, "vgg19": 19.6}


def test_that_blocks_halve_the_side_and_layers_are_named_as_in_the_paper() -> None:
    found = vgg.layers(vgg.Shape("vgg16"))
    assert [layer.side for layer in found if layer.kind == "pool"] == [112, 56, 28, 14, 7]
    names = [layer.name for layer in found if layer.counts]
    assert names[0] == "conv1-1"
    assert names[-4:] == ["conv5-3", "fc6", "fc7", "fc8"]


def test_that_features_have_torchvisions_number_of_entries() -> None:
    entries = {v: sum(x.key.startswith("features") for x in vgg.layers(vgg.Shape(v))) for v in ("vgg16", "vgg16_bn")}
    assert entries == {"vgg16": 31, "vgg16_bn": 44}


def test_that_a_later_stage_leaves_fewer_parameters_to_learn() -> None:
    counts = [vgg.parameters(vgg.Shape("vgg16", 5), stage) for stage in vgg.STAGES]
    assert counts == sorted(counts, reverse=True)
    assert counts[-1] == 4096 * 5 + 5


def test_that_a_divisor_thins_convolutions_and_on_request_the_linear_layers() -> None:
    slim = vgg.Shape("vgg11_bn", 10, width_divisor=4)
    assert [channels for _, channels in slim.blocks] == [16, 32, 64, 128, 128]
    assert slim.linear_width == 4096
    assert vgg.Shape("vgg11_bn", 10, width_divisor=4, slim_linear=True).linear_width == 1024
