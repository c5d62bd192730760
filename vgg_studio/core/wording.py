"""The sentences that window and command line share: numbers with units, the state of a training, scores."""

from __future__ import annotations

import unicodedata

from vgg_studio.core import events as ev, vgg
from vgg_studio.core.errors import describe
from vgg_studio.core.language import N_, _, current, ngettext
from vgg_studio.core.progress import Progress

NO_BREAK = "\u00a0"


def percent(fraction: float | None, digits: int = 1) -> str:
    """A fraction of 1 as per cent: with a no-break space in English, without in Chinese; a dash where there is none."""
    if fraction is None:
        return "–"
    return f"{100 * fraction:.{digits}f}" + ("%" if current() == "zh_CN" else f"{NO_BREAK}%")


def number(value: int) -> str:
    """A whole number with the thousands marked."""
    return f"{value:,}"


def duration(seconds: float) -> str:
    """A length of time: seconds under two minutes, then minutes, then hours and minutes."""
    if seconds < 1.5:
        return _("1 second")
    if seconds < 120:
        return ngettext("{count} second", "{count} seconds", round(seconds)).format(count=round(seconds))
    minutes = round(seconds / 60)
    if minutes < 120:
        return ngettext("{count} minute", "{count} minutes", minutes).format(count=minutes)
    hours, rest = divmod(minutes, 60)
    return _("{hours} hours {minutes} minutes").format(hours=hours, minutes=rest)


def short_duration(seconds: float) -> str:
    """A length of time for a tile: `57 s`, `13 min`, `3 h 20 min`."""
    if seconds < 120:
        return _("{count} s").format(count=max(1, round(seconds)))
    minutes = round(seconds / 60)
    if minutes < 120:
        return _("{count} min").format(count=minutes)
    return _("{hours} h {minutes} min").format(hours=minutes // 60, minutes=minutes % 60)


def pictures(count: int) -> str:
    """`1 picture`, `1,204 pictures`."""
    return ngettext("{count} picture", "{count} pictures", count).format(count=number(count))


def classes(count: int) -> str:
    """`1 class`, `5 classes`."""
    return ngettext("{count} class", "{count} classes", count).format(count=number(count))


def rounds(count: int) -> str:
    """`1 round`, `20 rounds`."""
    return ngettext("{count} round", "{count} rounds", count).format(count=number(count))


PHASES: dict[str, str] = {
    "listing": N_("Looking through the folder…"),
    "reading": N_("Reading pictures…"),
    "comparing": N_("Comparing pictures…"),
    "loading_network": N_("Loading the network…"),
    "downloading": N_("Downloading the weights…"),
    "unpacking": N_("Unpacking the archive…"),
    "measuring": N_("Measuring this machine…"),
    "preparing": N_("Preparing the training…"),
    "extracting": N_("Computing features…"),
    "training": N_("Training…"),
    "validating": N_("Checking what it has learned…"),
    "testing": N_("Working out the final score…"),
    "saving": N_("Saving…"),
}


def phase_words(phase: str, done: int = 0, total: int = 0) -> str:
    """What is going on in a named phase, with how far it is where that is known."""
    if not total or not done:
        return _(PHASES[phase])
    if phase == "downloading":
        return _("Downloading the weights: {done} of {total} MB.").format(done=done >> 20, total=max(1, total >> 20))
    if phase == "unpacking":
        return _("Unpacking the archive: {done} of {total} MB.").format(done=done >> 20, total=max(1, total >> 20))
    if phase == "reading":
        return _("Reading pictures: {done} of {total}.").format(done=number(done), total=number(total))
    if phase == "comparing":
        return _("Comparing pictures: {done} of {total}.").format(done=number(done), total=number(total))
    if phase == "extracting":
        return _("Computing features: {done} of {total}.").format(done=number(done), total=number(total))
    if phase == "measuring":
        return _(PHASES[phase])
    return _("{phase} {done} of {total}").format(phase=_(PHASES[phase]), done=number(done), total=number(total))


ENDINGS: dict[str, str] = {
    "pause": N_("Pausing after this batch…"),
    "finish": N_("Finishing: the best round is kept…"),
    "discard": N_("Deleting what was learned…"),
}


def status(progress: Progress) -> str:
    """The state of a training in one whole sentence."""
    if progress.ended:
        return _ended(progress, progress.ended)
    if progress.ending:
        return _(ENDINGS.get(progress.ending, ENDINGS["pause"]))
    if progress.phase == "extracting" and progress.phase_done and (left := progress.seconds_left()) is not None:
        return _("Computing features: {done} of {total}, about {left} left.").format(
            done=number(progress.phase_done), total=number(progress.phase_total), left=duration(left)
        )
    if not progress.batches_seen or progress.phase not in (None, "training", "validating"):
        return phase_words(progress.phase or "loading_network", progress.phase_done, progress.phase_total)
    return _running(progress)


def _running(progress: Progress) -> str:
    values: dict[str, object] = {"round": max(1, progress.epoch), "rounds": progress.epochs}
    best, left = progress.best, progress.seconds_left()
    if left is not None:
        values["left"] = duration(left)
    if best and best.val_accuracy is not None:
        values["score"] = percent(best.val_accuracy)
        if left is None:
            return _("Round {round} of {rounds}: {score} named right so far.").format(**values)
        return _("Round {round} of {rounds}: {score} named right so far, about {left} left.").format(**values)
    if left is None:
        return _("Round {round} of {rounds}.").format(**values)
    return _("Round {round} of {rounds}, about {left} left.").format(**values)


def _ended(progress: Progress, ended: ev.RunEnded) -> str:
    heard = len(progress.rows)
    lost = sum(row.diverged for row in progress.rows)
    count = max(heard, ended.epochs) - lost  # rounds of sessions before this one count, too
    values: dict[str, object] = {
        "round": max(1, progress.epoch + (0 if progress.epoch > heard else 1)),
        "rounds": rounds(count),
        "best": progress.best_epoch,
        "score": percent(progress.best.val_accuracy if progress.best else None),
        "time": duration(progress.seconds),
    }
    if ended.outcome == "failed":
        reason = describe(ended.failure) if ended.failure else ""
        if count:
            return _("Training stopped: {reason} Round {saved} is saved.").format(reason=reason, saved=count)
        return _("Training stopped: {reason}").format(reason=reason)
    if ended.outcome == "discarded":
        return _("The run was discarded.")
    if ended.outcome == "paused":
        if progress.best and progress.best.val_accuracy is not None:
            return _("Paused in round {round}; round {best} is the best with {score}.").format(**values)
        return _("Paused in round {round}.").format(**values)
    if not progress.best_epoch:
        return _("Finished before the first round was complete.")
    if ended.outcome == "finished_early":
        return _("Finished early after {rounds} in {time}; round {best} was the best and is kept.").format(**values)
    return _("Finished after {rounds} in {time}; round {best} was the best and is kept.").format(**values)


def score_sentence(evaluation: ev.Evaluation) -> str:
    """The answer of a run: how many pictures were named right; only of the test part is it known that it never saw them."""
    if evaluation.split == "val":
        text = _("{correct} of {count} pictures that chose the best round were named right.")
    elif evaluation.split == "test" and not evaluation.leaked:
        text = ngettext(
            "{correct} of {count} picture it had never seen was named right.",
            "{correct} of {count} pictures it had never seen were named right.",
            evaluation.count,
        )
    else:
        text = ngettext(
            "{correct} of {count} picture was named right.",
            "{correct} of {count} pictures were named right.",
            evaluation.count,
        )
    return text.format(correct=number(evaluation.correct), count=number(evaluation.count))


def range_sentence(evaluation: ev.Evaluation) -> str:
    """The score in per cent and the range to expect on other pictures (95 % interval)."""
    low, high = evaluation.interval
    return _("That is {score}. On other pictures of this kind, expect {low} to {high}.").format(
        score=percent(evaluation.accuracy), low=percent(low, 0).removesuffix("%").strip(), high=percent(high, 0)
    )


def leak_sentence(evaluation: ev.Evaluation) -> str:
    """What it means for a score that some of its pictures took part in the training; "" where none did."""
    if not evaluation.leaked:
        return ""
    without = evaluation.unleaked_accuracy
    values = {"count": number(evaluation.leaked), "all": number(evaluation.count), "score": percent(without)}
    if without is None:
        return _("All of these pictures took part in the training too: the score tells nothing about new ones.")
    values["points"] = f"{abs(100 * (evaluation.accuracy - without)):.1f}"
    text = _("{count} of these {all} pictures took part in the training too, the same or nearly the same.")
    if values["points"] == "0.0":
        text += _(" Without that the score is {score}, too.")
    elif evaluation.accuracy > without:
        text += _(" Without that the score is {score}: it added {points} points.")
    else:
        text += _(" Without that the score is {score}: it took {points} points away.")
    return text.format(**values)


STAGES: dict[str, str] = {
    "block1": N_("Everything"),
    "block2": N_("Everything but the first block"),
    "block3": N_("The last three blocks and the classifier"),
    "block4": N_("The last two blocks and the classifier"),
    "block5": N_("Last block and classifier"),
    "fc6": N_("Classifier"),
    "fc7": N_("Last two layers"),
    "fc8": N_("Last layer"),
}


def stage_title(train_from: str, blocks: int = 5) -> str:
    """How much is trained, in plain words, of a network of so many blocks."""
    if blocks == 5 or train_from.startswith("fc") or train_from == "block1":
        return _(STAGES[train_from])
    last = blocks + 1 - int(train_from.removeprefix("block"))
    if last == 1:
        return _(STAGES["block5"])
    return ngettext("The last block and the classifier", "The last {count} blocks and the classifier", last).format(
        count=last
    )


WEIGHTS: dict[str, str] = {
    "none": N_("From scratch"),
    "official": N_("Official ImageNet weights"),
    "official-features": N_("Official ImageNet weights, convolutions only"),
}


def weights_title(weights: str) -> str:
    """Where a network starts from; a file is told by its name."""
    if weights in WEIGHTS:
        return _(WEIGHTS[weights])
    return escaped(weights.replace("\\", "/").rsplit("/", 1)[-1])


def start_title(weights: str, given: ev.WeightsReport | None) -> str:
    """The same for a run that may go on from another one: `given` is what its network was filled with."""
    if given is not None and given.source == "run":
        return _("the best network of {run}").format(run=escaped(given.name))
    return weights_title(weights)


def network_title(variant: str, width_divisor: int = 1) -> str:
    """`VGG-16-BN`, and how slim where it is."""
    if width_divisor == 1:
        return vgg.title(variant)
    return _("{network}, 1/{divisor} of the width").format(network=vgg.title(variant), divisor=width_divisor)


def device_title(fact: ev.DeviceFact) -> str:
    """`Processor, 8 cores` or the graphics card's name."""
    if fact.kind != "cpu":
        return fact.name or fact.kind.upper()
    return ngettext("Processor, {count} core", "Processor, {count} cores", fact.cores).format(count=fact.cores)


DEVICE_REASONS: dict[str, str] = {
    "": "",
    "no_gpu": N_("no graphics card found"),
    "torch_without_cuda": N_("there is a graphics card, but this PyTorch was made without CUDA"),
    "driver_too_old": N_("there is a graphics card, but its driver is too old"),
    "asked": N_("chosen by you"),
}


def device_reason(fact: ev.DeviceFact) -> str:
    """Why this device, in a few words."""
    return _(DEVICE_REASONS.get(fact.reason, ""))


def escaped(text: str) -> str:
    """A name from outside made safe to show: control, direction-changing and undecodable characters as hex escapes."""
    if text.isprintable():  # nearly every name, and thousands of them at a time
        return text
    return "".join(_visible(sign) for sign in text)


def _visible(sign: str) -> str:
    if unicodedata.category(sign) not in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp"):
        return sign
    code = ord(sign)
    if 0xDC80 <= code <= 0xDCFF:  # a byte of a file name that is no UTF-8 (PEP 383)
        return f"\\x{code - 0xDC00:02x}"
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def picture_text(ref: ev.PictureRef) -> str:
    """A picture's name to show."""
    return escaped(ref.path) if ref.path else f"#{ref.row}"
