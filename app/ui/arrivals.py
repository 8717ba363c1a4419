"""Text that streams in, gathered so that it is drawn no more often than the eye gains by it."""

from __future__ import annotations

import time

from PySide6.QtCore import QObject, QTimer, Signal

_FASTEST = 33  # ms: faster than this the eye gains nothing and Qt pays


class Arrivals(QObject):
    """Gathers pieces of text by message.

    Signals:
        due: a dict of message id and the text that came since the last time; to be drawn now
    """

    due = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._pieces: dict[int, list[str]] = {}
        self._interval = _FASTEST
        self._timer = QTimer(self, singleShot=True)
        self._timer.timeout.connect(self._tell)

    def add(self, message: int, text: str) -> None:
        """Take a piece of a message's text."""
        self._pieces.setdefault(message, []).append(text)
        if not self._timer.isActive():
            self._timer.start(self._interval)

    def forget(self, message: int) -> None:
        """Let go of what came for a message: it is shown whole by other means."""
        self._pieces.pop(message, None)

    def clear(self) -> None:
        """Let go of everything."""
        self._pieces.clear()
        self._timer.stop()

    def _tell(self) -> None:
        started = time.perf_counter()
        pieces, self._pieces = self._pieces, {}
        self.due.emit({message: "".join(texts) for message, texts in pieces.items()})
        # a fifth of the time for drawing at most, whatever it takes
        self._interval = max(_FASTEST, round(4000 * (time.perf_counter() - started)))
