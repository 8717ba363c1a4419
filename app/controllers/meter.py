"""How much of the model's window the open chat takes, counted while the user types.

Counting is the engine's work, so it waits its turn behind a reply; until then the
last true count plus a guess for what is new is shown, and marked as a guess.
"""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from app.controllers.lane import Lane, Ticket
from app.core.errors import MessageTooLong
from app.core.generation import Measure, Role, Turn, Usage
from app.engine.backend import Backend
from app.engine.jobs import measure_job

PAUSE = 150  # milliseconds of rest after a change before it is counted
LONG = 200_000  # characters from which on the pause is a second: counting them takes noticeable time


class Meter(QObject):
    """Counts the turns of the open chat and its draft.

    Signals:
        counted: Usage
        view_begins: id of the first message the model sees, or None when it sees all
    """

    counted = Signal(object)
    view_begins = Signal(object)

    def __init__(
        self,
        lane: Lane,
        backend: Backend,
        turns: Callable[[], tuple[Turn, ...]],
        is_busy: Callable[[], bool],
        parent: QObject | None = None,
    ) -> None:
        """`turns` gives what would be sent now, with the draft; `is_busy`: a reply is being written."""
        super().__init__(parent)
        self._lane = lane
        self._backend = backend
        self._turns = turns
        self._is_busy = is_busy
        self._ticket: Ticket | None = None
        self._counted_turns: tuple[Turn, ...] = ()
        self._exact: tuple[int, int] = (0, 0)  # characters counted, their tokens
        self._timer = QTimer(self, singleShot=True)
        self._timer.timeout.connect(self._count)
        lane.finished.connect(self._on_finished)
        lane.failed.connect(self._on_failed)
        lane.cancelled.connect(self._on_cancelled)

    @Slot()
    def turns_changed(self) -> None:
        """Show a guess now and count soon."""
        turns = self._turns()
        self.counted.emit(self._guess(turns))
        size = sum(len(turn.text) for turn in turns)
        self._timer.start(PAUSE if size < LONG else 1000)

    def _guess(self, turns: tuple[Turn, ...]) -> Usage:
        characters = sum(len(turn.text) for turn in turns)
        known, tokens = self._exact
        new = sum(_guessed_tokens(turn.text) for turn in turns)
        if characters >= known > 0:
            new = tokens + (characters - known) // 4
        model = self._backend.model
        return Usage(new, model.n_ctx if model is not None else 0, is_exact=False)

    def _count(self) -> None:
        if self._backend.model is None or self._is_busy() or self._ticket is not None:
            return  # counted when the reply or the running count is over, or a model is there
        self._counted_turns = self._turns()
        self._ticket = self._lane.submit(measure_job(self._backend, self._counted_turns))

    @Slot(object, object)
    def _on_finished(self, ticket: Ticket, result: object) -> None:
        if not self._is_own(ticket) or not isinstance(result, Measure):
            return
        turns = self._counted_turns
        self._exact = (sum(len(turn.text) for turn in turns), result.tokens)
        self._show(turns, Usage(result.tokens, result.n_ctx, is_exact=True), result.first_visible)

    def _show(self, turns: tuple[Turn, ...], usage: Usage, first: int) -> None:
        if turns != self._turns():
            self.turns_changed()
            return
        self.counted.emit(usage)
        everything = 1 if turns and turns[0].role is Role.SYSTEM else 0
        cut = first > everything and first < len(turns)
        self.view_begins.emit(turns[first].message or None if cut else None)

    @Slot(object, object)
    def _on_failed(self, ticket: Ticket, error: Exception) -> None:
        if self._is_own(ticket) and isinstance(error, MessageTooLong):
            self.counted.emit(Usage(error.tokens, error.window, is_exact=True, is_too_long=True))

    @Slot(object)
    def _on_cancelled(self, ticket: Ticket) -> None:
        self._is_own(ticket)

    def _is_own(self, ticket: Ticket) -> bool:
        """Whether the running count ended with this ticket; then another one may begin."""
        if ticket is not self._ticket:
            return False
        self._ticket = None
        return True


def _guessed_tokens(text: str) -> int:
    """About four letters to a token in Latin script, about one token to a Chinese character."""
    wide = sum(1 for character in text[:20_000] if character >= "\u2e80")
    share = wide / min(len(text), 20_000) if text else 0.0
    return int(len(text) * (share + (1 - share) / 4))
