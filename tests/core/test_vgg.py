from __future__ import annotations

from typing import Any

import pytest

from vgg_studio.core import recipes, vgg
from vgg_studio.core.errors import UsageError
from vgg_studio.core.jobs import InspectJob, TrainJob


@pytest.mark.parametrize(("classes", "parameters"), [(1000, 138_357_544), (5, 134_281_029)])
def test_that_vgg16_has_its_published_number_of_parameters(classes: int, parameters: int) -> None:
    assert vgg.parameters(vgg.Shape("vgg16", classes)) == parameters


@pytest.mark.parametrize("variant", vgg.VARIANTS)
def test_that_a_variant_has_as_many_weight_layers_as_its_name_says(variant: str) -> None:
    counted = [layer for layer in vgg.layers(vgg.Shape(variant)) if layer.counts]
    assert len(counted) == int(variant.removeprefix("vgg").partition("_")[0])


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


# --- the paper's other columns, and own blocks

SLIM_GREY = vgg.Shape("vgg11", 10, channels=1, width_divisor=4)


def test_that_the_papers_columns_have_the_published_millions_of_parameters() -> None:
    columns = {"A": "vgg11", "A-LRN": vgg.A_LRN, "B": "vgg13", "C": vgg.C, "D": "vgg16", "E": "vgg19"}
    millions = {column: round(vgg.parameters(vgg.Shape(variant)) / 1e6) for column, variant in columns.items()}
    assert millions == {"A": 133, "A-LRN": 133, "B": 133, "C": 134, "D": 138, "E": 144}


def test_that_c_is_d_with_a_kernel_of_one_pixel_at_the_end_of_the_last_three_blocks() -> None:
    kernels = {layer.name: layer.kernel for layer in vgg.layers(vgg.Shape(vgg.C)) if layer.kind == "conv"}
    assert {name for name, kernel in kernels.items() if kernel == 1} == {"conv3-3", "conv4-3", "conv5-3"}
    assert [layer.key for layer in vgg.layers(vgg.Shape(vgg.C))] == [
        layer.key for layer in vgg.layers(vgg.Shape("vgg16"))
    ]


def test_that_a_lrn_normalises_once_behind_its_first_convolution() -> None:
    kinds = [layer.kind for layer in vgg.layers(vgg.Shape(vgg.A_LRN))]
    assert kinds[:4] == ["conv", "relu", "response_norm", "pool"]
    assert kinds.count("response_norm") == 1


def test_that_a_slim_grey_network_has_the_blocks_of_the_tutorial_divided_by_four() -> None:
    pools = [(layer.outputs, layer.side) for layer in vgg.layers(SLIM_GREY) if layer.kind == "pool"]
    assert pools == [(16, 112), (32, 56), (64, 28), (128, 14), (128, 7)]
    full = vgg.layers(vgg.Shape("vgg11", 10, channels=1))
    assert [(layer.outputs, layer.side) for layer in full if layer.kind == "pool"][-1] == (512, 7)
    assert {layer.name: layer.inputs for layer in full if layer.kind == "linear"} == {
        "fc6": 25_088,
        "fc7": 4_096,
        "fc8": 4_096,
    }


@pytest.mark.parametrize("text", ["1x8", "1x8,1x16", "1 X 64, 1\u00d7128,2x256", ",".join(["8x2048"] * 10)])
def test_that_own_blocks_are_read_and_written_the_same(text: str) -> None:
    blocks = vgg.parsed(text)
    assert vgg.parsed(vgg.written(blocks)) == blocks
    shape = vgg.Shape(vgg.own("vgg16_bn", vgg.written(blocks)), 3)
    assert (shape.blocks, shape.batch_norm, shape.is_own) == (blocks, True, True)
    stages = [f"block{number}" for number in range(1, len(blocks) + 1)]
    assert vgg.stages(shape) == (*stages, "fc6", "fc7", "fc8")
    assert {layer.stage for layer in vgg.layers(shape, 1024)} == set(vgg.stages(shape))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "1x",
        "1x64,",
        "0x64",
        "1x0",
        "9x64",
        "1x2049",
        "-1x64",
        "1x64;1x64",
        "1.5x64",
        "1x64x3",
        ",".join(["1x8"] * 11),
    ],
)
def test_that_what_is_no_list_of_blocks_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^.*$"):
        vgg.parsed(text)


def test_that_own_blocks_that_are_the_papers_get_its_name() -> None:
    assert vgg.named("vgg16_bn", "1x64,1x128,2x256,2x512,2x512") == ("vgg11_bn", "")
    assert vgg.named("vgg16", "1x64, 1x128") == ("vgg16", "1x64,1x128")


def test_that_networks_are_called_as_people_call_them() -> None:
    names = [vgg.title(variant) for variant in ("vgg11", "vgg16_bn", vgg.A_LRN, vgg.C, "vgg:1x8", "vgg_bn:1x8,2x16")]
    assert names == ["VGG-11", "VGG-16-BN", "VGG-11-LRN", "VGG-16-C", "VGG 1x8", "VGG-BN 1x8,2x16"]
    assert [vgg.nearest(variant) for variant in (vgg.A_LRN, vgg.C, "vgg19_bn")] == ["vgg11", "vgg16", "vgg19_bn"]


def test_that_a_block_further_away_from_the_head_counts_one_more() -> None:
    shape = vgg.Shape("vgg:1x8,1x8,1x8")
    assert [vgg.blocks_to_head(shape, stage) for stage in vgg.stages(shape)] == [3, 2, 1, 0, 0, 0]


# --- what an order may ask for


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"blocks": "1x"}, "blocks"),
        ({"blocks": "1x64", "variant": vgg.C}, "blocks"),
        ({"blocks": "1x64", "variant": vgg.A_LRN}, "blocks"),
        ({"blocks": "1x64", "weights": "official"}, "weights"),
        ({"variant": vgg.C, "weights": "official"}, "weights"),
        ({"variant": vgg.A_LRN, "weights": "official-features"}, "weights"),
        ({"blocks": "1x4", "width_divisor": 8}, "width-divisor"),
        ({"blocks": ",".join(["1x8"] * 7), "image_size": 64}, "image-size"),
        ({"blocks": "1x8,1x8", "train_from": "block3"}, "train-from"),
        ({"initial": "zero"}, "initial"),
    ],
)
def test_that_an_order_for_what_cannot_be_built_is_refused_by_the_settings_name(
    settings: dict[str, Any], name: str
) -> None:
    with pytest.raises(UsageError) as caught:
        TrainJob(**settings)
    assert caught.value.values["name"] == name
    assert str(caught.value.values["value"]) in str(caught.value)


def test_that_an_order_keeps_own_blocks_written_one_way() -> None:
    job = TrainJob(variant="vgg16_bn", blocks="1 x 8 ,2\u00d716", image_size=32, train_from="block2")
    assert (job.blocks, job.shape(3).variant) == ("1x8,2x16", "vgg_bn:1x8,2x16")
    same = TrainJob(variant="vgg19", blocks="2x64,2x128,3x256,3x512,3x512")
    assert (same.variant, same.blocks) == ("vgg16", "")
    look = InspectJob(source="vgg16_bn", blocks="1 x 8", image_size=32)
    assert (look.source, look.blocks) == ("vgg16_bn", "1x8")


def test_that_what_makes_a_run_of_own_blocks_better_is_its_last_block_then_the_one_before() -> None:
    job = TrainJob(variant="vgg11", blocks="1x8,1x16,1x16", image_size=32, train_from="fc6")
    first = recipes.next_stage(job, "/run")
    assert first is not None
    second = recipes.next_stage(first, "/run")
    assert (first.train_from, second and second.train_from) == ("block3", "block2")


def test_that_official_weights_bring_back_a_network_that_has_them() -> None:
    changed = recipes.with_weights(TrainJob(variant=vgg.C, image_size=64), "official")
    assert (changed.variant, changed.weights) == ("vgg16", "official")
    assert recipes.with_weights(TrainJob(variant="vgg11_bn", blocks="1x8"), "official").blocks == ""
