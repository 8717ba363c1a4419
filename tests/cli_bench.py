"""A terminal without a terminal: runs commands in this process with a fake backend."""

import io
from dataclasses import dataclass, field
from pathlib import Path

import small_models

from app.cli.main import main
from app.cli.tools import Terminal, Tools
from app.engine.fake import FakeBackend
from app.system import paths


@dataclass
class Bench:
    """Commands share its folder and its backend."""

    home: Path
    backend: FakeBackend = field(default_factory=FakeBackend)
    guide: Path | None = None  # the model that comes with the program
    status: int = -1
    out: str = ""
    err: str = ""

    @property
    def places(self):
        return paths.places({"FIRESIDE_HOME": str(self.home)})

    def run(self, *argv, typed=""):
        terminal = Terminal(io.StringIO(typed), io.StringIO(), io.StringIO())
        tools = Tools(self.places, lambda: self.backend, terminal, self.guide)
        self.status = main([str(word) for word in argv], tools)
        self.out, self.err = terminal.output.getvalue(), terminal.errors.getvalue()
        return self.status

    def add_model(self, name="guide.gguf", **facts):
        path = self.places.models / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return small_models.reciter(path, **facts)
