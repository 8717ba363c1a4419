import threading

import pytest
from PySide6.QtCore import QCoreApplication

from app.controllers.lane import Lane
from app.core.errors import AppError


@pytest.fixture
def lane(qapp):
    lane = Lane("engine")
    yield lane
    assert lane.close()


def test_what_comes_back_runs_in_the_main_thread_even_in_a_lambda(qtbot, lane):
    threads = []
    lane.finished.connect(lambda *_: threads.append(threading.current_thread()))
    with qtbot.waitSignal(lane.finished, timeout=2000):
        lane.submit(lambda report, cancel: 1)
    qtbot.waitUntil(lambda: len(threads) == 1)
    assert threads == [threading.main_thread()]


def test_reports_arrive_before_the_end_and_in_order(qtbot, lane):
    heard = []
    lane.reported.connect(lambda _, report: heard.append(report))
    lane.finished.connect(lambda _, result: heard.append(result))

    def job(report, cancel):
        report(1)
        report(2)
        return 3

    with qtbot.waitSignal(lane.finished, timeout=2000):
        lane.submit(job)
    qtbot.waitUntil(lambda: heard == [1, 2, 3])


@pytest.mark.parametrize("fault", [AppError("No room on the disk."), KeyError("a bug")])
def test_a_fault_is_passed_on_and_the_lane_goes_on(qtbot, lane, fault):
    def job(report, cancel):
        raise fault

    with qtbot.waitSignal(lane.failed, timeout=2000) as failed:
        lane.submit(job)
    assert failed.args[1] is fault
    with qtbot.waitSignal(lane.finished, timeout=2000) as finished:
        lane.submit(lambda report, cancel: "next")
    assert finished.args[1] == "next"


def test_work_cancelled_before_it_began_is_never_begun(qtbot, lane):
    gate, ran = threading.Event(), []
    lane.submit(lambda report, cancel: gate.wait(2))
    ticket = lane.submit(lambda report, cancel: ran.append(1))
    ticket.cancel()
    with qtbot.waitSignal(lane.cancelled, timeout=2000) as cancelled:
        gate.set()
    assert cancelled.args == [ticket]
    assert not ran


def test_closing_cancels_what_runs_and_drops_what_waits(qapp):
    lane = Lane("x")
    ran, ended = [], []
    started = threading.Event()
    lane.cancelled.connect(ended.append)

    def slow(report, cancel):
        started.set()
        while True:
            cancel.check()

    first = lane.submit(slow)
    second = lane.submit(lambda report, cancel: ran.append(1))
    assert started.wait(2)
    assert lane.close()
    QCoreApplication.sendPostedEvents()
    assert ran == []
    assert ended == [first, second]


def test_urgent_work_goes_before_what_waits_in_the_order_given(qtbot, lane):
    gate, ran = threading.Event(), []
    started = threading.Event()
    lane.submit(lambda report, cancel: (started.set(), gate.wait(2)))
    assert started.wait(2)
    for name in ("a", "b"):
        lane.submit(lambda report, cancel, name=name: ran.append(name))
    for name in ("A", "B"):
        lane.submit(lambda report, cancel, name=name: ran.append(name), is_urgent=True)
    gate.set()
    qtbot.waitUntil(lambda: ran == ["A", "B", "a", "b"], timeout=2000)


def test_the_last_thing_is_done_in_the_lanes_own_thread(qapp):
    threads = []
    lane = Lane("x", at_end=lambda: threads.append(threading.current_thread().name))
    assert lane.close()
    assert threads == ["x"]
