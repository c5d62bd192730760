"""What a training's rounds and answers are fed with: pictures where everything learns, else features of the frozen part."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from vgg_studio.core.jobs import TrainJob
from vgg_studio.core.split import Item
from vgg_studio.engine.batches import Batch, Variation, stream
from vgg_studio.engine.data import PictureStore
from vgg_studio.engine.last_layer import Chunks
from vgg_studio.engine.source import Source, View
from vgg_studio.pictures import views


@dataclass
class Feeding:
    """The training part `train` of a job, from `store`, or through `source` if something is frozen."""

    job: TrainJob
    train: list[Item]
    store: PictureStore
    source: Source | None = None
    pinned: bool = False  # batches lie where a CUDA device fetches them by itself

    @property
    def inputs(self) -> PictureStore | Source:
        """Where answers get their inputs from."""
        return self.store if self.source is None else self.source

    @property
    def at_once(self) -> bool:
        """Whether a round is one step over all pictures."""
        return self.job.optimizer == "lbfgs"

    def batches(self, numbers: Sequence[npt.NDArray[np.intp]], epoch: int) -> Generator[Batch, None, None]:
        """The batches of a round whose items' numbers are given, read ahead. Close it to end its threads."""
        if self.source is None:
            variation = Variation(self.job.variation, self.job.seed, epoch)
            return stream(self.store, self.train, numbers, variation, self.pinned)
        if self.at_once:
            return (Batch(torch.empty(0), torch.empty(0)) for _ in numbers)  # `chunks` has the features
        return self.source.batches(self.train, numbers, self._drawn(epoch))

    def chunks(self, numbers: npt.NDArray[np.intp]) -> Chunks | None:
        """A way to go through the features of all views of the items, for a step over all pictures; else None."""
        if self.source is None or not self.at_once:
            return None
        return self.source.chunks(self.train, numbers, self._every())

    def views_of_round(self, numbers: Sequence[npt.NDArray[np.intp]], epoch: int) -> list[View]:
        """The views that a round learns from, in its order."""
        drawn, every = self._drawn(epoch), self._every()
        return [
            (self.train[number].picture, view)
            for some in numbers
            for number in some.tolist()
            for view in (every if self.at_once else (int(drawn[number]),))
        ]

    def views_of_answers(self, items: Sequence[Item]) -> list[View]:
        """The views that answers look at."""
        chosen = (views.PLAIN, views.MIRRORED) if self.job.mirror else (views.PLAIN,)
        return [(item.picture, view) for item in items for view in chosen]

    def found_share(self, checked: Sequence[Item]) -> float:
        """The share of the frozen part's features, for learning and for the items that check it, that are there already."""
        if self.source is None:
            return 0.0
        learned = [(item.picture, view) for item in self.train for view in self._every()]
        return self.source.found_share(learned + self.views_of_answers(checked))

    def _drawn(self, epoch: int) -> npt.NDArray[np.intp]:
        return views.drawn(self.job.variation, self.job.views, self.job.seed, epoch, len(self.train))

    def _every(self) -> tuple[int, ...]:
        return views.every(self.job.variation, self.job.views)
