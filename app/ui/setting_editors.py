"""A widget for a setting, whatever its type."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, Signal
from PySide6.QtGui import QFocusEvent
from PySide6.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QLineEdit,
    QPlainTextEdit,
    QWidget,
)

from app.core.settings import Setting, Value
from app.ui.buttons import FlatButton, Look
from app.ui.fields import Choice, Decimal, Number, Tick


def translated(words: str) -> str:
    """Return a setting's label or explanation in the user's language."""
    return QCoreApplication.translate("Settings", words) if words else ""


def least_in_words(setting: Setting) -> str:
    """Return what the least value means where it is no amount, such as a seed of -1; else nothing."""
    return {
        "seed": QCoreApplication.translate("Settings", "Another one each time"),
        "max_tokens": QCoreApplication.translate("Settings", "No limit"),
        "threads": QCoreApplication.translate("Settings", "Automatic"),
    }.get(setting.name, "")


class Editor(QWidget):
    """Shows and changes one value.

    Signals:
        edited: the value the user chose
    """

    edited = Signal(object)

    def __init__(self, setting: Setting) -> None:
        super().__init__()
        self.setting = setting
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)

    def show_value(self, value: Value) -> None:
        """Show a value; it is not told back."""
        raise NotImplementedError

    def value(self) -> Value:
        """Return the value that is shown."""
        raise NotImplementedError

    def _place(self, widget: QWidget) -> None:
        widget.setAccessibleName(translated(self.setting.label))
        widget.setAccessibleDescription(translated(self.setting.explanation))
        self._row.addWidget(widget)
        self.setFocusProxy(widget)


def editor_for(setting: Setting) -> Editor:
    """Return the editor that suits a setting."""
    if setting.choices:
        return _Choice(setting)
    if isinstance(setting.default, bool):
        return _Switch(setting)
    if isinstance(setting.default, int):
        return _Whole(setting)
    if isinstance(setting.default, float):
        return _Number(setting)
    return _Long(setting) if setting.is_long else _Folder(setting) if setting.is_path else _Text(setting)


class _Switch(Editor):
    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._box = Tick(translated(setting.label))
        self._box.clicked.connect(lambda: self.edited.emit(self.value()))
        self._place(self._box)

    def show_value(self, value: Value) -> None:
        self._box.setChecked(bool(value))

    def value(self) -> Value:
        return self._box.isChecked()


class _Choice(Editor):
    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._box = Choice()
        for value, label in setting.choices:
            self._box.addItem(translated(label), value)
        self._box.view().setAccessibleName(translated(setting.label))
        self._box.activated.connect(lambda _index: self.edited.emit(self.value()))
        self._place(self._box)
        self._row.addStretch(1)

    def show_value(self, value: Value) -> None:
        self._box.setCurrentIndex(self._box.findData(value))

    def value(self) -> Value:
        return str(self._box.currentData())


class _Whole(Editor):
    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        least, most = int(setting.least or 0), int(setting.most if setting.most is not None else 2**31 - 1)
        # QSpinBox counts in 32 bits; a larger number (the seed) is held by the other one
        self._box: Number | Decimal
        if most < 2**31:
            self._box = Number()
            self._box.setRange(least, most)
        else:
            self._box = Decimal()
            self._box.setDecimals(0)
            self._box.setRange(least, most)
        if setting.unit:
            self._box.setSuffix(f" {translated(setting.unit)}")
        self._box.setSpecialValueText(least_in_words(setting))
        self._box.editingFinished.connect(self._on_finished)
        self._box.valueChanged.connect(self._on_finished)
        self._shown: int | None = None
        self._place(self._box)
        self._row.addStretch(1)

    def show_value(self, value: Value) -> None:
        self._shown = int(value)
        self._box.setValue(int(value))

    def value(self) -> Value:
        return int(self._box.value())

    def _on_finished(self) -> None:
        if self._shown is not None and self.value() != self._shown:
            self._shown = int(self.value())
            self.edited.emit(self._shown)


class _Number(Editor):
    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._box = Decimal()
        self._box.setDecimals(2)
        self._box.setSingleStep(0.05)
        self._box.setRange(
            setting.least if setting.least is not None else -1e9,
            setting.most if setting.most is not None else 1e9,
        )
        self._box.valueChanged.connect(self._on_changed)
        self._shown: float | None = None
        self._place(self._box)
        self._row.addStretch(1)

    def show_value(self, value: Value) -> None:
        self._shown = float(value)
        self._box.setValue(float(value))

    def value(self) -> Value:
        return round(self._box.value(), 4)

    def _on_changed(self) -> None:
        if self._shown is not None and self.value() != round(self._shown, 2):
            self._shown = float(self.value())
            self.edited.emit(self._shown)


class _Text(Editor):
    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._field = QLineEdit()
        self._shown = ""
        self._field.editingFinished.connect(self._on_finished)
        self._place(self._field)

    def show_value(self, value: Value) -> None:
        self._shown = str(value)
        self._field.setText(self._shown)

    def value(self) -> Value:
        return self._field.text()

    def _on_finished(self) -> None:
        if self.value() != self._shown:
            self._shown = self._field.text()
            self.edited.emit(self._shown)


class _Folder(_Text):
    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._field.setPlaceholderText(self.tr("The usual folder"))
        choose = FlatButton(self.tr("Choose …"), look=Look.OUTLINED)
        choose.clicked.connect(self._choose)
        self._row.addWidget(choose)

    def _choose(self) -> None:
        folder = QFileDialog.getExistingDirectory(
            self.window(), translated(self.setting.label), self._field.text()
        )
        if folder:
            self._field.setText(folder)
            self._on_finished()


class _Long(Editor):
    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._field = _LongField()
        self._field.setObjectName("field")
        self._field.setTabChangesFocus(True)
        self._field.setMinimumHeight(130)
        self._shown = ""
        self._field.left.connect(self._on_left)
        self._place(self._field)

    def show_value(self, value: Value) -> None:
        self._shown = str(value)
        if self._shown != self._field.toPlainText():
            self._field.setPlainText(self._shown)

    def value(self) -> Value:
        return self._field.toPlainText()

    def _on_left(self) -> None:
        if self.value() != self._shown:
            self._shown = self._field.toPlainText()
            self.edited.emit(self._shown)


class _LongField(QPlainTextEdit):
    left = Signal()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.left.emit()
