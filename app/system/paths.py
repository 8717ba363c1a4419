"""Where the program keeps things on this system."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from app.core.errors import AppError

_PROGRAM = "fireside"


class FolderUnwritable(AppError):
    """A folder the program needs cannot be made or written."""

    hint = "Check the folder's permissions, or set FIRESIDE_HOME to a folder of your own."

    def __init__(self, folder: Path, why: str) -> None:
        super().__init__(f"{folder} cannot be written ({why}).")
        self.folder = folder


@dataclass(frozen=True, slots=True)
class Places:
    """The program's folders and files. Nothing is made by asking for them."""

    data: Path
    config: Path
    cache: Path
    logs: Path
    models: Path  # unless the settings name another folder

    @property
    def database(self) -> Path:
        """The file that holds all chats."""
        return self.data / "fireside.db"

    @property
    def settings_file(self) -> Path:
        """The file that holds the settings, for people to read and edit."""
        return self.config / "settings.toml"

    @property
    def lock_file(self) -> Path:
        """The file whose lock says that a window is open on this data."""
        return self.data / "fireside.lock"

    @property
    def log_file(self) -> Path:
        """The newest log."""
        return self.logs / "fireside.log"


def guide_model() -> Path:
    """Return where the model that comes with the program lies, if it came with it."""
    return Path(__file__).parents[2] / "resources" / "guide" / "fireside-guide.gguf"


def places(environ: Mapping[str, str] = os.environ) -> Places:
    """Return the usual folders of this system, or all of them below `FIRESIDE_HOME` if that is set."""
    if home := environ.get("FIRESIDE_HOME"):
        root = Path(os.path.abspath(os.path.expanduser(home)))
        return Places(root / "data", root / "config", root / "cache", root / "logs", root / "models")
    found = platformdirs.PlatformDirs(_PROGRAM, appauthor=False)
    return Places(
        data=found.user_data_path,
        config=found.user_config_path,
        cache=found.user_cache_path,
        logs=found.user_log_path,
        models=found.user_data_path / "models",
    )


def prepare(where: Places) -> None:
    """Make the folders that are missing, readable for their owner alone. Raises `FolderUnwritable`."""
    for folder in (where.data, where.config, where.cache, where.logs, where.models):
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise FolderUnwritable(folder, error.strerror or str(error)) from error
    for folder in (where.data, where.config):
        if not os.access(folder, os.W_OK | os.X_OK):
            raise FolderUnwritable(folder, "no permission")
