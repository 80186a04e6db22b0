"""Progress as it is drawn on a terminal and written into a log."""

import io
import logging
import threading
import time

import pytest

from lossjumps.errors import InputError
from lossjumps.progress import ProgressDisplay, duration, shown, silent, with_running_clock


class Terminal(io.StringIO):
    def isatty(self):
        return True


class Clock:
    seconds = 0.0

    def __call__(self):
        return self.seconds


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture(autouse=True)
def terminal_of_80_columns(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")


def run_through(stream, clock, steps=1000, seconds=0.25, remark=""):
    with ProgressDisplay("train", "epoch", stream, clock) as progress:
        for step in range(steps + 1):
            progress(step, steps, remark)
            clock.seconds += seconds
    return stream.getvalue()


def test_a_log_gets_a_line_for_each_tenth_and_no_carriage_return(clock):
    written = run_through(io.StringIO(), clock, remark="loss 0.5")
    assert "\r" not in written and "\x1b" not in written
    lines = written.splitlines()
    assert [line.split(",")[0] for line in lines] == [f"train: {tenth} %" for tenth in range(0, 101, 10)]
    assert lines[0] == "train: 0 %, epoch 0 of 1000, 0:00; loss 0.5"
    assert lines[4] == "train: 40 %, epoch 400 of 1000, 1:40, 2:30 left; loss 0.5"
    assert lines[-1] == "train: 100 %, epoch 1000 of 1000, 4:10; loss 0.5"


def test_a_log_of_slow_work_gets_a_line_a_minute(clock):
    lines = run_through(io.StringIO(), clock, steps=100, seconds=30).splitlines()
    assert [line.split(",")[0] for line in lines] == [f"train: {done} %" for done in range(0, 101, 2)]


def test_few_steps_are_all_written(clock):
    assert run_through(io.StringIO(), clock, steps=2).count("\n") == 3


def test_a_terminal_gets_one_line_that_is_drawn_over_and_then_gone(clock):
    written = run_through(Terminal(), clock, remark="a remark that is much longer than the rest of the line " * 3)
    assert "\n" not in written and written.endswith("\r\x1b[K")
    begun, *drawn, _ = written.split("\r\x1b[K")
    assert begun == "train begins ..."
    assert all(len(line) <= 79 for line in drawn) and len(drawn) == 1001
    assert drawn[0].startswith("train [....................] 0 %, epoch 0 of 1000, 0:00, a remark")
    assert drawn[400].startswith("train [########............] 40 %, epoch 400 of 1000, 1:40, 2:30 left, a remark")
    assert drawn[1000].startswith("train [####################] 100 %, epoch 1000 of 1000, 4:10, a remark")


def test_a_terminal_is_not_drawn_on_more_than_ten_times_a_second_but_the_end_is(clock):
    drawn = run_through(Terminal(), clock, seconds=0.001).split("\r\x1b[K")[1:-1]
    assert 10 <= len(drawn) <= 12 and "100 %" in drawn[-1]


def test_a_dumb_terminal_is_written_to_as_a_log_is(clock, monkeypatch):
    monkeypatch.setenv("TERM", "dumb")
    assert "\r" not in run_through(Terminal(), clock)


def test_the_bar_is_gone_when_an_error_is_printed(clock):
    stream = Terminal()
    with pytest.raises(RuntimeError), ProgressDisplay("train", "epoch", stream, clock) as progress:
        progress(1, 2)
        raise RuntimeError
    assert stream.getvalue().endswith("\r\x1b[K")


def test_a_note_is_a_line_above_the_bar_that_goes_on(clock):
    stream = Terminal()
    with ProgressDisplay("find", "order", stream, clock) as progress:
        progress.note("compiling")
        progress(1, 2)
        progress.note("again")
    clear, bar = "\r\x1b[K", "find [##########..........] 50 %, order 1 of 2, 0:00"
    said = f"{clear}find: compiling\nfind begins ...{clear}{bar}{clear}find: again\n{bar}{clear}"
    assert stream.getvalue() == f"find begins ...{said}"


def test_notes_in_a_log_are_what_the_logger_tells_meanwhile(clock):
    stream = io.StringIO()
    logger = logging.getLogger("lossjumps")
    with ProgressDisplay("find", "order", stream, clock) as progress:
        logger.info("too early")
        with progress.with_notes():
            logger.info("compiling %s", "all")
            logger.debug("nothing for users")
        logger.info("too late")
    assert stream.getvalue() == "find: compiling all\n"


def test_nothing_is_left_of_what_has_only_begun(clock):
    for stream, written in ((Terminal(), "train begins ...\r\x1b[K"), (io.StringIO(), "")):
        with ProgressDisplay("train", "epoch", stream, clock) as progress:
            assert progress.place == ""
        assert stream.getvalue() == written


def test_what_was_done_before_does_not_count_for_the_time_that_is_left(clock):
    stream = io.StringIO()
    with ProgressDisplay("train", "epoch", stream, clock) as progress:
        progress(800, 1000)
        clock.seconds = 10.0
        progress(900, 1000)
    assert stream.getvalue().splitlines()[-1] == "train: 90 %, epoch 900 of 1000, 0:10, 0:10 left"


def test_no_steps_at_all_are_no_error(clock):
    stream = io.StringIO()
    with ProgressDisplay("train", "epoch", stream, clock) as progress:
        progress(0, 0)
    assert stream.getvalue() == "train: 0 %, epoch 0 of 0, 0:00\n"


def test_silence(capsys):
    assert silent(1, 2, "remark") is None
    assert capsys.readouterr() == ("", "")


class Said:
    """A progress that remembers."""

    def __init__(self) -> None:
        self.steps: list[tuple[int, int, str]] = []

    def __call__(self, done: int, total: int, remark: str = "") -> None:
        self.steps.append((done, total, remark))


def test_a_computation_says_its_steps_to_whom_it_is_told(capsys):
    assert shown(False, "order") is silent
    said = Said()
    assert shown(said, "order") is said
    show = shown(True, "order")
    show(1, 3, "2 found")
    show(2, 3)
    assert capsys.readouterr().err == "order 1 of 3: 2 found\norder 2 of 3\n"
    with pytest.raises(InputError, match=r"progress: expected True, False or a function of .+ got .yes."):
        shown("yes", "order")


def test_the_clock_runs_while_a_step_takes_long():
    said = Said()
    with with_running_clock(said, 2, seconds=0.01) as report:
        report(1, 2, "3 found")
        time.sleep(0.2)
    assert said.steps[:2] == [(0, 2, ""), (1, 2, "3 found")]
    assert len(said.steps) > 3 and set(said.steps[1:]) == {(1, 2, "3 found")}


def test_no_clock_runs_where_nothing_is_shown():
    threads = threading.active_count()
    with with_running_clock(silent, 2) as report:
        assert report is silent and threading.active_count() == threads


@pytest.mark.parametrize(("seconds", "text"), [(0, "0:00"), (59.6, "1:00"), (61, "1:01"), (3600, "1:00:00")])
def test_durations(seconds, text):
    assert duration(seconds) == text
