"""A screen of its own (Xvfb with openbox), and on it the whole program, driven by the keyboard alone."""

import os
import select
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
PROGRAMS = ("Xvfb", "openbox", "xdotool")
PATIENCE = 30.0  # seconds that anything may take on a busy machine
LOOK_AGAIN = 0.03  # seconds


def lacking():
    """Return the programs that are not installed."""
    return [name for name in PROGRAMS if shutil.which(name) is None]


def until(question, what, patience=PATIENCE):
    """Return the question's first true answer; fails after `patience` seconds."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        if answer := question():
            return answer
        time.sleep(LOOK_AGAIN)  # another process is waited for: it sends no signal
    raise AssertionError(f"waited {patience:.0f} s in vain: {what}")


class Screen:
    """An X server with a window manager, without a display number that anybody else has."""

    def __init__(self, size="1200x800"):
        reading, writing = os.pipe()
        self._server = subprocess.Popen(
            ["Xvfb", "-displayfd", str(writing), "-screen", "0", f"{size}x24", "-nolisten", "tcp"],
            pass_fds=[writing],
            stderr=subprocess.DEVNULL,
        )
        os.close(writing)
        number = ""
        while not number.endswith(
            "\n"
        ):  # it writes the line in two parts, and ends if nobody reads the second
            ready, _, _ = select.select([reading], [], [], PATIENCE)
            part = os.read(reading, 16).decode() if ready else ""
            if not part:
                break
            number += part
        os.close(reading)
        number = number.strip()
        if not number:
            self._server.kill()
            self._server.wait()
            raise AssertionError("Xvfb did not start")
        self.env = {**os.environ, "DISPLAY": f":{number}"}
        for name in ("WAYLAND_DISPLAY", "QT_QPA_PLATFORM", "DBUS_SESSION_BUS_ADDRESS"):
            self.env.pop(name, None)
        self._manager = subprocess.Popen(["openbox"], env=self.env, stderr=subprocess.DEVNULL)

    def close(self):
        """End the window manager and the server."""
        for process in (self._manager, self._server):
            process.terminate()
            process.wait(PATIENCE)

    def do(self, *words):
        """Run one xdotool command and return what it prints, or an empty string when it fails."""
        done = subprocess.run(
            ["xdotool", *words], env=self.env, capture_output=True, text=True, timeout=PATIENCE
        )
        return done.stdout.strip() if done.returncode == 0 else ""

    def press(self, *keys):
        """Press key combinations, such as `ctrl+n`, one after the other."""
        for key in keys:
            self.do("key", "--clearmodifiers", key)

    def type(self, text):
        """Type a text."""
        self.do("type", "--delay", "15", text)


class Program:
    """The program on a screen, on data of its own."""

    def __init__(self, screen, home):
        self.screen, self.home = screen, Path(home)
        self._process = None

    @property
    def pid(self):
        """The process id."""
        return self._process.pid

    def launch(self):
        """Start it and return at once."""
        env = {**self.screen.env, "FIRESIDE_HOME": str(self.home), "PYTHONPATH": str(ROOT)}
        with open(self.home / "stderr.txt", "ab") as errors:
            self._process = subprocess.Popen([sys.executable, "-m", "app"], env=env, stderr=errors, cwd=ROOT)

    def start(self):
        """Start it and wait until its window has the keyboard."""
        self.launch()
        self.window = until(self._window, "the window shows")
        until(self._focus, "the window has the keyboard")

    def _window(self):
        assert self._process.poll() is None, f"the program ended:\n{self.errors()}"
        found = self.screen.do("search", "--onlyvisible", "--pid", str(self.pid)).split()
        return found[-1] if found else ""

    def _focus(self):
        self.screen.do("windowactivate", self.window)
        return self.has_keyboard()

    def has_keyboard(self):
        """Return whether what is typed goes to its window."""
        return self.screen.do("getwindowfocus", "getwindowpid") == str(self.pid)

    def errors(self):
        """Return what it wrote to stderr."""
        return (self.home / "stderr.txt").read_text(encoding="utf-8", errors="replace")

    def kill(self):
        """End it as a power cut would."""
        self._process.send_signal(signal.SIGKILL)
        self._process.wait(PATIENCE)

    def quit(self):
        """End it by its own key and return its exit status."""
        self.screen.press("ctrl+q")
        return self.wait_end()

    def wait_end(self):
        """Wait until it ends by itself and return its exit status."""
        return self._process.wait(PATIENCE)

    def close(self):
        """End it if it still runs."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait(PATIENCE)

    def rows(self, sql, *values):
        """Ask its database, while it runs; no rows as long as there is none."""
        path = self.home / "data" / "fireside.db"
        if not path.exists():
            return []
        database = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=PATIENCE)
        try:
            return database.execute(sql, values).fetchall()
        finally:
            database.close()

    def wait(self, sql, *expected, patience=PATIENCE):
        """Wait until a query gives exactly these rows."""
        seen = []

        def look():
            seen[:] = self.rows(sql)
            return seen == list(expected)

        try:
            until(look, sql, patience)
        except AssertionError as error:
            raise AssertionError(
                f"{error}\nexpected {list(expected)}\n     got {seen}\n{self.errors()}"
            ) from None
