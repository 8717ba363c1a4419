"""The open chat: its messages, or what stands there before the first one, and the composer."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QScrollArea, QStackedWidget, QVBoxLayout, QWidget

from app.core.conversation import Message
from app.ui.composer import Composer
from app.ui.transcript import Transcript
from app.ui.welcome import Welcome


class ChatPage(QWidget):
    """Shows the transcript as soon as there is a message."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.welcome = Welcome()
        self.transcript = Transcript()
        self.composer = Composer()
        self._stack = QStackedWidget()
        self._before = self._scrolled(self.welcome)
        self._stack.addWidget(self._before)
        self._stack.addWidget(self.transcript)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self._stack, 1)
        layout.addWidget(self.composer)

    def _scrolled(self, page: QWidget) -> QScrollArea:
        """Let a page have less room than it would like: in a low window the draft needs it."""
        area = QScrollArea()
        area.setFrameShape(QScrollArea.Shape.NoFrame)
        area.setWidgetResizable(True)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setMinimumHeight(1)
        area.setWidget(page)
        return area

    @property
    def is_empty(self) -> bool:
        """Whether the chat has no message yet."""
        return self._stack.currentWidget() is self._before

    def show_messages(self, messages: Sequence[Message]) -> None:
        """Show another chat."""
        self._stack.setCurrentWidget(self.transcript if messages else self._before)
        self.transcript.show_messages(messages)

    def show_branch(self, messages: Sequence[Message]) -> None:
        """Show the open branch anew."""
        self._stack.setCurrentWidget(self.transcript if messages else self._before)
        self.transcript.show_branch(messages)

    def add_message(self, message: Message) -> None:
        """Put a message at the end."""
        self._stack.setCurrentWidget(self.transcript)
        self.transcript.add_message(message)
