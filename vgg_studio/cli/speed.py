"""Events on how fast and by which way as lines of text for a terminal."""

from __future__ import annotations

import importlib.util

from vgg_studio.cli import columns
from vgg_studio.core import events as ev, speed_words, vgg, wording
from vgg_studio.core.language import _
from vgg_studio.core.progress import Progress

Spoken = ev.FeaturesReady | ev.BatchShrunk | ev.QuickLook | ev.MachineTuned | ev.ForecastMade


def plan(event: ev.RunStarted) -> list[str]:
    """By which way a training is going to be computed, and what it will take."""
    lines = [speed_words.way_sentence(event.way, event.threads)] if event.way else []
    if event.processes > 1:
        together = _("{count} processes train together: each batch of {batch} pictures is shared out among them.")
        lines.append(together.format(count=event.processes, batch=wording.number(event.batch_size)))
    if event.forecast:
        lines.append(_("Forecast: {forecast}.").format(forecast=speed_words.forecast_words(event.forecast)))
    return lines


def lines(event: Spoken, progress: Progress) -> list[str]:
    """What the event tells a person."""
    match event:
        case ev.FeaturesReady():
            return _features(event, progress)
        case ev.BatchShrunk():
            return [speed_words.shrunk_sentence(event)]
        case ev.QuickLook():
            return [speed_words.quick_look_sentence(event)]
        case ev.MachineTuned():
            return _tuned(event)
        case ev.ForecastMade():
            return _forecast(event)


def _features(event: ev.FeaturesReady, progress: Progress) -> list[str]:
    """Told before the first round, later only where something was new."""
    if progress.rows and not event.computed:
        return []
    told = [speed_words.features_sentence(event)]
    if not event.kept and not progress.rows:
        told.append(speed_words.not_kept_sentence())
    return [sentence for sentence in told if sentence]


def _tuned(event: ev.MachineTuned) -> list[str]:
    profile = event.profile
    told = [
        _("Measured just now:") if event.measured else _("Measured before:"),
        *speed_words.profile_sentences(profile),
    ]
    head = [_("Way"), _("Speed"), _("Difference from fp32")]
    rows = [
        [speed_words.way_words(one.way), speed_words.rate_words(one, profile.variant), f"{one.error:.0e}"]
        for one in profile.extract
    ]
    if rows:
        told += columns.aligned([head, *rows])
    if lacks_ncnn(profile):
        told.append(
            _(
                "bf16 is of no use on this processor; ncnn would be about one and a half times as fast. To install it: {command}"
            ).format(command=speed_words.FAST_CPU)
        )
    return told


def lacks_ncnn(profile: ev.MachineProfile) -> bool:
    """Whether this processor would compute faster with ncnn, which is not installed: it is no faster in bf16."""
    bf16 = bool(profile.extract) and profile.extract[0].way.precision == "bf16"  # the fastest
    return profile.machine.startswith("cpu") and not bf16 and importlib.util.find_spec("ncnn") is None


def _forecast(event: ev.ForecastMade) -> list[str]:
    what = _("{network}, {stage}; {classes}, {pictures} to learn from:").format(
        network=vgg.title(event.variant),
        stage=wording.stage_title(event.train_from, len(vgg.undivided(event.variant))),
        classes=wording.classes(event.classes),
        pictures=wording.pictures(event.parts.get("train", 0)),
    )
    told = [what, speed_words.forecast_words(event.forecast) + "."]
    if event.rows:
        told += ["", *columns.aligned(speed_words.table_cells(event.rows), left=2)]
    return told
