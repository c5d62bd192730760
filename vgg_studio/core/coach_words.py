"""The coach's remarks in words: for the card in the window, and as lines for a terminal."""

from __future__ import annotations

import msgspec

from vgg_studio.core import coach_remedies as remedies
from vgg_studio.core.coach import Remark
from vgg_studio.core.jobs import TrainJob
from vgg_studio.core.language import N_, _, ngettext
from vgg_studio.core.wording import number, percent

_TOO_HIGH = {
    "not_finite": N_("Round {round}: the loss is no number."),
    "jumps": N_("In round {round} the loss jumped."),
    "lost_again": N_("In round {round} it lost what it had learned."),
}
LONGEST_NAME = 32  # signs of a class's name in a headline


def headline(remark: Remark) -> str:
    """What is the matter, in a few words."""
    match remark.code:
        case "guessing":
            rounds = int(remark.values["rounds"])
            return ngettext(
                "No better than guessing after {count} round", "No better than guessing after {count} rounds", rounds
            ).format(count=number(rounds))
        case "memorising":
            return _("It learns the pictures by heart")
        case "stopped_improving":
            return _("It has stopped improving")
        case "few_pictures":
            return _("{name} has too few pictures").format(name=_short(str(remark.values["name"])))
        case _:
            return _("The learning rate is too high")


def reason(remark: Remark) -> str:
    """What shows it, with its numbers."""
    values = remark.values
    match remark.code:
        case "guessing":
            return _("{reached} right; guessing gives {share}.").format(
                reached=percent(float(values["reached"])), share=percent(float(values["share"]))
            )
        case "memorising":
            return _("Training {trained}, validation {checked}.").format(
                trained=percent(float(values["trained"])), checked=percent(float(values["checked"]))
            )
        case "stopped_improving":
            rounds = int(values["rounds"])
            return ngettext(
                "Round {best} has been the best for {count} round.",
                "Round {best} has been the best for {count} rounds.",
                rounds,
            ).format(best=values["best"], count=number(rounds))
        case "few_pictures":
            return _("{count} to learn from; {found} found, others {others}.").format(
                count=number(int(values["count"])),
                found=percent(float(values["found"])),
                others=percent(float(values["others"])),
            )
        case _:
            return _(_TOO_HIGH[str(values["how"])]).format(round=remark.epoch)


ACTIONS: dict[str, str] = {
    "lower_rate": N_("Try a tenth of the rate"),
    "usual_rate": N_("Try the usual rate"),
    "batch_norm": N_("Try batch normalisation"),
    "weights": N_("Start from official weights"),
    "vary": N_("Vary the pictures more"),
    "soften": N_("Smooth the labels"),
    "finish": N_("Finish now"),
    "better": N_("Make it better"),
    "show_class": N_("Show this class"),
}


def action(remark: Remark) -> str:
    """What the button that mends it says."""
    return _(ACTIONS[remark.remedy])


def meaning(remark: Remark, job: TrainJob, running: bool) -> str:
    """What the button does, for its tooltip."""
    changed = remedies.remedied(job, remark.remedy)
    if changed is not None:
        what = _("Sets up a new run with {options}.").format(options=options(job, changed))
        return _("Ends this run and keeps its best round.") + " " + what if running else what
    if remark.remedy == "finish":
        return _("Ends this run and keeps its best round.")
    if remark.remedy == "show_class":
        return _("Goes to the Data page: more pictures of this class help most.")
    return _("Trains one more stage from the best round on.")


def line(remark: Remark, job: TrainJob) -> str:
    """The remark as one line for a terminal, with what to type."""
    return _("Coach: {headline}. {reason} {advice}").format(
        headline=headline(remark), reason=reason(remark), advice=advice(remark, job)
    )


def advice(remark: Remark, job: TrainJob) -> str:
    """What to do about it at a command line."""
    changed = remedies.remedied(job, remark.remedy)
    if changed is not None:
        return _("Start again with {options}.").format(options=options(job, changed))
    match remark.remedy:
        case "finish":
            return _("Its best round is kept; {option} ends such a run by itself.").format(option="--patience 5")
        case "show_class":
            return _("More pictures of this class help most.")
        case _:
            return _("{command} trains one more stage.").format(command="vgg-studio improve")


_OPTIONS = {
    "variant": "--variant",
    "weights": "--weights",
    "variation": "--variation",
    "label_smoothing": "--label-smoothing",
    "dropout": "--dropout",
}


def options(job: TrainJob, changed: TrainJob) -> str:
    """What is different in the changed settings, as options of the command line; the rate wherever it is another one."""
    before, after = msgspec.structs.asdict(job), msgspec.structs.asdict(changed)
    found = [f"{option} {after[name]}" for name, option in _OPTIONS.items() if before[name] != after[name]]
    if remedies.rate(changed) != remedies.rate(job):
        found.append(f"--lr {remedies.rate(changed):g}")
    return " ".join(found)


def _short(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1] + "…"
