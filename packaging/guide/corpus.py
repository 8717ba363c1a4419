"""Reads the corpus: intents with many phrasings and some answers, written as templates.

`[a|b]` chooses one of several, `{slot}` is filled from the lists of the language.
"""

from __future__ import annotations

import math
import random
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

HERE = Path(__file__).resolve().parent
LANGUAGES = ("en", "zh")
FRAMED = 0.4  # how often words in frames stand for one whole phrasing
TOO_NEAR = 0.55  # likeness to a held-out question; with one word swapped it is mostly above
MARKER = {
    "en": "knows more",
    "zh": "懂得更多",
}  # in every answer to what is beyond the guide, and in no other

Fill: TypeAlias = Callable[[str, random.Random], str]


@dataclass(frozen=True, slots=True)
class Text:
    """Words that stand as they are."""

    words: str


@dataclass(frozen=True, slots=True)
class Slot:
    """A place that is filled from a list."""

    name: str


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several."""

    options: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """One after the other."""

    parts: tuple[Node, ...]


Node: TypeAlias = Text | Slot | Choice | Row


@dataclass(slots=True)
class Intent:
    """What a user may want, how they may say it, and what the guide answers."""

    name: str
    asks: list[Node] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)  # "=" lines
    recalls: list[str] = field(default_factory=list)  # "@" lines: answers with what was told before
    framed: list[Node] = field(default_factory=list)  # asks made of "&" words
    weights: list[float] = field(default_factory=list)  # of the asks: those with more variants more often


@dataclass(slots=True)
class Language:
    """Everything written in one language."""

    code: str
    slots: dict[str, Node] = field(default_factory=dict)
    intents: dict[str, Intent] = field(default_factory=dict)  # questions
    names: dict[str, Intent] = field(default_factory=dict)  # telling and asking of names and words
    system: dict[str, Intent] = field(default_factory=dict)  # system prompts
    wraps: dict[str, Intent] = field(default_factory=dict)  # what stands around a question


def parse(template: str) -> Node:
    """Return the template as a tree."""
    node, end = _row(template, 0)
    if end != len(template):
        raise ValueError(f"unbalanced brackets in {template!r}")
    return node


def _row(text: str, at: int) -> tuple[Node, int]:
    parts: list[Node] = []
    while at < len(text) and text[at] not in "|]":
        if text[at] == "[":
            options: list[Node] = []
            while text[at] != "]":
                option, at = _row(text, at + 1)
                options.append(option)
                if at >= len(text):
                    raise ValueError(f"a bracket is open in {text!r}")
            parts.append(Choice(tuple(options)))
            at += 1
        elif text[at] == "{":
            end = text.index("}", at)
            parts.append(Slot(text[at + 1 : end]))
            at = end + 1
        else:
            stop = next((i for i in range(at, len(text)) if text[i] in "[]{|"), len(text))
            parts.append(Text(text[at:stop]))
            at = stop
    return (parts[0] if len(parts) == 1 else Row(tuple(parts))), at


def variants(node: Node, slots: dict[str, Node]) -> float:
    """Return how many texts a template can become, about."""
    match node:
        case Choice(options):
            return sum(variants(option, slots) for option in options)
        case Row(parts):
            return math.prod(variants(part, slots) for part in parts)
        case Slot(name):
            return variants(slots[name], slots) if name in slots else 50.0
        case Text():
            return 1.0


def expand(node: Node, language: Language, rng: random.Random, fill: Fill) -> str:
    """Return one text of the template. `fill` is asked for the slots that no list has."""
    match node:
        case Text(words):
            return words
        case Choice(options):
            return expand(rng.choice(options), language, rng, fill)
        case Row(parts):
            return "".join(expand(part, language, rng, fill) for part in parts)
        case Slot(name):
            if name in language.slots:
                return cased(name, expand(language.slots[name], language, rng, fill), rng)
            return fill(name, rng)


PROPER = {"country", "city", "person", "lang", "plang", "work"}


def cased(slot: str, words: str, rng: random.Random) -> str:
    """Return the filling of a slot, proper names with a capital as people mostly write them."""
    return words.title() if slot in PROPER and words.isascii() and rng.random() < 0.6 else words


def _blocks(path: Path, frames: list[str]) -> dict[str, Intent]:
    found: dict[str, Intent] = {}
    intent = None
    for line in path.read_text("utf-8").splitlines():
        sign, words = line[:2], line[2:].strip()
        if line.startswith("## "):
            intent = found.setdefault(line[3:].strip(), Intent(line[3:].strip()))
        elif intent is not None and sign == "? ":
            intent.asks.append(parse(words))
        elif intent is not None and sign == "& ":
            words = "[" + words.replace(" | ", "|") + "]"
            intent.framed += [parse(frame.replace("{kw}", words)) for frame in frames]
        elif intent is not None and sign == "= ":
            intent.answers.append(words)
        elif intent is not None and sign == "@ ":
            intent.recalls.append(words)
    return found


def _frames(folder: Path) -> list[str]:
    """Return the sentences into which the words of `&` lines are put."""
    text = (folder / "wrap.txt").read_text("utf-8").split("## frame\n")[1]
    return [line[2:] for line in text.splitlines() if line.startswith("? ")]


def _merge(into: dict[str, Intent], more: dict[str, Intent]) -> None:
    for name, intent in more.items():
        known = into.setdefault(name, Intent(name))
        known.asks += intent.asks
        known.framed += intent.framed
        known.answers += intent.answers
        known.recalls += intent.recalls


def _lists(path: Path) -> dict[str, Node]:
    lists: dict[str, Node] = {}
    for line in path.read_text("utf-8").splitlines():
        if match := re.match(r"([a-z]+): (.+)$", line):
            lists[match[1]] = Choice(tuple(parse(option.strip()) for option in match[2].split(" | ")))
    return lists


def read(code: str, folder: Path = HERE / "corpus") -> Language:
    """Return the corpus of a language."""
    language = Language(code)
    for path in sorted((folder / code).glob("*.txt")):
        language.slots.update(_lists(path))
        target = {"names": language.names, "system": language.system, "wrap": language.wraps}
        _merge(target.get(path.stem, language.intents), _blocks(path, _frames(folder / code)))
    for group in (language.intents, language.names, language.system, language.wraps):
        for intent in group.values():
            whole, framed = (
                [1 + math.log2(variants(ask, language.slots)) for ask in asks]
                for asks in (intent.asks, intent.framed)
            )
            scale = FRAMED * sum(whole) / sum(framed) if framed else 0
            intent.asks += intent.framed
            intent.weights = [*whole, *(weight * scale for weight in framed)]
    return language


def held_out(code: str) -> list[str]:
    """Return the questions that must not be trained on."""
    lines = (HERE / "heldout" / f"{code}.txt").read_text("utf-8").splitlines()
    return [line[2:].strip() for line in lines if line.startswith("? ")]


def held_out_names() -> set[str]:
    """Return the names that must not be trained on."""
    found: set[str] = set()
    for code in LANGUAGES:
        text = (HERE / "heldout" / f"{code}.txt").read_text("utf-8").split("## name\n")[1]
        needed = re.findall(r"^must: (?:\\b)?([\w]+?)(?:\\b)?$", text, re.MULTILINE)
        told = "\n".join(re.findall(r"^(?:>|system:) (.*)$", text, re.MULTILINE))
        found |= {name for name in needed if name in told}
    return found


def units(text: str) -> frozenset[str]:
    """Return what two phrasings are compared by: the words, and Chinese characters alone and in pairs."""
    text = text.lower().replace("'", "")
    found = set(re.findall(r"[a-z0-9_]+", text))
    for run in re.findall(r"[一-鿿]+", text):
        found |= {*run, *(run[i : i + 2] for i in range(len(run) - 1))}
    return frozenset(found)


class HeldOut:
    """Tells whether a phrasing is one of those kept out of training, or as good as."""

    def __init__(self) -> None:
        self._units = [(units(text), text) for code in LANGUAGES for text in held_out(code)]

    def nearest(self, text: str) -> tuple[float, str]:
        """Return the likeness, 0 to 1, to the nearest held-out question, and that question.

        The share of common units among all units of both; or 1 when nearly the whole question is inside.
        """
        mine = units(text)
        best, which = 0.0, ""
        for theirs, question in self._units:
            if not theirs:
                continue
            common = len(mine & theirs)
            if not common:
                continue
            score = common / len(mine | theirs)
            if common / len(theirs) > 0.85:
                score = 1.0
            if score > best:
                best, which = score, question
        return best, which

    def is_too_near(self, text: str) -> bool:
        """True when training on the text would give an answer of the examination away."""
        return self.nearest(text)[0] >= TOO_NEAR
