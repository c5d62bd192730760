from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from torch import Tensor, nn

from vgg_studio.core import vgg
from vgg_studio.core.errors import BackendFailed
from vgg_studio.engine import network
from vgg_studio.engine.exactness import LIMITS, difference, error
from vgg_studio.engine.folding import folded
from vgg_studio.engine.ncnn_trunk import NcnnTrunk, available

needs_ncnn = pytest.mark.skipif(not available(), reason="ncnn is not installed")


def layers_of(variant: str, train_from: str, channels: int = 3) -> list[nn.Module]:
    shape = vgg.Shape(variant, classes=4, channels=channels, width_divisor=8, slim_linear=True)
    built = network.build(shape, seed=3)
    generator = torch.Generator().manual_seed(5)
    for module in built.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean = torch.randn(module.num_features, generator=generator) * 0.1
            module.running_var = torch.rand(module.num_features, generator=generator) + 0.5
            module.bias.data.normal_(0, 0.1, generator=generator)
    trunk, _ = network.trunk_and_head(built, train_from)
    return list(trunk)


def pictures(count: int, side: int, channels: int = 3) -> Tensor:
    return torch.randn(count, channels, side, side, generator=torch.Generator().manual_seed(1))


def by_torch(modules: list[nn.Module], given: Tensor) -> Tensor:
    with torch.no_grad():
        found: Tensor = nn.Sequential(*modules).eval()(given.clone())
    return found


@needs_ncnn
@pytest.mark.parametrize("variant", ["vgg11", "vgg11_bn", "vgg19_bn", vgg.A_LRN, vgg.C])
@pytest.mark.parametrize("train_from", ["block3", "fc6", "fc7", "fc8"])
@pytest.mark.parametrize("side", [32, 50])
def test_that_ncnn_gives_the_features_that_torch_gives(variant: str, train_from: str, side: int) -> None:
    modules = layers_of(variant, train_from)
    given = pictures(3, side)
    wanted = by_torch(modules, given)
    found = NcnnTrunk(modules, 3, side, 2, 2)(given)
    assert found.shape == wanted.shape
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)


@needs_ncnn
def test_that_a_normalisation_between_channels_is_torchs_where_it_matters() -> None:
    modules, given = layers_of(vgg.A_LRN, "block2"), 500 * pictures(2, 32)
    found, wanted = NcnnTrunk(modules, 3, 32, 2, 2)(given), by_torch(modules, given)
    assert difference(found, wanted) < 1e-5
    assert difference(found, by_torch([*modules[:2], modules[3]], given) / 2**0.75) > 0.1  # the squares are not small


@needs_ncnn
@pytest.mark.parametrize("workers", [1, 2, 3])
def test_that_the_features_of_a_picture_do_not_depend_on_its_neighbours(workers: int) -> None:
    modules = layers_of("vgg11_bn", "fc6")
    trunk = NcnnTrunk(modules, 3, 40, workers, workers)
    given = pictures(5, 40)
    alone = torch.cat([trunk(given[row : row + 1]) for row in range(5)])
    assert torch.equal(trunk(given), alone)
    assert torch.equal(trunk(given.flip(0)).flip(0), alone)


@needs_ncnn
def test_that_pictures_may_lie_channels_last_and_have_one_channel() -> None:
    modules = layers_of("vgg11", "block3", channels=1)
    given = pictures(2, 32, channels=1)
    trunk = NcnnTrunk(modules, 1, 32, 1, 1)
    assert torch.equal(trunk(given.to(memory_format=torch.channels_last)), trunk(given))


@needs_ncnn
def test_that_layers_behind_the_convolutions_can_be_all_there_is() -> None:
    modules = [nn.AdaptiveAvgPool2d((2, 2)), nn.Flatten(1)]
    given = pictures(2, 8)
    assert torch.equal(NcnnTrunk(modules, 3, 8, 1, 1)(given), by_torch(modules, given))


@needs_ncnn
def test_that_the_error_is_small_and_a_broken_network_has_the_largest() -> None:
    modules = layers_of("vgg11", "fc6")
    assert 0 < error(NcnnTrunk(modules, 3, 64, 1, 1), modules, 3, 64) < LIMITS["fp32"]
    convolution = modules[0]
    assert isinstance(convolution, nn.Conv2d)
    convolution.weight.data[0, 0, 0, 0] = float("nan")
    assert error(NcnnTrunk(modules, 3, 64, 1, 1), modules, 3, 64) == float("inf")


@needs_ncnn
def test_that_bf16_is_nearer_to_fp32_than_its_limit_but_is_not_fp32() -> None:
    modules = layers_of("vgg11", "fc6")
    assert LIMITS["fp32"] < error(NcnnTrunk(modules, 3, 64, 1, 1, "bf16"), modules, 3, 64) < LIMITS["bf16"]


@needs_ncnn
def test_that_a_convolution_of_another_kind_is_refused_in_words() -> None:
    with pytest.raises(BackendFailed, match="--backend torch"):
        NcnnTrunk([nn.Conv2d(3, 4, kernel_size=5)], 3, 16, 1, 1)


def test_that_folding_shares_what_it_need_not_change_and_leaves_the_network_as_it_was() -> None:
    plain = layers_of("vgg11", "fc6")
    assert folded([*plain, nn.Dropout()]) == plain
    normed = layers_of("vgg11_bn", "fc6")
    before = [tensor.clone() for module in normed for tensor in module.state_dict().values()]
    fewer = folded(normed)
    assert len(fewer) == len(normed) - 8
    assert all(
        torch.equal(old, new)
        for old, new in zip(before, (t for m in normed for t in m.state_dict().values()), strict=True)
    )
    given = pictures(2, 32)
    torch.testing.assert_close(by_torch(fewer, given), by_torch(normed, given), rtol=1e-4, atol=1e-5)


WITHOUT_NCNN = """
import sys
import vgg_studio.engine.ncnn_trunk as trunk
assert "ncnn" not in sys.modules, "imported unasked"
sys.modules["ncnn"] = None  # as where it is not installed
assert not trunk.available()
try:
    trunk.NcnnTrunk([], 3, 32, 1, 1)
except Exception as error:
    print(type(error).__name__, error)
"""


def test_that_without_ncnn_it_says_so_and_nothing_is_imported() -> None:
    done = subprocess.run([sys.executable, "-c", WITHOUT_NCNN], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == (
        "BackendMissing ncnn is not installed. Install vgg-studio[fast-cpu], or use --backend auto."
    )
