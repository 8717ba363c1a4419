"""What the model sees when a conversation outgrows its window: whole turns, the newest ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from app.core.generation import Role, Turn

_LONGEST_RESERVE = 1024  # tokens


@dataclass(frozen=True, slots=True)
class View:
    """The turns that a model is given."""

    turns: tuple[Turn, ...]
    first_visible: int  # index of the turn, system prompt aside, from which on all are seen; 0 or 1: all
    tokens: int  # of the view, as counted
    fits: bool  # False: not even what must stay leaves room for a reply
    is_whole: bool  # True: no turn was left out


def reserve_for_reply(n_ctx: int, max_tokens: int | None) -> int:
    """Return how many tokens of a window to keep free for the reply."""
    longest = min(n_ctx // 4, _LONGEST_RESERVE)
    return min(longest, max_tokens) if max_tokens is not None else longest


def fit(
    turns: Sequence[Turn],
    count: Callable[[Sequence[Turn]], int],
    n_ctx: int,
    reserve: int,
    stride: int = 0,
) -> View:
    """Choose the turns that fit into `n_ctx` tokens with `reserve` of them left free.

    The system prompt, pinned turns and the newest turn always stay; then as many whole turns as fit, newest
    first. An answer is never seen without its question. `count` tells the tokens of turns as the model gets
    them; it is called about twice log2 of the number of turns.

    With a `stride` (bytes of text) the view begins only where about that much more text has gone by. So it
    stays where it is for several turns, and what the model has read of it need not be read again each time.
    """
    room = n_ctx - reserve
    starts = _starts(turns)  # oldest first
    views: dict[int, View] = {}

    def view(nth: int) -> View:
        if nth not in views:
            kept = _kept(turns, starts[nth])
            tokens = count(kept)
            views[nth] = View(kept, starts[nth], tokens, tokens <= room, len(kept) == len(turns))
        return views[nth]

    # From the newest on in growing steps, so that a very long conversation is not counted whole.
    worst, step = len(starts) - 1, 1
    best = worst
    if not view(worst).fits:
        return views[worst]
    low = -1  # the nearest start known not to fit
    while best > 0:
        probe = max(best - step, 0)
        if not view(probe).fits:
            low = probe
            break
        best, step = probe, step * 2
    while low >= 0 and best - low > 1:
        middle = (low + best) // 2
        if view(middle).fits:
            best = middle
        else:
            low = middle
    if best > 0 and stride > 0:
        best = _next_stop(turns, starts, best, stride)
    return view(best)


def _next_stop(turns: Sequence[Turn], starts: Sequence[int], best: int, stride: int) -> int:
    """Return the first start from `best` on before which the text passes a multiple of `stride` bytes.

    The text before a start never changes while a chat grows, so neither do these places.
    """
    passed = [0]
    for turn in turns:
        passed.append(passed[-1] + len(turn.text.encode()))
    for nth in range(best, len(starts)):
        if passed[starts[nth]] // stride > passed[starts[nth - 1]] // stride:
            return nth
    return best


def _starts(turns: Sequence[Turn]) -> list[int]:
    """Return where a view may begin: at the first turn and at every user turn, the newest turn's at last."""
    first = 1 if turns and turns[0].role is Role.SYSTEM else 0
    later = [i for i, turn in enumerate(turns) if i > first and turn.role is Role.USER]
    return [first, *later]


def _kept(turns: Sequence[Turn], start: int) -> tuple[Turn, ...]:
    stays = {i for i, turn in enumerate(turns) if i >= start or turn.pinned or turn.role is Role.SYSTEM}
    for i in range(start):
        if turns[i].pinned and turns[i].role is Role.ASSISTANT and i and turns[i - 1].role is Role.USER:
            stays.add(i - 1)
    return tuple(turns[i] for i in sorted(stays))
