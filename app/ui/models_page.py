"""The page of the models that are on this disk."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from PySide6.QtCore import (
    QAbstractTableModel,
    QItemSelectionModel,
    QModelIndex,
    QPersistentModelIndex,
    Qt,
    Signal,
)
from PySide6.QtGui import QColor, QKeyEvent
from PySide6.QtWidgets import QAbstractItemView, QHBoxLayout, QHeaderView, QTreeView, QVBoxLayout, QWidget

from app.core.generation import LoadedModel
from app.core.models import ModelFile
from app.core.units import readable_bytes
from app.ui import theme
from app.ui.buttons import FlatButton, Label, Look
from app.ui.message_words import grouped

_Index: TypeAlias = QModelIndex | QPersistentModelIndex
_ROWS_MEASURED = 40  # for the width of a column; Qt's own 1000 take long where there are many models


def readable_count(count: int) -> str:
    """Return a number of weights as people say it: `4.0B`, `362M`; empty for none."""
    for step, letter in ((1_000_000_000_000, "T"), (1_000_000_000, "B"), (1_000_000, "M"), (1000, "K")):
        if count >= step:
            return f"{count / step:.1f}{letter}" if count < 100 * step else f"{count / step:.0f}{letter}"
    return str(count) if count else ""


class ModelTable(QAbstractTableModel):
    """Model files as rows."""

    def __init__(self) -> None:
        super().__init__()
        self._models: list[ModelFile] = []
        self._loaded: object = None

    def show_models(self, models: Sequence[ModelFile]) -> None:
        """Show these models."""
        self.beginResetModel()
        self._models = list(models)
        self.endResetModel()

    def show_loaded(self, model: LoadedModel | None) -> None:
        """Mark the model that is loaded."""
        self._loaded = model.path if model is not None else None
        if self._models:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self._models) - 1, 0))

    def at(self, row: int) -> ModelFile:
        """Return the model of a row."""
        return self._models[row]

    def rowCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008  Qt's own signature
        """Return how many models there are."""
        return 0 if parent.isValid() else len(self._models)

    def columnCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008  Qt's own signature
        """Return how many things are told of each."""
        return 5

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> object:
        """Return the name of a column."""
        if role != Qt.ItemDataRole.DisplayRole or orientation != Qt.Orientation.Horizontal:
            return None
        return (
            self.tr("Name"),
            self.tr("Parameters"),
            self.tr("Quantization"),
            self.tr("Context"),
            self.tr("Size"),
        )[section]

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """Return what a cell shows."""
        if not index.isValid():
            return None
        model = self._models[index.row()]
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return self._words(model, index.column())
        if role == Qt.ItemDataRole.ToolTipRole:
            return model.problem or str(model.path)
        if role == Qt.ItemDataRole.ForegroundRole and model.problem:
            return QColor(theme.colors().muted if index.column() else theme.colors().danger)
        if role == Qt.ItemDataRole.ForegroundRole and index.column():
            return QColor(theme.colors().muted)
        return None

    def _words(self, model: ModelFile, column: int) -> str:
        if column == 0:
            name = f"{model.name}   ({model.problem})" if model.problem else model.name
            name = self.tr("{0} (built in)").format(name) if model.is_builtin else name
            return self.tr("●  {0}   loaded").format(name) if model.path == self._loaded else name
        if column == 4:
            parts = f" ({self.tr('{0} parts').format(len(model.parts))})" if len(model.parts) > 1 else ""
            return readable_bytes(model.file_bytes) + parts
        if model.problem:
            return ""
        context = grouped(model.context_length) if model.context_length else ""
        return ("", readable_count(model.parameters), model.quantization, context)[column]


class ModelsPage(QWidget):
    """The installed models, and the ways to get more of them into the list.

    Signals:
        load_requested, remove_requested: path of the model
        add_requested: whether the file is to be copied into the models folder
        folder_requested, refresh_requested, back_requested
    """

    load_requested = Signal(str)
    remove_requested = Signal(str)
    add_requested = Signal(bool)
    folder_requested = Signal()
    refresh_requested = Signal()
    back_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._table = ModelTable()
        self.view = QTreeView()
        self.view.setModel(self._table)
        self.view.setRootIsDecorated(False)
        self.view.setUniformRowHeights(True)
        self.view.setAllColumnsShowFocus(True)
        self.view.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.view.setAccessibleName(self.tr("Installed models"))
        self.view.header().setStretchLastSection(False)
        self.view.header().setResizeContentsPrecision(_ROWS_MEASURED)
        self.view.header().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self.view.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.view.activated.connect(lambda _index: self._load())
        self.view.selectionModel().currentChanged.connect(self._show_buttons)
        self._state = Label("", is_muted=True)
        self._load_button = FlatButton(self.tr("Load"), look=Look.FILLED)
        self._remove_button = FlatButton(self.tr("Remove from the list"), look=Look.OUTLINED)
        self._remove_button.setToolTip(self.tr("The file stays where it is."))
        self._load_button.clicked.connect(self._load)
        self._remove_button.clicked.connect(self._remove)
        self._place()
        self._show_buttons()

    def _place(self) -> None:
        back = FlatButton(icon="left", name=self.tr("Back to the chat"))
        back.clicked.connect(self.back_requested)
        refresh = FlatButton(icon="retry", name=self.tr("Look for models again"))
        refresh.clicked.connect(self.refresh_requested)
        head = QHBoxLayout()
        head.addWidget(back)
        head.addWidget(Label(self.tr("Models"), 1.4, is_bold=True))
        head.addSpacing(10)
        head.addWidget(self._state, 1)
        head.addWidget(refresh)
        add = QHBoxLayout()
        add.setSpacing(8)
        for words, wish in (
            (self.tr("Add a file …"), lambda: self.add_requested.emit(False)),
            (self.tr("Copy a file in …"), lambda: self.add_requested.emit(True)),
            (self.tr("Choose the models folder …"), self.folder_requested.emit),
        ):
            button = FlatButton(words, look=Look.OUTLINED)
            button.clicked.connect(lambda _checked=False, wish=wish: wish())
            add.addWidget(button)
        add.addStretch(1)
        add.addWidget(self._remove_button)
        add.addWidget(self._load_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 16, 24, 20)
        layout.setSpacing(12)
        layout.addLayout(head)
        layout.addWidget(self.view, 1)
        layout.addLayout(add)

    def show_models(self, models: Sequence[ModelFile]) -> None:
        """Show these models."""
        chosen = self._chosen()
        self._table.show_models(models)
        self._state.setText(
            "" if models else self.tr("None yet. Add a .gguf file or choose the folder that holds some.")
        )
        paths = [model.path for model in models]
        if chosen is not None and chosen.path in paths:
            index = self._table.index(paths.index(chosen.path), 0)
            flags = QItemSelectionModel.SelectionFlag
            self.view.selectionModel().setCurrentIndex(index, flags.ClearAndSelect | flags.Rows)
        self._show_buttons()

    def show_model(self, model: LoadedModel | None) -> None:
        """Mark the model that is loaded."""
        self._table.show_loaded(model)

    def show_scanning(self) -> None:
        """Say that the list is being made."""
        self._state.setText(self.tr("Looking …"))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Go back with Esc, remove with Delete, look again with F5."""
        if event.key() == Qt.Key.Key_Escape:
            self.back_requested.emit()
        elif event.key() == Qt.Key.Key_Delete:
            self._remove()
        elif event.key() == Qt.Key.Key_F5:
            self.refresh_requested.emit()
        else:
            super().keyPressEvent(event)

    def _chosen(self) -> ModelFile | None:
        index = self.view.currentIndex()
        return self._table.at(index.row()) if index.isValid() else None

    def _load(self) -> None:
        model = self._chosen()
        if model is not None and not model.problem:
            self.load_requested.emit(str(model.path))

    def _remove(self) -> None:
        model = self._chosen()
        if model is not None:
            self.remove_requested.emit(str(model.path))

    def _show_buttons(self) -> None:
        model = self._chosen()
        self._load_button.setEnabled(model is not None and not model.problem)
        self._remove_button.setEnabled(model is not None)
