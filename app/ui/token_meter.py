"""How full the model's context window is."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QHBoxLayout, QWidget

from app.core.generation import Usage
from app.ui import theme
from app.ui.buttons import Label
from app.ui.message_words import grouped

_NEARLY_FULL = 0.85  # share of the window from which on the meter warns


class TokenMeter(QWidget):
    """A ring that fills, and the count beside it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._ring = _Ring()
        self._label = Label("", 0.88, is_muted=True)
        self._label.setMinimumWidth(1)  # so that a long one holds no window open
        self._long = self._short = ""
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addWidget(self._ring)
        layout.addWidget(self._label)
        self.hide()

    @property
    def words(self) -> str:
        """What it says."""
        return self._label.text()

    def fit(self, room: int) -> int:
        """Say it in few words where `room` pixels are too few for all; return the width it takes."""
        metrics, ring = self._label.fontMetrics(), 24
        is_wide = metrics.horizontalAdvance(self._long) + ring <= room
        self._label.setText(self._long if is_wide else self._short)
        return metrics.horizontalAdvance(self._label.text()) + ring

    def show_usage(self, usage: Usage) -> None:
        """Show how full the window is; without a model only what the text takes."""
        about = "" if usage.is_exact else "≈ "
        tokens, window = grouped(usage.tokens), grouped(usage.n_ctx)
        share = usage.tokens / usage.n_ctx if usage.n_ctx else 0.0
        if not usage.n_ctx:
            words = self.tr("{0}{1} tokens").format(about, tokens)
        elif usage.is_too_long:
            words = self.tr("{0}{1} tokens, the window holds {2}: your text is too long for it")
            words = words.format(about, tokens, window)
        elif share > 1:
            words = self.tr("{0}{1} tokens, the window holds {2}: older messages leave the model's view")
            words = words.format(about, tokens, window)
        else:
            words = self.tr("{0}{1} / {2} tokens").format(about, tokens, window)
        tone = "danger" if share > 1 else "warning" if share >= _NEARLY_FULL else "muted"
        short = self.tr("{0}{1} / {2} tokens").format(about, tokens, window)
        self._long, self._short = words, short if usage.n_ctx else words
        self._label.setText(words)
        self._label.set_tone(tone)
        self._ring.show_share(min(share, 1.0), tone if tone != "muted" else "accent")
        self._ring.setVisible(bool(usage.n_ctx))
        self.setToolTip(
            (words + ". " if share > 1 else "")
            + self.tr("How much of the model's context window the chat and your text take.")
            + ("" if usage.is_exact else " " + self.tr("An estimate for now."))
        )
        self.setVisible(bool(usage.n_ctx or usage.tokens))


class _Ring(QWidget):
    def __init__(self) -> None:
        super().__init__()
        self._share = 0.0
        self._tone = "accent"

    def show_share(self, share: float, tone: str) -> None:
        self._share, self._tone = share, tone
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(16, 16)

    def paintEvent(self, event: QPaintEvent) -> None:
        c = theme.colors()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        side = min(self.width(), self.height(), 16) - 4
        ring = QRectF((self.width() - side) / 2, (self.height() - side) / 2, side, side)
        painter.setPen(QPen(QColor(c.border), 2.5))
        painter.drawEllipse(ring)
        pen = QPen(QColor(getattr(c, self._tone)), 2.5)
        pen.setCapStyle(Qt.PenCapStyle.RoundCap)
        painter.setPen(pen)
        if self._share:
            painter.drawArc(ring, 90 * 16, -round(360 * 16 * self._share))
        painter.end()
