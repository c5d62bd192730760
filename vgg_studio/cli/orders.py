"""Which part of the engine does which order. Imported inside, so that help and usage errors never wait for torch."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from vgg_studio.core import events as ev, jobs

Engine = Callable[[jobs.AnyJob, jobs.Stop], Iterator[ev.Event]]


def carry_out(job: jobs.AnyJob, stop: jobs.Stop) -> Iterator[ev.Event]:
    """Do an order in this process; its events, as they happen. Raises StudioError."""
    match job:
        case jobs.DrawSamplesJob():
            from vgg_studio.pictures.demo import draw_samples

            return draw_samples(job, stop)
        case jobs.TrainJob():
            _prepare()
            from vgg_studio.engine.train import train

            return train(job, stop)
        case jobs.QuickLookJob():
            _prepare()
            from vgg_studio.engine.quick_look import quick_look

            return quick_look(job, stop)
        case jobs.TuneJob():
            _prepare()
            from vgg_studio.engine.tuning import tune

            return tune(job, stop)
        case jobs.EvaluateJob():
            _prepare()
            from vgg_studio.engine.evaluate import evaluate

            return evaluate(job, stop)
        case jobs.PredictJob():
            _prepare()
            from vgg_studio.engine.predict import predict

            return predict(job, stop)
        case jobs.ExportJob():
            from vgg_studio.engine.export import export

            return export(job, stop)
        case _:
            raise TypeError(job)


def _prepare() -> None:
    from vgg_studio.engine.device import prepare_process

    prepare_process()
