"""The line above the transcript: the chat's title, the model, and the menu."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPalette
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLineEdit, QMenu, QSizePolicy, QStackedWidget, QWidget

from app.ui.buttons import FlatButton, Label
from app.ui.model_picker import ModelPicker
from app.ui.shortcuts import is_wanted


class _Title(Label):
    """One line that ends in three dots where there is no room."""

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setPen(self.palette().color(QPalette.ColorRole.WindowText))
        words = self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, self.width())
        painter.drawText(self.rect(), int(Qt.AlignmentFlag.AlignVCenter), words)
        painter.end()


class Header(QFrame):
    """Title, model picker, and ⋯.

    Signals:
        rename_requested: the new title
        rename_ended: the keyboard has no place any more
        options_requested, export_requested, trash_requested, copy_chat_requested, sidebar_requested
        shortcuts_requested
    """

    rename_requested = Signal(str)
    rename_ended = Signal()
    options_requested = Signal()
    export_requested = Signal()
    trash_requested = Signal()
    copy_chat_requested = Signal()
    sidebar_requested = Signal()
    shortcuts_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("header")
        self._full_title = ""
        self._label = _Title("", 1.05, is_bold=True)
        self._label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._label.setToolTip(self.tr("Double-click to rename"))
        self._field = QLineEdit()
        self._field.setAccessibleName(self.tr("Title of the chat"))
        self._field.setMaxLength(300)
        self._field.editingFinished.connect(self._on_editing_finished)
        self._title = QStackedWidget()
        self._title.addWidget(self._label)
        self._title.addWidget(self._field)
        self._title.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Maximum)
        self.picker = ModelPicker()
        self._more = FlatButton(icon="more", name=self.tr("More"))
        self._more.clicked.connect(self._show_menu)
        sidebar = FlatButton(icon="sidebar", name=self.tr("Show or hide the list of chats"))
        sidebar.clicked.connect(self.sidebar_requested)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(8, 7, 10, 7)
        layout.setSpacing(6)
        layout.addWidget(sidebar)
        layout.addWidget(self._title, 1)
        layout.addWidget(self.picker)
        layout.addWidget(self._more)
        for watched in (self._label, self._field):
            watched.installEventFilter(self)

    def show_title(self, title: str) -> None:
        """Show the title of the open chat."""
        self._full_title = title
        self._label.setText(title or self.tr("New chat"))

    def begin_rename(self) -> None:
        """Put a field in the title's place."""
        self._field.setText(self._full_title)
        self._title.setCurrentWidget(self._field)
        self._field.setFocus()
        self._field.selectAll()

    def menu(self) -> QMenu:
        """Return the menu of what can be done with the open chat."""
        menu = QMenu(self)
        menu.addAction(self.tr("Options of this chat …"), self.options_requested.emit)
        menu.addAction(self.tr("Rename"), self.begin_rename)
        menu.addSeparator()
        menu.addAction(self.tr("Copy the whole chat"), self.copy_chat_requested.emit)
        menu.addAction(self.tr("Export …"), self.export_requested.emit)
        menu.addSeparator()
        menu.addAction(self.tr("Move to the trash"), self.trash_requested.emit)
        menu.addSeparator()
        menu.addAction(self.tr("Keyboard shortcuts"), self.shortcuts_requested.emit)
        return menu

    def _show_menu(self) -> None:
        menu = self.menu()
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(self._more.mapToGlobal(self._more.rect().bottomLeft()))

    def _on_editing_finished(self) -> None:
        if self._title.currentWidget() is not self._field:
            return
        title = self._field.text().strip()
        self._end_rename()
        if title and title != self._full_title:
            self.rename_requested.emit(title)

    def _end_rename(self) -> None:
        had_focus = self._field.hasFocus()  # not if the user went elsewhere
        self._title.setCurrentWidget(self._label)
        if had_focus:
            self.rename_ended.emit()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Rename on a double-click, and leave that with Esc."""
        if watched is self._label and isinstance(event, QMouseEvent):
            if event.type() == QEvent.Type.MouseButtonDblClick:
                self.begin_rename()
                return True
        elif watched is self._field and is_wanted(event, Qt.Key.Key_Escape):
            return True
        elif (
            watched is self._field
            and isinstance(event, QKeyEvent)
            and event.type() == QEvent.Type.KeyPress
            and event.key() == Qt.Key.Key_Escape
        ):
            self._field.setText("")  # an empty title changes nothing
            self._end_rename()
            return True
        return super().eventFilter(watched, event)
