import psutil
import pytest

from app.system.hardware import hardware, memory, physical_cores, processor_name, usable_threads

MIB = 1 << 20


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.fixture
def version_2(tmp_path):
    """A process in /box/inner of a version 2 tree."""
    write(tmp_path / "proc/self/cgroup", "0::/box/inner\n")
    return tmp_path


def test_without_cgroups_the_machine_counts(tmp_path):
    machine = psutil.virtual_memory()
    assert memory(tmp_path).total == machine.total
    assert 0 < memory(tmp_path).available <= machine.total


def test_a_limit_of_version_2_counts(version_2):
    group = version_2 / "sys/fs/cgroup/box/inner"
    write(group / "memory.max", f"{512 * MIB}\n")
    write(group / "memory.current", f"{300 * MIB}\n")
    write(group / "memory.stat", f"anon 1\ninactive_file {100 * MIB}\n")
    found = memory(version_2)
    assert found.total == 512 * MIB
    assert found.available == 312 * MIB  # cache of files can be taken back


def test_a_limit_of_an_outer_group_counts_too(version_2):
    write(version_2 / "sys/fs/cgroup/box/inner/memory.max", "max\n")
    write(version_2 / "sys/fs/cgroup/box/memory.max", f"{256 * MIB}\n")
    assert memory(version_2).total == 256 * MIB


def test_a_container_that_sees_its_own_root_counts(tmp_path):
    write(tmp_path / "proc/self/cgroup", "0::/a/path/of/the/host\n")
    write(tmp_path / "sys/fs/cgroup/memory.max", f"{128 * MIB}\n")
    assert memory(tmp_path).total == 128 * MIB


def test_a_limit_of_version_1_counts(tmp_path):
    write(tmp_path / "proc/self/cgroup", "5:cpu,cpuacct:/x\n4:memory:/x\n")
    group = tmp_path / "sys/fs/cgroup/memory/x"
    write(group / "memory.limit_in_bytes", f"{64 * MIB}\n")
    write(group / "memory.usage_in_bytes", f"{80 * MIB}\n")
    assert memory(tmp_path).total == 64 * MIB
    assert memory(tmp_path).available == 0


@pytest.mark.parametrize("limit", ["max", "9223372036854771712", "nonsense", ""])
def test_no_limit_leaves_the_machine(version_2, limit):
    write(version_2 / "sys/fs/cgroup/box/inner/memory.max", limit)
    assert memory(version_2).total == psutil.virtual_memory().total


def test_the_processor_has_a_name(tmp_path):
    write(tmp_path / "cpuinfo", "processor\t: 0\nmodel name\t: Fast   Chip 3000\n")
    assert processor_name(tmp_path / "cpuinfo") == "Fast Chip 3000"
    assert processor_name(tmp_path / "missing")


def test_this_computer_is_described():
    found = hardware()
    assert 1 <= found.physical_cores <= found.usable_threads
    assert physical_cores() <= usable_threads()
    assert found.memory.total > 64 * MIB
    assert found.system
    assert found.processor
