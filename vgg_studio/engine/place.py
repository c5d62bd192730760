"""Which of several processes this one is. `torchrun` tells by environment variables; so do we where we start helpers."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

RANK, WORLD, LOCAL_RANK, LOCAL_WORLD = "RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE"
RESTARTS = "TORCHELASTIC_RESTART_COUNT"
TORCHRUN = "TORCHELASTIC_RUN_ID"  # set in processes that torchrun has started


@dataclass(frozen=True)
class Place:
    """Number `rank` of `world` processes that train together, number `local_rank` of `local_world` on this machine.

    Rank 0 leads: it alone writes the run's folder and speaks.
    """

    rank: int = 0
    world: int = 1
    local_rank: int = 0
    local_world: int = 1

    @property
    def leads(self) -> bool:
        """Whether this process writes and speaks."""
        return self.rank == 0


def place(environment: Mapping[str, str] = os.environ) -> Place:
    """Where this process stands; alone where nothing, or nothing sensible, is said about it."""
    try:
        rank, world = int(environment[RANK]), int(environment[WORLD])
        local_rank = int(environment.get(LOCAL_RANK, rank))
        local_world = int(environment.get(LOCAL_WORLD, world))
    except (KeyError, ValueError):
        return Place()
    sensible = 0 <= rank < world and 0 <= local_rank < local_world <= world
    return Place(rank, world, local_rank, local_world) if sensible and world > 1 else Place()


def is_torchruns(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether torchrun has started this process."""
    return TORCHRUN in environment


def is_restarted(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether torchrun has started this process again after one of its group ended.

    Where only the number of machines has changed torchrun does not count that as a restart.
    """
    count = environment.get(RESTARTS, "")
    return count.isdigit() and int(count) > 0
