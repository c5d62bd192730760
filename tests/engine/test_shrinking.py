"""Where memory runs out, a step is taken in smaller parts: the same step, told once, and words where not one picture fits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.engine.lessons import draw_folder, end, events_of, numbers, only, stopped, tiny
from vgg_studio.core import events as ev, vgg
from vgg_studio.core.jobs import Stop, TrainJob
from vgg_studio.core.preprocessing import Preprocessing
from vgg_studio.core.run_folder import BEST
from vgg_studio.engine import learner as learning, network, tensor_files
from vgg_studio.engine.batches import Batch
from vgg_studio.engine.device import choose
from vgg_studio.engine.learner import Learner
from vgg_studio.engine.train import train

SHAPE = vgg.Shape("vgg11", 3, 3, 16, True)
PLAIN: dict[str, Any] = {
    "variant": "vgg11", "dropout": 0.0, "variation": "none", "batch_size": 16, "features": "fp32",
}  # fmt: skip
ERRORS: dict[str, Callable[[], Exception]] = {
    "torch": lambda: torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
    "allocator": lambda: RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"),
    "python": MemoryError,
}


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_folder(tmp_path_factory.mktemp("pictures"), count=14)


@pytest.fixture(autouse=True)
def _threads_as_before() -> Iterator[None]:
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


def learner_of(**changes: Any) -> Learner:
    settings: dict[str, Any] = {
        "variant": "vgg11",
        "width_divisor": 16,
        "slim_linear": True,
        "image_size": 32,
        "dropout": 0.0,
    }
    job = TrainJob(**(settings | {"train_from": "block1", "optimizer": "sgd", "learning_rate": 0.01} | changes))
    built = network.build(vgg.Shape(job.variant, 3, 3, 16, True), job.dropout)
    return Learner(built, job, choose("cpu"), Preprocessing(image_size=32))


def limit(learner: Learner, most: int, error: Callable[[], Exception] = MemoryError) -> list[int]:
    """Let memory end after the first layer for more than `most` pictures; returns the sizes that were tried."""
    tried: list[int] = []

    def full(_: torch.nn.Module, inputs: tuple[Tensor, ...]) -> None:
        tried.append(len(inputs[0]))
        if len(inputs[0]) > most:
            raise error()

    learner.network.features[-1].register_forward_pre_hook(full)
    return tried


def batch(count: int, seed: int = 0) -> Batch:
    generator = torch.Generator().manual_seed(seed)
    pictures = torch.randint(0, 256, (count, 32, 32, 3), dtype=torch.uint8, generator=generator)
    return Batch(pictures, torch.arange(count) % 3)


def short_of_memory(monkeypatch: pytest.MonkeyPatch, most: int, error: Callable[[], Exception] = MemoryError) -> None:
    """Let a whole training run out of memory for parts of more than `most` pictures."""
    backward = Learner._backward

    def full(self: Learner, some: Batch, part: slice, *rest: Any) -> None:
        if len(some.labels[part]) > most:
            raise error()
        backward(self, some, part, *rest)

    monkeypatch.setattr(learning.Learner, "_backward", full)


@pytest.mark.parametrize("error", ERRORS.values(), ids=ERRORS.keys())
@pytest.mark.parametrize(("most", "part"), [(5, 4), (4, 4), (1, 1), (15, 8)])
def test_that_a_step_in_parts_is_the_same_step(error: Callable[[], Exception], most: int, part: int) -> None:
    whole, short = learner_of(label_smoothing=0.1), learner_of(label_smoothing=0.1)
    tried = limit(short, most, error)
    for number, count in enumerate((16, 16, 7)):
        for learner in (whole, short):
            learner.step(batch(count, number), 0.05, seed=number, number=number)

    assert short.part == part
    assert tried[: tried.index(part)] == [16 >> step for step in range(4) if 16 >> step > part]
    assert all(size <= part for size in tried[tried.index(part) :])
    assert short.figures().pictures == whole.figures().pictures == 39
    assert short.figures().loss == pytest.approx(whole.figures().loss, rel=1e-6)
    assert short.figures().accuracy == whole.figures().accuracy
    for key, tensor in whole.network.state_dict().items():
        assert torch.allclose(tensor, short.network.state_dict()[key], rtol=1e-4, atol=1e-7), key


def test_that_nothing_is_left_of_an_attempt_that_did_not_fit() -> None:
    short, parts = learner_of(variant="vgg11_bn"), learner_of(variant="vgg11_bn")
    limit(short, 4)
    parts.part = 4
    for learner in (short, parts):
        learner.step(batch(16), 0.05, seed=1)

    assert short.part == 4
    assert torch.equal(short.sums, parts.sums)
    for key, tensor in parts.network.state_dict().items():
        assert torch.equal(tensor, short.network.state_dict()[key]), key


def test_that_a_picture_that_does_not_fit_alone_is_no_reason_to_go_on() -> None:
    short = learner_of()
    tried = limit(short, 0)

    with pytest.raises(MemoryError):
        short.step(batch(8), 0.05, seed=1)
    assert tried == [8, 4, 2, 1]
    assert short.figures().pictures == 0


def test_that_another_error_is_not_taken_for_it() -> None:
    short = learner_of()
    limit(short, 4, lambda: RuntimeError("mat1 and mat2 shapes cannot be multiplied"))

    with pytest.raises(RuntimeError, match="shapes"):
        short.step(batch(8), 0.05, seed=1)
    assert short.part == 0


@pytest.mark.parametrize("stage", ["block1", "block4"])
def test_that_a_run_in_parts_tells_it_once_and_learns_the_same(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    events_of(tiny(pictures, tmp_path / "whole", train_from=stage, **PLAIN))
    short_of_memory(monkeypatch, 5, ERRORS["torch"])
    events = events_of(tiny(pictures, tmp_path / "short", train_from=stage, **PLAIN))

    assert end(events).outcome == "finished"
    assert [(event.batch_size, event.part) for event in only(events, ev.BatchShrunk)] == [(16, 4)]
    for one, other in zip(numbers(tmp_path / "whole"), numbers(tmp_path / "short"), strict=True):
        assert one == pytest.approx(other, rel=1e-4)
    whole, short = (tensor_files.read(tmp_path / run / BEST)[0] for run in ("whole", "short"))
    assert all(torch.allclose(whole[key], short[key], rtol=1e-3, atol=1e-6) for key in whole)


def test_that_memory_that_shrinks_again_is_told_again(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = []
    short_of_memory(monkeypatch, 9)
    for event in train(tiny(pictures, tmp_path / "run", **PLAIN), Stop()):
        told.append(event)
        if isinstance(event, ev.EpochEnded):
            short_of_memory(monkeypatch, 3)

    assert end(told).outcome == "finished"
    assert [event.part for event in only(told, ev.BatchShrunk)] == [8, 2]


def test_that_a_run_in_parts_that_is_continued_ends_as_if_it_had_not_been_stopped(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vgg_studio.engine.ending.A_TENTH", 0.0)
    short_of_memory(monkeypatch, 4)
    settings = PLAIN | {"dropout": 0.5, "variant": "vgg11_bn"}
    events_of(tiny(pictures, tmp_path / "whole", **settings))
    stopped(tiny(pictures, tmp_path / "run", **settings), "pause", after=1)
    events = events_of(TrainJob(run=str(tmp_path / "run"), resume=True))

    assert end(events).outcome == "finished"
    assert [event.part for event in only(events, ev.BatchShrunk)] == [4]
    assert numbers(tmp_path / "run") == numbers(tmp_path / "whole")
    assert tensor_files.sha256(tmp_path / "run" / BEST) == tensor_files.sha256(tmp_path / "whole" / BEST)


def test_that_a_run_whose_pictures_do_not_fit_one_by_one_ends_in_words(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    short_of_memory(monkeypatch, 0, ERRORS["torch"])

    last = end(events_of(tiny(pictures, tmp_path / "run", **PLAIN)))

    assert last.failure is not None
    assert (last.outcome, last.failure.code) == ("failed", "OutOfMemory")
    assert last.failure.values == {"device": "cuda", "batch_size": 16}
