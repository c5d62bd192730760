"""The order to draw a run's curves and its grid."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from tests.engine.lessons import draw_folder, events_of, only, tiny
from vgg_studio.core import events as ev
from vgg_studio.core.jobs import SavePlotsJob, Stop
from vgg_studio.core.preprocessing import Preprocessing
from vgg_studio.core.run_folder import RunFolder
from vgg_studio.engine.plots import save_plots
from vgg_studio.pictures.guard import Bytes, Guard


def test_that_where_a_run_keeps_no_more_of_its_mistakes_the_network_is_asked_for_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events_of(tiny(draw_folder(tmp_path / "pictures"), tmp_path / "run", epochs=1))
    run = RunFolder.open(tmp_path / "run")
    scored = run.manifest.evaluation
    assert scored is not None
    assert scored.wrong  # else nothing is shown
    known = list(save_plots(SavePlotsJob(run=str(run.path), folder=str(tmp_path / "known")), Stop()))
    assert [Path(file).name for file in only(known, ev.Exported)[0].files] == ["loss.png", "acc.png", "grid.png"]
    assert not only(known, ev.PhaseProgress)

    cut = msgspec.structs.replace(scored, wrong=scored.wrong[:-1])
    run.save(msgspec.structs.replace(run.manifest, evaluation=cut))
    for path in (tmp_path / "pictures").rglob("*.png"):
        path.touch()  # others by now, for all that is known
    opened: list[bytes | str] = []
    both = Guard.both

    def counted(guard: Guard, path: bytes | str, prep: Preprocessing) -> tuple[ev.Seen, Bytes]:
        opened.append(path)
        return both(guard, path, prep)

    monkeypatch.setattr(Guard, "both", counted)
    asked = list(save_plots(SavePlotsJob(run=str(run.path), folder=str(tmp_path / "asked")), Stop()))
    assert asked[-1] == msgspec.structs.replace(only(asked, ev.JobEnded)[0], outcome="done")
    assert len(opened) == scored.count  # by other processes
    assert (tmp_path / "asked" / "grid.png").read_bytes() == (tmp_path / "known" / "grid.png").read_bytes()


def test_that_a_folder_that_cannot_be_made_and_a_run_that_is_not_there_are_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    events_of(tiny(draw_folder(tmp_path / "pictures"), tmp_path / "run", epochs=1))
    for run, folder, code in (("run", "file/plots", "NotWritable"), ("nowhere", "plots", "RunMissing")):
        *_, last = save_plots(SavePlotsJob(run=str(tmp_path / run), folder=str(tmp_path / folder)), Stop())
        assert isinstance(last, ev.JobEnded)
        assert last.failure is not None
        assert last.failure.code == code
