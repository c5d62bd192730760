"""The one button of the Train page: what it says in each state, always in one width."""

from __future__ import annotations

from vgg_studio.app.page import Primary
from vgg_studio.app.train_state import State, ending_word, saved_round
from vgg_studio.core.language import _
from vgg_studio.core.progress import Progress


def button(state: State, progress: Progress, can_go_on: bool) -> Primary | None:
    """What the button says. `can_go_on`: a run that failed has a checkpoint to go on from."""
    start, pause, go_on, results = _("Start training"), _("Pause"), _("Continue"), _("See the results")
    widest = (start, pause, go_on, *(ending_word(how) for how in ("pause", "finish", "discard")))
    match state:
        case State.EMPTY:
            return None
        case State.PREPARING | State.RUNNING:
            return Primary(pause, icon="pause", widest=widest)
        case State.ENDING:
            return Primary(ending_word(progress.ending), enabled=False, widest=widest)
        case State.PAUSED:
            return Primary(go_on, icon="play", widest=widest)
        case State.FINISHED:
            return Primary(results, widest=widest)
        case State.FAILED if can_go_on:
            saved = saved_round(progress)
            words = _("Continue from round {round}").format(round=saved) if saved else go_on
            return Primary(words, icon="play", widest=widest)
    return Primary(start, enabled=state is not State.READING, widest=widest)
