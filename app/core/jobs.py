"""What background work looks like: a function of `report` and `cancel`."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeAlias

from app.core.errors import Cancelled

Report: TypeAlias = Callable[[Any], None]


class CancelToken:
    """A flag one thread raises and another looks at between steps."""

    def __init__(self) -> None:
        # re-entrant: in a terminal Ctrl+C cancels from a signal handler, in the very thread that may hold it
        self._lock = threading.RLock()
        self._cancelled = False
        self._bells: list[Callable[[], None]] = []

    @property
    def is_cancelled(self) -> bool:
        """Whether the work was asked to stop."""
        return self._cancelled

    def cancel(self) -> None:
        """Ask the work to stop, and ring every bell. Later calls do nothing."""
        with self._lock:
            if self._cancelled:
                return
            self._cancelled = True
            bells, self._bells = self._bells, []
        for bell in bells:
            bell()

    def on_cancel(self, bell: Callable[[], None]) -> None:
        """Have `bell` called once, in the thread that cancels; at once if that has already happened.

        For work that sits in a native call and cannot look at the flag. A bell must be quick and never raise.
        """
        with self._lock:
            if not self._cancelled:
                self._bells.append(bell)
                return
        bell()

    def forget(self, bell: Callable[[], None]) -> None:
        """Take a bell away again; one that is not there is no error."""
        with self._lock:
            if bell in self._bells:
                self._bells.remove(bell)

    def check(self) -> None:
        """Raise `Cancelled` if the work was asked to stop."""
        if self._cancelled:
            raise Cancelled


Job: TypeAlias = Callable[[Report, CancelToken], Any]
