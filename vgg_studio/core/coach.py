"""What someone who knows such curves would say about them: pure rules on a training's history. Codes only; see coach_words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Literal

from vgg_studio.core import coach_remedies as remedies
from vgg_studio.core.coach_remedies import Remedy
from vgg_studio.core.errors import Diverged
from vgg_studio.core.events import ClassScore, EpochRow
from vgg_studio.core.jobs import TrainJob
from vgg_studio.core.metrics import wilson
from vgg_studio.core.progress import Progress

Code = Literal["rate_too_high", "guessing", "memorising", "stopped_improving", "few_pictures"]

MOST = 2  # remarks at a time: who gets more advice than that follows none
# Guessing. Good runs have left the share of the largest class behind after one or two rounds; a plain network that does learn
# now and then needs three. The loss of who always names the shares of the classes is their entropy: a run whose loss is
# still within 3 % of it has learned those shares and nothing else.
GUESS_ROUNDS, GUESS_ROUNDS_AT_MOST, FLAT = 3, 5, 0.97
GUESS_MARGIN = 0.02  # so that a hair more than chance on 10,000 pictures is not called learning
# Too high a rate. A round's mean loss does not rise by half in a run that does well; a start above one and a half times the
# entropy from which nothing came means that the first steps were thrown far off.
JUMP, JUMP_SHARE, BURNT = 1.5, 0.3, 1.5
# Memorising. Validation loss alone rises in many good runs, while the network gets surer of what it names right and wrong;
# so accuracy must have stopped growing, too, and the gap must be one that the size of the part does not explain.
TURNED, GAP, RISEN, STILL_LEARNS = 3, 0.10, 1.10, 0.8
# Stopped improving. Five rounds are what early stopping usually waits; a falling rate gets the chance to fall by half first,
# because scores rise again when it does.
PATIENCE, FALLEN, PERFECT, ROUNDS_LEFT = 5, 0.5, 0.995, 3
# Too few pictures. Half of the usual class's, or fewer than twenty; found much less often than chance allows.
FEW_SHARE, FEW, FOUND_LESS = 0.5, 20, 0.15


@dataclass(frozen=True)
class Remark:
    """One thing to say, what mends it, and the numbers that its sentence needs. `epoch` is the round it was seen in."""

    code: Code
    remedy: Remedy
    epoch: int = 0
    values: dict[str, str | int | float] = field(default_factory=dict)


def remarks(progress: Progress, job: TrainJob) -> list[Remark]:
    """What there is to say about a training with these settings, most urgent first, at most MOST.

    Nothing about a run that was discarded, or that failed for a reason of its own.
    """
    if progress.outcome == "discarded":
        return []
    over = progress.outcome in ("finished", "finished_early")
    if (found := _rate(progress, job)) is not None:
        return [found]
    if progress.outcome == "failed":
        return []
    about_curves = _guessing(progress, job) or _memorising(progress, job, over) or _stopped(progress, job, over)
    found_few = _few(progress) if over else None
    return [remark for remark in (about_curves, found_few) if remark is not None][:MOST]


def share_of_guessing(progress: Progress) -> float:
    """The accuracy of always naming the largest class, by the pictures to learn from."""
    counts = _counts(progress)
    return max(counts) / sum(counts)


def entropy(counts: Sequence[int]) -> float:
    """The loss (in nats) of answers that are the shares of the classes: what is known before anything is learned."""
    total = sum(counts)
    return -sum(count / total * math.log(count / total) for count in counts if count)


def _rate(progress: Progress, job: TrainJob) -> Remark | None:
    ended = progress.ended
    lost = next((row.epoch for row in progress.rows if row.diverged), 0)
    if ended and ended.failure and ended.failure.code == Diverged.code():
        lost = lost or max(1, progress.epoch)
    rate = remedies.rate(job)
    if job.optimizer == "lbfgs":
        return None
    if lost:
        return Remark("rate_too_high", "lower_rate", lost, {"rate": rate, "how": "not_finite"})
    jumped = _jumped(progress)
    return Remark("rate_too_high", "lower_rate", jumped, {"rate": rate, "how": "jumps"}) if jumped else None


def _jumped(progress: Progress) -> int:
    """The round whose loss jumped (0: none did), if it is one of the last two; or 1, if the start was burnt for good."""
    losses = [(row.epoch, row.train_loss) for row in progress.rows if row.train_loss is not None]
    known = entropy(_counts(progress))
    for place in range(max(1, len(losses) - 2), len(losses)):
        epoch, loss = losses[place]
        best = min(earlier for _, earlier in losses[:place])
        if loss > JUMP * best and loss > best + JUMP_SHARE * known:
            return epoch
    burnt = len(losses) >= GUESS_ROUNDS and losses[0][1] > BURNT * known and losses[-1][1] > FLAT * known
    return losses[0][0] if burnt else 0


def _guessing(progress: Progress, job: TrainJob) -> Remark | None:
    rows = progress.rows
    if not rows or rows[-1].epoch < GUESS_ROUNDS + job.warmup:
        return None
    share, last = share_of_guessing(progress), rows[-1]
    parts = progress.started.parts if progress.started else {}
    val = [row.val_accuracy for row in rows[-GUESS_ROUNDS:] if row.val_accuracy is not None]
    if last.train_accuracy is None or not _within(last.train_accuracy, share, parts.get("train", 0)):
        return None
    if any(not _within(accuracy, share, parts.get("val", 0)) for accuracy in val):
        return None
    flat = last.train_loss is None or last.train_loss > FLAT * entropy(_counts(progress))
    if not flat and last.epoch < GUESS_ROUNDS_AT_MOST + job.warmup:
        return None
    best = max(val, default=last.train_accuracy)
    return Remark(
        "guessing", remedies.for_guessing(job), last.epoch, {"rounds": last.epoch, "share": share, "reached": best}
    )


def _within(accuracy: float, share: float, count: int) -> bool:
    """Whether an accuracy on `count` pictures is what naming the largest class gives, by chance or by a hair more."""
    return accuracy <= max(wilson(round(share * count), count)[1], share + GUESS_MARGIN)


def _memorising(progress: Progress, job: TrainJob, over: bool) -> Remark | None:
    rows = [row for row in progress.rows if row.val_loss is not None and row.val_accuracy is not None]
    if len(rows) <= TURNED or job.optimizer == "lbfgs":
        return None
    turn = min(rows, key=lambda row: row.val_loss or 0.0)
    last, lately = rows[-1], rows[-TURNED:]
    if turn.epoch > last.epoch - TURNED or any((row.val_loss or 0) < RISEN * (turn.val_loss or 0) for row in lately):
        return None
    if (last.train_loss or 0) > STILL_LEARNS * (turn.train_loss or 0) or _gets_better(rows):
        return None
    trained, checked = last.train_accuracy or 0.0, max(row.val_accuracy or 0.0 for row in lately)
    count = progress.started.parts.get("val", 0) if progress.started else 0
    if trained - checked < GAP or trained <= wilson(round(checked * count), count)[1]:
        return None
    remedy: Remedy = remedies.for_memorising(job) if over else "finish"
    values = {"trained": trained, "checked": last.val_accuracy or 0.0, "since": turn.epoch, "best": progress.best_epoch}
    return Remark("memorising", remedy, last.epoch, values)


def _gets_better(rows: Sequence[EpochRow]) -> bool:
    """Whether one of the last two rounds is the best so far."""
    before = max((row.val_accuracy or 0.0 for row in rows[:-2]), default=0.0)
    return any((row.val_accuracy or 0.0) > before for row in rows[-2:])


def _stopped(progress: Progress, job: TrainJob, over: bool) -> Remark | None:
    rows = [row for row in progress.rows if row.val_loss is not None and row.val_accuracy is not None]
    if len(rows) <= PATIENCE or job.optimizer == "lbfgs":
        return None
    last = rows[-1]
    best = max(rows, key=lambda row: (row.val_accuracy or 0.0, -row.epoch))
    lowest = min(rows, key=lambda row: row.val_loss or 0.0)
    if max(best.epoch, lowest.epoch) > last.epoch - PATIENCE or (best.val_accuracy or 0.0) >= PERFECT:
        return None
    if job.schedule != "none" and last.learning_rate > FALLEN * max(row.learning_rate for row in rows):
        return None
    values = {"best": best.epoch, "score": best.val_accuracy or 0.0, "rounds": last.epoch - best.epoch}
    if over:  # a run that went to its end did what it was asked to; one that was finished early may go on elsewhere
        can = progress.outcome == "finished_early" and remedies.can_get_better(job)
        return Remark("stopped_improving", "better", last.epoch, values) if can else None
    left = progress.epochs - last.epoch
    return Remark("stopped_improving", "finish", last.epoch, {**values, "left": left}) if left >= ROUNDS_LEFT else None


def _few(progress: Progress) -> Remark | None:
    scores = progress.evaluation.by_class if progress.evaluation else []
    counts = dict(zip([score.name for score in scores], [score.count for score in scores], strict=True))
    if progress.started and progress.started.counts:
        counts = dict(zip(progress.started.classes, progress.started.counts, strict=True))
    if len(scores) < 2 or any(score.name not in counts for score in scores):
        return None
    poor = [score for score in scores if _is_poor(score, scores) and _is_small(counts, score.name)]
    if not poor:
        return None
    worst = min(poor, key=lambda score: (score.found or 0.0, counts[score.name]))
    values = {"name": worst.name, "count": counts[worst.name], "found": worst.found or 0.0}
    return Remark("few_pictures", "show_class", progress.epoch, {**values, "others": _found(scores, worst)})


def _is_poor(score: ClassScore, scores: Sequence[ClassScore]) -> bool:
    if score.found is None or score.count == 0:
        return False
    others = _found(scores, score)
    return score.found <= others - FOUND_LESS and wilson(score.correct, score.count)[1] < others


def _is_small(counts: dict[str, int], name: str) -> bool:
    usual = median(counts[other] for other in counts if other != name)
    return counts[name] <= FEW_SHARE * usual or counts[name] < FEW


def _found(scores: Sequence[ClassScore], but: ClassScore) -> float:
    """The share that is found of all classes but one."""
    others = [score for score in scores if score is not but]
    return sum(score.correct for score in others) / max(1, sum(score.count for score in others))


def _counts(progress: Progress) -> list[int]:
    """Pictures to learn from, of each class; alike where a run of an earlier version does not tell."""
    started = progress.started
    if started is None:
        return [1, 1]
    return list(started.counts) if sum(started.counts) else [1] * max(2, len(started.classes))
