"""Checkpoints of a run: what trains, what the optimizer remembers, where the training stands. Nothing is pickled.

Each is two files that never change again, `epoch-0007.safetensors` and `epoch-0007.state.safetensors` (within a round
`epoch-0008-000120...`: after 120 batches of round 8). They count once the manifest names them with their checksums; then all
others but the last and the best go.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import msgspec
import safetensors
import torch
from torch import Tensor

from vgg_studio.core import recipes
from vgg_studio.core.errors import DiskFull, NotWritable, RunDamaged, RunUnfinished, WeightsError
from vgg_studio.core.jobs import TrainJob
from vgg_studio.core.run_folder import BEST, EVENTS, FROZEN, Checkpoint, Manifest, RunFolder
from vgg_studio.core.writing import standing, sweep
from vgg_studio.engine import optimizers, tensor_files
from vgg_studio.engine.learner import Learner
from vgg_studio.engine.network import VGG, frozen_state, trained_state
from vgg_studio.engine.several import here
from vgg_studio.engine.weights_file import read_any

_STATE_KEY = "state"
_OPTIMIZER, _RANDOM, _RAW, _SUMS = "optimizer|", "random|", "raw|", "sums"
_TRIES = 5  # a training may put a better checkpoint in the place of the one that is being read
_ROOM = 64 << 20  # bytes for everything in a run but its weights


class State(msgspec.Struct, frozen=True, kw_only=True):
    """Where a checkpoint stands, beside its tensors."""

    epoch: int
    batch: int
    seconds: float = 0.0  # of the round so far
    scale: float = 0.0
    scaled_steps: int = 0


def save(run: RunFolder, learner: Learner, state: State) -> tuple[Checkpoint, dict[str, str]]:
    """Write a checkpoint's two files; returns it and their checksums, for the manifest. Raises StorageError."""
    name = f"epoch-{state.epoch:04d}" + (f"-{state.batch:06d}" if state.batch else "")
    checkpoint = Checkpoint(
        epoch=state.epoch, batch=state.batch, weights=f"{name}.safetensors", state=f"{name}.state.safetensors"
    )
    sums = here().total(learner.sums)
    if not run.writes:
        return checkpoint, {}
    scale = learner.scaler.state_dict()
    state = msgspec.structs.replace(
        state, scale=float(scale.get("scale", 0.0)), scaled_steps=int(scale.get("_growth_tracker", 0))
    )
    remembered = optimizers.memory(learner.optimizer, learner.network)
    tensors = {f"{_OPTIMIZER}{key}": value for key, value in remembered.items()}
    tensors |= {f"{_RANDOM}{kind}": value for kind, value in _random_states(learner)}
    tensors[_SUMS] = sums
    weights = trained_state(learner.network, learner.train_from)
    if learner.average is not None:  # what answers is the average; the weights of the last step are only for going on
        tensors |= {f"{_RAW}{key}": value for key, value in learner.average.raw().items()}
        weights |= learner.average.tensors
    facts = {_STATE_KEY: msgspec.json.encode(state).decode()}
    files = {
        checkpoint.weights: tensor_files.write(run.file(checkpoint.weights), weights),
        checkpoint.state: tensor_files.write(run.file(checkpoint.state), tensors, facts),
    }
    return checkpoint, files


def newest(run: RunFolder) -> Checkpoint | None:
    """The last checkpoint whose files are as they were written, else the best one; None where none was made yet.

    Raises RunDamaged where there were some and none is whole.
    """
    manifest = run.manifest
    made = [checkpoint for checkpoint in (manifest.last, manifest.best) if checkpoint is not None]
    for checkpoint in made:
        if is_whole(run, checkpoint.weights) and is_whole(run, checkpoint.state):
            return checkpoint
    if made:
        raise RunDamaged(path=str(run.path), detail=made[0].weights)
    return None


def is_whole(run: RunFolder, name: str) -> bool:
    """Whether a file is there and as it was written."""
    try:
        return tensor_files.sha256(run.file(name)) == run.manifest.files.get(name)
    except OSError:
        return False


def restore(run: RunFolder, checkpoint: Checkpoint, learner: Learner) -> State:
    """Put weights, optimizer, sums and random states back to where the checkpoint was made. Raises RunDamaged."""
    load_weights(learner.network, tensors_of(run, checkpoint.weights))
    try:
        tensors, facts = tensor_files.read(run.file(checkpoint.state))
        state = msgspec.json.decode(facts.get(_STATE_KEY, ""), type=State)
        learner.sums.copy_(tensors.pop(_SUMS) * here().leads)  # of all processes: one goes on with them
        _set_random_states(learner, _below(tensors, _RANDOM))
        optimizers.remember(learner.optimizer, learner.network, _below(tensors, _OPTIMIZER))
        if learner.average is not None:
            learner.average.restore(_below(tensors, _RAW))
    except (OSError, safetensors.SafetensorError, msgspec.DecodeError, KeyError, RuntimeError) as error:
        raise RunDamaged(path=str(run.path), detail=checkpoint.state) from error
    if learner.scaler.is_enabled():
        scaler = learner.scaler.state_dict() | {"scale": state.scale, "_growth_tracker": state.scaled_steps}
        learner.scaler.load_state_dict(scaler)
    return state


def tensors_of(run: RunFolder, name: str) -> dict[str, Tensor]:
    """The weights in one of a run's files, checked against its checksum. Raises RunDamaged."""
    if not is_whole(run, name):
        raise RunDamaged(path=str(run.path), detail=name)
    try:
        return read_any(str(run.file(name)))
    except WeightsError as error:
        raise RunDamaged(path=str(run.path), detail=name) from error


def best_state(run: RunFolder) -> dict[str, Tensor]:
    """All tensors of the run's best network so far under torchvision's keys, on the processor; the run may be under way.

    Raises RunUnfinished before the first round is over, RunDamaged.
    """
    for _ in range(_TRIES):
        manifest = run.manifest
        if manifest.best is None:
            raise RunUnfinished(path=str(run.path))
        if BEST in manifest.files and is_whole(run, BEST):
            return tensors_of(run, BEST)
        try:
            frozen = tensors_of(run, manifest.frozen) if manifest.frozen else {}
            return frozen | tensors_of(run, manifest.best.weights)
        except RunDamaged:
            run.manifest = RunFolder.open(run.path).manifest
            if run.manifest.best == manifest.best:
                raise
    raise RunDamaged(path=str(run.path), detail=BEST)


def load_weights(network: VGG, tensors: dict[str, Tensor]) -> None:
    """Copy tensors into the network, each keeping its place, device and layout in memory. Raises RunDamaged."""
    state = network.state_dict()
    with torch.no_grad():
        for key, tensor in tensors.items():
            if key not in state or state[key].shape != tensor.shape:
                raise RunDamaged(path="", detail=key)
            state[key].copy_(tensor)


def write_frozen(run: RunFolder, network: VGG, train_from: str) -> Manifest:
    """Write what does not train, once for the run; returns the manifest that names it."""
    frozen = frozen_state(network, train_from)
    if not frozen or not run.writes:
        return run.manifest
    checksum = tensor_files.write(run.file(FROZEN), frozen)
    return msgspec.structs.replace(run.manifest, frozen=FROZEN, files=run.manifest.files | {FROZEN: checksum})


def write_best(run: RunFolder, network: VGG) -> Manifest:
    """Write the whole network under torchvision's keys; returns the manifest that names it."""
    if not run.writes:
        return run.manifest
    checksum = tensor_files.write(run.file(BEST), network.state_dict())
    return msgspec.structs.replace(run.manifest, files=run.manifest.files | {BEST: checksum})


def named_files(manifest: Manifest) -> dict[str, str]:
    """The checksums of the files that the manifest still needs."""
    kept = {name for one in (manifest.last, manifest.best) if one for name in (one.weights, one.state)}
    return {name: sha for name, sha in manifest.files.items() if name in kept or not name.startswith("epoch-")}


def prune(run: RunFolder) -> None:
    """Delete the checkpoints that the manifest does not name."""
    for path in _epoch_files(run.path) if run.writes else ():
        if path.name not in run.manifest.files:
            with contextlib.suppress(OSError):  # Windows: somebody is reading it; the next one sweeps it
                path.unlink()


def clear(run: RunFolder) -> None:
    """Remove what a run that was killed at its very start, or while it was discarded, left under our names."""
    run.file(EVENTS).unlink(missing_ok=True)
    prune(run)
    sweep(run.path)


def check_room(path: Path, network: VGG, train_from: str, job: TrainJob) -> None:
    """Raise DiskFull where the run would not fit: the frozen part, three checkpoints (last, best, next), the best as a whole."""
    learns = tensor_files.size(trained_state(network, train_from))
    whole = tensor_files.size(dict(network.state_dict()))
    copies = 1 + recipes.copies(job)
    needed = (whole - learns) + 3 * learns * copies + whole + _ROOM
    there = standing(path)
    free = shutil.disk_usage(there).free
    if free < needed:
        raise DiskFull(path=str(path), megabytes=max(1, (needed - free) >> 20))
    if not os.access(there, os.W_OK):
        raise NotWritable(path=str(path), detail=os.strerror(13))


def _epoch_files(folder: Path) -> Iterator[Path]:
    return folder.glob("epoch-*.safetensors")


def _below(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}


def _random_states(learner: Learner) -> Iterator[tuple[str, Tensor]]:
    yield "cpu", torch.get_rng_state()
    if learner.device.torch.type == "cuda":
        yield "cuda", torch.cuda.get_rng_state(learner.device.torch)


def _set_random_states(learner: Learner, states: dict[str, Tensor]) -> None:
    torch.set_rng_state(states["cpu"])
    if learner.device.torch.type == "cuda" and "cuda" in states:
        torch.cuda.set_rng_state(states["cuda"], learner.device.torch)
