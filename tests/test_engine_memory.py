import pytest

from app.engine import memory


@pytest.fixture
def groups(tmp_path):
    """A group under a limited one, as the kernel shows them."""
    own = tmp_path / "cgroup"
    own.write_text("1:name=systemd:/\n0::/outer/inner\n")
    for name, limit, used, files in (("outer", "1000", 600, 100), ("outer/inner", "max", 600, 100)):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "memory.max").write_text(f"{limit}\n")
        (folder / "memory.current").write_text(f"{used}\n")
        (folder / "memory.stat").write_text(f"anon 5\ninactive_file {files}\n")
    return tmp_path, own


def test_the_tightest_group_above_counts_and_files_in_memory_are_free(groups):
    assert memory._free_in_group(*groups) == 1000 - 600 + 100


def test_without_groups_nothing_is_limited(tmp_path):
    assert memory._free_in_group(tmp_path, tmp_path / "missing") is None


def test_the_system_has_memory_and_this_process_takes_some():
    assert memory.free_bytes() > 0
    assert memory.private_bytes() > 0
