"""Markdown as the small HTML that Qt's rich text draws well; nothing in it loads or runs anything.

The parser is imported at the first call: before the window is painted nobody needs it.
"""

from __future__ import annotations

import html
import re
import time
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

from PySide6.QtGui import QTextOption

from app.ui.theme import MONOSPACE, Colors

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

LARGEST = 60_000  # characters; more is shown as plain text
LONGEST_LINE = 5_000
_DEEPEST = 24  # levels of nesting; Qt lays out nested tables and lists in more than linear time
_SAFE = ("http://", "https://", "mailto:")
# What makes parsers slow: very many marks that open something.
_HOSTILE = re.compile(r"(?:[>*\-+] ?){40}|[\[\]!(`*_~<]{200}|(?:\[[^\]]{0,3}){60}|(?:\|[^|\n]{0,2}){120}")
_ENDLESS = re.compile(r"\S{1500}")


def wrap_mode(source: str) -> QTextOption.WrapMode:
    """Return how to break the lines of a text: at words, or anywhere if it has endless ones.

    Looking for the end of a word, Qt takes a minute for one of 100,000 characters.
    """
    modes = QTextOption.WrapMode
    return modes.WrapAnywhere if _ENDLESS.search(source) else modes.WrapAtWordBoundaryOrAnywhere


def is_safe_link(address: str) -> bool:
    """Return whether a link may be followed at all."""
    return address.lower().startswith(_SAFE)


def is_too_much(source: str) -> bool:
    """Return whether a text is shown as it stands, because laying it out could take seconds."""
    if len(source) > LARGEST or _HOSTILE.search(source) is not None:
        return True
    return any(len(line) > LONGEST_LINE for line in source.split("\n"))


def to_html(source: str, colors: Colors) -> str | None:
    """Return the HTML of a Markdown text, or None where it should be shown as plain text."""
    if is_too_much(source):
        return None
    parser = _parser()
    tokens = parser.parse(source)
    if any(token.level >= _DEEPEST - 1 for token in tokens):
        return None  # deeper than that the parser leaves text out
    return f"{_style(colors)}{_Writer(colors).block(tokens)}"


def seconds_to_import() -> float:
    """Import the parser, and return how long that took."""
    started = time.perf_counter()
    _parser()
    return time.perf_counter() - started


@cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt  # noqa: PLC0415  64 ms that the first paint does not need

    parser = MarkdownIt("commonmark", {"html": False, "maxNesting": _DEEPEST})
    return parser.enable(["table", "strikethrough"])


def _style(c: Colors) -> str:
    return (
        f"<style>p, li {{ line-height: 140%; }} p {{ margin: 0 0 9px 0; }}"
        f" h1, h2, h3, h4 {{ margin: 14px 0 6px 0; }} ul, ol {{ margin: 0 0 9px 0; }}"
        f" a {{ color: {c.accent}; }} code {{ background: {c.code}; font-family: {MONOSPACE}; }}"
        f" pre {{ font-family: {MONOSPACE}; white-space: pre-wrap; margin: 0; }}</style>"
    )


class _Writer:
    """Writes tokens as HTML. `markdown-it`'s own renderer writes what Qt does not draw well."""

    _PLAIN = {  # noqa: RUF012  a table that nobody changes
        "paragraph_open": "<p>",
        "paragraph_close": "</p>",
        "bullet_list_open": "<ul>",
        "bullet_list_close": "</ul>",
        "ordered_list_close": "</ol>",
        "list_item_open": "<li>",
        "list_item_close": "</li>",
        "blockquote_close": "</td></tr></table>",
        "table_close": "</table><p style='margin:0; font-size:4px'>&nbsp;</p>",
        "tr_open": "<tr>",
        "tr_close": "</tr>",
        "th_close": "</th>",
        "td_close": "</td>",
        "em_open": "<i>",
        "em_close": "</i>",
        "strong_open": "<b>",
        "strong_close": "</b>",
        "s_open": "<s>",
        "s_close": "</s>",
        "softbreak": "\n",
        "hardbreak": "<br>",
    }

    def __init__(self, colors: Colors) -> None:
        self._colors = colors
        self._links: list[bool] = []

    def block(self, tokens: Sequence[Token]) -> str:
        """Return the HTML of block tokens."""
        parts = []
        for token in tokens:
            if token.hidden:  # the paragraph of a tight list
                continue
            plain = self._PLAIN.get(token.type)
            if plain is not None:
                parts.append(plain)
            elif token.type == "inline":
                parts.append(self.block(token.children or []))
            else:
                write = getattr(self, f"_{token.type}", None)
                parts.append(write(token) if write is not None else html.escape(token.content))
        return "".join(parts)

    def _text(self, token: Token) -> str:
        return html.escape(token.content, quote=False)

    def _heading_open(self, token: Token) -> str:
        size = {"h1": "x-large", "h2": "large", "h3": "medium"}.get(token.tag, "medium")
        return f"<{token.tag} style='font-size:{size}; font-weight:600'>"

    def _heading_close(self, token: Token) -> str:
        return f"</{token.tag}>"

    def _ordered_list_open(self, token: Token) -> str:
        return f'<ol start="{int(token.attrs.get("start", 1))}">'

    def _blockquote_open(self, _token: Token) -> str:
        c = self._colors
        return (
            f'<table cellspacing="0" cellpadding="0" style="margin:4px 0 9px 0"><tr>'
            f'<td width="3" bgcolor="{c.border}"></td><td style="padding-left:12px; color:{c.muted}">'
        )

    def _hr(self, _token: Token) -> str:
        return "<hr>"

    def _fence(self, token: Token) -> str:
        code = html.escape(token.content.rstrip("\n"), quote=False)
        return (
            f'<table width="100%" cellspacing="0" cellpadding="10" bgcolor="{self._colors.code}"'
            f' style="margin:4px 0 10px 0"><tr><td><pre>{code}</pre></td></tr></table>'
        )

    _code_block = _fence

    def _code_inline(self, token: Token) -> str:
        return f"<code>{html.escape(token.content, quote=False)}</code>"

    def _table_open(self, _token: Token) -> str:
        return (
            f'<table border="1" cellspacing="0" cellpadding="6" style="margin:4px 0 4px 0;'
            f' border-style:solid; border-collapse:collapse; border-color:{self._colors.border}">'
        )

    def _cell(self, token: Token, more: str = "") -> str:
        align = str(token.attrs.get("style", "")).removeprefix("text-align:") or "left"
        return f'<{token.tag} align="{align}"{more}>'

    def _th_open(self, token: Token) -> str:
        return self._cell(token, f' bgcolor="{self._colors.code}"')

    def _td_open(self, token: Token) -> str:
        return self._cell(token)

    def _thead_open(self, _token: Token) -> str:
        return ""

    _thead_close = _tbody_open = _tbody_close = _thead_open

    def _link_open(self, token: Token) -> str:
        address = str(token.attrs.get("href", ""))
        self._links.append(is_safe_link(address))
        return f'<a href="{html.escape(address)}">' if self._links[-1] else ""

    def _link_close(self, _token: Token) -> str:
        return "</a>" if self._links.pop() else ""

    def _image(self, token: Token) -> str:
        return f"[{html.escape(token.content or 'image')}]"
