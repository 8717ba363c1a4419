"""Loading a model and letting it reply, seen from a terminal."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from app.cli.choosing import title
from app.cli.tools import Terminal, WrongUsage
from app.core.generation import (
    LoadedModel,
    LoadProgress,
    LoadSpec,
    PromptRead,
    Reply,
    ReplyRequest,
    SamplingOptions,
    TextArrived,
    ViewBegins,
)
from app.core.jobs import CancelToken
from app.core.models import ModelFile
from app.core.settings import BY_NAME, Settings
from app.engine.backend import Backend
from app.engine.jobs import load_job, reply_job

# sampling options on the command line: those of the settings
_OPTIONS = (
    "temperature",
    "top_k",
    "top_p",
    "min_p",
    "repeat_penalty",
    "presence_penalty",
    "frequency_penalty",
    "seed",
    "max_tokens",
)
_LONG_PROMPT = 512  # tokens from which on reading is worth a line


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """Add `--model`, `--system`, and an option for every sampling setting."""
    parser.add_argument("--model", "-m", default="", metavar="M", help="a path, a name, or a part of a name")
    parser.add_argument("--system", "-s", metavar="TEXT", help="system prompt; the settings' one if left out")
    parser.add_argument("--context", type=int, metavar="N", help="context window in tokens")
    for name in _OPTIONS:
        setting = BY_NAME[name]
        parser.add_argument(
            _dashed(name),
            type=type(setting.default),
            metavar="N",
            help=setting.explanation,
        )


def settings_with(settings: Settings, arguments: argparse.Namespace) -> Settings:
    """Return the settings with what was typed in their place. Raises `WrongUsage`."""
    typed = {name: getattr(arguments, name) for name in _OPTIONS}
    typed |= {"context_window": arguments.context, "system_prompt": arguments.system}
    for name, value in typed.items():
        if value is not None:
            try:
                settings = settings.with_value(name, value)
            except ValueError as error:
                raise WrongUsage(_option(name) + str(error).removeprefix(name)) from error
    return settings


def _option(name: str) -> str:
    """Return the option that sets a setting, as it is typed."""
    return {"context_window": "--context", "system_prompt": "--system"}.get(name) or _dashed(name)


def _dashed(name: str) -> str:
    return "--" + name.replace("_", "-")


def load(
    backend: Backend, model: ModelFile, settings: Settings, terminal: Terminal, cancel: CancelToken
) -> LoadedModel:
    """Load a model, showing how far it is. Raises `AppError`, `Cancelled`."""
    n_ctx = settings.whole("context_window")
    spec = LoadSpec(
        path=model.path,
        name=title(model),
        n_ctx=n_ctx,
        n_threads=settings.whole("threads"),
        low_memory=settings.is_on("low_memory"),
        needed_bytes=model.memory_needed(n_ctx),
    )

    def report(news: Any) -> None:
        if isinstance(news, LoadProgress):
            terminal.progress(f"Loading {spec.name} … {news.fraction:.0%}")

    try:
        loaded = load_job(backend, spec)(report, cancel)
    finally:
        terminal.progress("")
    assert isinstance(loaded, LoadedModel)
    return loaded


@dataclass(slots=True)
class Listener:
    """Shows a reply as it comes, and keeps its text."""

    terminal: Terminal
    show: Callable[[str], None]
    text: str = ""
    on_text: Callable[[str], None] | None = None  # gets the whole text so far

    def __call__(self, news: Any) -> None:
        """Take one report of a reply job."""
        if isinstance(news, TextArrived):
            if not self.text:
                self.terminal.progress("")
            self.text += news.text
            self.show(news.text)
            if self.on_text is not None:
                self.on_text(self.text)
        elif isinstance(news, PromptRead) and news.total >= _LONG_PROMPT:
            self.terminal.progress(f"Reading {news.done:,} of {news.total:,} tokens …")
        elif isinstance(news, ViewBegins) and news.message is not None:
            self.terminal.progress("")
            self.terminal.tell("(The beginning of this chat no longer fits the model's window.)")


def write_reply(backend: Backend, request: ReplyRequest, listener: Listener, cancel: CancelToken) -> Reply:
    """Have a reply written. Raises `AppError`; what had come by then is in `listener.text`."""
    try:
        reply = reply_job(backend, request)(listener, cancel)
    finally:
        listener.terminal.progress("")
    assert isinstance(reply, Reply)
    return reply


def sampling(settings: Settings, stop: tuple[str, ...] = ()) -> SamplingOptions:
    """Return the sampling options of the settings, with texts that end the reply."""
    return replace(settings.sampling(), stop=stop)
