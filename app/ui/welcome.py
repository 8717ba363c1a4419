"""What stands where no message is yet: the first steps, or a greeting."""

from __future__ import annotations

from PySide6.QtCore import QRect, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.ui import icons, theme
from app.ui.buttons import FlatButton, Label, Look


class Welcome(QWidget):
    """Without a model of the user's own: how to get one. With one: a calm greeting.

    Signals:
        add_requested: the user wants to add a model file
        folder_requested: the user wants to choose the folder of the models
        models_requested: the user wants to see the Models page
    """

    add_requested = Signal()
    folder_requested = Signal()
    models_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._heading = Label("", 1.7, is_bold=True)
        self._words = Label("", 1.0, is_muted=True)
        self._what = Label(
            self.tr(
                "A model is one file whose name ends in .gguf: all that a language model has learned, "
                "in a form that runs on this computer. Nothing you write leaves it."
            ),
            0.92,
            is_muted=True,
        )
        for label in (self._heading, self._words, self._what):
            label.setAlignment(Qt.AlignmentFlag.AlignCenter)
            label.setWordWrap(True)
        self._steps = QWidget()
        add = FlatButton(self.tr("Add a model file …"), "file", Look.FILLED)
        folder = FlatButton(self.tr("Choose the models folder …"), "folder", Look.OUTLINED)
        models = FlatButton(self.tr("All models …"), "models", Look.OUTLINED)
        add.clicked.connect(self.add_requested)
        folder.clicked.connect(self.folder_requested)
        models.clicked.connect(self.models_requested)
        row = QHBoxLayout(self._steps)
        row.setSpacing(10)
        row.addStretch(1)
        row.addWidget(add)
        row.addWidget(folder)
        row.addWidget(models)
        row.addStretch(1)
        self._place()
        self.show_state(has_models=False, model="")

    def _place(self) -> None:
        column = QVBoxLayout()
        column.setSpacing(10)
        column.addStretch(3)
        column.addWidget(_Flame(), 0, Qt.AlignmentFlag.AlignCenter)
        column.addWidget(self._heading)
        column.addWidget(self._words)
        column.addSpacing(6)
        column.addWidget(self._steps)
        column.addWidget(self._what)
        column.addStretch(4)
        around = QHBoxLayout(self)
        around.addStretch(1)
        inner = QWidget()
        inner.setMaximumWidth(640)
        inner.setLayout(column)
        around.addWidget(inner, 8)
        around.addStretch(1)

    def show_state(self, has_models: bool, model: str, candidate: str = "") -> None:
        """Show what fits: has the user a model, which one is loaded, which one would a message load."""
        if not has_models and model:
            self._heading.setText(self.tr("Welcome to Fireside"))
            words = self.tr(
                "{0} is built in: ask it how this program works. It is tiny and knows nothing else; "
                "for the rest of the world add a model of your own."
            )
            self._words.setText(words.format(model))
        elif not has_models:
            self._heading.setText(self.tr("Welcome to Fireside"))
            self._words.setText(self.tr("Add a model to begin. You can also drop its file onto this window."))
        elif not model:
            self._heading.setText(self.tr("Choose a model"))
            words = self.tr("Choose one at the top, or just write: {0} is loaded then.")
            self._words.setText(words.format(candidate))
        else:
            self._heading.setText(self.tr("What shall we talk about?"))
            self._words.setText(self.tr("{0} is ready. Everything stays on this computer.").format(model))
        self._steps.setVisible(not has_models)
        self._what.setVisible(not has_models)


class _Flame(QWidget):
    def sizeHint(self) -> QSize:
        return QSize(64, 64)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        icons.draw(painter, "flame", QRect(4, 4, 56, 56), theme.colors().accent)
        painter.end()
