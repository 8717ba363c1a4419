"""The bridge between Qt and background work. No other module starts a thread."""

from __future__ import annotations

import itertools
import logging
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from PySide6.QtCore import QObject, Signal

from app.core.errors import AppError, Cancelled
from app.core.jobs import CancelToken, Job

log = logging.getLogger(__name__)
_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True, eq=False)
class Ticket:
    """One piece of work handed to a lane."""

    number: int = field(default_factory=lambda: next(_numbers))
    token: CancelToken = field(default_factory=CancelToken)

    def cancel(self) -> None:
        """Ask the work to stop; the lane still says how it ended."""
        self.token.cancel()


class _Entry(NamedTuple):
    """Sorted by its first two; no two have the same number, so the rest is never compared."""

    turn: int
    number: int
    ticket: Ticket
    job: Job | None  # None: the lane closes


_URGENT, _USUAL, _LAST = range(3)


class Lane(QObject):
    """One background thread that runs jobs one at a time, in the order given.

    Every ticket ends with exactly one of `finished`, `failed` or `cancelled`.
    The lane itself lives in the main thread and is never moved, so whatever is
    connected to its signals runs in the main thread too.

    Signals:
        reported: ticket, whatever the job reported
        finished: ticket, what the job returned
        failed: ticket, the exception
        cancelled: ticket
    """

    reported = Signal(object, object)
    finished = Signal(object, object)
    failed = Signal(object, object)
    cancelled = Signal(object)

    def __init__(
        self, name: str, at_end: Callable[[], None] | None = None, parent: QObject | None = None
    ) -> None:
        """Start the thread. `at_end` is run in it when the lane closes, whatever became of the jobs."""
        super().__init__(parent)
        self._at_end = at_end
        self._waiting: queue.PriorityQueue[_Entry] = queue.PriorityQueue()
        self._current: Ticket | None = None
        self._lock = threading.Lock()
        self._closing = False
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    def submit(self, job: Job, *, is_urgent: bool = False) -> Ticket:
        """Queue a job, before all that is not urgent if it is, and return its ticket."""
        ticket = Ticket()
        self._waiting.put(_Entry(_URGENT if is_urgent else _USUAL, ticket.number, ticket, job))
        return ticket

    def close(self, timeout: float = 10.0) -> bool:
        """Cancel what runs, drop what waits, and wait up to `timeout` seconds for the thread to end.

        Returns whether it ended. What the jobs still said arrives with the next posted events.
        """
        with self._lock:
            self._closing = True
            if self._current is not None:
                self._current.cancel()
        last = Ticket()
        self._waiting.put(_Entry(_LAST, last.number, last, None))
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _work(self) -> None:
        try:
            self._run_all()
        finally:
            if self._at_end is not None:
                self._at_end()

    def _run_all(self) -> None:
        while (entry := self._waiting.get()).job is not None:
            with self._lock:
                if self._closing:
                    entry.ticket.cancel()
                self._current = entry.ticket
            self._run(entry.ticket, entry.job)
            with self._lock:
                self._current = None

    def _run(self, ticket: Ticket, job: Job) -> None:
        result: Any
        try:
            ticket.token.check()
            result = job(lambda report: self.reported.emit(ticket, report), ticket.token)
        except Cancelled:
            self.cancelled.emit(ticket)
        except AppError as error:
            log.info("job %d: %s", ticket.number, type(error).__name__)
            self.failed.emit(ticket, error)
        except Exception as error:  # an edge: whatever a job throws is a bug, told and logged whole
            log.exception("job %d failed", ticket.number)
            self.failed.emit(ticket, error)
        else:
            self.finished.emit(ticket, result)
