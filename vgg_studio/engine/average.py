"""A moving average of the weights that learn: steadier than the weights of any one step."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch
from torch import Tensor, nn


class Average:
    """Exponential moving average of a network's learning parameters, by their names (Polyak and Juditsky, 1992).

    The decay grows from 0.1 to `decay` over the first steps, so that a short run is not an average with its start
    (tensorflow's ExponentialMovingAverage, `num_updates`).
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self._decay = decay
        self._learning = {key: value for key, value in network.named_parameters() if value.requires_grad}
        self.tensors: dict[str, Tensor] = {key: value.detach().clone() for key, value in self._learning.items()}

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Take in the weights after step number `step` of the run."""
        share = 1 - min(self._decay, (1 + step) / (10 + step))
        now = [self._learning[key].detach() for key in self.tensors]
        torch._foreach_lerp_(list(self.tensors.values()), now, share)

    @contextlib.contextmanager
    def in_place(self) -> Iterator[None]:
        """Let the network hold the average within the block, and its own weights again afterwards."""
        self._swap()
        try:
            yield
        finally:
            self._swap()

    def raw(self) -> dict[str, Tensor]:
        """The weights of the last step themselves."""
        return {key: value.detach() for key, value in self._learning.items()}

    @torch.no_grad()
    def restore(self, raw: dict[str, Tensor]) -> None:
        """Take what the network holds as the average, and give the network its `raw` weights back."""
        for key, parameter in self._learning.items():
            self.tensors[key].copy_(parameter)
            parameter.copy_(raw[key])

    @torch.no_grad()
    def _swap(self) -> None:
        for key, parameter in self._learning.items():
            held = parameter.detach().clone()
            parameter.copy_(self.tensors[key])
            self.tensors[key].copy_(held)
