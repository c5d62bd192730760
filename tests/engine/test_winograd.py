from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import Tensor, nn

from tests.engine.test_ncnn_trunk import by_torch, layers_of, pictures
from vgg_studio.core import vgg
from vgg_studio.engine.exactness import LIMITS, difference
from vgg_studio.engine.folding import folded
from vgg_studio.engine.threads import SideBySide
from vgg_studio.engine.winograd import WinogradConvolution, with_winograd


def by_winograd(modules: list[nn.Module], given: Tensor) -> Tensor:
    return by_torch(with_winograd(folded(modules)), given)


def convolution(inputs: int, outputs: int, *, bias: bool = True) -> nn.Conv2d:
    torch.manual_seed(7)
    return nn.Conv2d(inputs, outputs, kernel_size=3, padding=1, bias=bias)


@pytest.mark.parametrize("variant", ["vgg11", "vgg16", "vgg19_bn", vgg.A_LRN, vgg.C])
@pytest.mark.parametrize("train_from", ["block4", "fc6", "fc8"])
@pytest.mark.parametrize("side", [32, 50, 67])
def test_that_networks_give_the_features_that_direct_convolutions_give(
    variant: str, train_from: str, side: int
) -> None:
    modules, given = layers_of(variant, train_from), pictures(3, side)
    found, wanted = by_winograd(modules, given), by_torch(modules, given)
    assert found.shape == wanted.shape
    assert difference(found, wanted) < LIMITS["fp32"] / 10


@pytest.mark.parametrize("size", [(4, 4), (1, 1), (3, 9), (5, 4), (14, 28), (57, 6)])
@pytest.mark.parametrize("outputs", [8, 600])
@pytest.mark.parametrize("bias", [True, False])
def test_that_every_size_and_number_of_pictures_is_covered(size: tuple[int, int], outputs: int, bias: bool) -> None:
    layer = convolution(16, outputs, bias=bias)
    given = torch.randn(19, 16, *size, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        torch.testing.assert_close(WinogradConvolution(layer)(given), layer(given), rtol=1e-4, atol=2e-5)


def test_that_convolutions_that_do_not_fit_stay_as_they_are() -> None:
    few, pointed = convolution(3, 16), nn.Conv2d(16, 16, kernel_size=1)
    wide, strided = nn.Conv2d(16, 16, kernel_size=5, padding=1), nn.Conv2d(16, 16, kernel_size=3, padding=1, stride=2)
    assert with_winograd([few, pointed, wide, strided]) == [few, pointed, wide, strided]


def test_that_a_relu_is_joined_to_the_convolution_before_it_alone() -> None:
    first, between, second = convolution(16, 16), nn.MaxPool2d(2, 2), nn.ReLU()
    found = with_winograd([first, nn.ReLU(), between, second])
    assert [type(module) for module in found] == [WinogradConvolution, nn.MaxPool2d, nn.ReLU]
    given = pictures(2, 12, channels=16)
    with torch.no_grad():
        assert found[0](given).min() == 0
        assert with_winograd([first])[0](given).min() < 0


def test_that_pictures_may_lie_either_way_and_come_back_channels_last() -> None:
    layer = WinogradConvolution(convolution(16, 24))
    given = pictures(3, 13, channels=16)
    found = layer(given)
    assert found.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(layer(given.to(memory_format=torch.channels_last)), found)


@pytest.mark.parametrize("side", [32, 40, 64])
def test_that_a_pictures_features_do_not_depend_on_its_neighbours_nor_on_its_place(side: int) -> None:
    modules = with_winograd(layers_of("vgg16", "fc6"))
    given = pictures(16, side)
    whole = by_torch(modules, given)
    assert torch.equal(by_torch(modules, given.flip(0)).flip(0), whole)
    for row in (0, 7, 15):
        alone = torch.zeros_like(given)
        alone[row] = given[row]
        assert torch.equal(by_torch(modules, alone)[row], whole[row])


@pytest.mark.parametrize("workers", [2, 3, 5, 16])
@pytest.mark.parametrize("count", [1, 2, 7, 16])
def test_that_workers_give_each_picture_its_own_features(workers: int, count: int) -> None:
    modules = nn.Sequential(*with_winograd(layers_of("vgg11", "block3")))
    given = pictures(count, 20)
    shared = SideBySide(modules, workers)
    found = shared(given)
    assert not found.requires_grad
    torch.testing.assert_close(found, by_torch(list(modules), given), rtol=1e-5, atol=1e-6)
    assert torch.equal(shared(given.flip(0)).flip(0), found)


def test_that_workers_share_the_threads_and_leave_those_of_others_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "6")
    before, seen = torch.get_num_threads(), set[int]()

    def counted(given: Tensor) -> Tensor:
        seen.add(torch.get_num_threads())
        return given

    SideBySide(counted, 2)(pictures(4, 8))
    assert seen == {3}
    with ThreadPoolExecutor(1) as pool:  # a thread that is new to torch
        assert pool.submit(torch.get_num_threads).result() == before == torch.get_num_threads()


def test_that_what_a_worker_meets_is_told() -> None:
    def broken(_: Tensor) -> Tensor:
        raise MemoryError

    with pytest.raises(MemoryError):
        SideBySide(broken, 2)(pictures(4, 8))


def test_that_a_batch_may_be_asked_for_while_another_is_computed() -> None:
    shared = SideBySide(nn.Sequential(*with_winograd(layers_of("vgg11", "block3"))), 2)
    batches = [pictures(4, side) for side in (16, 20, 24, 28, 32, 36)]
    wanted = [shared(batch) for batch in batches]
    with ThreadPoolExecutor(3) as pool:
        for found, right in zip(pool.map(shared, batches), wanted, strict=True):
            assert torch.equal(found, right)
