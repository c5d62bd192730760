"""What is said of a run: how it is called, how it was trained, how it stands, when it began."""

from __future__ import annotations

import html
import re
import time
from collections.abc import Iterable

import msgspec

from vgg_studio.app import places
from vgg_studio.app.advanced_settings import summary
from vgg_studio.core import recipe_words, recipes, speed_words, vgg, wording
from vgg_studio.core.events import Evaluation
from vgg_studio.core.jobs import TrainJob
from vgg_studio.core.language import N_, _, joined, ngettext
from vgg_studio.core.run_folder import RunFolder
from vgg_studio.core.tutorials import TRAINABLE

SHORT_STAGES: dict[str, str] = {
    "block1": N_("everything"),
    "block2": N_("all but the first block"),
    "block3": N_("last three blocks"),
    "block4": N_("last two blocks"),
    "block5": N_("last block"),
    "fc6": N_("classifier"),
    "fc7": N_("last two layers"),
    "fc8": N_("last layer"),
}
ENDED_WELL = ("finished", "finished_early")


def run_title(run: RunFolder) -> str:
    """`Run 4`; a run whose folder was given a name of its own is called by that."""
    return title_of(str(run.path))


def title_of(path: str) -> str:
    """The same for a run of which only the folder's path is known."""
    folder = places.name(path)
    if hit := re.fullmatch(r".+-(\d+)", folder):
        return _("Run {number}").format(number=hit[1])
    return folder


def data_name(run: RunFolder) -> str:
    """The name of the folder of pictures that the run learned from."""
    return places.name(run.manifest.job.data) if run.manifest.job.data else ""


def on_same_data(runs: Iterable[RunFolder]) -> bool:
    """Whether all of the runs learned from the same folder, so that its name need not be said each time."""
    return len({run.manifest.job.data for run in runs}) <= 1


def network_name(run: RunFolder) -> str:
    """The run's network, and how slim it is."""
    job = run.manifest.job
    return wording.network_title(vgg.own(job.variant, job.blocks), job.width_divisor)


def score_words(run: RunFolder) -> str:
    """The score in a few words: on new pictures where some were kept back, else on those that chose the best round."""
    scored = run.manifest.evaluation
    if scored is not None and scored.split == "test":
        return _("{score} on new pictures").format(score=wording.percent(scored.accuracy))
    if run.manifest.best_accuracy is not None:
        return _("{score} when checked").format(score=wording.percent(run.manifest.best_accuracy))
    return _("no score")


def what(run: RunFolder) -> str:
    """Network and how much of it learned, in a few words."""
    job = run.manifest.job
    network = vgg.title(vgg.own(job.variant, job.blocks))
    if job.width_divisor > 1:
        network = _("{network} slim").format(network=network)
    if job.head == "light":
        network = _("{network} light").format(network=network)
    if job.weights == "none" and not job.parent:
        return _("{network}, from scratch").format(network=network)
    return _("{network}, {stage}").format(network=network, stage=_short_stage(job))


def _short_stage(job: TrainJob) -> str:
    stage, blocks = recipes.train_from(job), len(job.shape(2).blocks)
    if blocks == 5 or stage.startswith("fc") or stage == "block1":
        return _(SHORT_STAGES[stage])
    last = blocks + 1 - int(stage.removeprefix("block"))
    return ngettext("last block", "last {count} blocks", last).format(count=last)


def when(run: RunFolder) -> str:
    """The day a run began, with the time where that was today."""
    created = run.manifest.created
    day = places.day(created)
    if time.strftime("%x", time.localtime(created)) != time.strftime("%x"):
        return day
    return _("{day}, {time}").format(day=day, time=time.strftime("%H:%M", time.localtime(created)))


def standing(run: RunFolder, training: bool) -> tuple[str, str]:
    """At the right of a run's name: an icon ("" for none) and the score, or how far it came."""
    manifest = run.manifest
    done, rounds = len(manifest.epochs), manifest.job.epochs
    if training:
        return "play", _("training")
    if manifest.outcome == "failed":
        return "bad", _("failed")
    if manifest.outcome == "paused":
        return "pause", _("paused, {done} of {rounds}").format(done=done, rounds=rounds)
    if manifest.outcome in ENDED_WELL:
        score = manifest.evaluation.accuracy if manifest.evaluation else manifest.best_accuracy
        return "", wording.percent(score)
    return "pause", _("interrupted, {done} of {rounds}").format(done=done, rounds=rounds)


def sentence(run: RunFolder, training: bool) -> str:
    """How a run ended, or how it stands, in one whole sentence."""
    manifest = run.manifest
    values: dict[str, object] = {
        "run": run_title(run),
        "done": len(manifest.epochs),
        "rounds": wording.rounds(len(manifest.epochs)),
        "all": manifest.job.epochs,
        "time": wording.duration(manifest.elapsed),
        "best": manifest.best_epoch,
    }
    if training:
        return _("{run} is being trained now.").format(**values)
    if manifest.outcome == "failed":
        return _("{run} failed after {rounds}.").format(**values)
    if manifest.outcome not in ENDED_WELL:
        text = _("{run} is paused after {done} of {all} rounds.")
        if manifest.outcome != "paused":
            text = _("{run} was interrupted after {done} of {all} rounds.")
        return text.format(**values)
    if not manifest.best_epoch:
        return _("{run} ended before its first round was complete.").format(**values)
    if manifest.outcome == "finished_early":
        return _("{run} ended early after {rounds} in {time}; round {best} was the best and is kept.").format(**values)
    return _("{run} finished after {rounds} in {time}; round {best} was the best and is kept.").format(**values)


def settings(run: RunFolder) -> str:
    """Everything that was chosen for a run, in one line."""
    job = run.manifest.job
    start = title_of(job.parent) if job.parent else wording.weights_title(job.weights)
    recipe = _("recipe “{title}”").format(title=recipe_words.title(job.recipe)) if job.recipe in TRAINABLE else ""
    parts = [recipe, network_name(run), _("light head") if job.head == "light" else "", start]
    if job.weights != "none" or job.parent:
        parts.append(_("{stage} learned").format(stage=stage_title(job)))
    parts += [
        wording.rounds(job.epochs),
        summary(msgspec.structs.replace(job, batch_size=run.manifest.batch_size or job.batch_size)),
        _("pictures of {side} px").format(side=job.image_size),
        _("seed {seed}").format(seed=job.seed),
        wording.device_title(run.manifest.device),
    ]
    return _("; ").join(part for part in parts if part)


def headline(evaluation: Evaluation) -> str:
    """The score's sentence as rich text: the numbers at 32 px, the rest at 20. Holds our own words and numbers only."""
    words = wording.score_sentence(evaluation)
    right, total = (re.escape(wording.number(number)) for number in (evaluation.correct, evaluation.count))
    # "183 of 200"; where a language says the numbers far apart or the other way round, the score alone.
    found = re.search(rf"(?<!\d){right}\D{{1,8}}{total}(?!\d)", words) or re.search(rf"(?<!\d){right}(?!\d)", words)
    if not found:
        return html.escape(words)
    before, large, after = words[: found.start()], found[0], words[found.end() :]
    return f"{html.escape(before)}<span style='font-size:32px'>{html.escape(large)}</span>{html.escape(after)}"


def beside(run: RunFolder, quick_look: float | None) -> str:
    """What stands beside a score: what a quick look had reached, and the forecast beside the time that it took."""
    manifest = run.manifest
    found = []
    if quick_look is not None and manifest.evaluation is not None:
        better = 100 * (manifest.evaluation.accuracy - quick_look)
        values = {"score": wording.percent(quick_look), "points": f"{abs(better):.1f}"}
        if better >= 0:
            found.append(_("A quick look reached {score}: this run is {points} points better.").format(**values))
        else:
            found.append(_("A quick look reached {score}: this run is {points} points worse.").format(**values))
    whole = manifest.outcome == "finished" and not manifest.extended_at
    if manifest.forecast is not None and whole and manifest.elapsed > 0:
        found.append(speed_words.took_words(manifest.forecast, manifest.elapsed))
    return joined(*found)


def what_learns_next(run: RunFolder) -> str:
    """What "Make it better" would train, as a tooltip; nothing where nothing more can be made to learn."""
    job = next_job(run)
    if job is None:
        return ""
    return _("Continues from the best of {run}. What learns: {stage}.").format(
        run=run_title(run), stage=stage_title(job)
    )


def stage_title(job: TrainJob) -> str:
    """How much of a job's network learns, in plain words."""
    return wording.stage_title(recipes.train_from(job), len(job.shape(2).blocks))


def next_job(run: RunFolder) -> TrainJob | None:
    """The settings that make a finished run better; None where there are none."""
    manifest = run.manifest
    if manifest.outcome not in ENDED_WELL or manifest.best is None:
        return None
    return recipes.next_stage(manifest.job, str(run.path), manifest.parts.get("train", 0))


def best_so_far(run: RunFolder) -> str:
    """What stands in the headline's place while a run has no score, as rich text."""
    manifest = run.manifest
    if manifest.best_accuracy is None:
        return html.escape(_("It has no score yet."))
    words = _("{score} named right when checked after round {best}.")
    return html.escape(words.format(score=wording.percent(manifest.best_accuracy), best=manifest.best_epoch))
