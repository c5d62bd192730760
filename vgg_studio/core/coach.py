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
from vgg_studio.core.events import ClassScore, EpochRow, Part
from vgg_studio.core.jobs import TrainJob
from vgg_studio.core.metrics import wilson
from vgg_studio.core.progress import Progress

Values = dict[str, str | int | float]
Code = Literal["rate_too_high", "guessing", "memorising", "stopped_improving", "few_pictures"]

MOST = 2  # remarks at a time: who gets more advice than that follows none
# Guessing. Good runs have left the share of the largest class behind after one or two rounds; a plain network that does learn
# now and then needs three. The loss of who always names the shares of the classes is their entropy: a run whose loss is
# still within 3 % of it has learned those shares and nothing else.
GUESS_ROUNDS, GUESS_ROUNDS_AT_MOST, FLAT = 3, 5, 0.97
GUESS_MARGIN = 0.02  # so that a hair more than chance on 10,000 pictures is not called learning
# Too high a rate. A round's mean loss does not rise by half in a run that does well; a start above one and a half times the
# entropy from which nothing came means that the first steps were thrown far off, and a loss that had come down by 5 % and is back
# at the entropy, that the network was. Where the accuracy grew all the same, a loss may jump: a new head on good features.
JUMP, JUMP_SHARE, BURNT, LEARNED = 1.5, 0.3, 1.5, 0.95
# Memorising. Validation loss alone rises in many good runs, while the network gets surer of what it names right and wrong;
# so accuracy must have stopped growing, too, and the gap must be one that the size of the part does not explain.
TURNED, GAP, RISEN, STILL_LEARNS = 3, 0.10, 1.10, 0.8
# Stopped improving. Five rounds are what early stopping usually waits; a falling rate gets the chance to fall by half first,
# because scores rise again when it does.
PATIENCE, FALLEN, PERFECT, ROUNDS_LEFT = 5, 0.5, 0.995, 3
HAIR = 1.01  # a loss that falls by less than a hundredth stands still
# Too few pictures. Half of the usual class's, or fewer than twenty; found much less often than chance allows.
FEW_SHARE, FEW, FOUND_LESS = 0.5, 20, 0.15


@dataclass(frozen=True)
class Remark:
    """One thing to say, what mends it, and the numbers that its sentence needs. `epoch` is the round it was seen in."""

    code: Code
    remedy: Remedy
    epoch: int = 0
    values: Values = field(default_factory=dict)


def remarks(progress: Progress, job: TrainJob) -> list[Remark]:
    """What there is to say about a training with these settings, most urgent first, at most MOST.

    Nothing about a run that was discarded, or that failed for a reason of its own.
    """
    if progress.outcome == "discarded":
        return []
    over = progress.outcome in ("finished", "finished_early")
    if (lost := _not_finite(progress, job) or _thrown_off(progress, job)) is not None:
        return [lost]
    if progress.outcome == "failed" or progress.started is None:
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


def _not_finite(progress: Progress, job: TrainJob) -> Remark | None:
    lost = next((row.epoch for row in progress.rows if row.diverged), 0)
    if progress.ended and progress.ended.failure and progress.ended.failure.code == Diverged.code():
        lost = lost or max(1, progress.epoch)
    return _too_high(job, "not_finite", lost) if lost and job.optimizer != "lbfgs" else None


def _thrown_off(progress: Progress, job: TrainJob) -> Remark | None:
    if progress.started is None or job.optimizer == "lbfgs":
        return None
    for how, epoch in (("jumps", _jumped(progress)), ("lost_again", _lost_again(progress))):
        if epoch:
            return _too_high(job, how, epoch)
    return None


def _too_high(job: TrainJob, how: str, epoch: int) -> Remark:
    return Remark("rate_too_high", remedies.for_too_high(job), epoch, {"rate": remedies.rate(job), "how": how})


def _jumped(progress: Progress) -> int:
    """The round whose loss jumped (0: none did), if it is one of the last two; or 1, if the start was burnt for good."""
    rows, known = [row for row in progress.rows if row.train_loss is not None], entropy(_counts(progress))
    for place in range(max(1, len(rows) - 2), len(rows)):
        row, best = rows[place], min(rows[:place], key=_loss)
        far = _loss(row) > JUMP * _loss(best) and _loss(row) > _loss(best) + JUMP_SHARE * known
        if far and (row.train_accuracy or 0.0) < (best.train_accuracy or 0.0):
            return row.epoch
    if len(rows) < GUESS_ROUNDS or _loss(rows[0]) < BURNT * known or _loss(rows[-1]) < FLAT * known:
        return 0
    return rows[0].epoch if _is_guess(progress, rows[-1]) else 0


def _lost_again(progress: Progress) -> int:
    """The round in which the last of what had been learned was lost (0: nothing was): the loss is back where it began."""
    rows, known = [row for row in progress.rows if row.train_loss is not None], entropy(_counts(progress))
    best = min(rows, key=_loss, default=None)
    if best is None or _loss(best) > LEARNED * known or _loss(rows[-1]) < FLAT * known:
        return 0
    if not _is_guess(progress, rows[-1]):
        return 0
    return next(row.epoch for row in rows[rows.index(best) :] if _loss(row) >= FLAT * known)


def _loss(row: EpochRow) -> float:
    return row.train_loss or 0.0


def _guessing(progress: Progress, job: TrainJob) -> Remark | None:
    rows = progress.rows
    if not rows or rows[-1].epoch < GUESS_ROUNDS + job.warmup:
        return None
    last, val = rows[-1], [row.val_accuracy for row in rows[-GUESS_ROUNDS:] if row.val_accuracy is not None]
    if not all(_is_guess(progress, row, "val") for row in rows[-GUESS_ROUNDS:]) or not _is_guess(progress, last):
        return None
    known = FLAT * entropy(_counts(progress))
    if last.val_loss is not None and last.val_loss < known:
        return None  # it learns already, though it does not show in names yet
    if last.train_loss is not None and last.train_loss < known and last.epoch < GUESS_ROUNDS_AT_MOST + job.warmup:
        return None
    best = max(val, default=last.train_accuracy or 0.0)
    values: Values = {"rounds": last.epoch, "share": share_of_guessing(progress), "reached": best}
    return Remark("guessing", remedies.for_guessing(job), last.epoch, values)


def _is_guess(progress: Progress, row: EpochRow, part: Part = "train") -> bool:
    """Whether a round's accuracy is what always naming the largest class gives, by chance or by a hair more."""
    accuracy = row.train_accuracy if part == "train" else row.val_accuracy
    count = progress.started.parts.get(part, 0) if progress.started else 0
    share = share_of_guessing(progress)
    return accuracy is None or accuracy <= max(wilson(round(share * count), count)[1], share + GUESS_MARGIN)


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
    remedy: Remedy | None = remedies.for_memorising(job) if over else "finish"
    values: Values = {
        "trained": trained,
        "checked": last.val_accuracy or 0.0,
        "since": turn.epoch,
        "best": progress.best_epoch,
    }
    return Remark("memorising", remedy, last.epoch, values) if remedy else None


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
    floor = HAIR * min(row.val_loss or 0.0 for row in rows)
    lowest = next(row for row in rows if (row.val_loss or 0.0) <= floor)
    if max(best.epoch, lowest.epoch) > last.epoch - PATIENCE or (best.val_accuracy or 0.0) >= PERFECT:
        return None
    if job.schedule != "none" and last.learning_rate > FALLEN * max(row.learning_rate for row in rows):
        return None
    values: Values = {"best": best.epoch, "score": best.val_accuracy or 0.0, "rounds": last.epoch - best.epoch}
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
    values: Values = {"name": worst.name, "count": counts[worst.name], "found": worst.found or 0.0}
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
