from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import msgspec
import pytest

from vgg_studio.core import events as ev, run_folder as rf
from vgg_studio.core.errors import NotWritable, RunDamaged, RunExists, RunInUse, RunMissing, RunTooNew
from vgg_studio.core.jobs import TrainJob


def make_run(path: Path, created: float = 1.0, epochs: int = 0) -> rf.RunFolder:
    rows = [ev.EpochRow(epoch=number, val_accuracy=number / 10) for number in range(1, epochs + 1)]
    return rf.RunFolder.create(
        path, rf.Manifest(job=TrainJob(data="d"), created=created, epochs=rows, best_epoch=epochs)
    )


def test_that_a_run_opens_as_it_was_saved_and_after_a_move(tmp_path: Path) -> None:
    run = make_run(tmp_path / "first", epochs=2)
    shutil.move(run.path, tmp_path / "第二")
    opened = rf.RunFolder.open(tmp_path / "第二")
    assert opened.manifest == run.manifest
    assert opened.manifest.best_accuracy == 0.2


def test_that_a_second_run_never_takes_the_place_of_a_first(tmp_path: Path) -> None:
    make_run(tmp_path / "run")
    with pytest.raises(RunExists):
        make_run(tmp_path / "run")


def test_that_a_folder_without_a_run_is_told_from_a_damaged_one(tmp_path: Path) -> None:
    with pytest.raises(RunMissing):
        rf.RunFolder.open(tmp_path)
    (tmp_path / rf.MANIFEST).write_bytes(b'{"format": 1, "job": 5}')
    with pytest.raises(RunDamaged):
        rf.RunFolder.open(tmp_path)


def test_that_a_run_of_a_newer_version_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / rf.MANIFEST).write_bytes(b'{"format": 99, "something": "else"}')
    with pytest.raises(RunTooNew, match="99"):
        rf.RunFolder.open(tmp_path)


def test_that_no_damage_of_the_manifest_is_more_than_a_sentence(tmp_path: Path) -> None:
    path = make_run(tmp_path / "run", epochs=1).path / rf.MANIFEST
    whole = path.read_bytes()
    for at in range(len(whole)):
        for damaged in (whole[:at], whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :]):
            path.write_bytes(damaged)
            with contextlib.suppress(RunDamaged, RunTooNew):
                rf.RunFolder.open(path.parent)


def test_that_a_manifest_with_an_impossible_order_is_damaged(tmp_path: Path) -> None:
    path = make_run(tmp_path / "run").path / rf.MANIFEST
    path.write_bytes(path.read_bytes().replace(b'"vgg16_bn"', b'"vgg99"'))
    with pytest.raises(RunDamaged):
        rf.RunFolder.open(path.parent)


def test_that_the_log_keeps_at_most_one_batch_a_second(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    for tenth in range(35):
        run.append(ev.BatchEnded(epoch=1, batch=tenth, batches=99, pictures=1, pictures_total=9, time=100 + tenth / 10))
    run.append(ev.CheckpointSaved(epoch=1))
    kept = list(run.events())
    assert [event.time for event in kept[:-1]] == [100.0, 101.0, 102.0, 103.0]
    assert isinstance(kept[-1], ev.CheckpointSaved)


def test_that_a_torn_last_line_is_cut_and_lost_rounds_come_back(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", epochs=3)
    run.append(rf.epoch_event(run.manifest.epochs[0], 1))
    with (run.path / rf.EVENTS).open("ab") as stream:
        stream.write(b'{"type":"epoch_en')
    run.repair()
    assert [event.epoch for event in run.events() if isinstance(event, ev.EpochEnded)] == [1, 2, 3]
    assert (run.path / rf.EVENTS).read_bytes().endswith(b"\n")


def test_that_a_tail_of_zeros_is_cut(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    run.append(ev.CheckpointSaved(epoch=1))
    with (run.path / rf.EVENTS).open("ab") as stream:
        stream.write(b"\0" * 100)
    run.repair()
    run.append(ev.CheckpointSaved(epoch=2))
    assert len(list(run.events())) == 2


def test_that_only_one_writer_holds_a_run_and_a_dead_one_holds_nothing(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    code = (
        "import sys, time; from pathlib import Path; from vgg_studio.core.run_folder import RunFolder\n"
        "with RunFolder.open(Path(sys.argv[1])).lock():\n    print('held', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(run.path)], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline().strip() == b"held"
        assert run.in_use()
        with pytest.raises(RunInUse), run.lock():
            pass
        holder.kill()
    assert not run.in_use()


def test_that_no_name_in_a_manifest_leads_out_of_the_run(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    for name in ("../x", "/etc/passwd", "a/b", "", ".hidden", "a\\b"):
        with pytest.raises(RunDamaged):
            run.file(name)
    assert run.file("epoch-0001.safetensors").parent == run.path


def test_that_runs_are_listed_newest_first_and_others_passed_over(tmp_path: Path) -> None:
    for number in (1, 3, 2):
        make_run(tmp_path / f"run-{number}", created=number)
    (tmp_path / "no run").mkdir()
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / rf.MANIFEST).write_bytes(b"{")
    assert [run.path.name for run in rf.list_runs(tmp_path)] == ["run-3", "run-2", "run-1"]
    assert rf.list_runs(tmp_path / "none") == []


def test_that_new_runs_are_numbered_after_their_data(tmp_path: Path) -> None:
    assert rf.new_run_path(tmp_path, "/data/my flowers/").name == "my-flowers-1"
    make_run(tmp_path / "my-flowers-9")
    assert rf.new_run_path(tmp_path, "my flowers").name == "my-flowers-10"
    assert rf.new_run_path(tmp_path, "花").name == "花-1"


def test_that_a_discarded_run_is_gone(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    run.discard()
    assert not run.path.exists()


def test_that_the_manifest_tells_its_format(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    assert msgspec.json.decode((run.path / rf.MANIFEST).read_bytes())["format"] == rf.FORMAT


def test_that_discarding_a_run_leaves_what_else_lies_in_its_folder(tmp_path: Path) -> None:
    (tmp_path / "daisy").mkdir()
    (tmp_path / "daisy" / "1.jpg").write_bytes(b"mine")
    (tmp_path / "notes.txt").write_bytes(b"mine too")
    run = make_run(tmp_path)
    run.append(ev.CheckpointSaved(epoch=1))
    run.file("epoch-0001-000003.state.safetensors").write_bytes(b"ours")
    run.discard()
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")) == [
        "daisy",
        "daisy/1.jpg",
        "notes.txt",
    ]


@pytest.mark.skipif(os.name == "nt", reason="needs links and pipes")
@pytest.mark.parametrize("name", [rf.EVENTS, rf.LOCK, rf.SPLIT])
def test_that_no_link_in_a_strangers_run_is_written_through(tmp_path: Path, name: str) -> None:
    run = make_run(tmp_path / "run", epochs=1)
    mine = tmp_path / "profile"
    mine.write_bytes(b"mine\n")
    (run.path / name).symlink_to(mine)
    with pytest.raises(RunDamaged, match=name):
        run.file(name)
    with contextlib.suppress(RunDamaged):
        run.append(ev.CheckpointSaved(epoch=1))
    with contextlib.suppress(RunDamaged), run.lock():
        pass
    with contextlib.suppress(RunDamaged):
        run.repair()
    assert mine.read_bytes() == b"mine\n"
    assert [event for event in run.events() if name == rf.EVENTS] == []


@pytest.mark.skipif(os.name == "nt", reason="needs pipes")
def test_that_a_pipe_in_place_of_a_manifest_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / rf.MANIFEST)
    with pytest.raises(RunDamaged):
        rf.RunFolder.open(tmp_path)


def test_that_a_manifest_or_log_of_endless_brackets_is_only_damaged(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    deep = b"[" * 100_000
    run.append(ev.CheckpointSaved(epoch=1))
    with (run.path / rf.EVENTS).open("ab") as stream:
        stream.write(b'{"type":"checkpoint_saved","x":' + deep + b"\n")
    assert len(list(run.events())) == 1
    (run.path / rf.MANIFEST).write_bytes(b'{"format": 1, "x": ' + deep)
    with pytest.raises(RunDamaged):
        rf.RunFolder.open(run.path)


@pytest.mark.skipif(os.name == "nt", reason="needs file size limits")
def test_that_half_a_line_on_a_full_disk_is_taken_back(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    code = (
        "import resource, signal, sys; from pathlib import Path\n"
        "from vgg_studio.core import events as ev; from vgg_studio.core.errors import StorageError\n"
        "from vgg_studio.core.run_folder import RunFolder\n"
        "run = RunFolder.open(Path(sys.argv[1])); run.append(ev.CheckpointSaved(epoch=1))\n"
        "size = (run.path / 'events.jsonl').stat().st_size\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (size + 10, resource.RLIM_INFINITY))\n"
        "try:\n    run.append(ev.CheckpointSaved(epoch=2))\nexcept StorageError:\n    print('told')\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(run.path)], capture_output=True, text=True, check=True)
    assert done.stdout == "told\n"
    run.append(ev.CheckpointSaved(epoch=3))
    assert [event.epoch for event in run.events() if isinstance(event, ev.CheckpointSaved)] == [1, 3]


def test_that_a_run_that_cannot_be_locked_says_so(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    shutil.rmtree(run.path)
    with pytest.raises(NotWritable), run.lock():
        pass
    assert not run.in_use()


def test_that_a_round_that_was_taken_back_and_learned_again_is_told_again(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", epochs=3)
    for row in run.manifest.epochs:
        run.append(rf.epoch_event(row, 1))
    run.append(ev.RunResumed(run="r", epoch=3, batch=2, epochs=3))
    run.repair()
    assert [event.epoch for event in run.events() if isinstance(event, ev.EpochEnded)] == [1, 2, 3, 3]


def test_that_a_glance_at_the_lock_keeps_no_training_from_starting(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    glance = run.lock(patience=0.0)
    glance.__enter__()
    end = threading.Timer(0.05, glance.__exit__, (None, None, None))
    end.start()
    with rf.RunFolder.open(run.path).lock(patience=30.0):
        assert run.in_use()
    end.join()
