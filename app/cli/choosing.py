"""Which model, and which chat, a few typed words mean."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from app.cli.tools import Tools, WrongUsage
from app.core.conversation import ConversationLine
from app.core.errors import AppError, ModelMissing
from app.core.models import ModelFile, usual_model
from app.core.settings import Settings
from app.library.shelf import Shelf
from app.storage.store import Store

_ADD_ONE = "Add one with: fireside models add FILE"
_SEE_LIST = "See them with: fireside models list"
_MOST_SHOWN = 20


class NoSuchModel(AppError):
    """No model goes by that name."""

    hint = _SEE_LIST


class NoSuchChat(AppError):
    """No chat goes by that id or title."""

    hint = "Give its number, or a part of its title."


def choose_model(tools: Tools, wanted: str) -> ModelFile:
    """Return the model that `wanted` names: a path, a name, or a part of one.

    Empty means the one used last, or the usual one. Raises `AppError`, or `WrongUsage` where
    several are meant.
    """
    if _is_path(wanted):
        return Shelf().look(Path(os.path.expanduser(wanted)))
    settings = tools.settings()
    with tools.store() as store:
        if wanted:
            return _usable(find_model(tools.models(settings, store), wanted))
        return _usual_model(tools, settings, store)


def find_model(models: Sequence[ModelFile], wanted: str) -> ModelFile:
    """Return the one model that is called so, or has the word in its name; damaged ones too."""
    if not wanted.strip():
        raise WrongUsage("The name of the model is empty.")
    word = wanted.casefold()
    exact = [model for model in models if word in (name.casefold() for name in _names(model))]
    found = exact or [m for m in models if any(word in name.casefold() for name in _names(m))]
    if not found:
        raise NoSuchModel(f"No model here is called “{wanted}”.", "" if models else _ADD_ONE)
    if len(found) > 1:
        raise WrongUsage(_which("models", wanted, [title(model) for model in found]))
    return found[0]


def find_chat(store: Store, wanted: str) -> int:
    """Return the id of the one chat with that id, that title, or that word in its title."""
    if not wanted.strip():
        raise WrongUsage("The number or title of the chat is empty.")
    chats = store.conversations()
    if wanted.removeprefix("#").isdecimal():
        number = int(wanted.removeprefix("#"))
        if any(chat.id == number for chat in chats):
            return number
    word = wanted.casefold()
    found = [chat for chat in chats if chat.title.casefold() == word]
    found = found or [chat for chat in chats if word in chat.title.casefold()]
    if not found:
        raise NoSuchChat(f"No chat is called “{wanted}”.")
    if len(found) > 1:
        raise WrongUsage(_which("chats", wanted, [_chat_line(chat) for chat in found]))
    return found[0].id


def title(model: ModelFile) -> str:
    """Return the name of a model as it is shown: with its quantization, unless the name has that already."""
    if not model.quantization or model.quantization.casefold() in model.name.casefold():
        return model.name
    return f"{model.name} {model.quantization}"


def _usual_model(tools: Tools, settings: Settings, store: Store) -> ModelFile:
    last = store.last_model()
    if last:
        try:
            return Shelf().look(Path(last))
        except ModelMissing:
            tools.terminal.tell(f"The model used last is no longer at {last}.")
    usual = usual_model(tools.models(settings, store), last)
    if usual is None:
        raise AppError("There is no model yet.", _ADD_ONE)
    return usual


def _usable(model: ModelFile) -> ModelFile:
    return Shelf().look(model.path) if model.problem else model  # raises the same again, with its hint


def _is_path(wanted: str) -> bool:
    if not wanted:
        return False
    has_folder = os.sep in wanted or (os.altsep is not None and os.altsep in wanted)
    return (has_folder and not _looks_like_a_name(wanted)) or os.path.isfile(os.path.expanduser(wanted))


def _looks_like_a_name(wanted: str) -> bool:
    """Whether something with a slash is rather the name of a model, such as `Qwen/Qwen3`."""
    return not wanted.lower().endswith(".gguf") and not os.path.exists(os.path.expanduser(wanted))


def _names(model: ModelFile) -> tuple[str, ...]:
    stem = model.path.name
    return (title(model), model.name, stem, stem.removesuffix(".gguf"), str(model.path))


def _chat_line(chat: ConversationLine) -> str:
    return f"{chat.id:>6}  {chat.title or 'New chat'}"


def _which(things: str, wanted: str, lines: Sequence[str]) -> str:
    shown = [*lines[:_MOST_SHOWN], "…"] if len(lines) > _MOST_SHOWN else lines
    return "\n".join([f"“{wanted}” may mean {len(lines)} {things}:", *(f"  {line}" for line in shown)])
