"""What the user is told outside the conversation, and the buttons that come with it."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator

from PySide6.QtCore import QObject, Signal, Slot

from app.core.errors import AppError
from app.core.notices import Notice, NoticeAction, NoticeKind

log = logging.getLogger(__name__)

SAVING = "saving"  # topic of everything that could not be written


def words_of(error: Exception) -> tuple[str, str]:
    """Return the sentence and the hint to show for an error, also for one that is a bug."""
    if isinstance(error, AppError):
        return str(error), error.hint
    return "Something went wrong in Fireside itself.", "Nothing you wrote is lost. The log has the details."


class Notices(QObject):
    """The notice bar's news.

    Signals:
        posted: Notice
        withdrawn: the topic whose notice is no longer true
        acted: NoticeAction, when the user pressed a notice's button
    """

    posted = Signal(object)
    withdrawn = Signal(str)
    acted = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._is_unsaved = False

    @Slot(object)
    def post(self, notice: Notice) -> None:
        """Show a notice."""
        self.posted.emit(notice)

    @Slot(object)
    def act(self, action: NoticeAction) -> None:
        """Do what a notice's button says."""
        self.acted.emit(action)

    def news(self, sentence: str, hint: str = "") -> None:
        """Show something that is good to know and goes away by itself."""
        self.post(Notice(NoticeKind.NEWS, sentence, hint))

    def tell(self, error: Exception, topic: str = "") -> None:
        """Show an error in its own words."""
        sentence, hint = words_of(error)
        self.post(Notice(NoticeKind.ERROR, sentence, hint, topic=topic))

    def tell_bug(self, error: BaseException) -> None:
        """Say that something went wrong in the program; the log has it whole."""
        if isinstance(error, Exception):
            self.tell(error, "bug")

    @contextlib.contextmanager
    def telling(self) -> Iterator[None]:
        """Show an `AppError` of the block instead of raising it."""
        try:
            yield
        except AppError as error:
            self.tell(error)

    def saving_failed(self, error: AppError) -> None:
        """Say, once until it is over, that something could not be written yet."""
        if not self._is_unsaved:
            log.warning("saving failed: %s", type(error).__name__)
            self._is_unsaved = True
            self.post(
                Notice(
                    NoticeKind.ERROR,
                    str(error),
                    error.hint,
                    NoticeAction.RETRY_SAVE,
                    self.tr("Try again now"),
                    SAVING,
                )
            )

    def saving_works(self) -> None:
        """Take back what `saving_failed` said."""
        if self._is_unsaved:
            self._is_unsaved = False
            self.withdrawn.emit(SAVING)
            self.news(self.tr("Everything is saved again."))
