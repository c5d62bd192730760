"""Sentences on how fast, how large and by which way: forecasts, ways of computing, the frozen part's features."""

from __future__ import annotations

from collections.abc import Sequence

from vgg_studio.core import events as ev, vgg
from vgg_studio.core.language import N_, _, ngettext
from vgg_studio.core.wording import duration, number, percent, pictures, stage_title

FAST_CPU = "uv pip install 'vgg-studio[fast-cpu]'"  # brings ncnn


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
        return duration(high)
    return words.format(low=least, high=most)


def _halves(hours: float) -> str:
    return f"{round(2 * hours) / 2:g}"


def bytes_words(count: int) -> str:
    """`340 MB`, `1.2 GB`."""
    if count < 1e9:
        return _("{count} MB").format(count=max(1, round(count / 1e6)))
    return _("{count} GB").format(count=f"{count / 1e9:.1f}")


def forecast_words(fact: ev.ForecastFact) -> str:
    """`About 12 to 15 minutes · 1.2 GB memory · 340 MB disk`."""
    return _("About {time} · {memory} memory · {disk} disk").format(
        time=span_words(fact.seconds_low, fact.seconds_high),
        memory=bytes_words(fact.memory_bytes),
        disk=bytes_words(fact.disk_bytes),
    )


def took_words(fact: ev.ForecastFact, seconds: float) -> str:
    """The forecast beside the truth: `Forecast 38 to 45 minutes, took 41 minutes.` and nothing else."""
    return _("Forecast {span}, took {time}.").format(
        span=span_words(fact.seconds_low, fact.seconds_high), time=duration(seconds)
    )


def graded(ended: ev.RunEnded) -> str:
    """The same for a training that has ended; nothing where it was stopped on its way."""
    whole = ended.forecast is not None and ended.outcome in ("finished", "finished_early") and ended.seconds > 0
    return took_words(ended.forecast, ended.seconds) if whole and ended.forecast else ""


WAYS: dict[tuple[str, str], str] = {
    ("torch", "direct"): N_("PyTorch {precision}"),
    ("torch", "winograd"): N_("Winograd {precision} (PyTorch)"),
    ("ncnn", "direct"): N_("Winograd {precision} (ncnn)"),
}


def way_words(way: ev.Way, threads: int = 0) -> str:
    """How the frozen part is computed: `Winograd fp32 (ncnn), 2 networks on 1 thread each`.

    `threads` are those of the whole engine; 0 where they are not known.
    """
    how = _(WAYS.get((way.backend, way.convolution), WAYS["torch", "direct"])).format(precision=way.precision)
    if way.workers == 1 and way.backend == "torch":
        at_once = ngettext("{count} picture at a time", "{count} pictures at a time", way.batch).format(count=way.batch)
        return _("{way}, {pictures}").format(way=how, pictures=at_once)
    networks = ngettext("{count} network", "{count} networks", way.workers).format(count=way.workers)
    if not threads:
        return _("{way}, {networks} side by side").format(way=how, networks=networks) if way.workers > 1 else how
    each = max(1, threads // way.workers)
    on = ngettext("{count} thread", "{count} threads", each).format(count=each)
    if way.workers > 1:
        return _("{way}, {networks} on {threads} each").format(way=how, networks=networks, threads=on)
    return _("{way}, {networks} on {threads}").format(way=how, networks=networks, threads=on)


def way_sentence(way: ev.Way, threads: int = 0) -> str:
    """Which way was chosen for what does not learn."""
    return _("The frozen part is computed by {way}.").format(way=way_words(way, threads))


def features_sentence(event: ev.FeaturesReady) -> str:
    """How many of a round's pictures were known, and how long the others took; nothing where all were known."""
    total = event.found + event.computed
    if not event.computed:
        return _("All {pictures} were known already.").format(pictures=pictures(total)) if total else ""
    values = {"computed": number(event.computed), "time": duration(event.seconds), "total": pictures(total)}
    if event.found:
        text = _("{found} of {total} were known already; {computed} were computed in {time}.")
        return text.format(found=number(event.found), **values)
    return _("Features of {total} computed in {time}.").format(**values)


def not_kept_sentence() -> str:
    """What it means that features do not lie on the disk."""
    return _("Features are not kept on the disk: another run computes them again.")


def shrunk_sentence(event: ev.BatchShrunk) -> str:
    """What became of the batch where memory ran out."""
    return _(
        "Memory was short: {part} pictures at a time instead of {batch}; a step still learns from all of them."
    ).format(part=number(event.part), batch=number(event.batch_size))


def quick_look_sentence(event: ev.QuickLook) -> str:
    """The figure that a long run has to beat, with its spread over the folds."""
    return _("A linear layer on the frozen network reaches {score} (± {spread}): the run has to beat that.").format(
        score=percent(event.accuracy), spread=percent(event.spread).removesuffix("%").strip()
    )


def rate_words(candidate: ev.Candidate, variant: str, image_size: int = 224) -> str:
    """Pictures a second through all convolutions of a network, from multiply-accumulates a second."""
    trunk = sum(layer.macs for layer in vgg.layers(vgg.Shape(variant), image_size) if layer.kind == "conv")
    return _("{rate} pictures a second").format(rate=f"{candidate.macs_per_second / trunk:.1f}")


def profile_sentences(profile: ev.MachineProfile, threads: int = 0) -> list[str]:
    """What was measured on this machine: the fastest way, what learning computes in."""
    lines = []
    if profile.extract:
        lines.append(
            _("Fastest for {network} here: {way}, {rate}.").format(
                network=vgg.title(profile.variant),
                way=way_words(profile.extract[0].way, threads),
                rate=rate_words(profile.extract[0], profile.variant),
            )
        )
    lines.append(_("What learns is computed in {precision}.").format(precision=profile.train_precision))
    return lines


def table_cells(rows: Sequence[ev.ForecastRow]) -> list[list[str]]:
    """The forecasts of many networks and stages as a table, with its head."""
    head = [_("Network"), _("What learns"), _("Time"), _("Memory"), _("Disk")]
    cells = [
        [
            vgg.title(row.variant),
            stage_title(row.train_from),
            span_words(row.forecast.seconds_low, row.forecast.seconds_high),
            bytes_words(row.forecast.memory_bytes),
            bytes_words(row.forecast.disk_bytes),
        ]
        for row in rows
    ]
    return [head, *cells]
