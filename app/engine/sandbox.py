"""Jinja2 as chat templates expect it, for templates that nobody has checked.

A template comes out of a file from the Internet and is a program. Jinja2's sandbox keeps it away from Python;
what is added here bounds how long it runs and how much it makes: every loop step, every call and every
joining of texts is counted, so that neither `for` over everything nor doubling a text goes on for ever.
No single step may take seconds either, for nothing can interrupt it: what it would work on is weighed first.
"""

from __future__ import annotations

import datetime
import functools
import json
import math
import re
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import jinja2
import jinja2.nodes
import jinja2.sandbox

_MOST_STEPS = 1_000_000  # of loops, calls and joins; a conversation of 10,000 messages takes some 100,000
_MOST_SECONDS = 2.0
_LONGEST_TEXT = 2_000_000  # characters, of the output and of anything on the way, beside the conversation
_TIMES_TOLD = 8  # as much more as the conversation is long: in JSON a character may take six
_CHARACTERS_PER_ITEM = 4  # of a list; so many fewer items than characters are allowed
_LARGEST_NUMBER = 1_000_000  # given to a filter
_LONG_DATA = 64  # characters; shorter texts are bounded by the steps
_OF_JINJA = (jinja2.Environment, jinja2.nodes.EvalContext, jinja2.runtime.Context)
_MOST_WIDTH = re.compile(r"\d{5}")
# Each makes a text of any length out of one number.
_NOT_FOR_TEMPLATES = frozenset({"center", "ljust", "rjust", "zfill", "expandtabs", "translate"})
_NO_FILTERS = ("center", "format", "pprint", "random", "striptags", "urlize", "wordwrap", "xmlattr")
# They look at the items of a list or pass them on, and make no text of them.
_LIGHT = frozenset(
    {"attr", "d", "default", "first", "items", "last", "length", "map", "reject", "rejectattr", "select",
     "selectattr"}
)  # fmt: skip


class TemplateRefused(jinja2.TemplateError):
    """The template said that it cannot take this conversation, or went on for too long."""


class Sandbox(jinja2.sandbox.ImmutableSandboxedEnvironment):
    """The environment that chat templates are written for, as transformers has it, with bounds."""

    intercepted_binops = frozenset({"+", "*", "**", "%"})

    def __init__(self) -> None:
        super().__init__(trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"])
        self._steps = 0
        self._until = math.inf
        self._longest = _LONGEST_TEXT
        self._written = 0
        self.finalize = self._counted_output
        for name in _NO_FILTERS:
            del self.filters[name]
        del self.globals["lipsum"]
        self.filters["tojson"] = _tojson
        self.filters.update({name: self._checked(name, made) for name, made in self.filters.items()})
        self.filters["_weighed"] = self._weighed
        self.filters["_counted"] = self._counted
        self.filters["_as_it_is"] = _as_it_is
        self.filters["_joined"] = self._joined
        self.globals["raise_exception"] = _refuse
        self.globals["strftime_now"] = _strftime_now

    def render(self, template: jinja2.Template, values: dict[str, Any]) -> str:
        """Return what the template makes of the values. Raises whatever a template can raise."""
        self._steps, self._until = 0, time.monotonic() + _MOST_SECONDS
        self._written = 0
        self._longest = _LONGEST_TEXT + _TIMES_TOLD * _weight(values, 1 << 62)
        parts, length = [], 0
        for part in template.generate(values):
            parts.append(part)
            length += len(part)
            if length > self._longest:
                raise TemplateRefused("its output is endless")
            self._tick()
        return "".join(parts)

    def _parse(self, source: str, name: str | None, filename: str | None) -> jinja2.nodes.Template:
        tree = super()._parse(source, name, filename)
        for loop in list(tree.find_all(jinja2.nodes.For)):
            if loop.recursive:
                raise TemplateRefused("it has recursive loops")
            loop.iter = _filtered("_counted", loop.iter)
        _bound_joins(tree)
        _weigh_literals(tree)
        return tree

    def _tick(self) -> None:
        self._steps += 1
        if self._steps > _MOST_STEPS or time.monotonic() > self._until:
            raise TemplateRefused("it does not end")

    def _counted(self, items: Iterable[Any]) -> Any:
        # A list keeps `loop.last` and `loop.length` as they are for the usual lists.
        return _Counted(items, self._tick) if isinstance(items, (list, tuple)) else self._ticking(items)

    def _ticking(self, items: Iterable[Any]) -> Iterator[Any]:
        for item in items:
            self._tick()
            yield item

    def _joined(self, items: Iterable[Any]) -> str:
        return str(self._bounded("".join(map(str, self._weighed(items)))))

    def _weighed(self, value: Any) -> Any:
        """Return the value, unless a text of it would be endless."""
        self._must_fit(_weight(value, self._longest))
        return value

    def _counted_output(self, value: Any) -> Any:
        """Jinja2's hook for everything that is written, inside of macros and blocks that are kept too."""
        self._written += len(value) if isinstance(value, str) else _weight(value, self._longest)
        self._must_fit(self._written)
        return value

    def _must_fit(self, characters: int) -> None:
        if characters > self._longest:
            raise TemplateRefused("it makes an endless text")

    def _checked(self, name: str, made: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(made)  # keeps the marks by which Jinja2 knows what a filter wants to be given
        def checked(*args: Any, **kwargs: Any) -> Any:
            if any(isinstance(value, int) and value > _LARGEST_NUMBER for value in (*args, *kwargs.values())):
                raise TemplateRefused("it makes an endless text")
            if name in _LIGHT:
                return self._bounded(made(*args, **kwargs))
            if name == "join":
                args = _with_list(args, self._ticking)
            given = [value for value in args if not isinstance(value, _OF_JINJA)]
            self._weighed([*given, *kwargs.values()])
            self._check_growth(name, *given, **kwargs)
            made_of_it = self._bounded(made(*args, **kwargs))
            return made_of_it if isinstance(made_of_it, str) else self._weighed(made_of_it)

        return checked

    def _bounded(self, value: Any) -> Any:
        self._tick()
        if isinstance(value, (str, bytes)):
            self._must_fit(len(value))
        elif isinstance(value, (list, tuple, dict)):
            self._must_fit(len(value) * _CHARACTERS_PER_ITEM)
        return value

    def _check_growth(self, name: str, *given: Any, **named: Any) -> None:
        """Refuse what would make an endless text of short ones, before it is made."""
        texts = [value for value in (*given, *named.values()) if isinstance(value, str)]
        if name == "replace" and len(texts) >= 3:
            self._must_fit(texts[0].count(texts[1]) * len(texts[2]))
        elif name == "join":
            items = next((value for value in given if isinstance(value, (list, tuple, dict, range))), ())
            self._must_fit(len(items) * max(map(len, texts), default=0))
        elif name == "indent" and texts:
            width = [value for value in (*given[1:], *named.values()) if isinstance(value, int)]
            self._must_fit((texts[0].count("\n") + 1) * max(*width, *map(len, texts[1:]), 4))
        elif name == "tojson":
            self._must_fit(_weight(given, self._longest) * min(named.get("indent") or 1, 16))
        elif name == "sum" and not all(
            isinstance(value, (int, float, str)) for value in (*given[1:], *named)
        ):
            raise TemplateRefused("it adds lists up")

    def call_binop(self, context: jinja2.runtime.Context, operator: str, left: Any, right: Any) -> Any:
        """Jinja2's hook for the operators named in `intercepted_binops`."""
        if operator == "**":
            raise TemplateRefused("it raises numbers to powers")
        if operator == "%" and isinstance(left, str):
            if _MOST_WIDTH.search(left) or "*" in left:
                raise TemplateRefused("it makes an endless text")
            self._must_fit(left.count("%") * _weight(right, self._longest))
        if operator == "*":
            self._check_product(left, right)
        return self._bounded(super().call_binop(context, operator, left, right))

    def _check_product(self, left: Any, right: Any) -> None:
        for text, times in ((left, right), (right, left)):
            if isinstance(text, (str, list, tuple)) and isinstance(times, int):
                size = len(text) if isinstance(text, str) else _weight(text, self._longest)
                self._must_fit(size * times)
                return
        if isinstance(left, int) and isinstance(right, int) and left.bit_length() + right.bit_length() > 4096:
            raise TemplateRefused("it makes endless numbers")

    def call(self, context: Any, obj: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Jinja2's hook for every call in a template."""
        method = getattr(obj, "__wrapped__", obj)  # Jinja2 wraps `format` and hides whose it is
        name, text = getattr(method, "__name__", ""), getattr(method, "__self__", "")
        given = [*args, *kwargs.values()]
        if isinstance(text, str) and not isinstance(obj, type):
            if name == "join":
                args = _with_list(args, self._ticking)
                given = [*args]
            self._weighed(given)
            self._check_growth(name, text, *given)
        if name in {"format", "format_map"}:
            pattern = text
            if isinstance(pattern, str):
                self._must_fit(pattern.count("{") * _weight(given, self._longest))
            # A nested field can bring a width in from outside.
            if isinstance(pattern, str) and (_MOST_WIDTH.search(pattern) or re.search(r":[^}]*\{", pattern)):
                raise TemplateRefused("it makes an endless text")
        self._tick()
        made = self._bounded(super().call(context, obj, *args, **kwargs))
        return self._weighed(made) if isinstance(made, (list, tuple, dict)) else made

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Jinja2's hook for every attribute a template asks for."""
        return attr not in _NOT_FOR_TEMPLATES and super().is_safe_attribute(obj, attr, value)


class _Counted(list[Any]):
    """A list whose every step is counted."""

    def __init__(self, items: Iterable[Any], tick: Callable[[], None]) -> None:
        super().__init__(items)
        self._tick = tick

    def __iter__(self) -> Iterator[Any]:
        for item in super().__iter__():
            self._tick()
            yield item


def _filtered(name: str, node: Any) -> jinja2.nodes.Filter:
    made = jinja2.nodes.Filter(node, name, [], [], None, None)
    made.set_lineno(node.lineno)
    return made


def _bound_joins(node: jinja2.nodes.Node) -> None:
    """Turn every `a ~ b` below a node into a counted join."""
    for name, value in node.iter_fields():
        if isinstance(value, jinja2.nodes.Concat):
            _bound_joins(value)
            setattr(node, name, _join_of(value))
        elif isinstance(value, jinja2.nodes.Node):
            _bound_joins(value)
        elif isinstance(value, list):
            for i, item in enumerate(value):
                if isinstance(item, jinja2.nodes.Node):
                    _bound_joins(item)
                if isinstance(item, jinja2.nodes.Concat):
                    value[i] = _join_of(item)


def _join_of(node: jinja2.nodes.Concat) -> jinja2.nodes.Filter:
    texts = jinja2.nodes.List(node.nodes)
    texts.set_lineno(node.lineno)
    return _filtered("_joined", texts)


def _weigh_literals(tree: jinja2.nodes.Template) -> None:
    """Weigh what lists are made, and what is compared: lists of lists of lists grow without any long one."""
    for node in list(tree.find_all((jinja2.nodes.Expr, jinja2.nodes.Stmt, jinja2.nodes.Template))):
        if isinstance(node, jinja2.nodes.Filter) and node.name == "_weighed":
            continue
        if isinstance(node, jinja2.nodes.Output):
            node.nodes = [_counted_text(item) for item in node.nodes]
        for name, value in node.iter_fields():
            if _is_heap(value) and getattr(value, "ctx", "load") == "load":
                setattr(node, name, _filtered("_weighed", value))
            elif isinstance(value, list) and not isinstance(node, jinja2.nodes.Block):
                value[:] = [
                    _filtered("_weighed", item) if _is_heap(item) and getattr(item, "ctx", "load") == "load"
                    else item
                    for item in value
                ]  # fmt: skip


def _counted_text(node: jinja2.nodes.Expr) -> jinja2.nodes.Expr:
    """Have a long text of the template counted each time it is written; Jinja2 counts none of them."""
    if not isinstance(node, jinja2.nodes.TemplateData) or len(node.data) < _LONG_DATA:
        return node
    text = jinja2.nodes.Const(node.data)
    text.set_lineno(node.lineno)
    return _filtered("_as_it_is", text)


@jinja2.pass_context  # so that Jinja2 does not do it once and for all
def _as_it_is(_context: object, value: str) -> str:
    return value


def _is_heap(node: object) -> bool:
    return isinstance(node, (jinja2.nodes.List, jinja2.nodes.Tuple, jinja2.nodes.Dict))


def _with_list(args: tuple[Any, ...], ticking: Callable[[Iterable[Any]], Iterator[Any]]) -> tuple[Any, ...]:
    """Return what `join` was given, with a list in the place of what can be gone through only once."""
    return tuple(list(ticking(value)) if isinstance(value, Iterator) else value for value in args)


def _weight(value: Any, most: int) -> int:
    """Return about how many characters a value has as a text; at most some more than `most`."""
    weight, waiting = 0, [value]
    while waiting and weight <= most:
        value = waiting.pop()
        weight += 1
        if isinstance(value, (str, bytes)):
            weight += len(value)
        elif isinstance(value, (list, tuple)):
            if len(value) > most:
                return len(value)
            waiting.extend(value)
        elif isinstance(value, dict):
            waiting.extend(value.keys())
            waiting.extend(value.values())
        elif isinstance(value, jinja2.utils.Namespace):
            waiting.append(object.__getattribute__(value, "_Namespace__attrs"))
        elif isinstance(value, int):
            weight += value.bit_length() // 3
    return weight


def _refuse(message: object = "") -> None:
    raise TemplateRefused(str(message))


def _strftime_now(pattern: str) -> str:
    return datetime.datetime.now().strftime(pattern)


def _tojson(
    value: Any,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    """Jinja2's own filter escapes for HTML; templates expect plain JSON, as transformers writes it."""
    indent = min(indent, 16) if indent is not None else None
    return json.dumps(
        value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys
    )
