"""The settings: one typed list, from which the dialog, the file and the command line are made."""

from __future__ import annotations

import enum
import math
import reprlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from app.core.generation import SamplingOptions

Value: TypeAlias = bool | int | float | str


class Page(enum.StrEnum):
    """The pages of the settings dialog, and the tables of the file."""

    APPEARANCE = "appearance"
    CHAT = "chat"
    MODELS = "models"
    ENGINE = "engine"
    SAMPLING = "sampling"


@dataclass(frozen=True, slots=True)
class Setting:
    """One thing the user can set. The type of `default` is the type of the setting."""

    page: Page
    name: str
    default: Value
    label: str
    explanation: str
    least: float | None = None  # bounds of numbers, both allowed
    most: float | None = None
    choices: tuple[tuple[str, str], ...] = ()  # (value, label) of a text with fixed choices
    unit: str = ""
    is_path: bool = False  # a folder; empty: the usual one
    is_long: bool = False  # a text of several lines

    def accept(self, value: object) -> Value:
        """Return the value in this setting's type. Raises `ValueError` with a sentence."""
        wanted = type(self.default)
        if wanted is float and isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1e300:
            value = float(value)
        if type(value) is not wanted:
            raise ValueError(f"{self.name} must be {_KIND[wanted]}, not {reprlib.repr(value)}.")
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            if not (value == value and abs(value) != float("inf")):
                raise ValueError(f"{self.name} must be a number.")
            if self.least is not None and value < self.least:
                raise ValueError(f"{self.name} must be at least {_plain(self.least)}, not {_plain(value)}.")
            if self.most is not None and value > self.most:
                raise ValueError(f"{self.name} must be at most {_plain(self.most)}, not {_plain(value)}.")
        if self.choices and value not in {choice for choice, _ in self.choices}:
            allowed = ", ".join(choice for choice, _ in self.choices)
            raise ValueError(f"{self.name} must be one of {allowed}, not {reprlib.repr(value)}.")
        assert isinstance(value, (bool, int, float, str))
        if self.is_path and "\0" in str(value):
            raise ValueError(f"{self.name} must be a path, not {reprlib.repr(value)}.")
        return value


def _plain(number: float) -> str:
    """Return a number as people write it; of one too long to read, its length."""
    if isinstance(number, int) and abs(number) >= 10**15:
        return f"a number of about {int(number.bit_length() * math.log10(2)) + 1:,} digits"
    return f"{int(number):,}" if abs(number) < 1e15 and number == int(number) else f"{number:g}"


_KIND: dict[type, str] = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}

SETTINGS: tuple[Setting, ...] = (
    Setting(
        Page.APPEARANCE,
        "theme",
        "system",
        "Theme",
        "Light, dark, or whatever the desktop uses.",
        choices=(("system", "As the system"), ("light", "Light"), ("dark", "Dark")),
    ),
    Setting(
        Page.APPEARANCE,
        "text_size",
        100,
        "Text size",
        "Size of all text, in percent of the system's.",
        least=50,
        most=300,
        unit="%",
    ),
    Setting(
        Page.CHAT,
        "send_key",
        "enter",
        "Send with",
        "The other combination breaks the line. Nothing is sent while an input method composes.",
        choices=(("enter", "Enter"), ("ctrl_enter", "Ctrl+Enter")),
    ),
    Setting(
        Page.CHAT,
        "system_prompt",
        "",
        "System prompt",
        "What every new chat tells the model first. Each chat can have its own.",
        is_long=True,
    ),
    Setting(
        Page.MODELS,
        "models_folder",
        "",
        "Models folder",
        "Where models are kept. Every .gguf file in it, and in the folders inside it, is shown.",
        is_path=True,
    ),
    Setting(
        Page.MODELS,
        "load_last_model",
        True,
        "Load the last model at the start",
        "Off: a model is loaded when the first message is sent.",
    ),
    Setting(
        Page.ENGINE,
        "context_window",
        8192,
        "Context window",
        "How many tokens the model sees at once. Longer takes more memory. "
        "A model that knows less gets what it knows.",
        least=256,
        most=1_048_576,
        unit="tokens",
    ),
    Setting(
        Page.ENGINE,
        "threads",
        0,
        "Threads",
        "Processor threads that compute. 0 chooses for this computer.",
        least=0,
        most=512,
    ),
    Setting(
        Page.ENGINE,
        "low_memory",
        False,
        "Use less memory",
        "Keeps one copy of the weights instead of a second, faster one. Takes effect at the next load.",
    ),
    Setting(
        Page.SAMPLING,
        "temperature",
        0.8,
        "Temperature",
        "0 always takes the likeliest word; higher is more varied.",
        least=0.0,
        most=5.0,
    ),
    Setting(
        Page.SAMPLING,
        "top_k",
        40,
        "top_k",
        "Choose among this many likeliest tokens. 0: no limit.",
        least=0,
        most=100_000,
    ),
    Setting(
        Page.SAMPLING,
        "top_p",
        0.95,
        "top_p",
        "Choose among the likeliest tokens that together have this probability. 1: no limit.",
        least=0.0,
        most=1.0,
    ),
    Setting(
        Page.SAMPLING,
        "min_p",
        0.05,
        "min_p",
        "Leave out tokens less likely than this share of the likeliest one. 0: none.",
        least=0.0,
        most=1.0,
    ),
    Setting(
        Page.SAMPLING,
        "repeat_penalty",
        1.0,
        "repeat_penalty",
        "Above 1 makes words that were just used less likely. 1: off.",
        least=0.1,
        most=3.0,
    ),
    Setting(
        Page.SAMPLING,
        "presence_penalty",
        0.0,
        "presence_penalty",
        "Makes tokens that occurred at all less likely. 0: off.",
        least=-2.0,
        most=2.0,
    ),
    Setting(
        Page.SAMPLING,
        "frequency_penalty",
        0.0,
        "frequency_penalty",
        "Makes tokens less likely with each time they occurred. 0: off.",
        least=-2.0,
        most=2.0,
    ),
    Setting(
        Page.SAMPLING,
        "seed",
        -1,
        "Seed",
        "The same number gives the same reply again. -1: another one each time.",
        least=-1,
        most=4_294_967_294,
    ),
    Setting(
        Page.SAMPLING,
        "max_tokens",
        0,
        "Longest reply",
        "In tokens. 0: until the model ends or the window is full.",
        least=0,
        most=1_048_576,
        unit="tokens",
    ),
)
BY_NAME: dict[str, Setting] = {setting.name: setting for setting in SETTINGS}


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings with their values; those not changed have their defaults."""

    changed: Mapping[str, Value] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Value:
        """Return the value of the setting with that name. Raises `KeyError` for an unknown one."""
        setting = BY_NAME[name]
        return self.changed.get(name, setting.default)

    def text(self, name: str) -> str:
        """Return the value of a text setting."""
        value = self[name]
        assert isinstance(value, str)
        return value

    def whole(self, name: str) -> int:
        """Return the value of a whole-number setting."""
        value = self[name]
        assert type(value) is int
        return value

    def number(self, name: str) -> float:
        """Return the value of a number setting."""
        value = self[name]
        assert isinstance(value, (int, float))
        return float(value)

    def is_on(self, name: str) -> bool:
        """Return the value of a yes/no setting."""
        value = self[name]
        assert isinstance(value, bool)
        return value

    def with_value(self, name: str, value: object) -> Settings:
        """Return the settings with one value changed. Raises `KeyError`, or `ValueError` with a sentence."""
        setting = BY_NAME[name]
        accepted = setting.accept(value)
        rest: dict[str, Value] = {k: v for k, v in self.changed.items() if k != name}
        return Settings(rest if accepted == setting.default else {**rest, name: accepted})

    def sampling(self) -> SamplingOptions:
        """Return the sampling options that chats without their own use."""
        seed = self.whole("seed")
        return SamplingOptions(
            temperature=self.number("temperature"),
            top_k=self.whole("top_k"),
            top_p=self.number("top_p"),
            min_p=self.number("min_p"),
            repeat_penalty=self.number("repeat_penalty"),
            presence_penalty=self.number("presence_penalty"),
            frequency_penalty=self.number("frequency_penalty"),
            seed=None if seed < 0 else seed,
            max_tokens=self.whole("max_tokens") or None,
        )


def read(raw: Mapping[str, Any]) -> tuple[Settings, list[str]]:
    """Make settings of the tables of a file: `{page: {name: value}}`.

    Whatever is unknown or wrong is left at its default, and a sentence in the list says so.
    """
    settings, complaints = Settings(), []
    for page, table in raw.items():
        if not isinstance(table, Mapping):
            complaints.append(f"{page} is not a table of settings.")
            continue
        for name, value in table.items():
            setting = BY_NAME.get(name)
            if setting is None or setting.page != page:
                complaints.append(f"{page}.{name} is not a setting this version knows.")
                continue
            try:
                settings = settings.with_value(name, value)
            except ValueError as error:
                complaints.append(f"{error} The usual value {setting.default!r} is used.")
    return settings, complaints
