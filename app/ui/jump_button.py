"""The round button over the transcript that leads back to the newest message."""

from __future__ import annotations

from PySide6.QtWidgets import QAbstractScrollArea

from app.ui.buttons import FlatButton, Look


class JumpButton(FlatButton):
    """Stands at the lower edge of a scroll area while the reader is away from the end."""

    def __init__(self, area: QAbstractScrollArea) -> None:
        super().__init__(icon="newest", look=Look.OUTLINED, parent=area)
        words = self.tr("Jump to the newest message")
        self.setAccessibleName(words)
        self.setToolTip(words)
        self.setAutoFillBackground(True)
        self.set_round()
        self._area = area
        self.hide()

    def show_away(self, is_away: bool) -> None:
        """Stand in the middle of the lower edge, or be gone."""
        if not is_away and self.hasFocus():
            self._area.setFocus()  # hidden, it would give the focus to a message, which Qt then scrolls to
        self.setVisible(is_away)
        side = self.sizeHint().height() + 6
        view = self._area.viewport().geometry()
        self.setGeometry(view.center().x() - side // 2, view.bottom() - side - 10, side, side)
        self.raise_()
