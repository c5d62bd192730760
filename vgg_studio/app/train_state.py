"""In which of its states the Train page is, and the words that go with it: header sentence, button, tiles. No widgets."""

from __future__ import annotations

import time
from enum import Enum
from typing import TYPE_CHECKING

from vgg_studio.app.page import Primary
from vgg_studio.app.run_words import stage_title, title_of
from vgg_studio.core import vgg, wording
from vgg_studio.core.errors import sentence_and_remedy
from vgg_studio.core.events import DeviceFact, Failure
from vgg_studio.core.jobs import TrainJob
from vgg_studio.core.language import _, ngettext
from vgg_studio.core.progress import Progress
from vgg_studio.core.run_folder import RunFolder

if TYPE_CHECKING:
    from vgg_studio.app.state import Studio


KEEP_SECONDS = 5.0  # the time left is not shown anew more often


class State(Enum):
    """What the page shows. `value` is what tests and the style sheet call it."""

    EMPTY = "empty"  # no folder
    READING = "reading"  # the folder is being read
    IDLE = "idle"
    PREPARING = "preparing"  # before the first batch
    RUNNING = "running"
    ENDING = "ending"
    PAUSED = "paused"
    FINISHED = "finished"
    FAILED = "failed"

    @property
    def training(self) -> bool:
        """Whether an engine is at work."""
        return self in (State.PREPARING, State.RUNNING, State.ENDING)

    @property
    def locked(self) -> bool:
        """Whether the settings are those of a run that goes on or can go on."""
        return self.training or self is State.PAUSED


def state_of(studio: Studio, put_aside: bool = False) -> State:
    """The page's state. `put_aside`: the person has turned away from the last run, towards a new one."""
    progress = studio.progress
    if studio.training:
        if progress.ending:
            return State.ENDING
        return State.RUNNING if _counting(progress) else State.PREPARING
    if studio.unfinished_run:
        return State.PAUSED
    if progress.ended and not put_aside and (progress.ended.run or progress.outcome == "failed"):
        ended = {
            "paused": State.PAUSED,
            "failed": State.FAILED,
            "finished": State.FINISHED,
            "finished_early": State.FINISHED,
        }
        if progress.outcome in ended:
            return ended[progress.outcome]
    return _without_run(studio)


def _counting(progress: Progress) -> bool:
    return progress.batches_seen and progress.phase in (None, "extracting", "training", "validating")


def _without_run(studio: Studio) -> State:
    if studio.scan.running:
        return State.READING
    return State.IDLE if studio.folder and studio.scan.usable else State.EMPTY


def ready_sentence(job: TrainJob, folder: str, device: DeviceFact | None) -> str:
    """What Start will do."""
    values = {"network": vgg.title(vgg.own(job.variant, job.blocks)), "folder": folder, "run": title_of(job.parent)}
    values["stage"] = stage_title(job)
    if job.parent:
        return _("Ready to continue from {run}. What learns: {stage}.").format(**values)
    if device is None:
        return _("Ready to train {network} on {folder}.").format(**values)
    if "cpu" in (device.kind, job.device):
        return _("Ready to train {network} on {folder}, on the processor.").format(**values)
    if job.device == "all":
        return _("Ready to train {network} on {folder}, on all graphics cards.").format(**values)
    return _("Ready to train {network} on {folder}, on the graphics card.").format(**values)


def reading_sentence(done: int, total: int) -> str:
    """How far the folder's pictures are read."""
    if not total:
        return wording.phase_words("listing")
    words = ngettext("Reading {done} of {total} picture…", "Reading {done} of {total} pictures…", total)
    return words.format(done=wording.number(done), total=wording.number(total))


def ending_sentence(progress: Progress) -> str:
    """What is happening between the click and the end of a run."""
    if progress.ending == "finish" and progress.best_epoch:
        return _("Keeping round {best}…").format(best=progress.best_epoch)
    return wording.status(progress)


def ending_word(how: str) -> str:
    """What the button says meanwhile."""
    return {"pause": _("Pausing…"), "finish": _("Finishing…"), "discard": _("Deleting…")}.get(how, _("Pausing…"))


def saved_round(progress: Progress) -> int:
    """The round from which a run that failed can go on: 0 when nothing was saved."""
    saved = progress.checkpoint
    if saved is None:
        return len(progress.rows)
    return saved.epoch if not saved.batch else max(saved.epoch - 1, len(progress.rows))


def failed_sentence(progress: Progress) -> str:
    """What stopped the training, and what of it is saved."""
    failure = progress.ended.failure if progress.ended and progress.ended.failure else Failure(code="Unexpected")
    saved, at = saved_round(progress), progress.epoch
    values = {"round": at, "reason": _within_sentence(wording.escaped(sentence_and_remedy(failure)[0])), "saved": saved}
    if not at:
        return _("Training could not start: {reason}").format(**values)
    if not saved:
        return _("Training stopped in round {round}: {reason}").format(**values)
    return _("Training stopped in round {round}: {reason} Round {saved} is saved.").format(**values)


def left_sentence(run: RunFolder, progress: Progress) -> str:
    """What the last start of the program left behind."""
    if run.manifest.outcome == "paused" and progress.ended:
        return wording.status(progress)
    when = time.strftime("%H:%M", time.localtime(run.manifest.created))
    return _("A run from {time} was interrupted; {rounds} of it are saved.").format(
        time=when, rounds=wording.rounds(len(run.manifest.epochs))
    )


def _within_sentence(sentence: str) -> str:
    """A sentence that follows a colon starts small, unless it starts with a name."""
    starts_small = sentence.startswith(("The ", "There ", "This ", "Too ", "No ", "Nothing ", "Another ", "Something "))
    return sentence[0].lower() + sentence[1:] if starts_small else sentence


class Steady:
    """Holds the running sentence still: it changes with the round and the best one, for the time left every 5 s at most."""

    def __init__(self) -> None:
        self._key: tuple[object, ...] = ()
        self._until = 0.0
        self.sentence = ""
        self.seconds_left: float | None = None

    def follow(self, progress: Progress, language: str) -> None:
        """Look at the training again."""
        key = (
            progress.run,
            progress.epoch,
            progress.best_epoch,
            progress.phase,
            progress.ending,
            progress.outcome,
            language,
        )
        now = time.monotonic()
        if key != self._key or now >= self._until or self.seconds_left is None:
            self._key, self._until = key, now + KEEP_SECONDS
            self.sentence, self.seconds_left = wording.status(progress), progress.seconds_left()


def button(state: State, progress: Progress, can_go_on: bool) -> Primary | None:
    """What the button says. `can_go_on`: a run that failed has a checkpoint to go on from."""
    start, pause, go_on, results = _("Start training"), _("Pause"), _("Continue"), _("See the results")
    widest = (start, pause, go_on, *(ending_word(how) for how in ("pause", "finish", "discard")))
    match state:
        case State.EMPTY:
            return None
        case State.PREPARING | State.RUNNING:
            return Primary(pause, icon="pause", widest=widest)
        case State.ENDING:
            return Primary(ending_word(progress.ending), enabled=False, widest=widest)
        case State.PAUSED:
            return Primary(go_on, icon="play", widest=widest)
        case State.FINISHED:
            return Primary(results, widest=widest)
        case State.FAILED if can_go_on:
            saved = saved_round(progress)
            words = _("Continue from round {round}").format(round=saved) if saved else go_on
            return Primary(words, icon="play", widest=widest)
    return Primary(start, enabled=state is not State.READING, widest=widest)
