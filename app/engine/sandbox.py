"""Jinja2 as chat templates expect it, for templates that nobody has checked.

A template comes out of a file from the Internet and is a program. Jinja2's sandbox keeps it away from Python;
what is added here bounds how long it runs and how much it makes: every loop step, every call and every
joining of texts is counted, so that neither `for` over everything nor doubling a text goes on for ever.
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
_LONGEST_TEXT = 64_000_000  # characters, of the output and of anything on the way
_LARGEST_NUMBER = 1_000_000  # given to a filter
_MOST_WIDTH = re.compile(r"\d{5}")
# Each makes a text of any length out of one number.
_NOT_FOR_TEMPLATES = frozenset({"center", "ljust", "rjust", "zfill", "expandtabs"})


class TemplateRefused(jinja2.TemplateError):
    """The template said that it cannot take this conversation, or went on for too long."""


class Sandbox(jinja2.sandbox.ImmutableSandboxedEnvironment):
    """The environment that chat templates are written for, as transformers has it, with bounds."""

    intercepted_binops = frozenset({"+", "*", "**", "%"})

    def __init__(self) -> None:
        super().__init__(trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"])
        self._steps = 0
        self._until = math.inf
        for name in ("center", "format", "random"):
            del self.filters[name]
        del self.globals["lipsum"]
        self.filters["tojson"] = _tojson
        self.filters.update({name: self._checked(made) for name, made in self.filters.items()})
        self.filters["_counted"] = self._counted
        self.filters["_joined"] = self._joined
        self.globals["raise_exception"] = _refuse
        self.globals["strftime_now"] = _strftime_now

    def render(self, template: jinja2.Template, values: dict[str, Any]) -> str:
        """Return what the template makes of the values. Raises whatever a template can raise."""
        self._steps, self._until = 0, time.monotonic() + _MOST_SECONDS
        parts, length = [], 0
        for part in template.generate(values):
            parts.append(part)
            length += len(part)
            if length > _LONGEST_TEXT:
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
        return tree

    def _tick(self) -> None:
        self._steps += 1
        if self._steps > _MOST_STEPS or (self._steps % 64 == 0 and time.monotonic() > self._until):
            raise TemplateRefused("it does not end")

    def _counted(self, items: Iterable[Any]) -> Any:
        # A list keeps `loop.last` and `loop.length` as they are for the usual lists.
        return _Counted(items, self._tick) if isinstance(items, (list, tuple)) else self._ticking(items)

    def _ticking(self, items: Iterable[Any]) -> Iterator[Any]:
        for item in items:
            self._tick()
            yield item

    def _joined(self, items: Iterable[Any]) -> str:
        return str(self._bounded("".join(map(str, items))))

    def _checked(self, made: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(made)  # keeps the marks by which Jinja2 knows what a filter wants to be given
        def checked(*args: Any, **kwargs: Any) -> Any:
            if any(isinstance(value, int) and value > _LARGEST_NUMBER for value in (*args, *kwargs.values())):
                raise TemplateRefused("it makes an endless text")
            _check_growth(made.__name__, *(value for value in args if isinstance(value, str)))
            return self._bounded(made(*args, **kwargs))

        return checked

    def _bounded(self, value: Any) -> Any:
        self._tick()
        if isinstance(value, (str, list, tuple, dict)) and len(value) > _LONGEST_TEXT:
            raise TemplateRefused("it makes an endless text")
        return value

    def call_binop(self, context: jinja2.runtime.Context, operator: str, left: Any, right: Any) -> Any:
        """Jinja2's hook for the operators named in `intercepted_binops`."""
        if operator == "**":
            raise TemplateRefused("it raises numbers to powers")
        if operator == "%" and isinstance(left, str) and (_MOST_WIDTH.search(left) or "*" in left):
            raise TemplateRefused("it makes an endless text")
        if operator == "*":
            _check_product(left, right)
        return self._bounded(super().call_binop(context, operator, left, right))

    def call(self, context: Any, obj: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Jinja2's hook for every call in a template."""
        method = getattr(obj, "__wrapped__", obj)  # Jinja2 wraps `format` and hides whose it is
        name, text = getattr(method, "__name__", ""), getattr(method, "__self__", "")
        if isinstance(text, str):
            _check_growth(name, text, *args)
        if name in {"format", "format_map"}:
            pattern = text
            # A nested field can bring a width in from outside.
            if isinstance(pattern, str) and (_MOST_WIDTH.search(pattern) or re.search(r":[^}]*\{", pattern)):
                raise TemplateRefused("it makes an endless text")
        self._tick()
        return self._bounded(super().call(context, obj, *args, **kwargs))

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


def _check_growth(name: str, text: str = "", old: Any = "", new: Any = "", *_: Any) -> None:
    """Refuse a replacing that would make an endless text, before it is made."""
    if name not in {"replace", "do_replace"} or not isinstance(old, str) or not isinstance(new, str):
        return
    if text.count(old) * len(new) > _LONGEST_TEXT:
        raise TemplateRefused("it makes an endless text")


def _check_product(left: Any, right: Any) -> None:
    for text, times in ((left, right), (right, left)):
        if isinstance(text, (str, list, tuple)) and isinstance(times, int):
            if len(text) * times > _LONGEST_TEXT:
                raise TemplateRefused("it makes an endless text")
            return
    if isinstance(left, int) and isinstance(right, int) and left.bit_length() + right.bit_length() > 4096:
        raise TemplateRefused("it makes endless numbers")


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
