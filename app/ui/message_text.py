"""The text of one message: rich text that can be selected, and that loads nothing."""

from __future__ import annotations

import math
from typing import Any

from PySide6.QtCore import QMimeData, QSize, Qt, QUrl
from PySide6.QtGui import (
    QContextMenuEvent,
    QDesktopServices,
    QKeyEvent,
    QMouseEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QFrame, QTextEdit, QToolTip, QWidget

from app.ui import markdown, theme

_KEYS_OF_OTHERS = (Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_PageUp, Qt.Key.Key_PageDown)


class MessageText(QTextEdit):
    """Shows Markdown or plain text at its full height; scrolling is the transcript's."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setReadOnly(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse
            | Qt.TextInteractionFlag.TextSelectableByKeyboard
            | Qt.TextInteractionFlag.LinksAccessibleByMouse
        )
        self.setUndoRedoEnabled(False)
        self.document().setDocumentMargin(0)
        self.viewport().setAutoFillBackground(False)
        self.viewport().setMouseTracking(True)
        self.setAccessibleName(self.tr("Text of the message"))

    def show_markdown(self, source: str) -> None:
        """Show a text with its marks drawn; one that is too much for that as it stands."""
        self._wrap_for(source)
        rendered = markdown.to_html(source, theme.colors())
        if rendered is None:
            self.setPlainText(source)
        else:
            self.setHtml(rendered)

    def show_plain(self, source: str) -> None:
        """Show a text as it stands."""
        self._wrap_for(source)
        self.setPlainText(source)

    def _wrap_for(self, source: str) -> None:
        mode = markdown.wrap_mode(source)
        if mode != self.wordWrapMode():  # setting it lays everything out anew
            self.setWordWrapMode(mode)

    def loadResource(self, _kind: int, _name: QUrl | str) -> Any:
        """Load nothing, whatever the text names."""
        return ""

    def height_at(self, width: int) -> int:
        """Lay the text out at a width in pixels and return its height."""
        document = self.document()
        if document.textWidth() != width:
            document.setTextWidth(width)
        return math.ceil(document.size().height())

    def natural_width(self) -> int:
        """Return the width in pixels at which no line needs breaking."""
        document = self.document()
        document.setTextWidth(-1)
        return math.ceil(document.idealWidth()) + 2

    def sizeHint(self) -> QSize:
        """Return the size of the document."""
        return self.document().size().toSize()

    def createMimeDataFromSelection(self) -> QMimeData:
        """Copy as plain text; the colors of a dark window have no place in another program."""
        data = QMimeData()
        data.setText(self.textCursor().selection().toPlainText())
        return data

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Show where a link leads before it is followed."""
        super().mouseMoveEvent(event)
        address = self.anchorAt(event.position().toPoint())
        self.viewport().setCursor(
            Qt.CursorShape.PointingHandCursor if address else Qt.CursorShape.IBeamCursor
        )
        if address:
            QToolTip.showText(event.globalPosition().toPoint(), address, self)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Follow a link that was clicked, not one whose words were selected."""
        super().mouseReleaseEvent(event)
        address = self.anchorAt(event.position().toPoint())
        is_click = event.button() == Qt.MouseButton.LeftButton and not self.textCursor().hasSelection()
        if is_click and markdown.is_safe_link(address):
            QDesktopServices.openUrl(QUrl(address))

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Leave scrolling to the transcript."""
        event.ignore()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Leave walking and scrolling to the transcript; selecting and copying are done here."""
        if event.key() in _KEYS_OF_OTHERS and not event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            event.ignore()
            return
        super().keyPressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Leave the menu to the message."""
        event.ignore()
