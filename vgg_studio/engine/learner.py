"""The network that learns: one step after the other, and the round's sums."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vgg_studio.core import recipes, vgg
from vgg_studio.core.jobs import TrainJob
from vgg_studio.core.preprocessing import Preprocessing
from vgg_studio.engine import draws, optimizers
from vgg_studio.engine.average import Average
from vgg_studio.engine.batches import Batch, cropped
from vgg_studio.engine.device import Device, autocast
from vgg_studio.engine.ending import is_memory
from vgg_studio.engine.last_layer import Chunks, improve
from vgg_studio.engine.network import VGG, freeze, trunk_and_head
from vgg_studio.engine.scaling import Scaling
from vgg_studio.engine.several import here


@dataclass(frozen=True)
class Figures:
    """Means over the round's pictures so far; NaN where there are none."""

    loss: float
    accuracy: float
    pictures: int


class Learner:
    """A network on its device with its optimizer. Takes the network over: moves it, freezes what does not learn.

    A batch holds pictures as bytes where all stages learn, else features of the frozen part (engine/source.py). `part` is
    how many of a batch are computed at once: all of them (0), or fewer since memory ran out; the gradient is the same, but
    that batch normalisation which learns measures each part by itself, and dropout draws anew. `weights` (classes,) is how
    much a picture of each class counts in the loss; the round's figures stay plain.
    """

    def __init__(
        self, network: VGG, job: TrainJob, device: Device, prep: Preprocessing, weights: Tensor | None = None
    ) -> None:
        self.network = network.to(device.torch).to(memory_format=torch.channels_last)
        self.device = device
        self.job = job
        self.train_from = recipes.train_from(job)
        self.part = 0
        freeze(network, self.train_from)
        norms = _learning_norms(network, self.train_from)
        here().joined_norms(network, norms)
        _, self._head = trunk_and_head(network, self.train_from)
        self._learning = here().wrapped(self._head)
        # In the first step the optimizer has nothing to remember yet. Joined statistics cannot be tried alone.
        self.rehearsals = 0 if here().alone or norms or device.torch.type == "cpu" else 2
        self.optimizer = optimizers.make(job, network, recipes.learning_rate(job))
        # Only half precision with its small range needs its losses scaled.
        self.scaler = torch.amp.GradScaler(device.torch.type, enabled=device.precision == "fp16")
        steps = job.optimizer != "lbfgs"  # which ends a round where it is best, with nothing to average
        self.average = Average(network, job.ema) if job.ema and steps else None
        exact = torch.float32 if device.torch.type == "mps" else torch.float64  # MPS has no double precision
        self.sums = torch.zeros(3, dtype=exact, device=device.torch)
        self._scaling = Scaling(prep, device.torch)
        self._weights = None if weights is None else weights.to(device.torch)
        self._weight = torch.ones(())  # of the batch, in all processes
        torch.backends.cudnn.benchmark = True  # batches have one shape: search the fastest way once

    def start_round(self) -> None:
        """Set the sums to zero."""
        self.sums.zero_()

    def step(self, batch: Batch, rate: float, seed: int, number: int = 0, whole: int = 0) -> None:
        """Learn from one batch, the `number`th of all. Torch's generators are seeded anew: dropout depends on `seed` alone.

        Where several processes train together, `batch` is this one's share, maybe none, of `whole` pictures (0: it is all of
        them). Raises MemoryError or torch's kin of it where not even a single picture fits.
        """
        whole = whole or len(batch)
        if not whole:
            return
        # On a processor batch normalisation finds nothing to measure in no pictures.
        measures = len(batch) > 0 or self.device.torch.type != "cpu"
        if self.network.training != measures:
            self.network.train(measures)
        optimizers.set_rate(self.optimizer, rate)
        self._weigh(batch)
        if self.rehearsals and len(batch):
            self.rehearsals -= 1
            self._rehearse(batch, seed, whole)
        while not self._taken(batch, seed, whole, self._learning):
            self.part = self._smaller(len(batch))
        self.scaler.step(self.optimizer)
        self.scaler.update()
        if self.average is not None:
            self.average.update(number)

    def _weigh(self, batch: Batch) -> None:
        """Find out how much the batch counts in all processes: what its loss is divided by."""
        if self._weights is not None:
            own = self._weights[batch.labels.to(self.device.torch, torch.int64)].sum()
            self._weight = here().total(own).to(self.device.torch)

    def _rehearse(self, batch: Batch, seed: int, whole: int) -> None:
        """Find out alone how much fits: once the others wait for these gradients it is too late to start over."""
        kept = self._counted()
        while not self._taken(batch, seed, whole, self._head):
            self.part = self._smaller(len(batch))
        self._take_back(kept)

    def _smaller(self, count: int) -> int:
        """The next part below `count`: halves of the job's batch, whichever batch is the first that does not fit."""
        part = (self.part or self.job.batch_size) // 2
        while part >= count:
            part //= 2
        return max(1, part)

    def answering(self) -> contextlib.AbstractContextManager[None]:
        """The block within which the network holds the weights that answer: the average, where there is one.

        Several processes answer with rank 0's statistics of batch normalisation, which are those that are kept.
        """
        here().spread(self._head.buffers())
        return self.average.in_place() if self.average is not None else contextlib.nullcontext()

    def improve(self, chunks: Chunks) -> None:
        """Learn from all pictures at once: the last layer alone, a round in one go."""
        found = improve(self._head, chunks, self.job.weight_decay, self.device.torch, self._weights)
        self.sums += torch.tensor(found).to(self.sums)

    def _taken(self, batch: Batch, seed: int, whole: int, learning: nn.Module) -> bool:
        """Gradients of the whole batch; False where memory ran out, and nothing is left of the attempt."""
        kept = self._counted()
        torch.manual_seed(draws.for_rank(seed, here().place.rank))
        self.optimizer.zero_grad(set_to_none=True)
        part = self.part or max(1, len(batch))
        try:
            for start in range(0, max(1, len(batch)), part):
                last = start + part >= len(batch)
                with contextlib.nullcontext() if last else here().held_back(learning):
                    self._backward(batch, slice(start, start + part), whole, learning)
        except (RuntimeError, MemoryError) as error:
            if not is_memory(error) or part == 1 or learning is not self._head:
                raise
        else:
            return True
        self._take_back(kept)
        if self.device.torch.type == "cuda":
            torch.cuda.empty_cache()
        return False

    def _counted(self) -> list[Tensor]:
        """What a step changes beside gradients and weights: the round's sums and batch normalisation's statistics."""
        return [tensor.clone() for tensor in (self.sums, *self._head.buffers())]

    def _take_back(self, kept: list[Tensor]) -> None:
        for tensor, value in zip((self.sums, *self._head.buffers()), kept, strict=True):
            tensor.copy_(value)
        self.optimizer.zero_grad(set_to_none=True)

    def _backward(self, batch: Batch, some: slice, whole: int, learning: nn.Module) -> None:
        labels = batch.labels[some].to(self.device.torch, non_blocking=True)
        inputs = self._inputs(batch, some)
        with autocast(self.device):
            scores = learning(inputs)
        self.scaler.scale(self._loss(scores, labels, whole)).backward()  # type: ignore[no-untyped-call]
        self._count(scores, labels)

    def _loss(self, scores: Tensor, labels: Tensor, whole: int) -> Tensor:
        """What these pictures bring to the loss of the whole batch, times the processes: gradients become their mean.

        With weights it is their sum over the weight of the whole batch, as torch's CrossEntropyLoss takes the mean.
        """
        smoothing, world = self.job.label_smoothing, here().place.world
        if not len(labels):
            return scores.sum() * 0.0
        if self._weights is None:
            return F.cross_entropy(scores.float(), labels, label_smoothing=smoothing) * (len(labels) * world / whole)
        summed = F.cross_entropy(scores.float(), labels, self._weights, reduction="sum", label_smoothing=smoothing)
        return summed * (world / self._weight)

    def _inputs(self, batch: Batch, some: slice) -> Tensor:
        if batch.pictures.dtype == torch.uint8:
            pictures = self._scaling(batch.pictures[some])
            return pictures if batch.boxes is None else cropped(pictures, batch.boxes[some].to(self.device.torch))
        features = batch.pictures[some].to(self.device.torch, non_blocking=True).float()
        return features.contiguous(memory_format=torch.channels_last) if features.ndim == 4 else features

    def _count(self, scores: Tensor, labels: Tensor) -> None:
        """Add to the round's sums. The loss is the plain one, so that it can be compared with validation's."""
        scores = scores.detach().float()
        loss = F.cross_entropy(scores, labels, reduction="sum")
        right = (scores.argmax(1) == labels).sum()
        self.sums += torch.stack([loss, right, torch.full_like(right, len(labels))]).to(self.sums)

    def figures(self) -> Figures:
        """The round's means so far, over all processes. Waits for the device, and for the others."""
        loss, right, pictures = here().total(self.sums).tolist()
        count = int(pictures)
        return Figures(loss / count, right / count, count) if count else Figures(float("nan"), float("nan"), 0)


def _learning_norms(network: VGG, train_from: str) -> list[str]:
    learning = vgg.trained_stages(train_from)
    layers = vgg.layers(network.shape)
    return [layer.key for layer in layers if layer.kind == "batch_norm" and layer.stage in learning]
