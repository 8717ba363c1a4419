"""Words to search by: how a text is cut into them, what a query asks for, and where it stands in a text.

SQLite's tokenizer takes a run of Chinese, Japanese or Korean for one word, so such runs are given to it as
overlapping pairs, and the last character alone: 火边聊天 as 火边 边聊 聊天 天. Two characters are then
one word, more are a phrase, and one is a prefix. The cutting is frozen like the tables: words are taken out
of the index by cutting the same text again.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from dataclasses import dataclass

# ideographs, kana, bopomofo, hangul: scripts written without spaces, or with endings glued to the words
_CJK = (
    r"\u3005-\u3007\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u3105-\u312f\u31a0-\u31bf\u31f0-\u31ff"
    r"\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff"
)
_BEGINNING = rf"(?:(?<![^\W_])|(?<=[{_CJK}]))"  # of a word that is no run
_END = rf"(?:(?![^\W_])|(?=[{_CJK}]))"
_MOST_WORDS, _LONGEST_WORD = 16, 100  # of a query; a pasted page is not a search

_LINE = 140  # characters of a snippet
_BEFORE = 40  # of them before the hit
_SPACES = r"\s+"


@functools.cache  # compiled at the first use: the window's start would wait for it
def _run() -> re.Pattern[str]:
    return re.compile(f"[{_CJK}]+")


@functools.cache
def _piece() -> re.Pattern[str]:
    return re.compile(rf"[{_CJK}]+|(?:(?![{_CJK}])[^\W_])+")


def cut(text: str) -> str:
    """Return `text` as the index is given it."""
    return _run().sub(lambda run: f" {_pairs(run[0])} ", text)


def _pairs(run: str) -> str:
    return " ".join(run[at : at + 2] for at in range(len(run)))


@dataclass(frozen=True, slots=True)
class Query:
    """What the user searches for: every word, the last one as the beginning of a word."""

    words: tuple[str, ...]

    @classmethod
    def of(cls, typed: str) -> Query:
        """Read what was typed. Nothing in it is syntax; without a letter or digit the query is empty."""
        words = [word[:_LONGEST_WORD] for word in typed.replace("\0", " ").split()]
        return cls(tuple(word for word in words if _piece().search(word))[:_MOST_WORDS])

    def expression(self) -> str:
        """Return the query in FTS5's language; empty if there is nothing to search for."""
        return " ".join(
            _phrase(word, is_last=at == len(self.words) - 1) for at, word in enumerate(self.words)
        )

    def snippet(self, text: str) -> tuple[str, tuple[tuple[int, int], ...]]:
        """Return one line of `text` with the first hit in sight, and where in the line the words stand."""
        text = unicodedata.normalize("NFC", text)
        hit = _pattern(self.words).search(_folded(text))
        at = hit.start() if hit else 0
        start = max(0, at - _BEFORE)
        if start:  # begin at a word
            gap = re.compile(_SPACES).search(text, start, at)
            start = gap.end() if gap else start
        end = min(len(text), start + _LINE)
        line = re.sub(_SPACES, " ", text[start:end]).strip()
        line = ("… " if start else "") + line + (" …" if end < len(text) else "")
        return line, self.spans(line)

    def spans(self, line: str) -> tuple[tuple[int, int], ...]:
        """Return where the words stand in `line`: [start, end) in characters."""
        return tuple(hit.span() for hit in _pattern(self.words).finditer(_folded(line)))


def _phrase(word: str, *, is_last: bool) -> str:
    pieces = _piece().findall(word)
    phrase = cut(word)
    is_beginning = is_last
    if _run().fullmatch(pieces[-1]):
        if len(pieces[-1]) > 1:  # the single last character stands in the index only where the run ends
            phrase = phrase.rstrip()
            phrase = phrase[: phrase.rindex(pieces[-1][-2:]) + 2]
            is_beginning = False
        else:
            is_beginning = True  # the first half of a pair
    quoted = phrase.replace('"', '""')
    return f'"{quoted}"*' if is_beginning else f'"{quoted}"'


@functools.lru_cache(maxsize=8)
def _pattern(words: tuple[str, ...]) -> re.Pattern[str]:
    """Return a pattern that finds each of `words` in a folded text."""
    longest_first = sorted(set(words), key=len, reverse=True)
    patterns = [_word_pattern(word, word == words[-1]) for word in longest_first]
    runs = [pattern for pattern, is_run in patterns if is_run]
    others = [pattern for pattern, is_run in patterns if not is_run]
    if (
        others
    ):  # the beginning of a word is asked for once, not once per word: it is nearly everywhere refused
        runs.append(rf"{_BEGINNING}(?:{'|'.join(others)})")
    return re.compile("|".join(runs))


def _word_pattern(word: str, is_last: bool) -> tuple[str, bool]:
    """Return the pattern of a word, and whether it begins with a run."""
    pieces = _piece().findall(_folded(unicodedata.normalize("NFC", word)))
    pattern, is_run = "", True
    for piece in pieces:
        was_run, is_run = is_run, _run().fullmatch(piece) is not None
        if pattern:
            pattern += r"[\W_]*" if is_run or was_run else r"[\W_]+"
        pattern += re.escape(piece)
    if not is_run and not is_last:
        pattern += _END
    return pattern, _run().fullmatch(pieces[0]) is not None


def _folded(text: str) -> str:
    """Return `text` without accents and capitals, character for character in the same place."""
    return (text if text.isascii() else text.translate(_bare_letters())).lower()


@functools.cache
def _bare_letters() -> dict[int, str]:
    """Return the letters with accents, and what they are without."""
    blocks = (*range(0xC0, 0x530), *range(0x1E00, 0x2000))
    bare = {code: unicodedata.normalize("NFD", chr(code))[0] for code in blocks}
    return {code: letter for code, letter in bare.items() if letter != chr(code) and letter.isalpha()}
