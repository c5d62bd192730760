from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from vgg_studio.core import vgg
from vgg_studio.engine.network import VGG, build, freeze, frozen_state, trained_state, trunk_and_head

SLIM = vgg.Shape("vgg11_bn", classes=5, width_divisor=16, slim_linear=True)
DIVISOR = 16


def _pictures(count: int = 4, side: int = 32, channels: int = 3) -> Tensor:
    return torch.randn(count, channels, side, side, generator=torch.Generator().manual_seed(1))


def _torchvision(variant: str, classes: int, divisor: int = 1) -> nn.Module:
    """Torchvision's own network; a narrow one has its own blocks and forward, and its classifier with fewer numbers."""
    from torchvision.models import vgg as theirs

    letter = {"11": "A", "13": "B", "16": "D", "19": "E"}[variant.removesuffix("_bn").removeprefix("vgg")]
    plan: list[Any] = [entry if entry == "M" else entry // divisor for entry in theirs.cfgs[letter]]
    with torch.device("meta"):
        network: nn.Module = theirs.VGG(theirs.make_layers(plan, variant.endswith("_bn")), classes, init_weights=False)
        if divisor > 1:
            sizes = (512 // divisor * 49, 4096 // divisor, 4096 // divisor, classes)
            for index, inputs, outputs in zip(("0", "3", "6"), sizes, sizes[1:], strict=False):
                network.classifier.add_module(index, nn.Linear(inputs, outputs))  # type: ignore[union-attr]
    return network


@pytest.mark.parametrize("variant", vgg.TORCHVISIONS)
def test_that_names_shapes_and_counts_are_torchvisions_at_full_size(variant: str) -> None:
    with torch.device("meta"):
        ours = VGG(vgg.Shape(variant)).state_dict()
    theirs = _torchvision(variant, 1000).state_dict()
    assert [(key, value.shape) for key, value in ours.items()] == [(key, value.shape) for key, value in theirs.items()]


@pytest.mark.parametrize("variant", vgg.TORCHVISIONS)
@pytest.mark.parametrize("classes", [1000, 5])
def test_that_a_network_has_as_many_parameters_as_the_table_says(variant: str, classes: int) -> None:
    with torch.device("meta"):
        counted = sum(parameter.numel() for parameter in VGG(vgg.Shape(variant, classes)).parameters())
    assert counted == vgg.parameters(vgg.Shape(variant, classes))
    if variant == "vgg16":
        assert counted == {1000: 138_357_544, 5: 134_281_029}[classes]


def _same_answers_both_ways(ours: VGG, theirs: nn.Module, pictures: Tensor) -> None:
    theirs.to_empty(device="cpu").load_state_dict(ours.state_dict(), strict=True)
    ours.eval()
    theirs.eval()
    with torch.no_grad():
        assert torch.equal(ours(pictures), theirs(pictures))
        for parameter in theirs.parameters():
            parameter.mul_(0.9)
        ours.load_state_dict(theirs.state_dict(), strict=True)
        assert torch.equal(ours(pictures), theirs(pictures))


@pytest.mark.parametrize("variant", vgg.TORCHVISIONS)
def test_that_a_narrow_network_and_torchvisions_exchange_weights_and_give_the_same_scores(variant: str) -> None:
    shape = vgg.Shape(variant, classes=5, width_divisor=DIVISOR, slim_linear=True)
    _same_answers_both_ways(build(shape, seed=3), _torchvision(variant, 5, DIVISOR), _pictures())


@pytest.mark.slow
@pytest.mark.parametrize("variant", vgg.TORCHVISIONS)
def test_that_a_full_network_and_torchvisions_exchange_weights_and_give_the_same_scores(variant: str) -> None:
    _same_answers_both_ways(build(vgg.Shape(variant), seed=3), _torchvision(variant, 1000), _pictures(2, 224))


def test_that_each_number_of_channels_makes_a_network() -> None:
    for channels in (1, 2, 3, 4):
        shape = vgg.Shape("vgg11", classes=3, channels=channels, width_divisor=16, slim_linear=True)
        assert build(shape)(_pictures(2, 33, channels)).shape == (2, 3)


def test_that_fresh_weights_depend_on_shape_and_seed_alone() -> None:
    first = build(SLIM, seed=7).state_dict()
    torch.manual_seed(123)
    before = torch.get_rng_state()
    again, other = build(SLIM, seed=7).state_dict(), build(SLIM, seed=8).state_dict()
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert not torch.equal(first["features.0.weight"], other["features.0.weight"])
    assert torch.equal(torch.get_rng_state(), before)


def test_that_fresh_weights_keep_the_signals_size_in_a_slim_plain_network_too() -> None:
    network = build(vgg.Shape("vgg16", classes=10, width_divisor=8, slim_linear=True)).eval()
    trunk, _ = trunk_and_head(network, "fc8")
    pictures = _pictures(16, 64)
    assert 0.1 < float(trunk(pictures).std() / pictures.std()) < 10
    assert float(network(pictures).detach().abs().max()) < 1.0  # undecided before it has learned


def test_that_fresh_batch_normalisation_is_the_identity_and_biases_are_zero() -> None:
    state = build(SLIM).state_dict()
    assert not any(value.any() for key, value in state.items() if key.endswith(("bias", "running_mean", "tracked")))
    assert torch.equal(state["features.1.running_var"], torch.ones(4))
    assert torch.equal(state["features.1.weight"], torch.ones(4))


def test_that_linear_layers_behind_batch_normalisation_start_as_torchvisions() -> None:
    state = build(vgg.Shape("vgg11_bn", classes=5, width_divisor=4, slim_linear=True)).state_dict()
    for key in ("classifier.0.weight", "classifier.3.weight", "classifier.6.weight"):
        assert float(state[key].std()) == pytest.approx(0.01, rel=0.05)


def test_that_dropout_is_as_asked() -> None:
    found = [module.p for module in build(SLIM, dropout=0.3).modules() if isinstance(module, nn.Dropout)]
    assert found == [0.3, 0.3]


@pytest.mark.parametrize("stage", vgg.STAGES)
def test_that_only_the_stages_from_the_chosen_one_on_learn(stage: str) -> None:
    network = build(SLIM)
    freeze(network, stage)
    learning = sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad)
    assert learning == vgg.parameters(SLIM, stage)


@pytest.mark.parametrize("stage", vgg.STAGES)
def test_that_what_learns_and_what_does_not_make_up_the_whole_state(stage: str) -> None:
    network = build(SLIM)
    trained, frozen = trained_state(network, stage), frozen_state(network, stage)
    assert not trained.keys() & frozen.keys()
    assert trained.keys() | frozen.keys() == network.state_dict().keys()
    learned = {key for key, parameter in network.named_parameters() if key in trained}
    freeze(network, stage)
    assert learned == {key for key, parameter in network.named_parameters() if parameter.requires_grad}


def test_that_frozen_stages_keep_their_statistics_and_drop_nothing_in_training() -> None:
    network = build(SLIM)
    freeze(network, "fc7")
    network.train()
    before = {key: value.clone() for key, value in frozen_state(network, "fc7").items()}
    network(_pictures())
    assert all(torch.equal(value, before[key]) for key, value in frozen_state(network, "fc7").items())
    modes = {key: network.get_submodule(key).training for key in ("features.1", "classifier.2", "classifier.5")}
    assert modes == {"features.1": False, "classifier.2": False, "classifier.5": True}


def test_that_freezing_less_lets_stages_learn_again() -> None:
    network = build(SLIM)
    freeze(network, "fc8")
    freeze(network, "block1")
    network.train()
    assert all(parameter.requires_grad for parameter in network.parameters())
    assert all(module.training for module in network.modules())


@pytest.mark.parametrize("stage", vgg.STAGES)
def test_that_trunk_and_head_one_after_the_other_are_the_network(stage: str) -> None:
    network = build(SLIM).eval()
    trunk, head = trunk_and_head(network, stage)
    pictures = _pictures()
    assert torch.equal(head(trunk(pictures)), network(pictures))


def test_that_the_trunk_stays_as_it_is_while_the_head_learns() -> None:
    network = build(SLIM)
    freeze(network, "fc6")
    trunk, head = trunk_and_head(network, "fc6")
    trunk.train()
    head.train()
    statistics = network.get_submodule("features.1").running_mean.clone()  # type: ignore[operator]
    head(trunk(_pictures())).sum().backward()
    assert torch.equal(network.state_dict()["features.1.running_mean"], statistics)
    assert network.get_parameter("features.0.weight").grad is None
    assert network.get_parameter("classifier.0.weight").grad is not None
