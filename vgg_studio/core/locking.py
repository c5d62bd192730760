"""Keeping two processes out of each other's files. The system lets go of a lock when its process ends, however it ends."""

from __future__ import annotations

import os

if os.name == "nt":
    import msvcrt

    def try_lock(handle: int) -> bool:
        """Whether the open file `handle` is now ours alone; never waits."""
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
        except OSError:
            return False
        return True
else:
    import fcntl

    def try_lock(handle: int) -> bool:
        """Whether the open file `handle` is now ours alone; never waits."""
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True
