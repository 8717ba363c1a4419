"""Another backend that is only brought in when it is needed.

Importing llama.cpp takes some 0.4 s. Behind this it happens in the engine's thread, after the window is
painted.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence
from typing import cast

from app.core.errors import EngineFailed, NoModelLoaded
from app.core.generation import LoadedModel, LoadSpec, Measure, ReplyEvent, ReplyRequest, Turn
from app.core.jobs import CancelToken, Report
from app.engine.backend import Backend


class DeferredBackend:
    """The backend that `module` has under `name`, made at the first load."""

    def __init__(self, module: str = "app.engine.llama", name: str = "LlamaBackend") -> None:
        self._place = module, name
        self._backend: Backend | None = None

    @property
    def model(self) -> LoadedModel | None:
        """The loaded model."""
        return None if self._backend is None else self._backend.model

    def load(self, spec: LoadSpec, report: Report, cancel: CancelToken) -> LoadedModel:
        """Load a model, after the engine itself if this is the first. Raises `EngineFailed` without one."""
        cancel.check()
        if self._backend is None:
            self._backend = self._bring_in()
        return self._backend.load(spec, report, cancel)

    def unload(self) -> None:
        """Free the model's memory."""
        if self._backend is not None:
            self._backend.unload()

    def measure(self, turns: Sequence[Turn]) -> Measure:
        """Count what the turns take of the window. Raises `NoModelLoaded`."""
        return self._need().measure(turns)

    def count(self, text: str) -> int:
        """Count the tokens of a bare text. Raises `NoModelLoaded`."""
        return self._need().count(text)

    def reply(self, request: ReplyRequest, cancel: CancelToken) -> Iterator[ReplyEvent]:
        """Write a reply. Raises `NoModelLoaded` and what the backend raises."""
        return self._need().reply(request, cancel)

    def close(self) -> None:
        """Unload and let go of everything."""
        if self._backend is not None:
            self._backend.close()

    def _need(self) -> Backend:
        if self._backend is None:
            raise NoModelLoaded
        return self._backend

    def _bring_in(self) -> Backend:
        module, name = self._place
        try:
            made = getattr(importlib.import_module(module), name)()
        except (
            ImportError,
            OSError,
            RuntimeError,
        ) as error:  # a library that is not there
            raise EngineFailed(
                "The engine that runs models cannot be started: a part of it is missing or does not fit"
                " this computer.",
                "Install Fireside again. `fireside doctor` tells more.",
            ) from error
        return cast(Backend, made)
