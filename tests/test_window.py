import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.generation import Role, Turn
from app.core.window import fit, reserve_for_reply


def count(turns):
    return sum(len(turn.text) for turn in turns)


def chat(*sizes, system=0, pinned=()):
    turns = [Turn(Role.SYSTEM, "s" * system)] if system else []
    for n, size in enumerate(sizes):
        role = Role.ASSISTANT if n % 2 else Role.USER
        turns.append(Turn(role, "x" * size, message=n + 1, pinned=n in pinned))
    return turns


def seen(view):
    return [turn.message for turn in view.turns if turn.role is not Role.SYSTEM]


def test_all_stays_where_all_fits():
    view = fit(chat(10, 10, 10, system=5), count, n_ctx=35, reserve=0)
    assert view.is_whole
    assert (seen(view), view.first_visible, view.tokens) == ([1, 2, 3], 1, 35)


def test_the_oldest_whole_turns_go_first():
    view = fit(chat(10, 10, 10, 10, 10, system=5), count, n_ctx=40, reserve=0)
    assert not view.is_whole
    assert (seen(view), view.first_visible) == ([3, 4, 5], 3)


def test_an_answer_is_not_seen_without_its_question():
    view = fit(chat(10, 10, 10), count, n_ctx=25, reserve=0)
    assert seen(view) == [3]


def test_pinned_turns_stay_with_their_questions():
    view = fit(chat(5, 5, 50, 50, 5, 5, 5, pinned=(1,)), count, n_ctx=30, reserve=0)
    assert seen(view) == [1, 2, 5, 6, 7]
    assert view.first_visible == 4


def test_room_for_the_reply_is_kept_free():
    assert seen(fit(chat(10, 10, 10), count, n_ctx=40, reserve=10)) == [1, 2, 3]
    assert seen(fit(chat(10, 10, 10), count, n_ctx=40, reserve=11)) == [3]


def test_what_must_stay_and_does_not_fit_is_told_and_not_cut():
    view = fit(chat(10, 10, 90, system=5), count, n_ctx=90, reserve=0)
    assert not view.fits
    assert (seen(view), view.tokens) == ([3], 95)


@pytest.mark.parametrize(
    ("n_ctx", "max_tokens", "reserve"),
    [(8192, None, 1024), (2048, None, 512), (8192, 100, 100), (512, 9999, 128)],
)
def test_the_reserve_is_a_quarter_a_thousand_or_the_longest_reply(n_ctx, max_tokens, reserve):
    assert reserve_for_reply(n_ctx, max_tokens) == reserve


def test_an_empty_conversation_fits():
    assert fit([], count, 10, 0).is_whole


def test_a_very_long_conversation_is_counted_a_few_times_only_and_never_whole():
    longest, times = 0, 0

    def watched(turns):
        nonlocal longest, times
        longest, times = max(longest, count(turns)), times + 1
        return count(turns)

    fit(chat(*[10] * 10_001), watched, n_ctx=1000, reserve=0)
    assert times <= 16
    assert longest < 4000


@settings(max_examples=200, deadline=None)
@given(
    sizes=st.lists(st.integers(0, 30), min_size=1, max_size=31).filter(lambda s: len(s) % 2 == 1),
    pinned=st.sets(st.integers(0, 30)),
    system=st.integers(0, 20),
    n_ctx=st.integers(1, 300),
)
def test_the_view_is_the_largest_that_fits(sizes, pinned, system, n_ctx):
    turns = chat(*sizes, system=system, pinned=pinned)
    view = fit(turns, count, n_ctx, 0)
    assert view.tokens == count(view.turns)
    assert view.turns[-1] is turns[-1]
    kept = set(seen(view))
    assert {turn.message for turn in turns if turn.pinned} <= kept
    if not view.fits:
        assert view.tokens > n_ctx
        return
    assert view.tokens <= n_ctx
    if not view.is_whole:
        before = turns[view.first_visible - 2 : view.first_visible]
        missing = [turn for turn in before if turn.message not in kept and turn.role is not Role.SYSTEM]
        assert not missing or view.tokens + count(missing) > n_ctx


def test_with_a_stride_the_view_stays_for_several_turns_and_never_overflows():
    sizes, begins = [], []
    for _ in range(60):
        sizes += [10, 10]
        view = fit(chat(*sizes, 10, system=5), count, n_ctx=200, reserve=20, stride=50)
        assert view.tokens <= 180
        assert view.tokens >= 180 - 50 - 2 * 20 or view.is_whole
        begins.append(view.first_visible)
    moves = sum(1 for before, now in itertools.pairwise(begins) if before != now)
    assert begins == sorted(begins)
    assert moves <= 60 * 20 / 50 + 1  # not at every turn


def test_a_stride_longer_than_the_chat_changes_nothing():
    turns = chat(10, 10, 10, 10, 10, system=5)
    assert fit(turns, count, 40, 0, stride=1000) == fit(turns, count, 40, 0)
