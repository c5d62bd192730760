"""An engine process of a few lines: speaks the protocol on the pipes, learns nothing. `fake_engine.py BEHAVIOUR [NUMBER]`."""

from __future__ import annotations

import os
import signal
import sys
import time

from vgg_studio.core import events as ev
from vgg_studio.core.jobs import TrainJob, from_line


def say(event: ev.Event, order: str, number: int = 0) -> None:
    sys.stdout.buffer.write(ev.to_line(ev.stamped(event, order, number)))
    sys.stdout.buffer.flush()


def ended(order: str, training: bool, outcome: str = "") -> ev.Event:
    if training:
        return ev.RunEnded(outcome=outcome or "finished", run=str(os.getpid()))  # type: ignore[arg-type]
    return ev.JobEnded(outcome=outcome or "done")  # type: ignore[arg-type]


def flood(order: str, count: int) -> None:
    line = ev.to_line(ev.stamped(ev.BatchEnded(epoch=1, batch=7, batches=9, pictures=7, pictures_total=9), order, 1))
    for _ in range(count // 100):
        sys.stdout.buffer.write(line * 100)
    last = ev.BatchEnded(epoch=1, batch=9, batches=9, pictures=9, pictures_total=9)
    sys.stdout.buffer.write(ev.to_line(ev.stamped(last, order, 2)))
    sys.stdout.buffer.flush()


def main(behaviour: str, number: int = 0) -> None:
    if behaviour == "deaf":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if behaviour == "late":
        time.sleep(1.5)
    sys.stdout.buffer.write(ev.to_line(ev.EngineReady(role="predict", device=ev.DeviceFact(cores=2))))
    sys.stdout.buffer.flush()
    for line in iter(sys.stdin.buffer.readline, b""):
        request = from_line(line)
        training = isinstance(request.job, TrainJob)
        if request.stop is not None and behaviour == "obedient":
            say(ended(request.id, True, "paused"), request.id)
        if request.job is None or behaviour == "obedient":
            continue
        if behaviour == "dying":
            os.kill(os.getpid(), signal.SIGKILL)
        if behaviour == "deaf":
            time.sleep(60)
        if behaviour == "babbling":
            sys.stdout.buffer.write(b'no event\n{"type": "unheard_of"}\n\xff\xfe\n\xe2\x80\xa8\n')
            sys.stdout.buffer.write(
                b'{"type":"class_left_out","name":"a\xe2\x80\xa8b\xc2\x85c","count":1,"new":[],"job":"'
            )
            sys.stdout.buffer.flush()
            time.sleep(0.05)  # the line's other half comes later
            sys.stdout.buffer.write(request.id.encode() + b'"}\n')
        if behaviour == "flooding":
            flood(request.id, number)
        say(ended(request.id, training, "failed" if behaviour == "failing" else ""), request.id)


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
