"""Connects the rooms, starts and ends them; the only place that knows them all."""

from __future__ import annotations

import gc
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

# First what needs no Qt: PySide6 reads the source of every module that is imported after it, in search of its
# `__feature__` switch, which takes some 20 ms of the start.
from app import __version__
from app.core.errors import AppError, StoreDamaged
from app.core.notices import Notice, NoticeKind
from app.engine.backend import Backend
from app.engine.deferred import DeferredBackend
from app.library.deferred import DeferredShelf
from app.storage.lock import DataLock
from app.storage.opening import check_file
from app.storage.settings_file import SettingsFile
from app.storage.store import Store
from app.system import logs, paths
from app.system.paths import Places

# isort: split
from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QApplication

from app.controllers.chat import ChatController
from app.controllers.chats import ChatsController
from app.controllers.lane import Lane, Ticket
from app.controllers.models import ModelsController
from app.controllers.notices import Notices, words_of
from app.controllers.replies import Replies
from app.controllers.settings import SettingsController
from app.ui.close_guard import CloseGuard
from app.ui.first_paint import FirstPaint
from app.ui.main_window import MainWindow

if TYPE_CHECKING:
    from app.farewell import Farewell
    from app.second_start import Doorbell

log = logging.getLogger(__name__)

LAYOUT = "window layout"  # key of the store's state


class Program:
    """All rooms, connected. Made, started and closed in the main thread."""

    def __init__(self, places: Places, backend: Backend, guide: Path | None = None) -> None:
        """Open the store and make every room. Raises `AppError` where the data cannot be opened.

        `guide` is the model that comes with the program.
        """
        settings_file = SettingsFile(places.settings_file)
        settings, complaints = settings_file.load()
        store = Store.open(places.database)
        self._places = places
        self.store = store
        self.backend = backend
        self.notices = Notices()
        self.engine = Lane("engine", at_end=backend.close)
        self.files = Lane("files")
        self.settings = SettingsController(settings, settings_file, self.notices)
        self.models = ModelsController(
            store,
            DeferredShelf(guide),
            self._models_folder,
            self.engine,
            self.files,
            backend,
            self.settings,
            self.notices,
        )
        self.replies = Replies(store, self.engine, backend, self.notices)
        self.chats = ChatsController(store, self.notices)
        self.chat = ChatController(
            store,
            self.engine,
            backend,
            self.replies,
            self.models,
            self.chats,
            self.settings,
            self.notices,
        )
        self.window = MainWindow(self.chat, self.chats, self.models, self.settings, self.notices)
        self._complaints = complaints
        self._check: Ticket | None = None
        self.first_paint = FirstPaint(self.window)
        CloseGuard(self.window, self.replies.save)

    def show(self) -> None:
        """Show the window with the chat that was open last; models follow once it is painted."""
        self.chats.refresh()
        self.chat.reopen()
        self.window.restore_layout(self.store.state(LAYOUT))
        self.first_paint.painted.connect(self._after_first_paint)
        self.window.show()
        self._tell_about_the_start()

    def _after_first_paint(self) -> None:
        gc.freeze()  # what is here stays; there is no use in looking at it again and again
        gc.enable()
        self.models.start()
        self.chats.tidy()
        path = self._places.database
        self.files.finished.connect(self._on_checked)
        self._check = self.files.submit(lambda report, cancel: check_file(path))

    def _on_checked(self, ticket: Ticket, damage: object) -> None:
        if ticket is self._check and damage:
            log.warning("the database is damaged: %s", damage)
            self.store.distrust()
            self.notices.tell(StoreDamaged(self._places.database))

    def _models_folder(self) -> Path:
        return Path(self.settings.settings.text("models_folder") or self._places.models).expanduser()

    def _tell_about_the_start(self) -> None:
        damage = self.store.opening.damage
        if damage is not None:
            self.notices.post(Notice(NoticeKind.WARNING, damage.sentence, damage.hint))
        for sentence in self._complaints:
            self.notices.post(Notice(NoticeKind.WARNING, sentence))

    def close(self) -> None:
        """End everything in order: lanes first, then what they still said, then the store."""
        layout = self.window.save_layout()
        self.window.close()  # which tells the draft
        has_ended = [lane.close() for lane in (self.engine, self.files)]
        QCoreApplication.sendPostedEvents()
        self.replies.close()
        self.chats.close()
        try:
            self.store.set_state(LAYOUT, layout)
        except AppError as error:
            log.warning("the window's layout is not kept: %s", type(error).__name__)
        self.store.close()
        if not all(has_ended):
            log.error("a lane did not end; leaving without it")
            logging.shutdown()
            os._exit(0)  # a native call that never returns would keep the process alive for ever


def open_window(argv: Sequence[str]) -> int:
    """Open the window and return the exit status when it is closed."""
    app = QApplication.instance() or QApplication([sys.argv[0], *argv])
    assert isinstance(app, QApplication)
    app.setApplicationName("fireside")
    app.setApplicationDisplayName("Fireside")
    app.setApplicationVersion(__version__)
    app.setDesktopFileName("io.github.fireside.Fireside")
    places = paths.places()
    try:
        paths.prepare(places)
        lock = DataLock.take(places.lock_file)
        if lock is None:
            return _raise_the_first(places)
        try:
            return _run(app, places)
        finally:
            lock.release()
    except AppError as error:
        sentence, hint = words_of(error)
        sys.stderr.write(f"{sentence}\n{hint}\n")
        from PySide6.QtWidgets import QMessageBox  # noqa: PLC0415  2 ms that no start needs

        QMessageBox.critical(None, "Fireside", f"{sentence}\n\n{hint}")
        return 1


def _raise_the_first(places: Places) -> int:
    from app.second_start import ring  # noqa: PLC0415  the first start does not need it

    if ring(places.data):
        return 0
    raise AppError(
        "Fireside is already running with these chats, but its window does not answer.",
        "Wait a moment and try again, or end the other Fireside first.",
    )


def _run(app: QApplication, places: Places) -> int:
    logbook = logs.start_log(places.log_file, crash_file=places.logs / "crash.log")
    program = Program(places, DeferredBackend(), paths.guide_model())
    logs.log_bugs(program.notices.tell_bug)
    ears: list[Doorbell | Farewell] = []
    program.first_paint.painted.connect(lambda: ears.extend(_listen(program, places)))
    program.show()
    try:
        return app.exec()
    finally:
        for ear in ears:
            ear.close()
        program.close()
        logbook.close()


def _listen(program: Program, places: Places) -> tuple[Doorbell, Farewell]:
    """Hear other starts and the system's signals; only once the window stands, for that costs time."""
    from app.farewell import Farewell  # noqa: PLC0415
    from app.second_start import Doorbell  # noqa: PLC0415

    bell, farewell = Doorbell(places.data), Farewell()
    bell.rung.connect(program.window.raise_to_front)
    farewell.asked.connect(program.window.close)
    return bell, farewell
