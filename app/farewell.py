"""Ctrl+C in the terminal, and the system's wish that the program end, close the window as the user would."""

from __future__ import annotations

import signal
import socket

from PySide6.QtCore import QObject, QSocketNotifier, Signal

_FAREWELLS = (signal.SIGINT, signal.SIGTERM)


class Farewell(QObject):
    """Hears the signals that ask a program to end.

    Python looks at signals only when Python code runs, which an idle window never does; a socket wakes it.

    Signals:
        asked
    """

    asked = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._mouth, self._ear = socket.socketpair()
        self._mouth.setblocking(False)
        self._ear.setblocking(False)
        self._notifier = QSocketNotifier(self._ear.fileno(), QSocketNotifier.Type.Read, self)
        self._notifier.activated.connect(self._on_signal)
        signal.set_wakeup_fd(self._mouth.fileno(), warn_on_full_buffer=False)
        self._before = {number: signal.signal(number, lambda *_: None) for number in _FAREWELLS}

    def close(self) -> None:
        """Listen no longer."""
        signal.set_wakeup_fd(-1)
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._notifier.setEnabled(False)
        self._mouth.close()
        self._ear.close()

    def _on_signal(self) -> None:
        if set(self._ear.recv(64)) & {int(number) for number in _FAREWELLS}:
            self.asked.emit()
