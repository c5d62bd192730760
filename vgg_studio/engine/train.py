"""Train a network on a folder of pictures: from the order to the one last event."""

from __future__ import annotations

import contextlib
import math

import msgspec

from vgg_studio.core.errors import Diverged
from vgg_studio.core.events import Calibrated, Part, PhaseStarted
from vgg_studio.core.jobs import Stop, StopHow, TrainJob
from vgg_studio.core.split import leaked
from vgg_studio.engine import checkpoint, prepare, resume
from vgg_studio.engine.course import Course
from vgg_studio.engine.ending import Asked, Diary, Ending, Steps, one_ending, wants
from vgg_studio.engine.joining import together
from vgg_studio.engine.scoring import Answers, answer, evaluation


@one_ending
@together
def train(job: TrainJob, stop: Stop, diary: Diary) -> Steps[Ending]:
    """Train as the job says; every event is in the run's log before it comes out, the last is the one `run_ended`.

    `stop` may be asked for `pause` (a checkpoint after this batch), `finish` (keep the best, score it), `discard` (delete
    the run). Asked to finish before its first round is over, a training ends that round there: then there is something to
    keep.
    """
    # Pictures, split, network, weights, device, run folder: new, or as the run left them.
    course = yield from (resume.again if job.resume else prepare.afresh)(job, stop, diary)
    row, whole = None, True

    while course.goes_on() and not wants(stop, "finish"):
        # Have the frozen part's features for this round, then learn from every picture of the training part once.
        course.start_round()
        yield from course.fill(stop, "val", with_round=True)
        yield PhaseStarted(phase="training", total=course.pictures)
        with contextlib.closing(course.batches()) as batches:
            for batch in batches:
                yield from course.learn(batch, stop)
                if course.report_due():
                    told = course.batch_ended()
                    yield told
                    if told.loss is None:
                        break
                if (how := stop.how) == "finish":
                    break
                if how is not None or course.checkpoint_due():
                    yield from _interrupted(course, how)
        if wants(stop, "finish") and course.manifest.best and course.batch < len(course.numbers):
            break  # part of a round is no candidate for the best one

        # Check with the validation part, keep what is best, write it all down.
        figures, seconds = course.learner.figures(), course.learning_seconds()
        if course.report_due():
            yield course.batch_ended()
        answers = yield from _checked(course, stop)
        row, whole = course.row(figures, seconds, answers), course.batch >= len(course.numbers)
        yield from course.close_round(row, answers)
        if row.diverged:
            break

    # Score the best network, once, on pictures that chose nothing.
    failure = Diverged(epoch=row.epoch, rate=course.gentler_rate()) if row is not None and row.diverged else None
    if course.manifest.best is None:
        if failure is not None:
            raise failure
        return "finished_early", None
    yield from _finished(course, stop)
    early = not whole or course.epoch <= course.job.epochs or failure is not None
    return ("finished_early" if early else "finished"), (failure.fact() if failure else None)


def _interrupted(course: Course, how: StopHow | None) -> Steps[None]:
    """Between two batches: a checkpoint because it is time, or because the training pauses here; or the end of it all."""
    if how != "discard":
        yield course.save()
    if how is not None:
        raise Asked(how)


def _checked(course: Course, stop: Stop) -> Steps[Answers | None]:
    """The answers for the validation part; a pause here keeps the learned round."""
    if not course.readable("val") or not math.isfinite(course.learner.figures().loss):
        return None
    try:
        with course.learner.answering():
            answers = yield from answer(course.answerer, course.inputs, course.readable("val"), stop, "validating")
    except Asked as asked:
        yield from _interrupted(course, asked.how)
        raise
    yield from course.leave_out(answers.refused)
    return answers


def _finished(course: Course, stop: Stop) -> Steps[None]:
    """Calibrate and score the best network, write it as one file."""
    run, manifest = course.run, course.manifest
    yield Calibrated(temperature=manifest.temperature, threshold=manifest.threshold)
    if manifest.evaluation is None:
        course.take_best()
        part: Part = "test" if course.split.test else "val"
        yield from course.fill(stop, part)
        answers = yield from answer(course.answerer, course.inputs, course.readable(part), stop, "testing")
        yield from course.leave_out(answers.refused)
        yield PhaseStarted(phase="saving")
        manifest = checkpoint.write_best(run, course.learner.network)
        if answers.items:
            known = leaked(course.split, part)
            score = evaluation(answers, manifest.classes, part, manifest.temperature, leaked=known)
            manifest = msgspec.structs.replace(manifest, evaluation=score)
        run.save(manifest)
    if manifest.evaluation is not None:
        yield msgspec.structs.replace(manifest.evaluation, run=str(run.path))
