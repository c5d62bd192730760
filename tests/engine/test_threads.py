"""How many threads a network gets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch

from vgg_studio.core import vgg
from vgg_studio.engine import threads
from vgg_studio.engine.device import choose, real_cores


@pytest.fixture(autouse=True)
def _threads_as_before() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def test_that_a_slim_network_gets_one_thread_and_a_full_one_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    slim, full = vgg.Shape("vgg11_bn", 4, 3, 8, True), vgg.Shape("vgg16", 5)

    assert threads.for_training(slim, 64, 16) == threads.for_answers(slim, 64, 32) == 1
    assert threads.for_training(full, 224, 1) == threads.for_answers(full, 224, 4) == real_cores()


@pytest.mark.parametrize("words", ["7", "7,2", " 7 "])
def test_that_the_users_own_number_of_threads_is_kept(monkeypatch: pytest.MonkeyPatch, words: str) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", words)

    assert threads.for_training(vgg.Shape("vgg16", 5), 224, 8) == 7


def test_that_threads_are_set_for_the_processor_alone() -> None:
    device = choose("cpu")
    torch.set_num_threads(1)

    assert threads.use(device, 2) == torch.get_num_threads() == 2
    assert threads.use(replace(device, torch=torch.device("cuda")), 5) == 2
    assert threads.use(device, 0) == 2
