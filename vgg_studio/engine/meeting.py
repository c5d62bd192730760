"""What processes that train together agree on at each batch, before they learn from it: one short message of each."""

from __future__ import annotations

from vgg_studio.core.jobs import Stop
from vgg_studio.engine.batches import Batch
from vgg_studio.engine.data import Refusal
from vgg_studio.engine.ending import Ticker
from vgg_studio.engine.several import AgreedStop, here, strength


class Meeting:
    """Wishes to stop are everybody's; whether it is time to report or to save is rank 0's to say. Alone: its own."""

    def __init__(self) -> None:
        self._ticker = Ticker()
        self._report = False
        self._save = False

    def hold(self, stop: Stop, batch: Batch, save: bool) -> tuple[int, list[Refusal]]:
        """How many pictures the batch has in all processes, and what of it could not be read."""
        group = here()
        if group.alone or not isinstance(stop, AgreedStop):
            return len(batch), batch.refused
        said = group.exchange([strength(stop.own), self._ticker.due(), save, len(batch), len(batch.refused)])
        wish, pictures, refused = int(said[:, 0].max()), int(said[:, 3].sum()), int(said[:, 4].sum())
        stop.agree(wish)
        self._report, self._save = bool(said[0, 1]), bool(said[0, 2])
        return pictures, [one for some in group.gather(batch.refused) for one in some] if refused else []

    def report_due(self) -> bool:
        """Whether it is time to tell how far the round is; says so once."""
        if here().alone:
            return self._ticker.due()
        due, self._report = self._report, False
        return due

    def save_due(self, own: bool) -> bool:
        """Whether it is time for a checkpoint: `own` tells whether this process thinks so."""
        return own if here().alone else self._save
