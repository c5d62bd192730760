"""What the Train page says about a training before it is started, and about its small surprises afterwards. No widgets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vgg_studio.app.outlook import Outlook
from vgg_studio.app.train_state import State
from vgg_studio.core import wording
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
    baseline = baseline_words(studio.outlook, job)
    if state is State.FINISHED:
        return View(graded_words(progress) or takes_words(studio, job), baseline, two=two)
    fact = progress.forecast
    takes = forecast_words(fact) if fact else takes_words(studio, job)
    return View(takes, joined(notices(progress), baseline), two=two)


def _before(studio: Studio, job: TrainJob) -> View:
    takes, looking = takes_words(studio, job), studio.outlook.looking
    if looking.order:
        phase = wording.phase_words(looking.phase or "loading_network", looking.done, looking.total)
        return View(takes, phase, "stop")
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
        return forecast_words(fact)
    if outlook.measuring(job):
        return _("Measuring this machine…")
    return _("No forecast: this machine could not be measured.")


def forecast_words(fact: ForecastFact) -> str:
    """`About 12 to 15 minutes · 1.2 GB memory · 340 MB disk`."""
    return _("About {time} · {memory} memory · {disk} disk").format(
        time=span_words(fact.seconds_low, fact.seconds_high),
        memory=bytes_words(fact.memory_bytes),
        disk=bytes_words(fact.disk_bytes),
    )


def span_words(low: float, high: float) -> str:
    """A range of time in one unit: `40 to 55 seconds`, `12 to 15 minutes`, `2 to 3.5 hours`."""
    if high < 120:
        least, most = max(1, round(low)), max(1, round(high))
        words = _("{low} to {high} seconds")
    elif high < 7200:
        least, most = max(1, round(low / 60)), round(high / 60)
        words = _("{low} to {high} minutes")
    else:
        return _("{low} to {high} hours").format(low=_halves(low / 3600), high=_halves(high / 3600))
    if least >= most:
        return wording.duration(high)
    return words.format(low=least, high=most)


def _halves(hours: float) -> str:
    return f"{round(2 * hours) / 2:g}"


def bytes_words(count: int) -> str:
    """`340 MB`, `1.2 GB`."""
    if count < 1e9:
        return _("{count} MB").format(count=max(1, round(count / 1e6)))
    return _("{count} GB").format(count=f"{count / 1e9:.1f}")


def took_words(fact: ForecastFact, seconds: float) -> str:
    """The forecast beside the truth, as in `Forecast 38 to 45 minutes, took 41 minutes`."""
    return _("Forecast {span}, took {time}.").format(
        span=span_words(fact.seconds_low, fact.seconds_high), time=wording.duration(seconds)
    )


def graded_words(progress: Progress) -> str:
    """The same for a training that has just ended; nothing where it was stopped on its way."""
    ended = progress.ended
    return took_words(ended.forecast, ended.seconds) if ended and ended.forecast else ""


def baseline_words(outlook: Outlook, job: TrainJob) -> str:
    """What a quick look has found; nothing where there was none."""
    found = outlook.looked(job)
    return look_words(found.accuracy, found.spread) if found else ""


def look_words(accuracy: float, spread: float | None = None) -> str:
    """The figure that a long run has to beat, with its spread where that is known."""
    if spread is None:
        return _("Quick look: {score} named right.").format(score=wording.percent(accuracy))
    return _("Quick look: {score} named right, give or take {spread}.").format(
        score=wording.percent(accuracy), spread=wording.percent(spread)
    )


def notices(progress: Progress) -> str:
    """What has happened on the way that nobody had to do anything about."""
    features, shrunk = progress.features, progress.shrunk
    known = less = ""
    if features is not None and features.found:
        known = _("{found} of {total} were known already.").format(
            found=wording.number(features.found), total=wording.pictures(features.found + features.computed)
        )
    if shrunk is not None:
        less = _("Memory was short: {part} pictures at a time instead of {batch}, with the same result.").format(
            part=wording.number(shrunk.part), batch=wording.number(shrunk.batch_size)
        )
    return joined(known, less)
