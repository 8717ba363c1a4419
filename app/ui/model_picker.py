"""The button that tells which model is loaded, and offers the others."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QMenu, QWidget

from app.core.generation import LoadedModel
from app.core.models import ModelFile
from app.core.units import readable_bytes
from app.ui.buttons import FlatButton, Look

_MOST = 12  # models in the menu; the Models page has all


class ModelPicker(QWidget):
    """Shows the loaded model or how far its load is.

    Signals:
        load_requested: path of the model
        unload_requested, stop_requested, add_requested, models_requested
    """

    load_requested = Signal(str)
    unload_requested = Signal()
    stop_requested = Signal()
    add_requested = Signal()
    models_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._models: list[ModelFile] = []
        self._model: LoadedModel | None = None
        self._button = FlatButton(self.tr("Choose a model"), "models", Look.OUTLINED)
        self._menu = QMenu(self)
        self._menu.aboutToShow.connect(self._fill_menu)
        self._button.setMenu(self._menu)
        self._stop = FlatButton(icon="stop", name=self.tr("Stop loading"))
        self._stop.clicked.connect(self.stop_requested)
        self._stop.hide()
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self._button)
        layout.addWidget(self._stop)
        self._say_model()

    @property
    def words(self) -> str:
        """What the button says."""
        return self._button.text()

    def show_models(self, models: Sequence[ModelFile]) -> None:
        """Offer these models."""
        self._models = [model for model in models if not model.problem]
        if self._stop.isHidden():
            self._say_model()

    def show_model(self, model: LoadedModel | None) -> None:
        """Show which model is loaded."""
        self._model = model
        if self._stop.isHidden():
            self._say_model()

    def show_progress(self, name: str, fraction: float) -> None:
        """Show how far a load is, 0 to 1, and offer Stop."""
        percent = f"{round(fraction * 100)} %" if fraction > 0 else "…"  # it may wait for a reply
        self._say(self.tr("Loading {0}  {1}").format(name, percent))
        self._stop.show()

    def show_load_ended(self) -> None:
        """Show the loaded model again."""
        self._stop.hide()
        self._say_model()

    def show_unloading(self) -> None:
        """Say that the model goes, which takes until the reply has stopped."""
        if self._model is not None and self._stop.isHidden():
            self._say(self.tr("Unloading {0} …").format(self._model.name))

    def open_menu(self) -> None:
        """Open the menu for the keyboard."""
        self._button.setFocus()
        self._button.showMenu()

    def menu(self) -> QMenu:
        """Return the menu as it would open now."""
        self._fill_menu()
        return self._menu

    def _say_model(self) -> None:
        loaded = self._model
        if loaded is None:
            self._say(self.tr("Choose a model"))
        elif any(model.is_builtin and model.path == loaded.path for model in self._models):
            self._say(self.tr("{0} (built in)").format(loaded.name))
        else:
            self._say(loaded.name)

    def _say(self, words: str) -> None:
        self._button.setText(words)
        self._button.setAccessibleName(self.tr("Model: {0}").format(words))
        self._button.setToolTip(words)
        self._button.updateGeometry()

    def _fill_menu(self) -> None:
        self._menu.clear()
        loaded = self._model.path if self._model is not None else None
        for model in self._models[:_MOST]:
            kind = self.tr("built in") if model.is_builtin else model.quantization
            details = "  ".join(filter(None, (kind, readable_bytes(model.file_bytes))))
            action = self._menu.addAction(f"{model.name}\t{details}".replace("&", "&&"))
            action.setCheckable(True)
            action.setChecked(model.path == loaded)
            action.triggered.connect(
                lambda _checked=False, path=str(model.path): self.load_requested.emit(path)
            )
        if not self._models:
            self._menu.addAction(self.tr("No models yet")).setEnabled(False)
        self._menu.addSeparator()
        self._menu.addAction(self.tr("Unload"), self.unload_requested.emit).setEnabled(loaded is not None)
        self._menu.addAction(self.tr("Add a model file …"), self.add_requested.emit)
        self._menu.addAction(self.tr("All models …"), self.models_requested.emit)
