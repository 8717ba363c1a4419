"""The window: it places the pages and connects them, and decides nothing."""

from __future__ import annotations

import base64
import binascii
import json
from typing import TYPE_CHECKING

from PySide6.QtCore import QByteArray, QEvent, Qt, Signal
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QFrame, QMainWindow, QSplitter, QStackedWidget, QVBoxLayout, QWidget

from app.ui.chat_page import ChatPage
from app.ui.header import Header
from app.ui.notice_bar import NoticeBar
from app.ui.sidebar import Sidebar
from app.ui.theme import Theme
from app.ui.wiring import Wiring

if TYPE_CHECKING:
    from app.controllers.chat import ChatController
    from app.controllers.chats import ChatsController
    from app.controllers.models import ModelsController
    from app.controllers.notices import Notices
    from app.controllers.settings import SettingsController


class MainWindow(QMainWindow):
    """The one window of the program.

    Signals:
        closing: it is about to close; drafts have been told
        files_dropped: paths of the files
    """

    closing = Signal()
    files_dropped = Signal(list)

    def __init__(
        self,
        chat: ChatController,
        chats: ChatsController,
        models: ModelsController,
        settings: SettingsController,
        notices: Notices,
    ) -> None:
        super().__init__()
        self.setWindowTitle("Fireside")
        self.resize(1100, 760)
        self.setMinimumSize(480, 400)
        self.setAcceptDrops(True)
        self.theme = Theme(self)
        self.theme.show(settings.settings.text("theme"), settings.settings.whole("text_size"))
        self.sidebar = Sidebar()
        self.header = Header()
        self.notice_bar = NoticeBar()
        self.chat_page = ChatPage()
        self.pages = QStackedWidget()
        self.splitter = QSplitter(Qt.Orientation.Horizontal)
        self._place()
        self.wiring = Wiring(self, chat, chats, models, settings, notices)
        self.chat_page.composer.take_focus()

    def _place(self) -> None:
        self.pages.addWidget(self.chat_page)
        right = QFrame()
        layout = self._column = QVBoxLayout(right)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.header)
        line = QFrame()
        line.setObjectName("line")
        line.setFixedHeight(1)
        layout.addWidget(line)
        layout.addWidget(self.notice_bar)
        layout.addWidget(self.pages, 1)
        self.splitter.addWidget(self.sidebar)
        self.splitter.addWidget(right)
        self.splitter.setHandleWidth(1)
        self.splitter.setCollapsible(1, False)
        self.splitter.setStretchFactor(1, 1)
        self.splitter.setSizes([260, 840])
        self.setCentralWidget(self.splitter)

    def add_strip(self, strip: QWidget) -> None:
        """Put a strip below the notices, on every page."""
        self._column.insertWidget(self._column.indexOf(self.notice_bar) + 1, strip)

    # -- pages

    def show_page(self, page: QWidget) -> None:
        """Show a page in the middle; one that is new is taken in."""
        if self.pages.indexOf(page) < 0:
            self.pages.addWidget(page)
        self.pages.setCurrentWidget(page)

    def show_chat(self) -> None:
        """Show the open chat, ready to write."""
        self.pages.setCurrentWidget(self.chat_page)
        self.chat_page.composer.take_focus()

    def toggle_sidebar(self) -> None:
        """Show or hide the list of chats."""
        self.sidebar.setVisible(self.sidebar.isHidden())
        if self.sidebar.isHidden():
            self.chat_page.composer.take_focus()

    def toggle_full_screen(self) -> None:
        """Fill the screen, or no more."""
        self.setWindowState(self.windowState() ^ Qt.WindowState.WindowFullScreen)

    def raise_to_front(self) -> None:
        """Bring the window before all others, as when the program is started a second time."""
        self.setWindowState(self.windowState() & ~Qt.WindowState.WindowMinimized)
        self.show()
        self.raise_()
        self.activateWindow()

    # -- how it stands on the screen

    def save_layout(self) -> str:
        """Return the window's place, size and parts as a text for `restore_layout`."""
        return json.dumps(
            {
                "geometry": _as_text(self.saveGeometry()),
                "splitter": _as_text(self.splitter.saveState()),
                "sidebar": not self.sidebar.isHidden(),
            }
        )

    def restore_layout(self, layout: str) -> None:
        """Stand as when `layout` was saved; a text that is not understood changes nothing."""
        try:
            saved = json.loads(layout)
            geometry, splitter = _as_bytes(saved["geometry"]), _as_bytes(saved["splitter"])
            has_sidebar = bool(saved["sidebar"])
        except (ValueError, TypeError, KeyError, binascii.Error):
            return
        self.restoreGeometry(geometry)
        self.splitter.restoreState(splitter)
        self.sidebar.setVisible(has_sidebar)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Tell the draft and that the window closes."""
        self.chat_page.composer.flush()
        self.closing.emit()
        super().closeEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        """Tell the draft when the user goes to another program."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.ActivationChange and not self.isActiveWindow():
            self.chat_page.composer.flush()

    # -- files dropped onto it

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Accept model files."""
        if _models_in(event):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Tell which model files were dropped."""
        paths = _models_in(event)
        if paths:
            event.acceptProposedAction()
            self.files_dropped.emit(paths)


def _models_in(event: QDropEvent) -> list[str]:
    paths = [url.toLocalFile() for url in event.mimeData().urls() if url.isLocalFile()]
    return [path for path in paths if path.lower().endswith(".gguf")]


def _as_text(data: QByteArray) -> str:
    return base64.b64encode(data.data()).decode("ascii")


def _as_bytes(text: str) -> QByteArray:
    return QByteArray(base64.b64decode(text, validate=True))
