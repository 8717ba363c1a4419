"""The settings, page by page, made from the one typed list."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, QEvent, QSize, Qt, Signal
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QScrollArea,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from app.core.settings import SETTINGS, Page, Setting, Settings, Value
from app.ui.buttons import FlatButton, Label
from app.ui.setting_editors import Editor, editor_for, translated

_tr = QCoreApplication.translate


def page_title(page: Page) -> str:
    """Return the name of a page."""
    return {
        Page.APPEARANCE: _tr("Settings", "Appearance"),
        Page.CHAT: _tr("Settings", "Chat"),
        Page.MODELS: _tr("Settings", "Models"),
        Page.ENGINE: _tr("Settings", "Engine"),
        Page.SAMPLING: _tr("Settings", "Sampling"),
    }.get(page, page.value.capitalize())


class SettingRow(QWidget):
    """One setting: its name, its value, what it means, and the way back to its default.

    Signals:
        edited: the new value
        reset_pressed
    """

    edited = Signal(object)
    reset_pressed = Signal()

    def __init__(self, setting: Setting) -> None:
        super().__init__()
        self._setting = setting
        self.editor: Editor = editor_for(setting)
        self.editor.edited.connect(self._on_edited)
        label = translated(setting.label)
        self._reset = FlatButton(icon="restore", name=self.tr("Back to the usual value: {0}").format(label))
        self._reset.clicked.connect(self.reset_pressed)
        self._refusal = Label("", 0.9)
        self._refusal.set_tone("danger")
        self._refusal.setWordWrap(True)
        self._refusal.hide()
        explanation = Label(translated(setting.explanation), 0.9, is_muted=True)
        explanation.setWordWrap(True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 16)
        layout.setSpacing(4)
        head = QHBoxLayout()
        # a switch carries its own name
        head.addWidget(self.editor if isinstance(setting.default, bool) else Label(label, is_bold=True), 1)
        head.addWidget(self._reset)
        layout.addLayout(head)
        if not isinstance(setting.default, bool):
            layout.addWidget(self.editor)
        layout.addWidget(explanation)
        layout.addWidget(self._refusal)

    def show_value(self, value: Value) -> None:
        """Show the value that holds."""
        self.editor.show_value(value)
        self._refusal.hide()
        keeps = self._reset.sizePolicy()
        keeps.setRetainSizeWhenHidden(True)
        self._reset.setSizePolicy(keeps)
        self._reset.setVisible(value != self._setting.default)

    def show_refusal(self, sentence: str) -> None:
        """Say why the last value was not taken."""
        self._refusal.setText(sentence)
        self._refusal.show()

    def _on_edited(self, value: object) -> None:
        self._refusal.hide()
        self.edited.emit(value)


class SettingsDialog(QDialog):
    """All settings. What is changed holds at once.

    Signals:
        change_requested: name of the setting, its new value
        reset_requested: name of the setting
    """

    change_requested = Signal(str, object)
    reset_requested = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Settings"))
        self.resize(760, 560)
        self._rows: dict[str, SettingRow] = {}
        self._settings = Settings()
        self._names = QListWidget()
        self._names.setObjectName("pages")
        self._names.setAccessibleName(self.tr("Pages of the settings"))
        self._pages = QStackedWidget()
        for page in dict.fromkeys(setting.page for setting in SETTINGS):
            QListWidgetItem(page_title(page), self._names)
            self._pages.addWidget(self._page(page))
        self._names.currentRowChanged.connect(self._pages.setCurrentIndex)
        self._names.setCurrentRow(0)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        for button in buttons.buttons():
            button.setProperty("autoDefault", False)  # Enter ends an entry, not the settings
        right = QVBoxLayout()
        right.setContentsMargins(0, 0, 12, 12)
        right.addWidget(self._pages, 1)
        right.addWidget(buttons)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._names)
        layout.addLayout(right, 1)
        self._fit_names()

    def _fit_names(self) -> None:
        """Give the names of the pages the room their letters need."""
        metrics = self._names.fontMetrics()
        items = [self._names.item(row) for row in range(self._names.count())]
        for item in items:
            item.setSizeHint(QSize(0, metrics.height() + 16))
        widest = max(metrics.horizontalAdvance(item.text()) for item in items)
        self._names.setFixedWidth(max(170, widest + 50))

    def changeEvent(self, event: QEvent) -> None:
        """Follow the text size."""
        super().changeEvent(event)
        kinds = (QEvent.Type.FontChange, QEvent.Type.ApplicationFontChange, QEvent.Type.StyleChange)
        if event.type() in kinds and self.layout() is not None:
            self._fit_names()

    def _page(self, page: Page) -> QWidget:
        inner = QWidget()
        column = QVBoxLayout(inner)
        column.setContentsMargins(28, 20, 28, 20)
        column.addWidget(Label(page_title(page), 1.4, is_bold=True))
        column.addSpacing(10)
        for setting in SETTINGS:
            if setting.page is page:
                column.addWidget(self._row(setting))
        column.addStretch(1)
        area = QScrollArea()
        area.setFrameShape(QScrollArea.Shape.NoFrame)
        area.setWidgetResizable(True)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setAccessibleName(page_title(page))
        area.setWidget(inner)
        return area

    def _row(self, setting: Setting) -> SettingRow:
        row = SettingRow(setting)
        row.edited.connect(lambda value: self.change_requested.emit(setting.name, value))
        row.reset_pressed.connect(lambda: self.reset_requested.emit(setting.name))
        self._rows[setting.name] = row
        return row

    def row(self, name: str) -> SettingRow:
        """Return the row of a setting."""
        return self._rows[name]

    def show_settings(self, settings: Settings) -> None:
        """Show the values that hold."""
        for name, row in self._rows.items():
            row.show_value(settings[name])
        self._settings = settings

    def show_refusal(self, name: str, sentence: str) -> None:
        """Say why a value was not taken, and show the one that holds."""
        if name in self._rows:
            self._rows[name].show_value(self._settings[name])
            self._rows[name].show_refusal(sentence)

    def done(self, result: int) -> None:
        """Take over what is still being typed before closing."""
        self._names.setFocus()
        super().done(result)
