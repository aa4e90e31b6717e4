"""kill -9 at the vendors' every kind of request; the next run ends where an unkilled twin did."""

import json
import random
import re

import pytest

from tests.pipelines.mailigen_pipedrive.desk import CUSTOMERS, Desk
from tests.system.processes import running, wait_for_fault

# Everything a first run can write: the list, its tags, the deal field, members, all three deeds.
BUSY = CUSTOMERS | {"count_from": "all_time"}
GUARDS = {"first_activation": "allow", "max_creates": 5000}
SEED, READS, WRITES = 20261101, 2, 6
LONG = 60  # seconds an answer is held back: until the caller is dead
REFERENCE = re.compile(r"SL-[A-Z2-7]{8}")


def begin(desk: Desk) -> None:
    desk.start(BUSY, people=40, guards=GUARDS, list={"title": "Newsletter", "create": True})


def books(desk: Desk) -> list[str]:
    """All a sync can leave at the vendors. Deeds go by their reference, which is made of who,
    which rule and which crossing; ids differ, and so may the wording between equal openings."""
    kept = {
        "deals": ("person_id", "owner_id", "stage_id"),
        "activities": ("person_id", "owner_id", "type"),
        "notes": ("person_id",),
        "dealFields": ("field_name",),
    }
    found = [
        json.dumps([name, *(row.get(column) for column in columns), *REFERENCE.findall(str(row))])
        for name, columns in kept.items()
        for row in desk.book("pipedrive", name)
    ]
    found += [
        json.dumps([m["email"].lower(), m["status"], m["merges"]], sort_keys=True)
        for m in desk.members()
    ]
    found += [json.dumps([v["list"], v["tag"]]) for v in desk.book("mailigen", "merge_vars")]
    return sorted(found)


@pytest.mark.timeout(600)
@pytest.mark.slow
def test_killed_after_any_request_the_next_run_leaves_what_an_unkilled_twin_left(
    desk: Desk,
) -> None:
    """ALL-06, ALL-04: the vendor committed, the process was dead before the answer."""
    begin(desk)
    twin = desk.run()
    assert twin.outcome == "done", twin.said
    calls = desk.journal()
    expected = books(desk)
    writes = [n for n, line in enumerate(calls) if line["effects"]]
    assert len(writes) > 20, "there must be something to kill"
    places = random.Random(SEED)
    reads = [n for n in range(len(calls)) if n not in writes]
    # The first two writes are set-up and the batch of subscribers: always among the places.
    chosen = {writes[0], writes[1], *places.sample(writes[2:], WRITES - 2)}
    for place in sorted(chosen | set(places.sample(reads, READS))):
        begin(desk)
        desk.control("faults", kind="delay", delay_s=LONG, after=place)
        with running(desk) as process:
            was_caught = wait_for_fault(desk, process)
            process.kill()
        assert was_caught, f"the run ended before request {place}"
        desk.clear_faults()

        outcome = desk.run(settle_within=30)

        assert outcome.outcome == "done", f"after request {place}: {outcome.said}"
        assert books(desk) == expected, f"after request {place} of {calls[place]['path']}"
