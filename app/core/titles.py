"""A title for a chat, from the first message alone."""

from __future__ import annotations

import re
import unicodedata

COLUMNS = 48  # a Chinese, Japanese or Korean character takes two
_LOOKED_AT = 20_000  # characters of the message
_LOOKED_AT_OF_LINE = 500

_FENCED = re.compile(r"^(```|~~~).*?(?:^\1[^\S\n]*$|\Z)", re.MULTILINE | re.DOTALL)
_FENCE = re.compile(r"^(?:```|~~~).*$", re.MULTILINE)
_LINK = re.compile(r"!?\[([^\[\]\n]{0,300})\]\([^)\n]{0,2000}\)")  # images too
_URL = re.compile(r"<?\b(?:https?|ftp|file)://[^\s<>\"，。）]+>?|\bwww\.[^\s<>\"，。）]+", re.IGNORECASE)
_HTML = re.compile(r"</?[a-zA-Z][^<>\n]{0,200}>")
_LINE_MARK = re.compile(r"^\s*(?:#{1,6}\s+|>+\s*|[-*+]\s+(?:\[[ xX]\]\s+)?|\d{1,3}[.)]\s+)+")
_RULE = re.compile(r"^\s*(?:[-*_=]\s*){3,}$|^\s*\|?[\s:|-]+\|?\s*$")
_EMPHASIS = re.compile(r"(\*\*\*|\*\*|\*|___|__|~~|`+)(?=\S)(.+?)(?<=\S)\1")
_GREETING = re.compile(
    r"^(?:(?:hi|hey|hello|hallo|hiya|yo|greetings|dear\s+\w+|good\s+(?:morning|afternoon|evening|day)"
    r"|bonjour|salut|hola|ciao|guten\s+(?:tag|morgen|abend)|moin)(?:\s+(?:there|all|everyone|again))?"
    r"|你好|您好|嗨|哈喽|大家好|早上好|下午好|晚上好|こんにちは|안녕하세요)(?:[\s,.!:;~，。！：～…-]+|$)",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|(?<=[。！？；])")
_TRAILING = " \t,;:.!-–—、，；：。！"


def title_from(text: str) -> str:
    """Return a title of at most `COLUMNS` columns; empty only if the text has nothing visible in it."""
    text = text[:_LOOKED_AT]
    code_aside = _LINK.sub(r"\1", _FENCED.sub("\n", text))
    for prose in (_URL.sub(" ", code_aside), _FENCE.sub("", text)):  # the second, if all is code or addresses
        lines = [line for line in (_plain(raw) for raw in prose.splitlines()) if _has_words(line)]
        for line in lines:
            if rest := _without_greeting(line):
                return _cut(_first_sentence(rest))
        if lines:
            return _cut(_first_sentence(lines[0]))
    return _cut(" ".join(_visible(text).split()))


def columns(text: str) -> int:
    """Return how many columns of a fixed-width font a text takes."""
    return sum(_width(char) for char in text)


def _plain(line: str) -> str:
    """Return a line without Markdown's marks."""
    line = line.strip()[:_LOOKED_AT_OF_LINE]
    if _RULE.match(line):
        return ""
    line = _HTML.sub(" ", _LINE_MARK.sub("", line))
    for _ in range(3):  # marks inside marks
        line = _EMPHASIS.sub(r"\2", line)
    return " ".join(_visible(line).strip().strip("|").split())


def _visible(text: str) -> str:
    return "".join(char if unicodedata.category(char)[0] != "C" else " " for char in text)


def _has_words(line: str) -> bool:
    return any(char.isalnum() for char in line)


def _without_greeting(line: str) -> str:
    """Return what follows the greeting; empty if nothing does."""
    rest = line
    while found := _GREETING.match(rest):
        rest = rest[found.end() :]
    if not _has_words(rest):
        return ""
    return rest if rest == line else rest[:1].upper() + rest[1:]


def _first_sentence(line: str) -> str:
    """Return the first sentence, together with the next ones while they are mere words."""
    taken = ""
    for sentence in _SENTENCE_END.split(line):
        taken = f"{taken} {sentence}" if taken and taken[-1].isascii() else taken + sentence
        if columns(taken) >= 12:
            break
    return taken.rstrip(_TRAILING) or line


def _cut(text: str) -> str:
    """Cut at a word's border so that the text and its ellipsis fit."""
    if columns(text) <= COLUMNS:
        return text
    room, end = COLUMNS - 1, 0
    for end, char in enumerate(text):  # noqa: B007 - `end` is used below
        room -= _width(char)
        if room < 0:
            break
    border = next((i for i in range(end, end // 2, -1) if _is_border(text, i)), end)
    return text[:border].rstrip(_TRAILING) + "…"


def _is_border(text: str, at: int) -> bool:
    """Whether a text may be cut before the character at `at`: at a space, or beside an ideograph."""
    before, after = text[at - 1], text[at]
    return after.isspace() or _width(before) == 2 or (_width(after) == 2 and not unicodedata.combining(after))


def _width(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1
