import time

import pytest

from app.core.titles import COLUMNS, columns, title_from


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("Why is the sky blue?", "Why is the sky blue?"),
        ("# **Big** plans\nfoo", "Big plans"),
        ("- [ ] buy milk", "buy milk"),
        ("> 1. quoted `code` here", "quoted code here"),
        ("See [the page](https://example.com/a_b) again", "See the page again"),
        ("https://example.com/long/address\nWhat does this page say?", "What does this page say?"),
        ("```python\nx = 1\n```\nWhy does this fail?", "Why does this fail?"),
        ("<b>Bold</b> question", "Bold question"),
        ("---\nAfter the rule", "After the rule"),
        ("2 * 3 * 4 = ?", "2 * 3 * 4 = ?"),
        ("snake_case_name is what?", "snake_case_name is what?"),
    ],
)
def test_markdown_code_and_addresses_are_left_out(text, title):
    assert title_from(text) == title


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("Hi there, can you help me cook?", "Can you help me cook?"),
        ("Hello!\n\nPlease translate this", "Please translate this"),
        ("你好，请写一首诗", "请写一首诗"),
        ("Hidden treasure stories", "Hidden treasure stories"),  # not the greeting "Hi"
        ("Hello!", "Hello"),
        ("你好！", "你好"),
    ],
)
def test_a_greeting_is_a_title_only_if_nothing_follows(text, title):
    assert title_from(text) == title


def test_the_first_sentence_is_enough():
    assert title_from("Fix the parser please. It fails on Mondays.") == "Fix the parser please"


def test_a_sentence_of_one_word_takes_the_next_one_too():
    assert title_from("Ok. Tell me about trains. And planes.") == "Ok. Tell me about trains"


def test_a_long_text_is_cut_at_a_word():
    title = title_from("Explain the difference between concurrency and parallelism in operating systems")
    assert title == "Explain the difference between concurrency and…"


def test_chinese_is_cut_by_columns_not_characters():
    title = title_from("请帮我写一封邮件给我的老板说明我今天生病了不能来上班而且需要请三天假休息")
    assert title.endswith("…")
    assert COLUMNS - 3 <= columns(title) <= COLUMNS


def test_a_word_without_borders_is_cut_anyway():
    assert title_from("a" * 200) == "a" * (COLUMNS - 1) + "…"


@pytest.mark.parametrize(
    "text",
    ["```python\nprint(1)\n```", "https://example.com/", "🎉", "***", "|", "?", "`", "[]()", "# ", "<b>"],
)
def test_something_visible_always_gives_a_title(text):
    assert title_from(text).strip()


@pytest.mark.parametrize("text", ["", "  \n\t ", "\x00"])
def test_nothing_gives_nothing(text):
    assert title_from(text) == ""


def test_control_characters_do_not_reach_the_title():
    assert title_from("red\x1b[31m \u202eevil\ttext") == "red [31m evil text"


@pytest.mark.parametrize("unit", [" ", "- ", "*", "`a", "<a", "[", "```\n", "|:", "hi ", "。", "_a"])
def test_no_text_is_slow(unit):
    start = time.perf_counter()
    title = title_from(unit * 200_000 + "x")
    assert time.perf_counter() - start < 1
    assert columns(title) <= COLUMNS
