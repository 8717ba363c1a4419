"""The shelf's work as jobs. What they need is brought in by the first of them, in the lane's thread.

So the window does not wait for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from app.core.jobs import CancelToken, Job, Report
from app.core.models import ModelFile

if TYPE_CHECKING:
    from app.library.shelf import Shelf


class DeferredShelf:
    """Makes jobs for one lane; they share one shelf and what it remembers."""

    def __init__(self, builtin: Path | None = None) -> None:
        """`builtin` is the model that comes with the program."""
        self._builtin = builtin
        self._shelf: Shelf | None = None

    def scan_job(self, folder: Path | None, added: Sequence[Path]) -> Job:
        """Return a job that looks through a folder and added files, and returns a list of `ModelFile`."""

        def scan(report: Report, cancel: CancelToken) -> list[ModelFile]:
            return self._get().scan(folder, added, report, cancel)

        return scan

    def add_job(self, path: Path, folder: Path | None) -> Job:
        """Return a job that checks a model, copies it into `folder` if given, and returns its path.

        Reports `CopyProgress`; raises `AppError`.
        """

        def add(report: Report, cancel: CancelToken) -> Path:
            from app.library import adding  # noqa: PLC0415 - see above

            shelf = self._get()
            if folder is None:
                return adding.add_in_place(shelf, path)
            return adding.copy_model(shelf, path, folder, report, cancel)

        return add

    def _get(self) -> Shelf:
        if self._shelf is None:
            from app.library.shelf import Shelf  # noqa: PLC0415 - see above

            self._shelf = Shelf(self._builtin)
        return self._shelf
