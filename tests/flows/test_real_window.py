"""The real window on a real screen with a real model, driven by the keyboard alone."""

import pytest
import screen
from small_models import babbler, reciter

pytestmark = pytest.mark.skipif(
    bool(screen.lacking()), reason=f"the real window needs {', '.join(screen.lacking())}"
)

SCRIPT = "The fire is lit, sit down and tell me all."
MESSAGES = "SELECT role, state, text FROM message ORDER BY id"


@pytest.fixture(scope="module")
def display():
    shown = screen.Screen()
    yield shown
    shown.close()


@pytest.fixture
def home(tmp_path):
    (tmp_path / "models").mkdir()
    return tmp_path


@pytest.fixture
def program(display, home):
    program = screen.Program(display, home)
    yield program
    program.close()


def test_a_chat_from_the_first_word_to_the_trash_and_back(program, home, display):
    reciter(home / "models" / "reciter.gguf", SCRIPT)
    program.start()

    display.press("ctrl+n")
    display.type("Hello there")
    display.press("Return")
    program.wait(MESSAGES, ("user", "done", "Hello there"), ("assistant", "done", SCRIPT))

    display.press("ctrl+r")
    program.wait("SELECT count(*) FROM message WHERE role = 'assistant' AND state = 'done'", (2,))
    program.wait("SELECT count(*) FROM message WHERE role = 'user'", (1,))

    display.press("F2")
    display.press("ctrl+a")
    display.type("Fireplace")
    display.press("Return")
    program.wait("SELECT title FROM conversation", ("Fireplace",))

    display.press("ctrl+n")
    display.type("A second chat about kettles")
    display.press("Return")
    program.wait("SELECT count(*) FROM message WHERE state = 'done'", (5,))

    display.press("ctrl+k")
    display.type("fireplace")
    display.press("Down", "Return", "ctrl+l")
    display.type("found it")
    display.press("Return")
    program.wait(
        "SELECT title FROM message m JOIN conversation c ON c.id = m.conversation WHERE text = 'found it'",
        ("Fireplace",),
    )
    program.wait("SELECT count(*) FROM message WHERE state = 'done'", (7,))

    display.press("ctrl+shift+BackSpace")
    program.wait("SELECT title FROM conversation WHERE trashed IS NOT NULL", ("Fireplace",))
    display.press("alt+u")
    program.wait("SELECT title FROM conversation WHERE trashed IS NOT NULL")

    assert program.quit() == 0
    assert program.errors() == ""


def test_stop_keeps_the_text_so_far_and_retry_writes_another(program, home, display):
    babbler(home / "models" / "babbler.gguf", layers=4, embedding=256)
    program.start()
    display.press("ctrl+n")
    display.type("Go on for ever")
    display.press("Return")
    program.wait("SELECT count(*) FROM message WHERE state = 'writing' AND length(text) > 20", (1,))
    display.press("Escape")
    program.wait("SELECT state, length(text) > 20 FROM message WHERE role = 'assistant'", ("stopped", 1))

    display.press("ctrl+r")
    program.wait("SELECT count(*) FROM message WHERE state = 'writing' AND length(text) > 20", (1,))
    display.press("Escape")
    program.wait(
        "SELECT state, length(text) > 20 FROM message WHERE role = 'assistant'",
        ("stopped", 1),
        ("stopped", 1),
    )
    assert program.quit() == 0


def test_a_draft_and_the_open_chat_are_there_after_a_crash(program, home, display):
    reciter(home / "models" / "reciter.gguf", SCRIPT)
    program.start()
    display.press("ctrl+n")
    display.type("Remember me")
    display.press("Return")
    program.wait(MESSAGES, ("user", "done", "Remember me"), ("assistant", "done", SCRIPT))
    display.type("half a thought")
    program.wait("SELECT draft FROM conversation", ("half a thought",))
    program.kill()

    program.start()
    display.press("ctrl+l")
    display.type(" made whole")
    display.press("Return")
    program.wait("SELECT text FROM message WHERE id = 3", ("half a thought made whole",))


def test_a_second_start_ends_at_once_and_raises_the_first(program, home, display):
    program.start()
    display.do("windowminimize", program.window)
    screen.until(lambda: not program.has_keyboard(), "the window is minimized")
    second = screen.Program(display, home)
    try:
        second.launch()
        assert second.wait_end() == 0
    finally:
        second.close()
    screen.until(program.has_keyboard, "the first window is raised")
    assert program.quit() == 0
