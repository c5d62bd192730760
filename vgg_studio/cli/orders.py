"""Which part of the engine does which order. Imported inside, so that help and usage errors never wait for torch."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator

from vgg_studio.core import events as ev, jobs

Engine = Callable[[jobs.AnyJob, jobs.Stop], Iterator[ev.Event]]

_PICTURES, _ENGINE = "vgg_studio.pictures", "vgg_studio.engine"
# Module and function; those of the engine compute, export only writes.
_DONE_BY: dict[type[jobs.AnyJob], tuple[str, str]] = {
    jobs.DrawSamplesJob: (f"{_PICTURES}.demo", "draw_samples"),
    jobs.ScanJob: (f"{_PICTURES}.scan", "scan"),
    jobs.PreviewJob: (f"{_PICTURES}.preview", "preview"),
    jobs.FetchDataJob: (f"{_PICTURES}.fetching", "fetch_data"),
    jobs.WriteSplitJob: (f"{_PICTURES}.split_folders", "write_split"),
    jobs.TrainJob: (f"{_ENGINE}.train", "train"),
    jobs.QuickLookJob: (f"{_ENGINE}.quick_look", "quick_look"),
    jobs.TuneJob: (f"{_ENGINE}.tuning", "tune"),
    jobs.EvaluateJob: (f"{_ENGINE}.evaluate", "evaluate"),
    jobs.PredictJob: (f"{_ENGINE}.predict", "predict"),
    jobs.InspectJob: (f"{_ENGINE}.inspect", "inspect"),
    jobs.ExportJob: (f"{_ENGINE}.export", "export"),
    jobs.SaveCodeJob: (f"{_ENGINE}.code_script", "save_code"),
    jobs.SavePlotsJob: (f"{_ENGINE}.plots", "save_plots"),
}


def carry_out(job: jobs.AnyJob, stop: jobs.Stop) -> Iterator[ev.Event]:
    """Do an order in this process; its events, as they happen. Raises StudioError."""
    module, function = _DONE_BY[type(job)]
    if module.startswith(_ENGINE) and not isinstance(job, jobs.ExportJob | jobs.InspectJob):
        from vgg_studio.engine.device import prepare_process

        prepare_process()
    events: Iterator[ev.Event] = getattr(importlib.import_module(module), function)(job, stop)
    return events
