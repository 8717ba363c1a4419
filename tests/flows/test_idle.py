"""A window with a model loaded and nothing to do leaves the processor alone."""

import time

import psutil
import pytest
import screen
from small_models import reciter

pytestmark = pytest.mark.skipif(
    bool(screen.lacking()), reason=f"the real window needs {', '.join(screen.lacking())}"
)

SECONDS = 30
MOST = 0.005  # of a core
SETTLED = "SELECT count(*) FROM message WHERE role = 'assistant' AND state = 'done'"


def cpu(process):
    """Return the processor time of a process and its children, in seconds."""
    return sum(sum(one.cpu_times()[:2]) for one in [process, *process.children(recursive=True)])


def test_thirty_idle_seconds_cost_less_than_half_a_percent_of_a_core(tmp_path):
    (tmp_path / "models").mkdir()
    reciter(tmp_path / "models" / "reciter.gguf")
    shown = screen.Screen()
    program = screen.Program(shown, tmp_path)
    try:
        program.start()
        shown.press("ctrl+n")
        shown.type("Are you there?")
        shown.press("Return")
        program.wait(SETTLED, (1,))  # so a model is loaded, and has replied
        process = psutil.Process(program.pid)
        time.sleep(3)  # what follows a reply is not idling: counting its tokens, saving
        before = cpu(process)
        time.sleep(SECONDS)
        share = (cpu(process) - before) / SECONDS
    finally:
        program.close()
        shown.close()
    assert share < MOST, f"{share:.2%} of a core"
