"""How long until the window is painted, against a bare Qt window with a text view, both started in turn.

Prints a table of medians, and fails if ours takes more than twice as long, wall or processor time, or if the
engine is brought in before the paint. Without a screen it starts one of its own, where Xvfb is installed.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import screen

MOST = 2.0  # times the bare window
SHARED = """
import json, resource, sys, time
from PySide6.QtCore import QEvent, QObject, QTimer
from PySide6.QtWidgets import QApplication

class Painted(QObject):
    def eventFilter(self, watched, event):
        if event.type() == QEvent.Type.Paint:
            QTimer.singleShot(0, tell)
        return False

told = []
def tell():
    if not told:
        told.append(True)
        seconds, used = time.time(), sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
        print(json.dumps([seconds, used, "llama_cpp" in sys.modules]), flush=True)
        QTimer.singleShot(0, lambda: [w.close() for w in QApplication.topLevelWidgets()])
"""
BARE = (
    SHARED
    + """
from PySide6.QtWidgets import QTextEdit
app = QApplication([])
painted = Painted()
view = QTextEdit("Hello")
view.installEventFilter(painted)
view.resize(1100, 760)
view.show()
app.exec()
"""
)
# Ours is started as the command is, with nothing brought in before; its window is watched from its class on.
OURS = f"""
import importlib.util, sys

class Watch:
    def find_spec(self, name, path, target=None):
        if name != "app.ui.main_window":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        execute = spec.loader.exec_module
        def watched(module):
            execute(module)
            watch(module.MainWindow)
        spec.loader.exec_module = watched
        return spec

def watch(window_class):
    exec(SHARED, globals())
    show = window_class.show
    def watched_show(window):
        global painted
        painted = Painted()
        window.installEventFilter(painted)
        show(window)
    window_class.show = watched_show

SHARED = {SHARED!r}
sys.meta_path.insert(0, Watch())
from app.cli.main import main
sys.exit(main([]))
"""


def start(code, env):
    """Run one of the two; returns seconds of wall time and of the processor until the paint, and a fact."""
    begun = time.time()
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=120)
    if done.returncode or not done.stdout.strip():
        raise SystemExit(f"it did not start:\n{done.stderr}")
    painted, used, has_engine = json.loads(done.stdout.splitlines()[0])
    return painted - begun, used, has_engine


def compare(env, runs):
    """Start both in turn and return their measurements."""
    found = {"bare": [], "Fireside": []}
    for number in range(runs + 1):
        for name, code in (("bare", BARE), ("Fireside", OURS)):
            measured = start(code, env)
            if number:  # the first fills the disk's cache
                found[name].append(measured)
    return found


def main():
    """Measure, print, and say by the exit status whether the limits hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10)
    runs = parser.parse_args().runs
    shown = None
    if not os.environ.get("DISPLAY") and not screen.lacking():
        shown = screen.Screen()
    env = {**(shown.env if shown else os.environ), "PYTHONPATH": str(ROOT)}
    env.pop("PYTHONDONTWRITEBYTECODE", None)  # nobody's second start compiles everything again
    if shown is None and not os.environ.get("DISPLAY"):
        env["QT_QPA_PLATFORM"] = "offscreen"
    try:
        with tempfile.TemporaryDirectory() as home:
            found = compare({**env, "FIRESIDE_HOME": home}, runs)
    finally:
        if shown:
            shown.close()
    print(f"median of {runs} starts each, in turn, on {env.get('QT_QPA_PLATFORM', 'xcb')}")
    ratios = []
    for place, kind in enumerate(("wall", "processor")):
        bare, ours = (
            statistics.median(measured[place] for measured in found[name]) for name in ("bare", "Fireside")
        )
        ratios.append(ours / bare)
        print(
            f"{kind:10} bare {bare * 1000:5.0f} ms   Fireside {ours * 1000:5.0f} ms   ratio {ours / bare:.2f}"
        )
    has_engine = any(measured[2] for measured in found["Fireside"])
    print(f"the engine is {'in' if has_engine else 'not in'} before the paint")
    return int(has_engine or max(ratios) > MOST)


if __name__ == "__main__":
    sys.exit(main())
