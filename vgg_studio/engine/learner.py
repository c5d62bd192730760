"""The network that learns: one step after the other, and the round's sums."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.nn import functional as F

from vgg_studio.core import recipes
from vgg_studio.core.jobs import TrainJob
from vgg_studio.core.preprocessing import Preprocessing
from vgg_studio.engine import optimizers
from vgg_studio.engine.batches import Batch, cropped
from vgg_studio.engine.device import Device, autocast
from vgg_studio.engine.network import VGG, freeze, trunk_and_head
from vgg_studio.engine.scoring import Scaling


@dataclass(frozen=True)
class Figures:
    """Means over the round's pictures so far; NaN where there are none."""

    loss: float
    accuracy: float
    pictures: int


class Learner:
    """A network on its device with its optimizer. Takes the network over: moves it, freezes what does not learn."""

    def __init__(self, network: VGG, job: TrainJob, device: Device, prep: Preprocessing) -> None:
        self.network = network.to(device.torch).to(memory_format=torch.channels_last)
        self.device = device
        self.train_from = recipes.train_from(job)
        freeze(network, self.train_from)
        self._trunk, self._head = trunk_and_head(network, self.train_from)
        self.optimizer = optimizers.make(job, network, recipes.learning_rate(job))
        # Only half precision with its small range needs its losses scaled.
        self.scaler = torch.amp.GradScaler(device.torch.type, enabled=device.precision == "fp16")
        exact = torch.float32 if device.torch.type == "mps" else torch.float64  # MPS has no double precision
        self.sums = torch.zeros(3, dtype=exact, device=device.torch)
        self._scaling = Scaling(prep, device.torch)
        torch.backends.cudnn.benchmark = True  # batches have one shape: search the fastest way once

    def start_round(self) -> None:
        """Set the sums to zero."""
        self.sums.zero_()

    def step(self, batch: Batch, rate: float, seed: int) -> None:
        """Learn from one batch. The generators of torch are seeded anew, so dropout depends on `seed` alone."""
        if not len(batch):
            return
        if not self.network.training:
            self.network.train()
        torch.manual_seed(seed)
        optimizers.set_rate(self.optimizer, rate)
        labels = batch.labels.to(self.device.torch, non_blocking=True)
        pictures = self._scaling(batch.pictures)
        if batch.boxes is not None:
            pictures = cropped(pictures, batch.boxes.to(self.device.torch))
        with autocast(self.device):
            scores = self._head(self._trunk(pictures))
        loss = F.cross_entropy(scores.float(), labels)
        self.optimizer.zero_grad(set_to_none=True)
        self.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
        self.scaler.step(self.optimizer)
        self.scaler.update()
        right = (scores.detach().argmax(1) == labels).sum()
        self.sums += torch.stack([loss.detach() * len(batch), right, torch.full_like(right, len(batch))]).to(self.sums)

    def figures(self) -> Figures:
        """The round's means so far. Waits for the device."""
        loss, right, pictures = self.sums.tolist()
        count = int(pictures)
        return Figures(loss / count, right / count, count) if count else Figures(float("nan"), float("nan"), 0)
