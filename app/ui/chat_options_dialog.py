"""What one chat has of its own: its system prompt and its sampling options."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QPlainTextEdit,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from app.core.generation import SamplingOptions
from app.core.settings import SETTINGS, Page, Settings, Value
from app.ui.buttons import Label
from app.ui.fields import Tick
from app.ui.setting_editors import Editor, editor_for, translated

_SAMPLING = [setting for setting in SETTINGS if setting.page is Page.SAMPLING]


class ChatOptionsDialog(QDialog):
    """Edits the options of the open chat.

    Signals:
        details_accepted: the system prompt, and the `SamplingOptions` or None for the settings' own
    """

    details_accepted = Signal(str, object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Options of this chat"))
        self.resize(560, 700)
        self._stop: tuple[str, ...] = ()
        self._prompt = QPlainTextEdit()
        self._prompt.setObjectName("field")
        self._prompt.setTabChangesFocus(True)
        self._prompt.setMinimumHeight(130)
        self._prompt.setAccessibleName(self.tr("System prompt"))
        self._prompt.setPlaceholderText(self.tr("What the model is told before the chat begins."))
        self._usual = Tick(self.tr("Use the sampling options of the settings"))
        self._usual.toggled.connect(self._on_usual_toggled)
        self._editors: dict[str, Editor] = {}
        self._own = QWidget()
        form = QFormLayout(self._own)
        form.setContentsMargins(0, 0, 12, 0)
        form.setVerticalSpacing(6)
        for setting in _SAMPLING:
            editor = editor_for(setting)
            editor.setToolTip(translated(setting.explanation))
            self._editors[setting.name] = editor
            form.addRow(translated(setting.label), editor)
        area = QScrollArea()
        area.setFrameShape(QScrollArea.Shape.NoFrame)
        area.setWidgetResizable(True)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setAccessibleName(self.tr("Sampling options"))
        area.setWidget(self._own)
        buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel
        )
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 18, 20, 16)
        layout.setSpacing(10)
        layout.addWidget(Label(self.tr("System prompt"), 1.1, is_bold=True))
        layout.addWidget(self._prompt, 1)
        layout.addWidget(Label(self.tr("Sampling"), 1.1, is_bold=True))
        layout.addWidget(self._usual)
        layout.addWidget(area, 3)
        layout.addWidget(buttons)

    def show_details(self, system_prompt: str, options: SamplingOptions | None, settings: Settings) -> None:
        """Show the chat's options; where it has none, the values of the settings."""
        self._prompt.setPlainText(system_prompt)
        shown = options if options is not None else settings.sampling()
        self._stop = shown.stop
        for name, editor in self._editors.items():
            editor.show_value(_as_setting(name, shown))
        self._usual.setChecked(options is None)
        self._on_usual_toggled(options is None)

    def details(self) -> tuple[str, SamplingOptions | None]:
        """Return what is shown."""
        if self._usual.isChecked():
            return self._prompt.toPlainText(), None
        values = {name: editor.value() for name, editor in self._editors.items()}
        options = Settings(values).sampling()
        return self._prompt.toPlainText(), replace(options, stop=self._stop)

    def accept(self) -> None:
        """Tell the options and close."""
        self.setFocus()  # what is still being typed is taken over
        self.details_accepted.emit(*self.details())
        super().accept()

    def _on_usual_toggled(self, is_usual: bool) -> None:
        self._own.setEnabled(not is_usual)


def _as_setting(name: str, options: SamplingOptions) -> Value:
    if name == "seed":
        return -1 if options.seed is None else options.seed
    if name == "max_tokens":
        return options.max_tokens or 0
    value = getattr(options, name)
    assert isinstance(value, (int, float))
    return value
