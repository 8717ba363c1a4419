import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.engine.text import ReplyText


def arrivals(pieces, stops=()):
    text = ReplyText(stops)
    told = [text.feed(piece) for piece in pieces]
    return [*told, text.finish()], text.is_stopped


def test_a_character_is_told_when_it_is_whole():
    data = "😀".encode()
    assert arrivals([data[:1], data[1:3], data[3:] + b"!"]) == (["", "", "😀!", ""], False)


def test_bytes_that_are_no_text_become_replacement_characters():
    assert arrivals([b"a\xff", b"b"])[0] == ["a\ufffd", "b", ""]
    assert arrivals([b"a\xf0\x9f"])[0] == ["a", "\ufffd"]


def test_only_what_may_become_a_stop_string_is_held_back():
    assert arrivals([b"one ST", b"AY", b" two"], ["STOP"])[0] == ["one ", "STAY", " two", ""]


def test_a_stop_string_across_pieces_ends_the_text_before_it():
    assert arrivals([b"one S", b"TO", b"P two"], ["STOP"]) == (["one ", "", "", ""], True)


def test_the_first_of_several_stop_strings_wins():
    assert arrivals([b"a]b["], ["[", "]"]) == (["a", ""], True)


def test_what_was_held_back_is_told_in_the_end():
    assert arrivals([b"one STO"], ["STOP"]) == (["one ", "STO"], False)


def test_an_empty_stop_string_stops_nothing():
    assert arrivals([b"abc"], [""]) == (["abc", ""], False)


@pytest.mark.parametrize("stops", [["ab"], ["aab", "bb"], ["aaab"], ["ba", "abab"]])
@given(text=st.text("ab", max_size=30), cuts=st.sets(st.integers(1, 29)))
def test_however_it_is_cut_the_text_ends_before_the_first_stop(stops, text, cuts):
    edges = [0, *sorted(cut for cut in cuts if cut < len(text)), len(text)]
    pieces = [text[a:b].encode() for a, b in itertools.pairwise(edges)]
    told, stopped = arrivals(pieces, stops)
    ends = [text.find(stop) + len(stop) for stop in stops if stop in text]
    assert stopped == bool(ends)
    if not ends:
        assert "".join(told) == text
        return
    # Cut into characters or not: the stop that is complete first ends it.
    assert any("".join(told) == text[: text.find(stop)] for stop in stops if stop in text)
