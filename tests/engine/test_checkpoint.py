"""Files of tensors, checkpoints, and the optimizer's memory in them."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import msgspec
import pytest
import safetensors.torch
import torch
from torch import Tensor

from tests.engine.lessons import draw_folder, end, events_of, stopped, tiny
from vgg_studio.core import events as ev, recipes, vgg
from vgg_studio.core.errors import RunDamaged, RunUnfinished
from vgg_studio.core.facts import Way
from vgg_studio.core.jobs import Stop, TrainJob
from vgg_studio.core.preprocessing import Preprocessing
from vgg_studio.core.run_folder import FROZEN, Checkpoint, Manifest, RunFolder
from vgg_studio.engine import checkpoint, network, optimizers, tensor_files, weights
from vgg_studio.engine.batches import Batch
from vgg_studio.engine.device import choose
from vgg_studio.engine.extract import Extractor
from vgg_studio.engine.learner import Learner
from vgg_studio.engine.train import train

SHAPE = vgg.Shape("vgg11_bn", 3, 3, 16, True)


def job_of(**changes: object) -> TrainJob:
    settings = {
        "variant": "vgg11_bn",
        "width_divisor": 16,
        "slim_linear": True,
        "image_size": 32,
        "train_from": "block1",
    }
    return TrainJob(**(settings | changes))  # type: ignore[arg-type]


def learner_of(**changes: object) -> Learner:
    return Learner(network.build(SHAPE), job_of(**changes), choose("cpu"), Preprocessing(image_size=32))


def learner_inputs(learner: Learner, pictures: Tensor) -> Tensor:
    """Pictures, or where something is frozen its features."""
    if learner.train_from == "block1":
        return pictures
    prep, device = Preprocessing(image_size=32), learner.device
    return Extractor(learner.network, learner.train_from, prep, device, Way(batch=4), "fp32")(pictures)


def taught(learner: Learner, steps: int) -> Learner:
    for step in range(steps):
        pictures = torch.randint(
            0, 256, (4, 32, 32, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(step)
        )
        inputs = learner_inputs(learner, pictures)
        learner.step(Batch(inputs, torch.tensor([0, 1, 2, 0])), 0.01, seed=step)
    return learner


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return RunFolder.create(tmp_path / "run", Manifest(job=job_of(), created=0.0, classes=["a", "b", "c"]))


def saved(run: RunFolder, learner: Learner, epoch: int, batch: int = 0) -> Checkpoint:
    made, files = checkpoint.save(run, learner, checkpoint.State(epoch=epoch, batch=batch, seconds=1.5))
    run.save(msgspec.structs.replace(run.manifest, last=made, best=made, files=run.manifest.files | files))
    return made


# --- files of tensors


def test_that_every_kind_of_tensor_comes_back_as_it_was(tmp_path: Path) -> None:
    tensors: dict[str, Tensor] = {
        str(kind): torch.arange(12).reshape(3, 4).to(kind) for kind in tensor_files.NAMES
    } | {
        "scalar": torch.tensor(7),
        "empty": torch.empty(0, 3),
        "channels_last": torch.rand(2, 3, 4, 5).to(memory_format=torch.channels_last),
        "slice": torch.rand(6, 6)[::2, 1::2],
    }  # fmt: skip

    checksum = tensor_files.write(tmp_path / "a.safetensors", tensors, {"fact": 'süß "x"'})

    read, facts = tensor_files.read(tmp_path / "a.safetensors")
    assert facts["fact"] == 'süß "x"'
    assert checksum == tensor_files.sha256(tmp_path / "a.safetensors")
    theirs = safetensors.torch.load_file(tmp_path / "a.safetensors")
    for key, tensor in tensors.items():
        assert torch.equal(read[key], tensor)
        assert read[key].dtype == theirs[key].dtype == tensor.dtype


def test_that_our_files_pass_the_checks_for_strangers_files(tmp_path: Path) -> None:
    state = network.build(SHAPE).state_dict()
    tensor_files.write(tmp_path / "net.safetensors", state)

    read = weights.read_file(tmp_path / "net.safetensors")

    assert weights.shape_of(read) == SHAPE
    assert all(torch.equal(read[key], state[key]) for key in state)


# --- checkpoints


@pytest.mark.parametrize("changes", [{"optimizer": "sgd"}, {"optimizer": "adam"}, {"optimizer": "adamw"}])
def test_that_a_restored_learner_goes_on_as_if_nothing_had_been(run: RunFolder, changes: dict[str, object]) -> None:
    whole = taught(learner_of(**changes), 3)
    made = saved(run, whole, epoch=2, batch=3)
    fresh = learner_of(**changes)

    state = checkpoint.restore(run, made, fresh)

    assert (state.epoch, state.batch, state.seconds) == (2, 3, 1.5)
    assert torch.equal(fresh.sums, whole.sums)
    taught(whole, 2)
    taught(fresh, 2)
    for key, tensor in whole.network.state_dict().items():
        assert torch.equal(tensor, fresh.network.state_dict()[key]), key


def test_that_the_scale_of_half_precision_is_kept(run: RunFolder) -> None:
    half = dataclasses.replace(choose("cpu"), precision="fp16")

    def half_learner() -> Learner:
        return Learner(network.build(SHAPE), job_of(optimizer="sgd"), half, Preprocessing(image_size=32))

    whole = taught(half_learner(), 3)
    assert whole.figures().loss > 0
    made = saved(run, whole, epoch=1)
    fresh = half_learner()

    checkpoint.restore(run, made, fresh)

    assert fresh.scaler.state_dict() == whole.scaler.state_dict()
    assert fresh.scaler.state_dict()["_growth_tracker"] == 3
    taught(whole, 1)
    taught(fresh, 1)
    assert torch.equal(fresh.network.state_dict()["features.0.weight"], whole.network.state_dict()["features.0.weight"])


def test_that_the_random_state_is_put_back(run: RunFolder) -> None:
    learner = taught(learner_of(), 1)
    torch.manual_seed(5)
    made = saved(run, learner, epoch=1)
    wanted = torch.rand(3)
    torch.manual_seed(6)

    checkpoint.restore(run, made, learner_of())

    assert torch.equal(torch.rand(3), wanted)


def test_that_the_optimizers_memory_keeps_each_parameters_layout(run: RunFolder) -> None:
    made = saved(run, taught(learner_of(optimizer="adam"), 1), epoch=1)
    fresh = learner_of(optimizer="adam")

    checkpoint.restore(run, made, fresh)

    for parameter, memory in fresh.optimizer.state.items():
        assert memory["exp_avg"].stride() == parameter.stride()


def test_that_a_checkpoint_holds_only_what_trains(run: RunFolder) -> None:
    learner = Learner(network.build(SHAPE), job_of(train_from="fc7"), choose("cpu"), Preprocessing(image_size=32))
    made = saved(run, taught(learner, 1), epoch=1)

    names = set(tensor_files.read(run.file(made.weights))[0])

    assert names == {"classifier.3.weight", "classifier.3.bias", "classifier.6.weight", "classifier.6.bias"}
    kept = set(tensor_files.read(run.file(made.state))[0])
    assert not any("features" in name for name in kept)


def test_that_biases_and_batch_normalisation_are_not_decayed() -> None:
    learner = learner_of(weight_decay=0.1)
    names = {id(parameter): name for name, parameter in learner.network.named_parameters()}

    decayed, spared = ({names[id(p)] for p in group["params"]} for group in learner.optimizer.param_groups)

    assert [group["weight_decay"] for group in learner.optimizer.param_groups] == [0.1, 0.0]
    assert all(name.endswith("weight") for name in decayed)
    assert "features.1.weight" in spared
    assert all(name.endswith("bias") or "features" in name for name in spared)
    assert decayed | spared == set(names.values())


def test_that_what_does_not_learn_is_not_in_the_optimizer() -> None:
    learner = learner_of(train_from="fc8")

    assert sum(len(group["params"]) for group in learner.optimizer.param_groups) == 2


def test_that_only_the_last_and_the_best_are_kept(run: RunFolder) -> None:
    learner = learner_of()
    best = saved(run, learner, epoch=1)
    for epoch in (2, 3):
        last, files = checkpoint.save(run, learner, checkpoint.State(epoch=epoch, batch=0))
        manifest = msgspec.structs.replace(run.manifest, last=last, best=best, files=run.manifest.files | files)
        run.save(msgspec.structs.replace(manifest, files=checkpoint.named_files(manifest)))
        checkpoint.prune(run)

    there = {path.name for path in run.path.glob("epoch-*")}
    assert there == {best.weights, best.state, last.weights, last.state} == set(run.manifest.files)


@pytest.mark.parametrize("name", ["weights", "state"])
@pytest.mark.parametrize("place", [0.0, 0.001, 0.5, 0.999])
def test_that_a_checkpoint_with_a_changed_byte_is_not_used(run: RunFolder, name: str, place: float) -> None:
    made = saved(run, learner_of(), epoch=1)
    path = run.file(getattr(made, name))
    data = bytearray(path.read_bytes())
    data[int(place * len(data))] ^= 0x10
    path.write_bytes(data)

    with pytest.raises(RunDamaged):
        checkpoint.newest(run)


def test_that_state_which_is_no_state_is_refused(run: RunFolder) -> None:
    learner = learner_of()
    made = saved(run, learner, epoch=1)
    tensor_files.write(run.file(made.state), {"x": torch.zeros(1)})

    with pytest.raises(RunDamaged):
        checkpoint.restore(run, made, learner)


# --- the best network of a run


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_folder(tmp_path_factory.mktemp("pictures"), count=8)


@pytest.mark.parametrize("train_from", ["block1", "fc6"])
def test_that_the_best_network_is_whole_while_the_run_is_under_way_and_after_it(
    pictures: Path, tmp_path: Path, train_from: str
) -> None:
    seen = [
        checkpoint.best_state(RunFolder.open(tmp_path / "run"))
        for event in train(tiny(pictures, tmp_path / "run", train_from=train_from), Stop())
        if isinstance(event, ev.EpochEnded | ev.RunEnded)
    ]

    keys = set(network.build(SHAPE).state_dict())
    assert [set(state) for state in seen] == [keys] * 3
    assert all(torch.equal(seen[-1][key], seen[-2][key]) for key in keys)
    assert (tmp_path / "run" / FROZEN).exists() == (train_from == "fc6")


def test_that_a_run_without_a_whole_round_has_no_best_network(pictures: Path, tmp_path: Path) -> None:
    events = stopped(
        tiny(pictures, tmp_path / "run", checkpoint_minutes=0.0), "pause", after=1, kind=ev.CheckpointSaved
    )

    assert end(events).outcome == "paused"
    with pytest.raises(RunUnfinished):
        checkpoint.best_state(RunFolder.open(tmp_path / "run"))


def test_that_a_best_that_was_replaced_while_it_was_opened_is_found_at_its_new_place(
    pictures: Path, tmp_path: Path
) -> None:
    events_of(tiny(pictures, tmp_path / "run", epochs=1))
    run = RunFolder.open(tmp_path / "run")
    old = run.manifest
    stale = msgspec.structs.replace(old.best or Checkpoint(epoch=0), weights="epoch-0000.safetensors")
    run.manifest = msgspec.structs.replace(old, best=stale, files={})

    found = checkpoint.best_state(run)

    assert run.manifest == old
    assert torch.equal(found["features.0.weight"], checkpoint.best_state(RunFolder.open(run.path))["features.0.weight"])


def test_that_room_is_asked_for_everything_that_the_run_will_hold(tmp_path: Path) -> None:
    learner = learner_of(optimizer="adamw")
    asked = recipes.copies(job_of(optimizer="adamw"))

    memory = optimizers.memory(taught(learner, 1).optimizer, learner.network)
    learns = tensor_files.size(network.trained_state(learner.network, "block1"))
    assert asked == 2
    assert tensor_files.size(memory) == pytest.approx(2 * learns, rel=0.01)
