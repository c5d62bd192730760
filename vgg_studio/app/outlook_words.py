"""What the Train page says about a training before it is started, and about its small surprises afterwards. No widgets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vgg_studio.app.outlook import Outlook
from vgg_studio.app.run_words import title_of
from vgg_studio.app.train_state import State
from vgg_studio.core import speed_words, wording
from vgg_studio.core.errors import sentence_and_remedy
from vgg_studio.core.events import ForecastFact
from vgg_studio.core.jobs import TrainJob
from vgg_studio.core.language import _, joined
from vgg_studio.core.progress import Progress

if TYPE_CHECKING:
    from vgg_studio.app.state import Studio


WAITING = "…"


@dataclass(frozen=True)
class View:
    """Two lines and a button: what it will take, what it has to beat or what has happened. "" for nothing."""

    takes: str = ""
    says: str = ""
    offers: str = ""  # "", look, stop
    two: bool = True  # the second line keeps its place, so that nothing jumps when it is empty
    failed: bool = False  # the second line tells why the quick look did not end


def view(state: State, studio: Studio, job: TrainJob, progress: Progress) -> View:
    """What to show in a state of the page."""
    two = job.weights != "none" or bool(job.parent)  # else there is nothing to look at quickly
    if state is State.READING:
        return View(WAITING, two=two)
    if state is State.IDLE:
        return _before(studio, job) if two else View(takes_words(studio, job), two=False)
    if state in (State.EMPTY, State.FAILED):
        return View()
    baseline = parent_words(studio, job) if job.parent else baseline_words(studio.outlook, job)
    if state is State.FINISHED:
        graded = speed_words.graded(progress.ended) if progress.ended else ""
        return View(graded or takes_words(studio, job), baseline, two=two)
    fact = progress.forecast or studio.outlook.forecast(job, studio.scan)
    takes = said_words(fact) if fact else _("No forecast: this machine was not measured.")
    if fact is None and progress.started is None:
        takes = WAITING
    return View(takes, notices(progress) or baseline, two=two)


def _before(studio: Studio, job: TrainJob) -> View:
    takes, looking = takes_words(studio, job), studio.outlook.looking
    if looking.order:
        phase = wording.phase_words(looking.phase or "loading_network", looking.done, looking.total)
        return View(takes, phase, "stop")
    if job.parent:
        return View(takes, parent_words(studio, job))
    if found := baseline_words(studio.outlook, job):
        return View(takes, found)
    if looking.failure is not None:
        return View(takes, wording.escaped(joined(*sentence_and_remedy(looking.failure))), "look", failed=True)
    return View(takes, _("A quick look tells what a long run has to beat."), "look")


def takes_words(studio: Studio, job: TrainJob) -> str:
    """Time, memory and disk; nothing is guessed while the machine is not measured."""
    outlook = studio.outlook
    fact = outlook.forecast(job, studio.scan)
    if fact is not None:
        return speed_words.forecast_words(fact)
    if outlook.measuring(job):
        return wording.phase_words("measuring")
    return _("No forecast: this machine could not be measured.")


def said_words(fact: ForecastFact) -> str:
    """A forecast once the training runs, beside which the time that is left is told."""
    return _("Forecast: {time} · {memory} memory · {disk} disk").format(
        time=speed_words.span_words(fact.seconds_low, fact.seconds_high),
        memory=speed_words.bytes_words(fact.memory_bytes),
        disk=speed_words.bytes_words(fact.disk_bytes),
    )


def parent_words(studio: Studio, job: TrainJob) -> str:
    """What the run from which this one goes on has reached on the pictures that choose the best round."""
    run = studio.run_at(job.parent)
    if run is None or run.manifest.best_accuracy is None:
        return ""
    return _("{run} reached {score} when checked: the run has to beat that.").format(
        run=title_of(job.parent), score=wording.percent(run.manifest.best_accuracy)
    )


def baseline_words(outlook: Outlook, job: TrainJob) -> str:
    """What a quick look has found; nothing where there was none."""
    found = outlook.looked(job)
    return speed_words.quick_look_sentence(found) if found else ""


def notices(progress: Progress) -> str:
    """What has happened on the way that nobody had to do anything about."""
    features, shrunk = progress.features, progress.shrunk
    known = speed_words.features_sentence(features) if features else ""
    unkept = speed_words.not_kept_sentence() if features and not features.kept else ""
    return joined(known, unkept, speed_words.shrunk_sentence(shrunk) if shrunk else "")
