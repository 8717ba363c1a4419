"""A second start of the program on the same data raises the first one's window.

The first program takes the data folder's lock and listens on a local socket (a
named pipe on Windows) that other users of the machine cannot open; nothing is
reachable from a network. A second one finds the lock taken, knocks, and ends.
"""

from __future__ import annotations

import hashlib
import time
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtNetwork import QLocalServer, QLocalSocket

KNOCK = b"raise\n"
WAIT = 2000  # milliseconds a knock may take
PATIENCE = 5.0  # seconds


def _name(data: Path) -> str:
    return "fireside-" + hashlib.sha256(str(data.resolve()).encode()).hexdigest()[:16]


class Doorbell(QObject):
    """What the first program listens with.

    Signals:
        rung: another start was tried
    """

    rung = Signal()

    def __init__(self, data: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._server = QLocalServer(self)
        self._server.setSocketOptions(QLocalServer.SocketOption.UserAccessOption)
        QLocalServer.removeServer(_name(data))  # left by a crash; the lock says that nobody else listens
        self._server.listen(_name(data))
        self._server.newConnection.connect(self._on_connection)

    def close(self) -> None:
        """Stop listening."""
        self._server.close()

    def _on_connection(self) -> None:
        while (socket := self._server.nextPendingConnection()) is not None:
            socket.disconnected.connect(socket.deleteLater)
            socket.disconnectFromServer()
            self.rung.emit()


def ring(data: Path, patience: float = PATIENCE) -> bool:
    """Ask the program that has this data open to show its window; whether it was reached.

    A program that is just starting does not listen yet, so this tries for `patience` seconds.
    """
    deadline = time.monotonic() + patience
    while not (is_there := _knock(data)) and time.monotonic() < deadline:
        time.sleep(0.05)  # this process has no window that could freeze
    return is_there


def _knock(data: Path) -> bool:
    socket = QLocalSocket()
    socket.connectToServer(_name(data))
    if not socket.waitForConnected(WAIT):
        return False
    socket.write(KNOCK)
    socket.flush()
    if socket.state() is not QLocalSocket.LocalSocketState.UnconnectedState:
        socket.waitForDisconnected(WAIT)
    return True
