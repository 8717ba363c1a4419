import pytest

from app.core.errors import Cancelled
from app.core.jobs import CancelToken


def test_a_bell_rings_once_when_the_work_is_cancelled():
    token, rung = CancelToken(), []
    token.on_cancel(lambda: rung.append(1))
    assert not rung
    token.cancel()
    token.cancel()
    assert rung == [1]


def test_a_bell_hung_too_late_rings_at_once():
    token, rung = CancelToken(), []
    token.cancel()
    token.on_cancel(lambda: rung.append(1))
    assert rung == [1]


def test_a_forgotten_bell_stays_silent():
    token, rung = CancelToken(), []

    def bell():
        rung.append(1)

    token.on_cancel(bell)
    token.forget(bell)
    token.forget(bell)
    token.cancel()
    assert not rung


def test_checking_raises_only_after_the_cancel():
    token = CancelToken()
    token.check()
    token.cancel()
    assert token.is_cancelled
    with pytest.raises(Cancelled):
        token.check()
