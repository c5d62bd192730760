"""What a training will take: time, memory and disk, by arithmetic from what was measured on this machine. No torch.

Time is what has to be computed, over the rate at which this machine computes it: decoding, the frozen part once for each
picture and view, the learning part three times (forward, and backward for weights and for inputs) in each round, answers,
checkpoints. Bytes are sums over the layers' outputs and parameters.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import msgspec

from vgg_studio.core import recipes, vgg
from vgg_studio.core.facts import ForecastFact, ForecastRow, MachineProfile, Way
from vgg_studio.core.jobs import TrainJob

WIDTH = 0.2  # share of the middle to each side of a range
WIDTH_OTHER = 0.35  # where another network was measured here, or one of another size
WIDTH_BLIND = 0.6  # where nothing was
SLACK = 1.0  # seconds to each side, for what else a machine does

_BYTES = {"fp32": 4, "fp16": 2, "bf16": 2}
_BASE_MEMORY = 700 << 20  # of a process that has imported torch
_WINOGRAD = 5  # times a convolution's weights, as Winograd keeps them: torch 4, ncnn 4 to 7
_USUAL_PIXELS = 250_000.0  # of a picture, where nobody has looked: 500 x 500 px
_START = 1.5  # seconds: listing, building the network, loading weights
_DISK_RATE = 400e6  # bytes a second that a checkpoint is hashed and written at
_STEP_SECONDS = 0.004  # what a step takes beside the arithmetic
_ANSWERS = 32  # pictures in a batch of answers, always filled up
_LBFGS_PASSES = (
    65  # times that L-BFGS goes through all features in a round: 25 steps, forward and backward, some of them twice
)
_LBFGS_MEMORY = 512 << 20  # bytes of features that it holds at most
_WEIGHT_PASSES = 8  # times that one learning step goes through the weights of a linear layer
_MORE_PASSES = {
    "adam": 1.25,
    "adamw": 1.25,
}  # through the weights, for what the optimizer remembers; SGD with momentum is 1
_MEASURED_SIDE = 224  # px: rates are of pictures of this size
_BLIND_MACS, _BLIND_BYTES, _BLIND_PIXELS = 60e9, 2e9, 50e6  # a laptop's processor


def forecast(
    job: TrainJob,
    counts: Mapping[str, int],
    classes: int,
    profile: MachineProfile,
    picture_pixels: float = 0.0,
    found_share: float = 0.0,
) -> ForecastFact:
    """What the job takes on the machine of the profile.

    `counts` are the pictures of train, val and test, `picture_pixels` a picture's mean number of pixels in its file (0: not
    known), `found_share` the share of the frozen part's features that an earlier run has left.
    """
    sums = _Sums(job, counts, classes, profile)
    extract = sums.extract_seconds * (1.0 - found_share)
    decoded = sums.pictures + sums.read_again * (1.0 - found_share)
    decode = decoded * (picture_pixels or _USUAL_PIXELS) / (profile.decode_pixels or _BLIND_PIXELS)
    middle = _START + decode + extract + sums.learning_seconds + sums.answer_seconds + sums.saving_seconds
    margin = middle * _width(job, profile) + SLACK
    return ForecastFact(
        seconds_low=max(0.0, middle - margin),
        seconds_high=middle + margin,
        memory_bytes=sums.memory_bytes,
        disk_bytes=sums.feature_bytes + sums.run_bytes,
        extract_seconds=extract,
        found_share=found_share,
    )


def table(job: TrainJob, counts: Mapping[str, int], classes: int, profile: MachineProfile) -> list[ForecastRow]:
    """The same job with every network and from every stage, from the last layer to everything.

    Without weights there is nothing that could stay as it is, so only training everything is told.
    """
    rows = []
    if job.blocks:  # which may have other stages
        job = msgspec.structs.replace(job, blocks="", train_from=job.train_from if job.train_from in vgg.STAGES else "")
    stages = vgg.STAGES if job.weights != "none" or job.parent else vgg.STAGES[:1]
    for variant in vgg.TORCHVISIONS if job.weights != "none" else vgg.VARIANTS:
        shape = msgspec.structs.replace(job, variant=variant).shape(classes)
        for stage in reversed(stages):
            if vgg.first_stage(shape.head, stage) != stage or (stage != "fc8" and job.optimizer == "lbfgs"):
                continue
            changed = msgspec.structs.replace(job, variant=variant, train_from=stage)
            fact = forecast(changed, counts, classes, profile)
            trained = vgg.parameters(shape, stage)
            rows.append(ForecastRow(variant=variant, train_from=stage, trained_parameters=trained, forecast=fact))
    return rows


def middle(fact: ForecastFact) -> float:
    """The middle of the range, in seconds."""
    return (fact.seconds_low + fact.seconds_high) / 2


def views_drawn(views: int, rounds: int) -> float:
    """How many of a picture's views are expected to be drawn in so many rounds, each as likely as the other."""
    return float(views * (1.0 - (1.0 - 1.0 / views) ** rounds))


def _width(job: TrainJob, profile: MachineProfile) -> float:
    if not profile.extract and not profile.train_macs:
        return WIDTH_BLIND
    alike = profile.variant == job.variant and job.width_divisor == 1 and job.image_size >= _MEASURED_SIDE // 2
    return WIDTH if alike else WIDTH_OTHER


@dataclass(frozen=True)
class _Sums:
    """The sums over layers and pictures that make up a forecast."""

    job: TrainJob
    counts: Mapping[str, int]
    classes: int
    profile: MachineProfile

    @cached_property
    def layers(self) -> tuple[vgg.Layer, ...]:
        return vgg.layers(self.job.shape(self.classes), self.job.image_size)

    @cached_property
    def learning(self) -> tuple[vgg.Layer, ...]:
        stages = vgg.trained_stages(recipes.train_from(self.job))
        return tuple(layer for layer in self.layers if layer.stage in stages)

    @cached_property
    def frozen(self) -> tuple[vgg.Layer, ...]:
        return self.layers[: len(self.layers) - len(self.learning)]

    # --- pictures

    @property
    def train(self) -> int:
        return self.counts.get("train", 0)

    @property
    def held(self) -> int:
        """Pictures that are answered after each round."""
        return self.counts.get("val", 0)

    @property
    def pictures(self) -> int:
        return self.train + self.held + self.counts.get("test", 0)

    @property
    def faces(self) -> int:
        """Views of a picture that an answer takes."""
        return 2 if self.job.mirror else 1

    @property
    def kept_views(self) -> float:
        """Views of a training picture that are needed in the whole run; L-BFGS looks at all of them in each round."""
        views = {"none": 1, "flip": 2}.get(self.job.variation, self.job.views)
        return float(views) if self.job.optimizer == "lbfgs" else views_drawn(views, self.job.epochs)

    @property
    def steps(self) -> int:
        return -(-self.train // self.job.batch_size)

    # --- the frozen part

    @property
    def extracted(self) -> float:
        """Pictures that go through the frozen part, each view counted."""
        last = self.counts.get("test", 0) or self.held
        if self.job.features == "none":  # nothing is kept: each round computes all it needs
            return self.job.epochs * (self.train + self.faces * self.held) + self.faces * last
        return self.kept_views * self.train + self.faces * (self.pictures - self.train)

    @property
    def read_again(self) -> float:
        """Pictures that are decoded after they were looked at once: those for the frozen part, the others stay in memory."""
        return self.extracted if self.frozen else 0.0

    @property
    def extract_seconds(self) -> float:
        macs = sum(layer.macs for layer in self.frozen)
        return self.extracted * macs / self.extract_rate

    @property
    def extract_rate(self) -> float:
        """Multiply-accumulates a second of the way that the frozen part will be computed."""
        fits = [one for one in self.profile.extract if self.job.backend in ("auto", one.way.backend)]
        exact = [one for one in fits if self.job.precision in ("auto", one.way.precision)]
        chosen = (exact or fits or self.profile.extract)[:1]
        return chosen[0].macs_per_second if chosen else self.train_rate

    # --- the learning part

    @property
    def train_precision(self) -> str:
        return self.profile.train_precision if self.job.precision == "auto" else self.job.precision

    @property
    def train_rate(self) -> float:
        rates = self.profile.train_macs
        return rates.get(self.train_precision) or rates.get("fp32") or max(rates.values(), default=_BLIND_MACS)

    @property
    def linear_rate(self) -> float:
        """Bytes of weights of linear layers a second, through one learning step."""
        return self.profile.linear_bytes or _BLIND_BYTES

    def _parts(self) -> tuple[int, int, int]:
        """Of what learns: MACs of convolutions, MACs of linear layers, bytes of linear layers' weights."""
        linear = [layer for layer in self.learning if layer.kind == "linear"]
        convolutions = sum(layer.macs for layer in self.learning if layer.kind == "conv")
        return convolutions, sum(layer.macs for layer in linear), 4 * sum(layer.parameters for layer in linear)

    @property
    def learning_seconds(self) -> float:
        """All rounds' steps. A linear layer takes as long as its weights or its arithmetic, whichever takes longer."""
        convolutions, linear, weights = self._parts()
        if self.job.optimizer == "lbfgs":
            features = 4 * self.train * self.kept_views * self.learning_inputs
            return self.job.epochs * _LBFGS_PASSES * features / (_WEIGHT_PASSES * self.linear_rate)
        moved = weights * _MORE_PASSES.get(self.job.optimizer, 1.0) / self.linear_rate
        step = 3 * linear * self.job.batch_size / self.train_rate
        round_ = 3 * convolutions * self.train / self.train_rate
        round_ += self.steps * (max(moved, step) + _STEP_SECONDS)
        return self.job.epochs * round_

    @property
    def answer_seconds(self) -> float:
        """The validation part after each round and the score at the end: forward alone."""
        convolutions, linear, weights = self._parts()
        last = self.counts.get("test", 0) or self.held
        answers = self.faces * (self.job.epochs * _filled(self.held) + _filled(last))
        reading = weights / (_WEIGHT_PASSES * self.linear_rate) / _ANSWERS
        return answers * max((convolutions + linear) / self.train_rate, convolutions / self.train_rate + reading)

    @property
    def saving_seconds(self) -> float:
        """A checkpoint after each round, what is frozen once, the whole best network once."""
        written = self.job.epochs * self.checkpoint_bytes + self.frozen_bytes + self.whole_bytes
        return written / _DISK_RATE

    # --- bytes

    @property
    def learning_inputs(self) -> int:
        """Numbers that the frozen part gives for one view of a picture."""
        if not self.frozen:
            return self.job.channels * self.job.image_size**2
        last = self.frozen[-1]
        return last.outputs * (last.side**2 or 1)

    @property
    def trained_bytes(self) -> int:
        return 4 * sum(layer.parameters for layer in self.learning)

    @property
    def frozen_bytes(self) -> int:
        return 4 * sum(layer.parameters for layer in self.frozen)

    @property
    def whole_bytes(self) -> int:
        return self.trained_bytes + self.frozen_bytes

    @property
    def checkpoint_bytes(self) -> int:
        return self.trained_bytes * (1 + recipes.copies(self.job))

    @property
    def feature_bytes(self) -> int:
        """What the cache of features takes."""
        if not self.frozen or self.job.features == "none":
            return 0
        precision = "fp16" if self.job.features == "auto" else self.job.features
        return int(self.extracted * self.learning_inputs * _BYTES[precision])

    @property
    def run_bytes(self) -> int:
        """The run's folder at its fullest: what is frozen, the best network as a whole, the last, best and next checkpoint."""
        return self.frozen_bytes + self.whole_bytes + 3 * self.checkpoint_bytes

    @property
    def memory_bytes(self) -> int:
        """A process with torch, all weights, gradients and what the optimizer remembers, and the larger of the two batches.

        In learning, the output of each layer is kept for the way back (activations work in place); extracting keeps two.
        """
        kept = sum(_outputs(layer) for layer in self.learning) + self.learning_inputs
        learning = self.job.batch_size * kept * _BYTES[self.train_precision]
        if self.job.optimizer == "lbfgs":
            learning = min(int(4 * self.train * self.kept_views) * self.learning_inputs, _LBFGS_MEMORY)
        learning += self.trained_bytes * (1 + recipes.copies(self.job))
        return _BASE_MEMORY + self.whole_bytes + self.winograd_bytes + max(learning, self.extracting_bytes)

    @property
    def extracting_bytes(self) -> int:
        """Two outputs of the widest layer for each picture of a batch; ncnn's tiles take four times that for each network."""
        way = self._extract_way
        widest = max((layer.outputs * layer.side**2 for layer in self.frozen), default=0)
        return 4 * 2 * widest * (4 * way.workers if way.backend == "ncnn" else way.batch)

    @property
    def winograd_bytes(self) -> int:
        """The frozen convolutions' weights once more, as Winograd needs them; they stay while the head learns."""
        way = self._extract_way
        if (way.backend, way.convolution) == ("torch", "direct"):
            return 0
        return 4 * _WINOGRAD * sum(layer.parameters for layer in self.frozen if layer.kind == "conv")

    @property
    def _extract_way(self) -> Way:
        return self.profile.extract[0].way if self.profile.extract else Way()


def _filled(pictures: int) -> int:
    """What is computed for so many answers: batches are filled up."""
    return -(-pictures // _ANSWERS) * _ANSWERS


def _outputs(layer: vgg.Layer) -> int:
    """Numbers that a layer keeps for the way back; what works in place keeps none of its own."""
    return 0 if layer.kind in ("relu", "dropout") else layer.outputs * (layer.side**2 or 1)
