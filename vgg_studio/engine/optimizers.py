"""SGD with momentum, Adam and AdamW over what learns; their memory as plain tensors for checkpoints."""

from __future__ import annotations

import contextlib
import importlib
import threading
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from vgg_studio.core import vgg
from vgg_studio.core.jobs import TrainJob
from vgg_studio.engine.network import VGG, stage_of

_SEPARATOR = "|"  # in no parameter's name
_SHARE = "share"  # of the learning rate


@contextlib.contextmanager
def warming() -> Iterator[None]:
    """Load what the first optimizer needs beside the block's own work, such as reading pictures.

    WORKAROUND: torch imports its compiler (a second or more) when the first optimizer is made, used or not: torch/_compile.py,
    `_disable_dynamo`. Remove when making an optimizer no longer does.
    """
    thread = threading.Thread(target=importlib.import_module, args=("torch._dynamo",), name="warming", daemon=True)
    thread.start()
    try:
        yield
    finally:
        thread.join()


def make(job: TrainJob, network: VGG, rate: float) -> torch.optim.Optimizer:
    """The job's optimizer over the parameters that learn; with `layer_decay` each block has its share of the rate.

    Biases and batch normalisation's scales are not decayed: pulling them to 0 only hurts (He et al., arXiv 1812.01187). For
    lbfgs, which takes its steps elsewhere (last_layer.py) and remembers nothing, it is one that is never asked.
    """
    learning = [parameter for parameter in network.parameters() if parameter.requires_grad]
    fused = all(parameter.device.type in ("cpu", "cuda") for parameter in learning)
    groups = list(_groups(job, network, rate))
    if job.optimizer in ("sgd", "lbfgs"):
        momentum = job.momentum if job.optimizer == "sgd" else 0.0
        return torch.optim.SGD(groups, lr=rate, momentum=momentum, fused=fused)
    kind = torch.optim.Adam if job.optimizer == "adam" else torch.optim.AdamW
    return kind(groups, lr=rate, fused=fused)


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Let the next step use this rate: the head's; blocks take their share of it."""
    for group in optimizer.param_groups:
        group["lr"] = rate * group[_SHARE]


def memory(optimizer: torch.optim.Optimizer, network: nn.Module) -> dict[str, Tensor]:
    """What the optimizer remembers of the steps so far (momentum, means, step counts), by `name|parameter`."""
    return {
        f"{name}{_SEPARATOR}{key}": value
        for key, parameter in _learning(network)
        for name, value in optimizer.state[parameter].items()
        if isinstance(value, Tensor)
    }


def remember(optimizer: torch.optim.Optimizer, network: nn.Module, remembered: dict[str, Tensor]) -> None:
    """Give the optimizer back what `memory` gave; each tensor gets its parameter's layout, which fused steps rely on."""
    for key, parameter in _learning(network):
        for name, value in remembered.items():
            kind, _, owner = name.partition(_SEPARATOR)
            if owner == key:
                optimizer.state[parameter][kind] = _like(parameter, kind, value, optimizer)


def _groups(job: TrainJob, network: VGG, rate: float) -> Iterator[dict[str, Any]]:
    """Parameters by their share of the rate, and among those the ones that decay apart from the ones that do not.

    Rates that fall layer by layer: Howard and Ruder, arXiv 1801.06146, section 3.2; here by blocks.
    """
    shares: dict[tuple[float, bool], list[nn.Parameter]] = {}
    for key, parameter in _learning(network):
        share = job.layer_decay ** vgg.blocks_to_head(network.shape, stage_of(network.shape, key))
        shares.setdefault((share, parameter.ndim > 1), []).append(parameter)
    for (share, decays), parameters in shares.items():
        decay = job.weight_decay if decays else 0.0
        yield {"params": parameters, "lr": rate * share, _SHARE: share, "weight_decay": decay}


def _like(parameter: Tensor, kind: str, value: Tensor, optimizer: torch.optim.Optimizer) -> Tensor:
    if kind == "step":  # fused steps count on the device, others on the processor
        return value.to(parameter.device) if optimizer.defaults.get("fused") else value
    return torch.empty_like(parameter, memory_format=torch.preserve_format).copy_(value)


def _learning(network: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
    return ((key, parameter) for key, parameter in network.named_parameters() if parameter.requires_grad)
