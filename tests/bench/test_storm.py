"""What a table of storms says: what a killed listener cost, and every loss of any start."""

import asyncio
import signal
import subprocess
import sys

from bench import storm
from bench.house import free_port
from bench.storm import COLUMNS, Answer, Found, Storm

BUSY = "print('up', flush=True)\nwhile True: pass"


def found(*statuses: int, stored: int) -> Found:
    answers = [Answer(n, status, 0.010 * (n + 1)) for n, status in enumerate(statuses)]
    return Found(answers, stored, processor_s=0.5)


def test_what_a_killed_listener_spent_is_read_before_it_dies() -> None:
    command = [sys.executable, "-c", BUSY]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        blown = Storm(per_second=20, seconds=1.0, kills_at=0.5)
        nobody = f"http://127.0.0.1:{free_port()}/hook"
        answers, spent = asyncio.run(storm._until_killed(process, nobody, blown, 10))
        assert process.wait() == -signal.SIGKILL
    assert [one.status for one in answers] == [0] * 10
    assert 0 < spent < 5  # it did nothing but be busy


def test_a_loss_in_one_start_is_not_lost_in_the_median() -> None:
    starts = [found(200, 200, stored=2), found(200, 200, stored=1), found(200, 200, stored=2)]
    told = dict(zip(COLUMNS, storm.row("calm", starts), strict=True))
    assert told["acknowledged and not stored"] == "1"
    assert told["answered 200"] == "2 (2-2)"
    assert told["processor a delivery, ms"] == "250.00 (250.00-250.00)"


def test_an_answer_that_is_no_yes_is_told_apart_from_none() -> None:
    told = dict(zip(COLUMNS, storm.row("", [found(200, 200, 503, 0, 0, stored=2)]), strict=True))
    assert told["answered otherwise"] == "1 (1-1)"
    assert told["unanswered"] == "2 (2-2)"
