import time

import pytest
from PySide6.QtWidgets import QWidget

from app.ui import markdown
from app.ui.message_text import MessageText
from app.ui.theme import LIGHT


def html(source):
    return markdown.to_html(source, LIGHT)


def test_raw_html_is_shown_as_text():
    assert "<script>" not in html("a <script>alert(1)</script> b")
    assert "&lt;script&gt;" in html("a <script>alert(1)</script> b")


@pytest.mark.parametrize(
    "address", ["javascript:alert(1)", "file:///etc/passwd", "data:text/html,x", "ftp://a/b"]
)
def test_only_web_and_mail_links_can_be_followed(address):
    assert "href" not in html(f"[click]({address})")
    assert not markdown.is_safe_link(address)


def test_a_web_link_is_a_link():
    assert 'href="https://example.org/a"' in html("[x](https://example.org/a)")


def test_an_image_is_its_words():
    result = html("![a cat](https://example.org/hostname)")
    assert "[a cat]" in result
    assert "<img" not in result
    assert "hostname" not in result


def test_tables_strikethrough_and_code_are_drawn():
    assert "<td" in html("|a|b|\n|-|-|\n|1|2|")
    assert "<s>" in html("~~x~~")
    assert "<pre>1 &lt; 2</pre>" in html("```\n1 < 2\n```")


def test_a_list_goes_on_counting_from_its_number():
    assert '<ol start="7">' in html("7. a\n8. b")


@pytest.mark.parametrize(
    "source",
    [
        "word " * 40_000,
        "a" * 100_000,
        ">" * 10_000 + " x",
        "[" * 10_000,
        "[a" * 5_000,
        "&#1234;" * 9_000,
        "_a" * 9_000,
        "<http:" * 5_000,
    ],
    ids=["200k", "one line", "quotes", "brackets", "links", "entities", "emphasis", "autolinks"],
)
def test_hostile_text_is_drawn_quickly(qtbot, source):
    window = QWidget()
    qtbot.addWidget(window)
    view = MessageText(window)
    window.show()  # unseen, Qt does not break the lines yet
    started = time.process_time()
    view.show_markdown(source)
    view.height_at(700)
    assert time.process_time() - started < 3
    assert len(view.toPlainText()) >= len(source) - 1


def test_nesting_too_deep_to_draw_loses_no_words():
    source = "\n".join("  " * i + f"- item{i}" for i in range(60))
    assert html(source) is None


def test_nothing_named_in_a_text_is_loaded(qtbot):
    view = MessageText(None)
    qtbot.addWidget(view)
    view.setHtml('<img src="file:///etc/hostname">')
    assert view.loadResource(2, "file:///etc/hostname") == ""
