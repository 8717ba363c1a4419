"""The window program, told what to send by its first argument; it says on stdout what it shows, and when.

Lines of JSON: {"sent": time} once the message is sent, {"shown": text, "time": time} for each piece of a
reply. Times are those of the system's monotonic clock, in seconds.
"""

import json
import sys
import time

from PySide6.QtWidgets import QApplication

from app.bootstrap import Program
from app.engine.deferred import DeferredBackend
from app.system import paths


def tell(**news):
    """Write a line at once, for this process may be killed at any moment."""
    sys.stdout.write(json.dumps(news) + "\n")
    sys.stdout.flush()


def main(text, in_new_chat):
    """Show the window, send `text` when the model is loaded, and go on until killed."""
    app = QApplication([])
    places = paths.places()
    paths.prepare(places)
    program = Program(places, DeferredBackend())
    chat = program.chat
    chat.text_arrived.connect(lambda _message, piece: tell(shown=piece, time=time.monotonic()))

    def send(model):
        if model is None or chat.is_replying:
            return
        if in_new_chat:
            chat.new_chat()
        chat.send(text)
        tell(sent=time.monotonic())

    program.models.model_changed.connect(send)
    program.show()
    app.exec()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2] == "new")
