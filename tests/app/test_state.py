from __future__ import annotations

from tests.fakes import FakeEngines
from vgg_studio.app.state import Studio
from vgg_studio.core import events as ev
from vgg_studio.core.jobs import ScanJob


def test_that_opening_another_folder_cancels_the_first_scan(studio: Studio, engines: FakeEngines) -> None:
    studio.open_folder("/first")
    _, first = engines.last(ScanJob)
    studio.open_folder("/second")
    assert engines.stops == [(first, "cancel")]
    engines.send(first, ev.JobEnded(outcome="stopped"))
    assert studio.scan.running
    assert studio.scan.folder == "/second"
