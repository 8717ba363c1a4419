"""The models on this disk, and the one that is loaded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import QObject, Signal, Slot

from app.controllers.lane import Lane, Ticket
from app.controllers.notices import Notices
from app.controllers.settings import SettingsController
from app.core.errors import AppError, ModelMissing, ModelUnreadable
from app.core.generation import LoadedModel, LoadProgress, LoadSpec
from app.core.models import CopyProgress, ModelFile, usual_model
from app.engine.backend import Backend
from app.engine.jobs import load_job, unload_job
from app.library.deferred import DeferredShelf
from app.storage.store import Store


class ModelsController(QObject):
    """The shelf of models, and which one is in use.

    Signals:
        listed: list of ModelFile
        model_changed: LoadedModel, or None
        load_progressed: name of the model, 0.0 to 1.0
        load_ended
        unload_began
        scan_started
        copy_progressed: file name, 0.0 to 1.0; 1.0 also when it ended badly
    """

    listed = Signal(object)
    model_changed = Signal(object)
    load_progressed = Signal(str, float)
    load_ended = Signal()
    unload_began = Signal()
    scan_started = Signal()
    copy_progressed = Signal(str, float)

    def __init__(
        self,
        store: Store,
        shelf: DeferredShelf,
        folder: Callable[[], Path],
        engine: Lane,
        files: Lane,
        backend: Backend,
        settings: SettingsController,
        notices: Notices,
        parent: QObject | None = None,
    ) -> None:
        """`folder` gives the models folder of the moment."""
        super().__init__(parent)
        self._store = store
        self._shelf = shelf
        self._folder = folder
        self._engine = engine
        self._files = files
        self._backend = backend
        self._settings = settings
        self._notices = notices
        self._listed: list[ModelFile] = []
        self._scan: Ticket | None = None
        self._load: tuple[Ticket, ModelFile] | None = None
        self._unload: Ticket | None = None
        self._adding: dict[Ticket, Path] = {}
        self._wants_load: str | None = None  # path of a model to load once it is listed; "" for the last one
        self._folder_listed: Path | None = None
        for lane in (engine, files):
            lane.reported.connect(self._on_reported)
            lane.finished.connect(self._on_finished)
            lane.failed.connect(self._on_failed)
            lane.cancelled.connect(self._on_cancelled)
        settings.changed.connect(self._on_settings_changed)

    @property
    def model(self) -> LoadedModel | None:
        """The loaded model."""
        return self._backend.model

    @property
    def name(self) -> str:
        """Name of the model that will write the next reply; empty if there is none."""
        if self._load is not None:
            return self._load[1].name
        if self.model is not None:
            return self.model.name
        candidate = self._candidate()
        return candidate.name if candidate is not None else ""

    @property
    def is_loading(self) -> bool:
        """Whether a model is being loaded."""
        return self._load is not None

    @property
    def has_candidate(self) -> bool:
        """Whether a reply can be asked for: a model is loaded, or there is one to load."""
        return self.model is not None or self.is_loading or self._candidate() is not None

    def start(self) -> None:
        """Look what is there and, if the settings say so, load the model that was used last."""
        if self._settings.settings.is_on("load_last_model"):
            self._wants_load = ""
        self.refresh()

    @Slot()
    def refresh(self) -> None:
        """Look through the models folder and the added files anew."""
        if self._scan is not None:
            self._scan.cancel()
        added = [Path(path) for path in self._store.model_paths()]
        self._folder_listed = self._folder()
        self._scan = self._files.submit(self._shelf.scan_job(self._folder_listed, added))
        self.scan_started.emit()

    @Slot(str)
    def load(self, path: str) -> None:
        """Load a model in place of the loaded one, which stays if that fails."""
        self._wants_load = None
        file = next((f for f in self._listed if str(f.path) == path), None)
        if file is None:
            self._notices.tell(ModelMissing(Path(path)))
        elif file.problem:
            self._notices.tell(AppError(file.problem, ModelUnreadable.hint))
        else:
            self.stop_loading()
            settings = self._settings.settings
            n_ctx = settings.whole("context_window")
            if file.context_length:
                n_ctx = min(n_ctx, file.context_length)
            spec = LoadSpec(
                path=file.path,
                name=file.name,
                n_ctx=n_ctx,
                n_threads=settings.whole("threads"),
                low_memory=settings.is_on("low_memory"),
                needed_bytes=file.memory_needed(n_ctx),
            )
            # before a reply that waits: it is to be written by this model
            self._load = (self._engine.submit(load_job(self._backend, spec), is_urgent=True), file)
            self.load_progressed.emit(file.name, 0.0)

    def ensure_loaded(self) -> None:
        """Load the model a reply is waiting for, if none is loaded or on its way."""
        candidate = self._candidate()
        if self.model is None and not self.is_loading and candidate is not None:
            self.load(str(candidate.path))

    @Slot()
    def unload(self) -> None:
        """Free the loaded model's memory; what it is writing is stopped and kept."""
        self.stop_loading()
        self.unload_began.emit()
        self._unload = self._engine.submit(unload_job(self._backend))

    @Slot()
    def stop_loading(self) -> None:
        """Give up a load; the model that was loaded before stays."""
        if self._load is not None:
            self._load[0].cancel()

    @Slot(list, bool)
    def add_files(self, paths: Sequence[str], copy: bool) -> None:
        """Add models where they are, or by copy into the models folder."""
        for path in map(Path, paths):
            job = self._shelf.add_job(path, self._folder() if copy else None)
            self._adding[self._files.submit(job)] = path
            if copy:
                self.copy_progressed.emit(path.name, 0.0)

    @Slot()
    def stop_adding(self) -> None:
        """Give up every copy into the models folder; what was copied in part is removed."""
        for ticket in list(self._adding):
            ticket.cancel()

    @Slot(str)
    def add_folder(self, path: str) -> None:
        """Use another models folder."""
        self._settings.change("models_folder", path)

    @Slot(str)
    def remove(self, path: str) -> None:
        """Forget a model that was added where it is; its file stays."""
        with self._notices.telling():
            if path not in self._store.model_paths():
                raise AppError(
                    self.tr("{name} was not added by hand: it lies in the models folder.").format(
                        name=Path(path).name
                    ),
                    self.tr("To remove it, delete the file, then look for models again."),
                )
            self._store.forget_model_path(path)
            self.refresh()

    def _has_only_guide(self) -> bool:
        """Whether no model of the user's own is loaded or on its way."""
        if self._load is not None:
            return self._load[1].is_builtin
        model = self.model
        return model is None or any(file.is_builtin and file.path == model.path for file in self._listed)

    def _candidate(self) -> ModelFile | None:
        return usual_model(self._listed, self._store.last_model())

    # --- what comes back

    @Slot(object, object)
    def _on_reported(self, ticket: Ticket, report: object) -> None:
        if self._load is not None and ticket is self._load[0] and isinstance(report, LoadProgress):
            self.load_progressed.emit(self._load[1].name, report.fraction)
        elif ticket in self._adding and isinstance(report, CopyProgress):
            self.copy_progressed.emit(
                self._adding[ticket].name, min(report.done / max(report.total, 1), 0.99)
            )

    @Slot(object, object)
    def _on_finished(self, ticket: Ticket, result: object) -> None:
        if self._load is not None and ticket is self._load[0]:
            file = self._load[1]
            self._end_load()
            if not file.is_builtin:  # it is taken only where there is no other, without being remembered
                with self._notices.telling():
                    self._store.note_model_used(str(file.path))
        elif ticket is self._unload:
            self.model_changed.emit(self.model)
        elif ticket is self._scan:
            assert isinstance(result, list)
            self._show(result)
        elif ticket in self._adding:
            assert isinstance(result, Path)
            self._added(self._adding.pop(ticket), result)

    @Slot(object, object)
    def _on_failed(self, ticket: Ticket, error: Exception) -> None:
        if self._load is not None and ticket is self._load[0]:
            self._notices.tell(error, "load")
            self._end_load()
            if isinstance(error, ModelMissing):
                self.refresh()  # so that the next try takes a model that is there
        elif ticket in self._adding:
            self.copy_progressed.emit(self._adding.pop(ticket).name, 1.0)
            self._notices.tell(error)
        elif ticket in (self._scan, self._unload):
            self._notices.tell(error)

    @Slot(object)
    def _on_cancelled(self, ticket: Ticket) -> None:
        if self._load is not None and ticket is self._load[0]:
            self._end_load()
        elif ticket in self._adding:
            self.copy_progressed.emit(self._adding.pop(ticket).name, 1.0)

    def _end_load(self) -> None:
        self._load = None
        self.load_ended.emit()
        self.model_changed.emit(self.model)

    def _show(self, files: list[ModelFile]) -> None:
        self._scan = None
        self._listed = files
        self.listed.emit(files)
        wanted, self._wants_load = self._wants_load, None
        candidate = self._candidate()
        if wanted:
            self.load(wanted)
        elif wanted is not None and candidate is not None and self.model is None and not self.is_loading:
            self.load(str(candidate.path))

    def _added(self, asked: Path, path: Path) -> None:
        self.copy_progressed.emit(asked.name, 1.0)
        with self._notices.telling():
            if not path.is_relative_to(self._folder()):
                self._store.add_model_path(str(path))
            self._notices.news(self.tr("{name} was added.").format(name=path.name))
        if self._has_only_guide():
            self._wants_load = str(path)
        self.refresh()

    @Slot(object)
    def _on_settings_changed(self, _settings: object) -> None:
        if self._folder_listed is not None and self._folder() != self._folder_listed:
            self.refresh()
