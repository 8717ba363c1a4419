"""Bringing a model into the models folder, or leaving it where it is."""

from __future__ import annotations

import errno
import logging
import os
import shutil
from pathlib import Path

from app.core.errors import AppError
from app.core.jobs import CancelToken, Job, Report
from app.core.models import CopyProgress, ModelFile
from app.core.units import readable_bytes
from app.library import leftovers
from app.library.shelf import Shelf, part_name

log = logging.getLogger(__name__)

_PIECE = 4 << 20  # bytes between two looks at the cancel token
_SPARE = 64 << 20  # bytes that stay free on the disk


class NoRoomForModel(AppError):
    """The disk has no room for a copy of the model."""

    hint = "Free some space on that disk, or add the model in place, without a copy."

    def __init__(self, folder: Path, needed: int, free: int) -> None:
        """`needed` and `free` are in bytes."""
        super().__init__(
            f"The copy needs {readable_bytes(needed)}, and {readable_bytes(free)} are free in {folder}."
        )


class CopyFailed(AppError):
    """The model could not be copied, for another reason than room."""

    hint = "The original is untouched. Try again, or add the model in place, without a copy."

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"{path.name} could not be copied ({why}).")


def add_in_place(shelf: Shelf, path: Path) -> Path:
    """Check a model, and return the path to remember it by. Raises `ModelMissing`, `ModelUnreadable`."""
    return shelf.look(path).path


def copy_job(shelf: Shelf, path: Path, folder: Path) -> Job:
    """Return a job that copies a model into `folder` and returns the path of its first part there."""
    return lambda report, cancel: copy_model(shelf, path, folder, report, cancel)


def copy_model(shelf: Shelf, path: Path, folder: Path, report: Report, cancel: CancelToken) -> Path:
    """Copy a model, all its parts, into `folder`, and return the path of the first part there.

    A model that is there already is not copied again. Reports `CopyProgress`. Nothing is left behind when
    this raises: `ModelMissing`, `ModelUnreadable`, `NoRoomForModel`, `CopyFailed`, `Cancelled`.
    """
    model = shelf.look(path)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        there, is_there = _place_for(model, folder, cancel)
        if is_there:
            return there[0]
        leftovers.sweep(folder)
        free = shutil.disk_usage(folder).free
        if model.file_bytes + _SPARE > free:
            raise NoRoomForModel(folder, model.file_bytes, free)
        _copy_all(model, there, report, cancel)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise NoRoomForModel(folder, model.file_bytes, shutil.disk_usage(folder).free) from error
        raise CopyFailed(model.path, error.strerror or str(error)) from error
    return there[0]


def _place_for(model: ModelFile, folder: Path, cancel: CancelToken) -> tuple[list[Path], bool]:
    """Return where the parts go, and whether they are there already."""
    if Path(os.path.realpath(model.path)).is_relative_to(os.path.realpath(folder)):
        return list(model.parts), True
    stem = part_name(model.path).stem
    for number in range(1, 10_000):
        new_stem = stem if number == 1 else f"{stem}-{number}"
        there = [folder / (new_stem + part.name[len(stem) :]) for part in model.parts]
        if not any(os.path.lexists(path) for path in there):
            return there, False
        if all(_is_same(old, new, cancel) for old, new in zip(model.parts, there, strict=True)):
            return there, True
    raise CopyFailed(model.path, "the folder has too many files of that name")


def _is_same(old: Path, new: Path, cancel: CancelToken) -> bool:
    """Whether two files have the same bytes."""
    if not new.is_file() or old.stat().st_size != new.stat().st_size:
        return False
    with old.open("rb") as left, new.open("rb") as right:
        while piece := left.read(_PIECE):
            cancel.check()
            if piece != right.read(_PIECE):
                return False
    return True


def _copy_all(model: ModelFile, there: list[Path], report: Report, cancel: CancelToken) -> None:
    unfinished = [leftovers.unfinished(path) for path in there]
    placed: list[Path] = []
    done = 0
    try:
        for old, new in zip(model.parts, unfinished, strict=True):
            done = _copy_one(old, new, done, model.file_bytes, report, cancel)
        for new, path in zip(reversed(unfinished), reversed(there), strict=True):  # the first part comes last
            new.replace(path)
            placed.append(path)
        _sync_folder(there[0].parent)
    except BaseException:
        for path in (*unfinished, *placed):
            path.unlink(missing_ok=True)
        raise


def _copy_one(old: Path, new: Path, done: int, total: int, report: Report, cancel: CancelToken) -> int:
    buffer = memoryview(bytearray(_PIECE))
    with old.open("rb", buffering=0) as source, new.open("xb", buffering=0) as target:
        leftovers.hold(target.fileno())
        while count := source.readinto(buffer):
            cancel.check()
            rest = buffer[:count]
            while rest:  # one write may take less than all
                rest = rest[target.write(rest) :]
            done += count
            report(CopyProgress(done, total))
        os.fsync(target.fileno())
    return done


def _sync_folder(folder: Path) -> None:
    """Make the new names survive a power cut, where the system lets folders be synced."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:  # some network disks refuse; the files themselves are safe
        log.info("the models folder could not be synced: %s", error)
    finally:
        os.close(handle)
