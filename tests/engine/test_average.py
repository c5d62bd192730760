"""The moving average of the weights that learn."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from vgg_studio.engine.average import Average


def network_of(value: float) -> nn.Sequential:
    """A network with a frozen layer, batch normalisation and a layer that learns."""
    built = nn.Sequential(nn.Linear(1, 1), nn.BatchNorm1d(1), nn.Linear(1, 1, bias=False))
    built[0].requires_grad_(False)
    with torch.no_grad():
        built.get_parameter("2.weight").fill_(value)
    return built


def weight(network: nn.Sequential) -> float:
    return float(network.get_parameter("2.weight").detach())


def test_that_it_is_the_exponential_average_of_the_weights_after_each_step() -> None:
    network = network_of(0.0)
    average, wanted = Average(network, 0.7), 0.0
    for step in range(50):
        with torch.no_grad():
            network.get_parameter("2.weight").fill_(step * step)
        average.update(step)
        decay = min(0.7, (1 + step) / (10 + step))
        wanted = decay * wanted + (1 - decay) * step * step

    assert float(average.tensors["2.weight"]) == pytest.approx(wanted, rel=1e-5)
    assert weight(network) == 49 * 49


def test_that_the_network_holds_it_within_the_block_and_its_own_weights_before_and_after() -> None:
    network = network_of(1.0)
    average = Average(network, 0.9)
    with torch.no_grad():
        network.get_parameter("2.weight").fill_(5.0)
    parameter = network.get_parameter("2.weight")

    with average.in_place():
        assert weight(network) == 1.0
    assert weight(network) == 5.0
    with pytest.raises(KeyError), average.in_place():
        raise KeyError
    assert weight(network) == 5.0
    assert float(average.tensors["2.weight"]) == 1.0
    assert network.get_parameter("2.weight") is parameter  # which an optimizer knows


def test_that_only_what_learns_is_averaged() -> None:
    assert set(Average(network_of(1.0), 0.9).tensors) == {"1.weight", "1.bias", "2.weight"}


def test_that_what_was_written_down_is_taken_up_again() -> None:
    network = network_of(1.0)
    average = Average(network, 0.9)
    with torch.no_grad():
        network.get_parameter("2.weight").fill_(5.0)
    average.update(3)
    raw = {key: value.clone() for key, value in average.raw().items()}
    held = {key: value.clone() for key, value in average.tensors.items()}

    fresh = network_of(0.0)
    taken = Average(fresh, 0.9)
    with torch.no_grad():
        for key, value in held.items():
            fresh.get_parameter(key).copy_(value)
    taken.restore(raw)

    assert weight(fresh) == 5.0
    assert torch.equal(taken.tensors["2.weight"], held["2.weight"])
    for one in (average, taken):
        one.update(4)
    assert torch.equal(taken.tensors["2.weight"], average.tensors["2.weight"])
