"""Events as lines of text for a terminal. Pure: the printer decides where they go and makes them safe to show."""

from __future__ import annotations

import os
import shlex

from vgg_studio.cli import speed
from vgg_studio.core import events as ev, finding_words, speed_words, vgg, wording
from vgg_studio.core.errors import Diverged, describe_reason
from vgg_studio.core.language import _, ngettext
from vgg_studio.core.progress import Progress

MOST_SUSPECTS = 10  # pictures named of those that are probably in the wrong class


def run_started(event: ev.RunStarted, given: ev.WeightsReport | None = None) -> list[str]:
    """What is going to learn, from what, on what."""
    parts = {name: wording.pictures(event.parts.get(name, 0)) for name in ("train", "val", "test")}
    lines = [
        _("The run lies in {path}").format(path=event.run),
        _("Network: {network}, {weights}; {trained} of its {all} parameters learn.").format(
            network=vgg.title(event.variant),
            weights=wording.start_title(event.weights, given),
            trained=wording.number(event.trained_parameters),
            all=wording.number(event.parameters),
        ),
        _("{classes}: {train} to learn from, {val} to choose the best round, {test} for the final score.").format(
            classes=wording.classes(len(event.classes)), **parts
        ),
    ]
    return [*lines, *device(event.device), *speed.plan(event)]


def device(fact: ev.DeviceFact) -> list[str]:
    """What computes, why, and what would mend that."""
    title, reason = wording.device_title(fact), wording.device_reason(fact)
    line = _("Computing on: {device} ({reason})") if reason else _("Computing on: {device}")
    lines = [line.format(device=title, reason=reason)]
    if fact.command:
        lines.append(_("To use the graphics card: {command}").format(command=fact.command))
    return lines


def run_resumed(event: ev.RunResumed) -> list[str]:
    """Where a run goes on."""
    if event.batch:
        return [_("Going on in round {round} of {rounds}.").format(round=event.epoch, rounds=event.epochs)]
    return [_("Going on after round {round} of {rounds}.").format(round=event.epoch, rounds=event.epochs)]


def weights_loaded(report: ev.WeightsReport) -> list[str]:
    """What a file of weights gave, and what it did not."""
    if report.source == "none":
        return []
    title = report.name or wording.weights_title(report.source)
    lines = [
        ngettext("Weights: {count} tensor taken from {name}.", "Weights: {count} tensors taken from {name}.", len(report.loaded))
        .format(count=len(report.loaded), name=title)
    ]  # fmt: skip
    if report.missing:
        lines.append(_("Random, because the file has none: {names}.").format(names=", ".join(report.missing)))
    if report.unused:
        lines.append(_("Not used from the file: {names}.").format(names=", ".join(report.unused)))
    if report.advice == "fc6_is_the_right_stage":
        lines.append(
            _(
                "The file holds no classifier: fc6 and fc7 stay random and do not learn. --train-from fc6 is the right stage."
            )
        )
    return lines


def left_out(event: ev.PictureLeftOut) -> str:
    """A file that is not used, and why."""
    reason = describe_reason(event.reason, event.values)
    return _("Left out: {picture} {reason}.").format(picture=wording.picture_text(event.picture), reason=reason)


def class_left_out(event: ev.ClassLeftOut) -> str:
    """A class that is not learned."""
    return _("The class {name} is left out: it has {pictures}, two are the least.").format(
        name=event.name, pictures=wording.pictures(event.count)
    )


def class_unknown(event: ev.ClassLeftOut) -> str:
    """A class of another folder that the run has never learned."""
    return _("The class {name} is left out: the run does not know it ({pictures}).").format(
        name=event.name, pictures=wording.pictures(event.count)
    )


def batch_ended(event: ev.BatchEnded) -> str:
    """How far a round is, with its means so far."""
    return _("Round {round}, batch {batch} of {batches}: loss {loss}, {right} right so far").format(
        round=event.epoch,
        batch=event.batch,
        batches=event.batches,
        loss=_loss(event.loss),
        right=wording.percent(event.accuracy),
    )


def epoch_ended(event: ev.EpochEnded, epochs: int) -> str:
    """One round in one line."""
    values = {
        "round": event.epoch,
        "rounds": epochs,
        "loss": _loss(event.train_loss),
        "right": wording.percent(event.train_accuracy),
        "val_loss": _loss(event.val_loss),
        "val_right": wording.percent(event.val_accuracy),
        "rate": f"{event.images_per_second:.1f}",
    }
    text = _("Round {round} of {rounds}: loss {loss}, {right} right")
    if event.val_accuracy is not None:
        text += _("; on pictures not learned from: loss {val_loss}, {val_right} right")
    text += _("; {rate} pictures a second")
    if event.best_epoch == event.epoch:
        text += _(" (best so far)")
    return text.format(**values)


def _loss(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def evaluation(event: ev.Evaluation) -> list[str]:
    """The score in sentences, with the part that it was taken on."""
    parts = {
        "train": _("On the pictures it learned from:"),
        "val": _("On the validation part:"),
        "test": _("On the test part:"),
    }
    lines = [
        parts.get(event.split, _("On these pictures:")),
        wording.score_sentence(event),
        wording.range_sentence(event),
        wording.leak_sentence(event),
    ]
    return [line for line in lines if line]


def run_ended(event: ev.RunEnded, progress: Progress) -> list[str]:
    """How a training ended, where it lies and what can be done next; why it failed is told on standard error."""
    lines = [] if event.outcome == "failed" else [wording.status(progress)]
    if told := speed_words.graded(event):
        lines.append(told)
    if event.outcome == "discarded" or not event.run:
        return lines
    path = quoted(event.run)
    if event.outcome != "failed":
        lines.append(_("The run lies in {path}").format(path=event.run))
    diverged = event.failure is not None and event.failure.code == Diverged.code()  # it would go the same way again
    if event.outcome == "paused" or (event.outcome == "failed" and event.epochs and not diverged):
        lines.append(_("Go on with: {command}").format(command=f"vgg-studio train --out {path} --resume"))
    if event.outcome in ("finished", "finished_early") and progress.started and progress.started.train_from != "block1":
        lines.append(_("Make it better with: {command}").format(command=f"vgg-studio improve {path}"))
    if event.best_epoch:
        picture = _("PICTURE…")  # not within the f-string, where nobody looks for texts to translate
        lines.append(_("Name pictures with it: {command}").format(command=f"vgg-studio predict {path} {picture}"))
    return lines


def quoted(path: str) -> str:
    """A path as it can be typed into a shell."""
    if path and all(sign.isalnum() or sign in "/._-:+@%=" for sign in path):
        return path
    return f'"{path}"' if os.name == "nt" else shlex.quote(path)


def prediction(event: ev.PicturePredicted) -> str:
    """A picture's answer and the next guesses."""
    if not event.top:
        return _("{picture}: no answer").format(picture=event.path)
    first, *others = (f"{guess.label} {wording.percent(guess.probability)}" for guess in event.top)
    text = _("{picture}: unsure, perhaps {answer}") if event.unsure else _("{picture}: {answer}")
    if others:
        text += _(" (then {others})")
    return text.format(picture=event.path, answer=first, others=", ".join(others))


def prediction_failed(event: ev.PredictionFailed) -> str:
    """A picture that could not be named, and why."""
    return _("{picture}: {reason}").format(picture=event.path, reason=event.reason)


def model_opened(event: ev.ModelOpened) -> list[str]:
    """Which network answers, on what."""
    line = _("{network} knows {classes} and is sure from {threshold} on.").format(
        network=vgg.title(event.variant),
        classes=wording.classes(len(event.classes)),
        threshold=wording.percent(event.threshold),
    )
    return [line, *device(event.device)]


def split_written(event: ev.SplitWritten) -> str:
    """How many pictures stand in the folders of each part, and where."""
    counts = {part: wording.number(event.parts.get(part, 0)) for part in ("train", "val", "test")}
    return _(
        "Written to {path}: {train} to learn from, {val} to choose the best round, {test} for the final score."
    ).format(path=event.folder, **counts)


def folder_ready(event: ev.SplitWritten | ev.DataFetched) -> list[str]:
    """A folder of pictures that lies ready, and what can be done with it."""
    if isinstance(event, ev.SplitWritten):
        return [split_written(event)]
    name = event.name or quoted(event.folder)
    return [
        _("The pictures lie in {path}").format(path=event.folder),
        _("Train on them with: {command}").format(command=f"vgg-studio train {name}"),
    ]


def suspects(findings: list[ev.Finding]) -> list[str]:
    """The first pictures that are probably in the wrong class, and how many more there are."""
    lines = [_("Perhaps in the wrong class, most suspicious first:")]
    for finding in findings[:MOST_SUSPECTS]:
        picture = wording.picture_text(finding.pictures[0])
        lines.append(f"  {picture}: {finding_words.reason(finding)}")
    if (more := len(findings) - MOST_SUSPECTS) > 0:
        lines.append("  " + ngettext("and {count} more", "and {count} more", more).format(count=wording.number(more)))
    return lines


def exported(file: str) -> str:
    """A file that was written."""
    return _("Written: {path}").format(path=file)
