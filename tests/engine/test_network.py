from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from vgg_studio.core import vgg
from vgg_studio.core.errors import WeightsOtherVariant
from vgg_studio.core.jobs import TrainJob
from vgg_studio.core.layer_facts import layer_facts
from vgg_studio.engine import initial
from vgg_studio.engine.network import VGG, build, freeze, frozen_state, trained_state, trunk_and_head
from vgg_studio.engine.weights import load, shape_of, shapes

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


# --- the paper's other columns, own blocks, and how fresh weights are drawn

OWN = "vgg_bn:1x8,2x16,1x24"
EVERY = (*vgg.VARIANTS, "vgg:1x8,2x16", OWN, "vgg:" + ",".join(["1x4"] * 6))


def _small(variant: str, **changes: Any) -> vgg.Shape:
    divisor = 1 if ":" in variant else DIVISOR
    return vgg.Shape(variant, **({"classes": 3, "width_divisor": divisor, "slim_linear": divisor > 1} | changes))


def _given_shapes(network: VGG, pictures: Tensor) -> dict[str, tuple[int, ...]]:
    """What each layer gives for one picture, seen by a hook on each."""
    found: dict[str, tuple[int, ...]] = {}

    def remember(key: str) -> Any:
        return lambda _module, _given, answer: found.update({key: tuple(answer.shape[1:])})

    hooks = [
        network.get_submodule(layer.key).register_forward_hook(remember(layer.key))
        for layer in vgg.layers(network.shape)
    ]
    network.eval()(pictures)
    for hook in hooks:
        hook.remove()
    return found


@pytest.mark.parametrize("variant", EVERY)
@pytest.mark.parametrize("settings", [{}, {"channels": 1, "head": "light"}], ids=["classic", "grey, light"])
def test_that_each_layer_gives_the_shape_that_the_table_says(variant: str, settings: dict[str, Any]) -> None:
    network = build(_small(variant, **settings))
    found = _given_shapes(network, _pictures(1, 64, network.shape.channels))
    told = {fact.key: tuple(fact.shape) for fact in layer_facts(network.shape, 64) if fact.key}
    assert found == told


@pytest.mark.parametrize("variant", EVERY)
def test_that_tensors_and_parameters_are_those_of_the_table(variant: str) -> None:
    shape = _small(variant)
    network = build(shape)
    state = {key: tuple(value.shape) for key, value in network.state_dict().items() if not key.endswith("tracked")}
    assert state == shapes(shape)
    assert sum(parameter.numel() for parameter in network.parameters()) == vgg.parameters(shape)


@pytest.mark.parametrize("variant", EVERY)
def test_that_a_network_is_known_by_its_tensors_alone(variant: str) -> None:
    shape = _small(variant)
    assert shape_of(build(shape).state_dict()) == shape


def test_that_slim_own_blocks_are_known_by_the_sizes_that_they_have() -> None:
    shape = _small("vgg:2x32,1x64", width_divisor=4, slim_linear=True)
    assert shape_of(build(shape).state_dict()) == shape
    wide = vgg.Shape("vgg:2x32,1x64", classes=3, width_divisor=4)  # whose linear layers do not tell the divisor
    found = shape_of(build(wide).state_dict())
    assert (found.blocks, found.linear_width) == (wide.blocks, wide.linear_width)
    report = load(build(wide), build(wide, seed=1).state_dict(), wide, "file", "own.pth", "", "fc6")
    assert not report.missing


def test_that_weights_of_other_blocks_are_refused_by_name() -> None:
    given = build(_small("vgg:1x8,1x8")).state_dict()
    shape = _small("vgg:1x8,2x8")
    with pytest.raises(WeightsOtherVariant) as caught:
        load(build(shape), given, shape, "file", "own.pth", "", "fc6")
    assert (caught.value.values["found"], caught.value.values["wanted"]) == ("VGG 1x8,1x8", "VGG 1x8,2x8")


def test_that_the_response_normalisation_is_alexnets_formula() -> None:
    norm = build(_small(vgg.A_LRN)).get_submodule("features.2")
    given = 40 * _pictures(1, 4, 12)
    wanted = torch.empty_like(given)
    for channel in range(12):
        near = given[:, max(0, channel - 2) : channel + 3].square().sum(1)
        wanted[:, channel] = given[:, channel] / (2 + 1e-4 * near) ** 0.75
    assert torch.allclose(norm(given), wanted, rtol=1e-5)
    assert not torch.allclose(norm(given), given / 2**0.75, rtol=1e-2)  # pictures so large that the sum matters


def test_that_the_response_normalisation_is_computed_in_fp32_whatever_comes_in() -> None:
    norm = build(_small(vgg.A_LRN)).get_submodule("features.2")
    given = 400 * _pictures(1, 4, 12)
    for kind in (torch.bfloat16, torch.float16):
        narrow = given.to(kind)
        assert torch.equal(norm(narrow), norm(narrow.float()).to(kind))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(norm(given), norm(given.float()))


@pytest.mark.parametrize("stage", ["block1", "block2", "block3", "fc6", "fc7", "fc8"])
def test_that_own_blocks_can_be_frozen_and_parted_at_each_stage(stage: str) -> None:
    shape = _small(OWN)
    network = build(shape).eval()
    freeze(network, stage)
    learning = sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad)
    assert learning == vgg.parameters(shape, stage)
    assert trained_state(network, stage).keys() | frozen_state(network, stage).keys() == network.state_dict().keys()
    trunk, head = trunk_and_head(network, stage)
    assert torch.equal(head(trunk(_pictures())), network(_pictures()))


def test_that_the_features_of_vgg19_bn_alone_can_be_taken_and_all_stay_as_they_are() -> None:
    with torch.device("meta"):
        network = VGG(vgg.Shape("vgg19_bn"))
    freeze(network, "fc6")
    trunk, _ = trunk_and_head(network, "fc6")
    features = [module for module in trunk if any(module is one for one in network.features)]
    assert len(features) == len(network.features) == 53
    assert not any(parameter.requires_grad for parameter in trunk.parameters())
    normalised = 2 * 5_504  # two numbers for each channel
    assert sum(parameter.numel() for parameter in trunk.parameters()) == 20_024_384 + normalised


def _weights(initial: str, variant: str = "vgg11") -> dict[str, Tensor]:
    state = build(vgg.Shape(variant, classes=10, width_divisor=4, slim_linear=True), initial=initial).state_dict()
    assert not any(value.any() for key, value in state.items() if key.endswith("bias"))
    return {key: value for key, value in state.items() if value.ndim > 1}


def _fans(weight: Tensor) -> tuple[int, int]:
    field = weight[0, 0].numel() if weight.ndim == 4 else 1
    return weight.shape[1] * field, weight.shape[0] * field


@pytest.mark.parametrize("variant", ["vgg11", "vgg11_bn", vgg.C])
def test_that_xavier_draws_evenly_between_its_two_bounds(variant: str) -> None:
    for weight in _weights("xavier", variant).values():
        bound = (6 / sum(_fans(weight))) ** 0.5
        assert 0.9 * bound < float(weight.abs().max()) <= bound
        assert float(weight.std()) == pytest.approx(bound / 3**0.5, rel=0.1)


def test_that_kaiming_keeps_the_signal_over_each_layers_inputs() -> None:
    for weight in _weights("kaiming").values():
        assert float(weight.std()) == pytest.approx((2 / _fans(weight)[0]) ** 0.5, rel=0.1)


def test_that_the_papers_weights_deviate_by_a_hundredth() -> None:
    for weight in _weights("paper").values():
        assert float(weight.std()) == pytest.approx(0.01, rel=0.1)


def test_that_the_rule_for_fresh_weights_is_that_of_the_order() -> None:
    job = TrainJob(variant="vgg11", width_divisor=16, slim_linear=True, seed=3, initial="xavier")
    wanted = build(job.shape(2), seed=3, initial="xavier").state_dict()
    found = initial.empty(job, 2).state_dict()
    assert all(torch.equal(found[key], wanted[key]) for key in wanted)
    assert not torch.equal(found["features.0.weight"], build(job.shape(2), seed=3).state_dict()["features.0.weight"])
