import pytest

from app.core.units import readable_bytes


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1.0 KB"),
        (4_683_073_184, "4.7 GB"),
        (99_949_000, "99.9 MB"),
        (99_960_000, "100 MB"),
        (999_499_999, "999 MB"),
        (999_600_000, "1.0 GB"),
        (5_000_000_000_000_000, "5000 TB"),
    ],
)
def test_sizes_read_as_in_a_file_manager(count, words):
    assert readable_bytes(count) == words
