"""The bar under the header that tells what happened and what can be done about it."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt, QTimer, Signal
from PySide6.QtGui import (
    QAccessible,
    QAccessibleAnnouncementEvent,
    QColor,
    QEnterEvent,
    QPainter,
    QPaintEvent,
)
from PySide6.QtWidgets import QApplication, QHBoxLayout, QVBoxLayout, QWidget

from app.core.notices import Notice, NoticeAction, NoticeKind
from app.ui import icons, theme
from app.ui.buttons import FlatButton, Label, Look

NEWS_STAYS = 8000  # ms
_MOST = 3  # bars at once; what came first goes first
_TONES = {NoticeKind.NEWS: "accent", NoticeKind.WARNING: "warning", NoticeKind.ERROR: "danger"}
_ICONS = {NoticeKind.NEWS: "info", NoticeKind.WARNING: "warning", NoticeKind.ERROR: "warning"}


class NoticeBar(QWidget):
    """The notices that are up, one below the other.

    Signals:
        acted: the `NoticeAction` whose button was pressed
    """

    acted = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._lines: list[_Line] = []
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(12, 8, 12, 0)
        self._layout.setSpacing(6)
        self.hide()

    @property
    def notices(self) -> list[Notice]:
        """What is up."""
        return [line.notice for line in self._lines]

    def show_notice(self, notice: Notice) -> None:
        """Put a notice up, in place of one with the same topic or the same words."""
        if notice.topic:
            self.withdraw(notice.topic)
        for same in [line for line in self._lines if line.notice == notice]:
            self._remove(same)
        while len(self._lines) >= _MOST:
            self._remove(self._lines[0])
        line = _Line(notice)
        line.closed.connect(lambda: self._remove(line))
        line.acted.connect(self.acted)
        self._lines.append(line)
        self._layout.addWidget(line)
        self.show()
        announcement = QAccessibleAnnouncementEvent(self, f"{notice.sentence} {notice.hint}".strip())
        QAccessible.updateAccessibility(announcement)

    def withdraw(self, topic: str) -> None:
        """Take down the notice with that topic; one that is not up is no error."""
        for line in [line for line in self._lines if line.notice.topic == topic]:
            self._remove(line)

    def act_on(self, action: NoticeAction) -> bool:
        """Press the button of the newest notice with that action; return whether there is one."""
        for line in reversed(self._lines):
            if line.notice.action is action:
                line.act()
                return True
        return False

    def _remove(self, line: _Line) -> None:
        if line not in self._lines:
            return
        self._lines.remove(line)
        self._layout.removeWidget(line)
        line.hide()
        line.deleteLater()
        self.setVisible(bool(self._lines))


class _Line(QWidget):
    closed = Signal()
    acted = Signal(object)

    def __init__(self, notice: Notice) -> None:
        super().__init__()
        self.notice = notice
        sentence = Label(" ".join(filter(None, (notice.sentence, notice.hint))))
        sentence.setWordWrap(True)
        sentence.setAccessibleName(sentence.text())
        sentence.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(40, 5, 6, 5)
        layout.addWidget(sentence, 1)
        if notice.action is not None:
            button = FlatButton(notice.action_label or self.tr("Do it"), look=Look.OUTLINED)
            button.clicked.connect(self.act)
            layout.addWidget(button)
        close = FlatButton(icon="close", name=self.tr("Close this notice"))
        close.clicked.connect(self.closed)
        layout.addWidget(close)
        self._timer = QTimer(self, singleShot=True, interval=NEWS_STAYS)
        self._timer.timeout.connect(self._on_time)
        if notice.kind is NoticeKind.NEWS:
            self._timer.start()

    def act(self) -> None:
        self.acted.emit(self.notice.action)
        self.closed.emit()

    def _on_time(self) -> None:
        focused = QApplication.focusWidget()
        if self.underMouse() or (focused is not None and self.isAncestorOf(focused)):
            self._timer.start()  # someone is reading it
        else:
            self.closed.emit()

    def enterEvent(self, event: QEnterEvent) -> None:
        if self._timer.isActive():
            self._timer.start()

    def paintEvent(self, event: QPaintEvent) -> None:
        c = theme.colors()
        tone = QColor(getattr(c, _TONES[self.notice.kind]))
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        ground = QColor(tone)
        ground.setAlphaF(0.12)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(ground)
        painter.drawRoundedRect(self.rect(), 10, 10)
        side = self.rect().adjusted(10, 0, 0, 0)
        side.setWidth(20)
        icons.draw(painter, _ICONS[self.notice.kind], side, tone)
        painter.end()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self.update()
