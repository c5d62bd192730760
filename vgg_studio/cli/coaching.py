"""The coach in a terminal: each remark once a run, in the round in which there is reason for it."""

from __future__ import annotations

from pathlib import Path

from vgg_studio.core import coach, coach_words
from vgg_studio.core.errors import StudioError
from vgg_studio.core.jobs import TrainJob
from vgg_studio.core.progress import Progress
from vgg_studio.core.run_folder import RunFolder


class Coaching:
    """Knows what it has said. `job` are the settings that were asked for; a resumed run brings its own."""

    def __init__(self, job: TrainJob) -> None:
        self._job, self._is_settled = job, not job.resume
        self._said: set[str] = set()

    def lines(self, progress: Progress) -> list[str]:
        """What there is to say now and was not said before."""
        new = [remark for remark in coach.remarks(progress, self._settled(progress)) if remark.code not in self._said]
        self._said.update(remark.code for remark in new)
        return [coach_words.line(remark, self._job) for remark in new]

    def _settled(self, progress: Progress) -> TrainJob:
        if not self._is_settled and progress.run:
            self._is_settled = True
            try:
                self._job = RunFolder.open(Path(progress.run)).manifest.job
            except StudioError:
                return self._job
        return self._job
