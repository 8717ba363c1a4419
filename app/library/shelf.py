"""The shelf: every model on this disk that can be chosen, and for those that cannot, why."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from app.core.errors import ModelMissing, ModelUnreadable
from app.core.jobs import CancelToken, Job, Report
from app.core.models import ModelFile
from app.core.units import readable_bytes
from app.library.facts import kind_of_side_file, model_from
from app.library.gguf import Header, HeaderDamaged, NotReadHere, read_header
from app.library.leftovers import sweep

log = logging.getLogger(__name__)

_PART = re.compile(r"-(\d{5})-of-(\d{5})\.gguf$", re.IGNORECASE)
_SIDE_NAME = re.compile(r"imatrix|(?:^|[-_.])(?:mmproj|lora|adapter|vocab)(?:[-_.]|$)", re.IGNORECASE)
_MOST_PARTS = 1000
_ANOTHER_VERSION = "A newer version of Fireside may read it. Until then, choose another model."
_FETCH_PARTS = "Put all parts of the model into the same folder."


@dataclass(frozen=True, slots=True)
class ScanProgress:
    """How many models of how many have been looked at."""

    done: int
    total: int


@dataclass(frozen=True, slots=True)
class PartName:
    """What a file name says about the parts of a model."""

    stem: str  # without part number and ending
    number: int = 1
    count: int = 1


# `os.path` is asked and not `Path`, which raises where a folder may not be looked into, a name is too long
# or a link leads to itself.


def part_name(path: Path) -> PartName:
    """Read stem and part number from a file name: `stem-00002-of-00003.gguf`."""
    if found := _PART.search(path.name):
        return PartName(path.name[: found.start()], int(found[1]), int(found[2]))
    return PartName(path.name[:-5] if path.suffix.lower() == ".gguf" else path.name)


class Shelf:
    """Looks at model files, and remembers the headers of those that have not changed since.

    To be used from one thread at a time.
    """

    def __init__(self, builtin: Path | None = None) -> None:
        """`builtin` is the model that comes with the program, always on the shelf if its file is there."""
        self._builtin = builtin
        self._known: dict[tuple[str, int, int], Header | HeaderDamaged] = {}

    def scan(
        self, folder: Path | None, added: Iterable[Path], report: Report, cancel: CancelToken
    ) -> list[ModelFile]:
        """List the models in `folder`, in the folders inside it, and those added one by one, by name.

        Files that are damaged, cut short or gone are listed with their `problem`. Files that are no models
        to chat with are left out. Reports `ScanProgress`; raises `Cancelled`.
        """
        firsts: dict[str, Path] = {}  # real path -> path as found; a file is listed once
        for path in _gguf_files(folder, cancel) if folder else ():
            first = _first_part(path)
            firsts.setdefault(os.path.realpath(first), first)
        in_folder = len(firsts)
        if folder:
            sweep(folder)
        for path in added:
            first = _first_part(Path(os.path.abspath(path)))
            firsts.setdefault(os.path.realpath(first), first)
        found: list[ModelFile] = self._builtin_model()
        for done, first in enumerate(firsts.values(), start=1):
            cancel.check()
            model = self._listed(first, is_added=done > in_folder)
            if model is not None:
                found.append(model)
            report(ScanProgress(done, len(firsts)))
        found = _told_apart(found)
        return sorted(found, key=lambda m: (m.is_builtin, m.name.casefold(), m.file_bytes, str(m.path)))

    def look(self, path: Path) -> ModelFile:
        """Return one model, given any of its parts.

        Raises `ModelMissing`, or `ModelUnreadable` where it cannot be used to chat.
        """
        parts = parts_of(Path(os.path.abspath(path)))
        headers = [self._header(part) for part in parts]
        for part, header in zip(parts, headers, strict=True):
            if header.is_cut_short:
                here, whole = readable_bytes(header.file_bytes), readable_bytes(header.tensors.data_end)
                raise ModelUnreadable(part, f"it is cut short: {here} of {whole} are here.")
        if kind := kind_of_side_file(headers):
            raise ModelUnreadable(parts[0], f"it is {kind}.", "Choose a model that writes text.")
        if not headers[0].text("general.architecture"):
            raise ModelUnreadable(parts[0], "its header does not say what kind of model it is.")
        if (said := headers[0].whole("split.count", 1)) > 1 and said != len(parts):
            raise ModelUnreadable(
                parts[0],
                f"it is one of {said} parts, and its name does not say so.",
                "Give the parts their original names, which end in -00001-of-00003.gguf and so on.",
            )
        return model_from(parts, part_name(parts[0]).stem, headers)

    def _builtin_model(self) -> list[ModelFile]:
        if self._builtin is None or not os.path.isfile(self._builtin):
            return []
        return [replace(self.look(self._builtin), is_builtin=True)]

    def _listed(self, first: Path, *, is_added: bool) -> ModelFile | None:
        try:
            return self.look(first)
        except (ModelMissing, ModelUnreadable) as error:
            if not is_added and self._is_side_file(first):
                return None
            name = part_name(first)
            parts = [part for part in _siblings(first, name) if os.path.isfile(part)]
            return ModelFile(
                path=first,
                parts=tuple(parts) or (first,),
                name=name.stem,
                file_bytes=sum(_size(part) for part in parts),
                problem=str(error),
            )

    def _is_side_file(self, path: Path) -> bool:
        if _SIDE_NAME.search(path.stem):
            return True
        try:
            return bool(kind_of_side_file([self._header(path)])) and part_name(path).count == 1
        except (ModelMissing, ModelUnreadable):
            return False

    def _header(self, path: Path) -> Header:
        try:
            facts = path.stat()
            known = self._known.get(key := (str(path), facts.st_size, facts.st_mtime_ns))
            if known is None:
                known = self._known[key] = _read(path)
        except FileNotFoundError as error:
            raise ModelMissing(path) from error
        except (OSError, ValueError) as error:  # ValueError: a null character in the path
            why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            raise ModelUnreadable(path, f"it could not be read ({why}).", "Check its permissions.") from error
        if isinstance(known, HeaderDamaged):
            hint = _ANOTHER_VERSION if isinstance(known, NotReadHere) else ""
            raise ModelUnreadable(path, str(known), hint) from known
        return known


def scan_job(shelf: Shelf, folder: Path | None, added: Sequence[Path]) -> Job:
    """Return a job that scans and returns a list of `ModelFile`."""
    return lambda report, cancel: shelf.scan(folder, added, report, cancel)


def parts_of(path: Path) -> tuple[Path, ...]:
    """Return all parts of the model that `path` is a part of. Raises `ModelUnreadable` if one is missing."""
    name = part_name(path)
    siblings = _siblings(path, name)
    missing = [number for number, part in enumerate(siblings, start=1) if not os.path.isfile(part)]
    if name.count > 1 and missing and len(missing) < len(siblings):
        raise ModelUnreadable(path, _missing_sentence(missing, name.count), _FETCH_PARTS)
    return siblings


def _read(path: Path) -> Header | HeaderDamaged:
    if path.is_dir():
        return HeaderDamaged("it is a folder.")
    if not path.is_file():  # opening a pipe would wait for ever
        return HeaderDamaged("it is a pipe or a device, and no file.")
    try:
        return read_header(path)
    except HeaderDamaged as damage:
        return damage


def _siblings(path: Path, name: PartName) -> tuple[Path, ...]:
    if not 1 < name.count <= _MOST_PARTS or not 1 <= name.number <= name.count:
        return (path,)
    ending = path.name[-len(".gguf") :]
    return tuple(
        path.with_name(f"{name.stem}-{number:05d}-of-{name.count:05d}{ending}")
        for number in range(1, name.count + 1)
    )


def _first_part(path: Path) -> Path:
    """Return the part a model is known by: the first, or while that is missing, the first one there is."""
    siblings = _siblings(path, part_name(path))
    return next((part for part in siblings if os.path.isfile(part)), path)


def _missing_sentence(missing: Sequence[int], count: int) -> str:
    if len(missing) == 1:
        return f"part {missing[0]} of {count} is missing."
    shown = ", ".join(str(number) for number in missing[:5]) + (" …" if len(missing) > 5 else "")
    return f"parts {shown} of {count} are missing."


def _gguf_files(folder: Path, cancel: CancelToken) -> Iterator[Path]:
    """Find the .gguf files below a folder; hidden ones are skipped, and links that lead in circles too."""
    seen: set[str] = set()
    for here, folders, files in os.walk(folder, followlinks=True, onerror=_note_unreadable):
        cancel.check()
        real = os.path.realpath(here)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if name.lower().endswith(".gguf") and not name.startswith("."):
                yield Path(here, name)


def _note_unreadable(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        log.warning("a folder of models cannot be read: %s", error)


def _told_apart(models: Sequence[ModelFile]) -> list[ModelFile]:
    """Name models after their files where name and quantization do not tell them apart."""
    met: dict[tuple[str, str], int] = {}
    for model in models:
        met[model.name, model.quantization] = met.get((model.name, model.quantization), 0) + 1
    return [
        replace(model, name=part_name(model.path).stem) if met[model.name, model.quantization] > 1 else model
        for model in models
    ]


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0  # it went away since it was listed
