"""What is asked of a model, and what it gives back. Plain data that crosses threads."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias


class Role(enum.StrEnum):
    """Who a message is from."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"


class FinishReason(enum.StrEnum):
    """Why a reply ended."""

    STOP = "stop"  # the model ended its turn, or a stop string came
    LENGTH = "length"  # `max_tokens` or the end of the context window was reached
    CANCELLED = "cancelled"  # the user stopped it


@dataclass(frozen=True, slots=True)
class SamplingOptions:
    """How the next token is chosen. Names and meanings are llama.cpp's."""

    temperature: float = 0.8  # 0 always takes the likeliest token
    top_k: int = 40  # 0 switches it off
    top_p: float = 0.95  # 1 switches it off
    min_p: float = 0.05  # 0 switches it off
    repeat_penalty: float = 1.0  # 1 switches it off
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    seed: int | None = None  # None: another one each time
    max_tokens: int | None = None  # None: until the model ends or the window is full
    stop: tuple[str, ...] = ()  # texts that end the reply; not part of it


@dataclass(frozen=True, slots=True)
class Turn:
    """One message as the model is given it."""

    role: Role
    text: str
    message: int = 0  # the stored message's id, 0 for none
    pinned: bool = False  # stays in the model's view when older messages no longer fit


@dataclass(frozen=True, slots=True)
class LoadSpec:
    """Which model to load, and how."""

    path: Path  # of the first part, if the model is split
    name: str = ""  # as shown to the user; the file's stem when empty
    n_ctx: int = 8192  # context window in tokens; 0 or more than the model knows: the model's own
    n_threads: int = 0  # 0: chosen for this machine
    low_memory: bool = False  # True: no repacked copy of the weights; slower, about half the memory
    needed_bytes: int = 0  # memory the plan says it takes; 0: unknown


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """The model that is ready to reply."""

    path: Path
    name: str
    n_ctx: int  # context window in tokens, as llama.cpp really made it
    n_ctx_train: int  # the longest context window the model was trained for, in tokens
    n_vocab: int
    load_seconds: float
    has_template: bool  # False: its chat format is unknown and a plain one is used


@dataclass(frozen=True, slots=True)
class LoadProgress:
    """How far a load is: 0.0 to 1.0."""

    fraction: float


@dataclass(frozen=True, slots=True)
class ReplyRequest:
    """A reply to be written."""

    turns: tuple[Turn, ...]  # system prompt first if there is one; the last one is the user's
    options: SamplingOptions = field(default_factory=SamplingOptions)
    prefill: str = ""  # the beginning of the reply, to be continued; not reported again


@dataclass(frozen=True, slots=True)
class Measure:
    """What a conversation takes of the model's window."""

    tokens: int  # of all turns, as rendered by the chat template, the reply's opening included
    n_ctx: int  # context window in tokens
    first_visible: int  # index of the first turn, system prompt aside, that the model sees; 0 or 1: all


@dataclass(frozen=True, slots=True)
class Usage:
    """How full the window is, for the meter."""

    tokens: int
    n_ctx: int  # context window in tokens; 0: no model is loaded
    is_exact: bool  # False: an estimate while the engine is busy or no model is loaded
    is_too_long: bool = False  # the last message alone does not fit


@dataclass(frozen=True, slots=True)
class ReplyStats:
    """What a reply took."""

    prompt_tokens: int  # all that was in the window before the reply
    cached_tokens: int  # how many of those needed no reading, because they were read before
    reply_tokens: int
    prompt_seconds: float
    reply_seconds: float

    @property
    def tokens_per_second(self) -> float:
        """Writing speed; 0.0 where nothing was written."""
        return self.reply_tokens / self.reply_seconds if self.reply_seconds > 0 else 0.0


@dataclass(frozen=True, slots=True)
class ViewBegins:
    """Not everything fits: the model sees the system prompt, pinned messages, and all from here on."""

    message: int | None  # id of the first message in view; None: everything is in view


@dataclass(frozen=True, slots=True)
class PromptRead:
    """How far the model has read what it was given, in tokens."""

    done: int
    total: int


@dataclass(frozen=True, slots=True)
class TextArrived:
    """More text of the reply."""

    text: str


@dataclass(frozen=True, slots=True)
class Reply:
    """A finished reply. `text` is what was newly written; a prefill is not in it."""

    text: str
    finish: FinishReason
    stats: ReplyStats
    model: str = ""  # name of the model that wrote it


ReplyEvent: TypeAlias = ViewBegins | PromptRead | TextArrived | Reply
