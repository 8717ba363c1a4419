import errno
import os
import shutil
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import gguf
import numpy as np
import pytest
import small_models

from app.core.errors import Cancelled, ModelMissing, ModelUnreadable
from app.core.jobs import CancelToken
from app.library import adding
from app.library.adding import CopyFailed, CopyProgress, NoRoomForModel, add_in_place, copy_job, copy_model
from app.library.shelf import ScanProgress, Shelf, scan_job


def write_model(path, *, name="", arch="llama", tensors=1, rows=8, kind="", split=0, value=1.0):
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = gguf.GGUFWriter(path, arch)
    if name:
        writer.add_name(name)
    if kind:
        writer.add_type(kind)
    writer.add_block_count(1)
    if split:
        writer.add_uint16("split.count", split)
    writer.add_token_list(["a", "b"])
    for number in range(tensors):
        writer.add_tensor(f"blk.0.w{number}", np.full((rows, 32), value, dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    if tensors:
        writer.write_tensors_to_file()
    writer.close()
    return path


def write_split(folder, stem="Big-Q4_K_M", count=3, name="Big"):
    return [
        write_model(
            folder / f"{stem}-{number:05d}-of-{count:05d}.gguf",
            name=name if number == 1 else "",
            split=count,
            rows=8 * number,
        )
        for number in range(1, count + 1)
    ]


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "models"
    path.mkdir()
    return path


def scan(folder, *added, shelf=None, reports=None):
    report = reports.append if reports is not None else lambda _: None
    return scan_job(shelf or Shelf(), folder, added)(report, CancelToken())


def names(models):
    return [model.name for model in models]


def test_models_in_folders_inside_folders_are_found(folder):
    write_model(folder / "a.gguf", name="Alpha")
    write_model(folder / "owner" / "repo" / "b.GGUF", name="Beta")
    assert names(scan(folder)) == ["Alpha", "Beta"]


def test_a_folder_that_is_not_there_has_no_models(tmp_path):
    assert scan(tmp_path / "missing") == []


def test_a_model_without_a_name_is_called_as_its_file(folder):
    write_model(folder / "my-model.gguf")
    assert names(scan(folder)) == ["my-model"]


def test_hidden_and_partial_files_are_skipped(folder):
    for name in (".a.gguf", ".git/b.gguf", "c.gguf.part", "d.gguf.incomplete", "e.gguf.crdownload", "f.txt"):
        write_model(folder / name)
    assert scan(folder) == []


def test_links_in_circles_end(folder):
    write_model(folder / "a" / "a.gguf", name="Alpha")
    (folder / "a" / "loop").symlink_to(folder, target_is_directory=True)
    (folder / "a" / "second").symlink_to(
        folder, target_is_directory=True
    )  # two circles: 2^40 ways through them
    (folder / "loop").symlink_to(folder / "loop")
    assert names(scan(folder)) == ["Alpha"]


def test_a_file_reached_in_two_ways_is_listed_once(folder):
    path = write_model(folder / "a.gguf", name="Alpha")
    (folder / "link.gguf").symlink_to(path)
    assert names(scan(folder, path)) == ["Alpha"]


def test_a_folder_behind_a_link_is_searched(folder, tmp_path):
    write_model(tmp_path / "disk" / "a.gguf", name="Alpha")
    (folder / "disk").symlink_to(tmp_path / "disk", target_is_directory=True)
    assert names(scan(folder)) == ["Alpha"]


def test_models_added_in_place_are_listed(folder, tmp_path):
    path = write_model(tmp_path / "elsewhere" / "a.gguf", name="Alpha")
    assert scan(folder, path)[0].path == path


def test_an_added_model_that_went_away_is_listed_with_its_problem(folder, tmp_path):
    (model,) = scan(folder, tmp_path / "gone.gguf")
    assert "There is no model file gone.gguf" in model.problem


def test_a_damaged_file_is_listed_with_its_problem(folder):
    (folder / "bad.gguf").write_bytes(b"<html>not found</html> and more")
    (model,) = scan(folder)
    assert model.problem == "bad.gguf cannot be used: it is not a GGUF file."


def test_a_file_cut_short_says_how_much_is_here(folder):
    path = write_model(folder / "cut.gguf", rows=4096)
    os.truncate(path, path.stat().st_size // 2)
    (model,) = scan(folder)
    assert "cut short: 262 KB of 525 KB are here" in model.problem


def test_parts_are_one_model(folder):
    parts = write_split(folder)
    (model,) = scan(folder)
    assert model.parts == tuple(parts)
    assert model.file_bytes == sum(part.stat().st_size for part in parts)
    assert model.tensor_bytes == (8 + 16 + 24) * 32 * 4
    assert model.name == "Big"


def test_missing_parts_are_named(folder):
    parts = write_split(folder)
    parts[1].unlink()
    (model,) = scan(folder)
    assert "part 2 of 3 is missing" in model.problem
    assert model.path == parts[0]


def test_a_missing_first_part_is_named(folder):
    write_split(folder)[0].unlink()
    (model,) = scan(folder)
    assert "part 1 of 3 is missing" in model.problem


def test_parts_of_two_models_never_mix(folder):
    write_split(folder, "A", 2, "A")
    write_split(folder, "A", 3, "A")
    write_split(folder, "B", 2, "B")
    assert sorted(len(model.parts) for model in scan(folder)) == [2, 2, 3]


def test_a_renamed_part_is_told(folder):
    part = write_split(folder)[0].rename(folder / "renamed.gguf")
    with pytest.raises(ModelUnreadable, match="one of 3 parts"):
        Shelf().look(part)


@pytest.mark.parametrize("number", ["00000-of-00003", "00004-of-00003", "00001-of-99999", "00001-of-00001"])
def test_odd_part_numbers_do_no_harm(folder, number):
    write_model(folder / f"x-{number}.gguf", name="Odd")
    assert len(scan(folder)) == 1


def test_files_that_belong_to_a_model_are_not_offered(folder):
    write_model(folder / "mmproj-F16.gguf", arch="clip")
    write_model(folder / "eyes.gguf", arch="clip")
    write_model(folder / "imatrix.gguf", arch="llama", kind="imatrix")
    write_model(folder / "style.gguf", kind="adapter")
    write_model(folder / "ggml-vocab-x.gguf", tensors=0)
    (folder / "some-imatrix.gguf").write_bytes(b"old format of another kind")
    assert scan(folder) == []


def test_a_model_named_like_a_side_file_is_offered(folder):
    write_model(folder / "story-lora-merged.gguf", name="Merged")
    assert names(scan(folder)) == ["Merged"]


def test_a_side_file_added_on_purpose_says_what_it_is(folder, tmp_path):
    path = write_model(tmp_path / "mmproj.gguf", arch="clip")
    assert "image reader" in scan(folder, path)[0].problem


def test_two_files_of_one_name_are_told_apart(folder):
    write_model(folder / "one.gguf", name="Same")
    write_model(folder / "two.gguf", name="Same")
    assert names(scan(folder)) == ["one", "two"]


def test_the_scan_says_how_far_it_is(folder):
    write_model(folder / "a.gguf")
    write_model(folder / "b.gguf")
    reports = []
    scan(folder, reports=reports)
    assert reports == [ScanProgress(1, 2), ScanProgress(2, 2)]


def test_the_scan_can_be_cancelled(folder):
    write_model(folder / "a.gguf")
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        Shelf().scan(folder, (), lambda _: None, token)


def test_an_unchanged_file_is_not_read_again(folder, monkeypatch):
    path = write_model(folder / "a.gguf", name="Alpha")
    shelf = Shelf()
    scan(folder, shelf=shelf)
    monkeypatch.setattr("app.library.shelf.read_header", lambda _: pytest.fail("read again"))
    assert names(scan(folder, shelf=shelf)) == ["Alpha"]
    monkeypatch.undo()
    write_model(path, name="Changed")
    os.utime(path, ns=(1, 1))
    assert names(scan(folder, shelf=shelf)) == ["Changed"]


def test_looking_at_a_missing_file_says_so(tmp_path):
    with pytest.raises(ModelMissing):
        Shelf().look(tmp_path / "gone.gguf")


@pytest.mark.parametrize("path", ["a\0b.gguf", "folder.gguf"])
def test_looking_at_what_is_no_file_is_refused(tmp_path, path):
    (tmp_path / "folder.gguf").mkdir()
    with pytest.raises(ModelUnreadable):
        Shelf().look(tmp_path / path)


def test_a_big_endian_file_has_a_hint_of_its_own(tmp_path):
    (tmp_path / "a.gguf").write_bytes(b"GGUF\0\0\0\3" + b"\0" * 40)
    with pytest.raises(ModelUnreadable) as caught:
        Shelf().look(tmp_path / "a.gguf")
    assert "newer version" in caught.value.hint


# adding


def copy(path, folder, *, reports=None, cancel=None):
    report = reports.append if reports is not None else lambda _: None
    return copy_job(Shelf(), path, folder)(report, cancel or CancelToken())


def test_adding_in_place_gives_the_first_part(tmp_path):
    parts = write_split(tmp_path)
    assert add_in_place(Shelf(), parts[2]) == parts[0]


def test_adding_a_damaged_file_is_refused(tmp_path):
    (tmp_path / "bad.gguf").write_bytes(b"x" * 100)
    with pytest.raises(ModelUnreadable):
        add_in_place(Shelf(), tmp_path / "bad.gguf")


def test_a_copy_is_whole_and_reports_bytes(tmp_path, folder):
    path, reports = write_model(tmp_path / "a.gguf", rows=100_000), []
    placed = copy(path, folder, reports=reports)
    assert placed == folder / "a.gguf"
    assert placed.read_bytes() == path.read_bytes()
    assert reports[-1] == CopyProgress(path.stat().st_size, path.stat().st_size)
    assert len(reports) >= 3


def test_all_parts_are_copied(tmp_path, folder):
    parts = write_split(tmp_path)
    placed = copy(parts[1], folder)
    assert placed == folder / parts[0].name
    assert {p.name for p in folder.iterdir()} == {p.name for p in parts}


def test_the_models_folder_is_made_if_missing(tmp_path):
    assert copy(write_model(tmp_path / "a.gguf"), tmp_path / "new" / "models").is_file()


def test_the_same_file_is_not_copied_twice(tmp_path, folder):
    path = write_model(tmp_path / "a.gguf")
    assert copy(path, folder) == copy(path, folder)
    assert len(list(folder.iterdir())) == 1


def test_a_model_in_the_folder_already_is_not_copied(folder):
    path = write_model(folder / "inside" / "a.gguf")
    assert copy(path, folder) == path
    assert list(folder.iterdir()) == [folder / "inside"]


def test_another_file_of_that_name_is_not_replaced(tmp_path, folder):
    write_model(folder / "a.gguf", value=2.0)
    before = (folder / "a.gguf").read_bytes()
    assert copy(write_model(tmp_path / "a.gguf"), folder) == folder / "a-2.gguf"
    assert (folder / "a.gguf").read_bytes() == before


def test_parts_whose_name_is_taken_keep_together(tmp_path, folder):
    parts = write_split(tmp_path)
    write_model(folder / parts[1].name, value=3.0)
    placed = copy(parts[0], folder)
    assert placed.name == "Big-Q4_K_M-2-00001-of-00003.gguf"
    assert len(Shelf().look(placed).parts) == 3


def test_a_cancelled_copy_leaves_nothing(tmp_path, folder):
    path, token = write_model(tmp_path / "a.gguf", rows=100_000), CancelToken()
    with pytest.raises(Cancelled):
        copy_model(Shelf(), path, folder, lambda _: token.cancel(), token)
    assert list(folder.iterdir()) == []


def test_too_little_room_is_told_before_copying(tmp_path, folder, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**9, 10**9 - 1000, 1000))
    with pytest.raises(NoRoomForModel, match=r"1\.0 KB are free") as caught:
        copy(write_model(tmp_path / "a.gguf"), folder)
    assert "in place" in caught.value.hint
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(("number", "kind"), [(errno.ENOSPC, NoRoomForModel), (errno.EIO, CopyFailed)])
def test_a_disk_that_fails_in_between_leaves_nothing(tmp_path, folder, monkeypatch, number, kind):
    def fail(_handle):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(adding.os, "fsync", fail)
    with pytest.raises(kind):
        copy(write_model(tmp_path / "a.gguf"), folder)
    assert list(folder.iterdir()) == []


def test_a_copy_is_never_seen_half_done(tmp_path, folder):
    seen = []
    copy_model(
        Shelf(),
        write_model(tmp_path / "a.gguf", rows=100_000),
        folder,
        lambda _: seen.append(scan(folder)),
        CancelToken(),
    )
    assert seen
    assert not any(seen)


def test_a_plan_for_memory_counts_weights_and_window(tmp_path):
    model = Shelf().look(write_model(tmp_path / "a.gguf", rows=10_000))
    assert model.memory_needed(512) > model.tensor_bytes == 10_000 * 32 * 4


def test_the_model_that_comes_with_the_program_is_listed_last_and_marked(tmp_path):
    guide = small_models.reciter(tmp_path / "a-guide.gguf")
    folder = tmp_path / "models"
    folder.mkdir()
    small_models.reciter(folder / "b.gguf")
    models = Shelf(guide).scan(folder, [], lambda _: None, CancelToken())
    assert [(m.path.name, m.is_builtin) for m in models] == [("b.gguf", False), ("a-guide.gguf", True)]


def test_a_program_without_its_guide_lists_the_rest(tmp_path):
    assert Shelf(tmp_path / "gone.gguf").scan(tmp_path, [], lambda _: None, CancelToken()) == []


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_named_pipe_among_the_models_is_told_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.gguf")
    code = (
        "import sys; from pathlib import Path; from app.core.jobs import CancelToken;"
        "from app.library.shelf import Shelf;"
        "print(Shelf().scan(Path(sys.argv[1]), [], lambda _: None, CancelToken())[0].problem)"
    )
    root = Path(__file__).parent.parent
    command = [sys.executable, "-c", code, str(tmp_path)]
    told = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=10, check=True)
    assert "no file" in told.stdout
