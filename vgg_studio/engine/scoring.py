"""Answers of a network to pictures, and scores of those answers.

Linear layers in fp32 give slightly different numbers for different batch sizes. So every answer - while training checks itself,
in `evaluate`, in `predict` - is computed in batches of one fixed shape, filled up with black pictures where needed: a score and
a prediction of the same picture agree to the last bit.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from vgg_studio.core import metrics, vgg
from vgg_studio.core.events import Evaluation, Phase, PhaseProgress, PhaseStarted, PictureRef, WrongPicture
from vgg_studio.core.jobs import Stop
from vgg_studio.core.preprocessing import Preprocessing
from vgg_studio.core.split import Item
from vgg_studio.engine import calibrate
from vgg_studio.engine.batches import in_order, stream
from vgg_studio.engine.data import PictureStore, Refusal
from vgg_studio.engine.device import Device, autocast
from vgg_studio.engine.ending import Steps, Ticker, check
from vgg_studio.engine.extract import Extractor
from vgg_studio.engine.network import VGG, trunk_and_head
from vgg_studio.engine.scaling import Scaling
from vgg_studio.engine.several import each, here
from vgg_studio.engine.source import Source
from vgg_studio.pictures.views import PLAIN

MOST_WRONG = 1000  # pictures that an evaluation names
# Multiply-accumulates of one batch (half a second of a laptop), and pictures at most.
_ON_PROCESSOR, _ON_CARD = (80e9, 32), (1e12, 64)
_HEAD_BATCH = 32  # features are cheap to answer on


def fixed_batch(shape: vgg.Shape, image_size: int, kind: str) -> int:
    """Pictures in each batch of answers, a power of two: a function of network, picture size and kind of device alone."""
    work, largest = _ON_PROCESSOR if kind == "cpu" else _ON_CARD
    wanted = min(largest, max(1, int(work / vgg.macs(shape, image_size))))
    return 1 << (wanted.bit_length() - 1)


class Answerer:
    """A network that answers, always in batches of one shape. It is left in evaluation mode.

    With an extractor the frozen part is computed by that, the rest on its features: from the cache or computed just now, the
    same answer. With `prep.mirror` an answer is the mean of the scores for the picture and for its mirror image.
    """

    def __init__(
        self, network: VGG, prep: Preprocessing, device: Device, batch: int = 0, extractor: Extractor | None = None
    ) -> None:
        self.network = network.to(device.torch).to(memory_format=torch.channels_last)
        self.prep = prep
        self.device = device
        self.extractor = extractor
        _, self._head = trunk_and_head(network, extractor.train_from if extractor else vgg.STAGES[0])
        usual = _HEAD_BATCH if extractor else fixed_batch(network.shape, prep.image_size, device.torch.type)
        self.batch = batch or usual
        self._scaling = Scaling(prep, device.torch)

    def with_batch(self, batch: int) -> Answerer:
        """The same network answering in batches of another size: its numbers may differ in their last digits."""
        return Answerer(self.network, self.prep, self.device, batch, self.extractor)

    def scores(self, inputs: Tensor, mirrored: Tensor | None = None) -> Tensor:
        """Scores before softmax, (N, classes) in fp32 on the processor, for up to `batch` pictures of bytes, or their features.

        Features of the mirror images come along as `mirrored` where they are needed.
        """
        if self.network.training:
            self.network.eval()
        if inputs.dtype == torch.uint8:
            other = inputs.flip(2) if self.prep.mirror else None
            inputs = self._computed(inputs)
            mirrored = None if other is None else self._computed(other)
        scores = self._scores(inputs)
        return scores if mirrored is None else (scores + self._scores(mirrored)) / 2

    def _computed(self, pictures: Tensor) -> Tensor:
        """Pictures as the head takes them in: features of the extractor, else the pictures themselves."""
        if self.extractor is None:
            return pictures
        return torch.cat([self.extractor(some) for some in torch.split(pictures, self.extractor.batch)])

    def _scores(self, inputs: Tensor) -> Tensor:
        count = len(inputs)
        padding = self.batch - count
        full = torch.cat([inputs, inputs.new_zeros(padding, *inputs.shape[1:])]) if padding > 0 else inputs
        with torch.inference_mode(), autocast(self.device):
            scores: Tensor = self._head(self._taken_in(full))
        return scores[:count].float().cpu()

    def _taken_in(self, full: Tensor) -> Tensor:
        if full.dtype == torch.uint8:
            return self._scaling(full)
        features = full.to(self.device.torch).float()
        return features.contiguous(memory_format=torch.channels_last) if features.ndim == 4 else features


@dataclass(frozen=True)
class Answers:
    """Scores (N, classes) and true classes (N) of the items that could be read, and what could not."""

    items: list[Item]
    scores: npt.NDArray[np.float64]
    labels: npt.NDArray[np.intp]
    refused: list[Refusal]

    @property
    def right(self) -> int:
        """How many answers are right."""
        return int((self.scores.argmax(axis=1) == self.labels).sum()) if len(self.items) else 0

    @property
    def loss(self) -> float:
        """Mean cross-entropy over pictures; NaN where a score is no number or there are none."""
        if not len(self.items):
            return float("nan")
        with np.errstate(invalid="ignore"):
            logs = calibrate.log_probabilities(self.scores)
        return float(-logs[np.arange(len(self.items)), self.labels].mean())

    @property
    def accuracy(self) -> float:
        """Share of right answers; NaN where there are none."""
        return self.right / len(self.items) if len(self.items) else float("nan")


def answer(
    answerer: Answerer, store: PictureStore | Source, items: Sequence[Item], stop: Stop, phase: Phase
) -> Steps[Answers]:
    """Let the network answer for items, telling progress as a phase; what cannot be read is left out and returned.

    Where several processes train together each answers for its share; all get all answers. Raises Asked for any stop but
    `finish`, which waits for the answers because the end needs them.
    """
    yield PhaseStarted(phase=phase, total=len(items))
    shares = yield from each(stop, _answers(answerer, store, here().share(items), stop, phase))
    yield PhaseProgress(phase=phase, done=len(items), total=len(items))
    return _joined(shares)


def _answers(
    answerer: Answerer, store: PictureStore | Source, items: Sequence[Item], stop: Stop, phase: Phase
) -> Steps[Answers]:
    ticker, done, processes = Ticker(), 0, here().place.world
    found: list[Tensor] = []
    refused: list[Refusal] = []
    numbers = list(in_order(len(items), answerer.batch))
    if isinstance(store, Source):
        inputs = store.batches(items, numbers, PLAIN, answerer.prep.mirror)
    else:
        inputs = stream(store, items, numbers)
    with contextlib.closing(inputs) as batches:
        for batch in batches:
            if stop.how != "finish":
                check(stop)
            found.append(answerer.scores(batch.pictures, batch.mirrored))
            done += len(batch) + len(batch.refused)
            refused += batch.refused
            if ticker.due() and done < len(items):
                yield PhaseProgress(phase=phase, done=done * processes, total=len(items) * processes)
    lost = {picture for picture, _ in refused}
    good = [item for item in items if item.picture not in lost]
    scores = torch.cat(found).double().numpy() if found else np.empty((0, answerer.network.shape.classes))
    return Answers(good, scores, np.array([item.label for item in good], np.intp), refused)


def _joined(shares: Sequence[Answers]) -> Answers:
    """The answers of all processes as one's."""
    return Answers(
        [item for share in shares for item in share.items],
        np.concatenate([share.scores for share in shares]),
        np.concatenate([share.labels for share in shares]),
        [refusal for share in shares for refusal in share.refused],
    )


def evaluation(
    answers: Answers,
    classes: list[str],
    split: str,
    temperature: float,
    run: str = "",
    leaked: Collection[PictureRef] = (),
) -> Evaluation:
    """The score of answers as an event; probabilities of the wrong ones are those at `temperature`.

    Answers for `leaked` pictures are counted apart, too.
    """
    count = len(answers.items)
    chances = calibrate.probabilities(answers.scores, temperature) if count else answers.scores
    named = chances.argmax(axis=1) if count else answers.labels
    confusion = np.zeros((len(classes), len(classes)), np.int64)
    np.add.at(confusion, (answers.labels, named), 1)
    known = np.fromiter((item.picture in leaked for item in answers.items), bool, count)
    wrong = [
        WrongPicture(
            picture=answers.items[row].picture,
            true=classes[answers.labels[row]],
            named=classes[named[row]],
            probability=float(chances[row, named[row]]),
        )
        for row in np.flatnonzero(named != answers.labels)
    ]
    return Evaluation(
        split=split,
        accuracy=answers.right / count if count else 0.0,
        loss=answers.loss if np.isfinite(answers.loss) else None,
        classes=classes,
        confusion=confusion.tolist(),
        count=count,
        correct=answers.right,
        interval=metrics.wilson(answers.right, count),
        by_class=metrics.class_scores(classes, confusion.tolist()),
        wrong=sorted(wrong, key=lambda picture: -picture.probability)[:MOST_WRONG],
        run=run,
        leaked=int(known.sum()),
        leaked_correct=int((known & (named == answers.labels)).sum()),
    )
