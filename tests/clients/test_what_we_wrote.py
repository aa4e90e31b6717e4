"""Mailchimp's own client reads what a sync wrote: every kind of write, and who was left alone."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox import server
from tests.pipelines.mailchimp_pipedrive.flow_desk import AUDIENCE, INTO, KEY, OUT, FlowDesk
from tests.pipelines.mailchimp_pipedrive.porch import Porch
from tests.pipelines.mailchimp_pipedrive.test_flows import done

HERE = Path(__file__).parent
PYTHON = HERE.parents[1] / "build" / "mailchimp" / "bin" / "python"
TAG = "From Pipedrive"
FIELDS = {"mapping": {"first_name": "FNAME", "last_name": "LNAME", "Renewal": "SINCE"}}
Read = dict[str, dict[str, Any]]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[FlowDesk]:
    with server.start(port=0, people=10) as running:
        one = FlowDesk(running.url, tmp_path)
        yield one
        one.close()


def read(desk: FlowDesk, kind: str) -> Read:
    """What the client says of members, tags, webhooks or batches, by what each is known by."""
    ran = subprocess.run(
        [str(PYTHON), str(HERE / "mailchimp" / "reads.py")],
        env=os.environ
        | {"SANDBOX": desk.url, "KEY": KEY, "AUDIENCE": AUDIENCE, "NO_PROXY": "127.0.0.1"},
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    told = [json.loads(line) for line in ran.stdout.splitlines()]
    return {one[kind]: one for one in told if kind in one}


@pytest.mark.skipif(not PYTHON.exists(), reason="not installed: make test does")
def test_the_vendors_client_reads_every_state_a_sync_wrote(desk: FlowDesk) -> None:
    """MC-01, MC-10, MC-13, ALL-08."""
    desk.start(OUT | FIELDS | {"tag": TAG}, INTO, people=80)
    made, edited, moved, left, archived, erased, met, came = (desk.untouched() for _ in range(8))
    desk.act("add", met[1], fields={"FNAME": "Own", "LNAME": "Name"})
    before = read(desk, "member")
    done(desk)
    desk.edit(edited[0], first_name="Zoë", last_name="Ødegård")
    desk.readdress(moved[0], "moved@new.example")
    desk.act("unsubscribe", left[1])
    desk.edit(left[0], first_name="Left")
    desk.act("archive", archived[1])
    desk.act("forget", erased[1])
    desk.act("tag", came[1], tag="Nobody yet")
    done(desk)

    seen = read(desk, "member")

    def name(email: str) -> tuple[str, str]:
        return seen[email]["merges"]["FNAME"], seen[email]["status"]

    def first(person: int) -> str:
        return str(next(p["first_name"] for p in desk.book("pipedrive", "persons")
                        if p["id"] == person))  # fmt: skip

    assert all(one["same_listed"] for one in seen.values())
    assert made[1] not in before
    assert name(made[1]) == (first(made[0]), "subscribed")
    assert name(edited[1]) == ("Zoë", "subscribed")
    assert seen[edited[1]]["merges"]["LNAME"] == "Ødegård"
    assert name("moved@new.example") == (first(moved[0]), "subscribed")
    assert name(left[1]) == ("Left", "unsubscribed")
    assert seen[archived[1]]["status"] == "archived"
    assert name(met[1])[1] == before[met[1]]["status"] == "subscribed"
    assert moved[1] not in seen
    assert erased[1] not in seen
    tagged = {made[1], edited[1], "moved@new.example", left[1], met[1], came[1]}
    assert tagged <= {email for email, one in seen.items() if TAG in one["tags"]}
    assert tagged - {left[1]} <= set(read(desk, "tag")[TAG]["has"])
    untold = before.keys() - {met[1]}
    strangers = {one for one in untold if TAG not in seen[one]["tags"]}
    assert strangers
    assert {one: seen[one] for one in strangers} == {one: before[one] for one in strangers}


@pytest.mark.skipif(not PYTHON.exists(), reason="not installed: make test does")
def test_the_vendors_client_reads_a_batch_and_the_webhook(
    desk: FlowDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MC-10, ALL-12."""
    monkeypatch.setattr("pipelines.mailchimp_pipedrive.bulk.FEWEST", 5)
    monkeypatch.setattr("pipelines.mailchimp_pipedrive.bulk.FIRST_LOOK", 0.05)
    desk.start(people=80)
    people = [desk.untouched() for _ in range(6)]
    done(desk)
    for number, (person, _) in enumerate(people):
        desk.edit(person, first_name=f"Batch {number}")
    done(desk)
    porch = Porch(desk)
    porch.look()

    seen = read(desk, "member")
    assert [seen[email]["merges"]["FNAME"] for _, email in people] == [
        f"Batch {number}" for number in range(6)
    ]
    assert read(desk, "batch")["finished"] == {"batch": "finished", "total": 6, "errors": 0}
    (hook,) = read(desk, "webhook").values()
    assert hook["webhook"] == porch.url("engagement")
    assert hook["sources"] == {"user": True, "admin": True, "api": True}
    porch.close()
