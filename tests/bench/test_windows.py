"""The bench of windows: people do what it says they do, and the judge can find fault."""

from collections.abc import Iterator
from typing import Any

import pytest

import sandbox.server
from bench.windows import Crowd
from bench.windows_house import TAG, World
from bench.windows_judge import CRM, ENGAGEMENT, Books, Change, judge

EMAIL = "ann@x.example"


@pytest.fixture
def world() -> Iterator[World]:
    with sandbox.server.start(port=0, people=60) as running, World(running.url) as found:
        yield found


def books(person: str = "Ann", member: str = "Ann", *, status: str = "subscribed") -> Books:
    return Books(
        [{"id": 1, "first_name": person, "emails": [{"value": EMAIL}]}],
        [{"contact_id": "c1", "email_address": EMAIL, "merge_fields": {"FNAME": member},
          "status": status, "left_by": ""}],
    )  # fmt: skip


def wrote(second: int, method: str = "PATCH", path: str = "/3.0/members/c1") -> dict[str, Any]:
    effects = [{"object": "members", "id": "c1", "verb": "update"}]
    at = f"2026-11-02T08:00:{second:02d}+00:00"
    return {"at": at, "vendor": ENGAGEMENT, "method": method, "path": path, "effects": effects}


def edited(second: int, value: str = "Zelda", fate: str = "") -> Change:
    return Change("person", EMAIL, value, 1793606400.0 + second, fate)


def test_a_change_is_across_with_the_first_write_after_it() -> None:
    """MC-10: tags and what people did are no writes of fields"""
    journal = [wrote(1), wrote(3, "PLAY"), wrote(4, "POST", "/3.0/members/c1/tags"), wrote(5)]
    found = judge([edited(2)], journal, books(), books("Zelda", "Zelda"))
    assert [seconds for _, seconds in found.took] == [3.0]
    assert found.is_well


@pytest.mark.parametrize(
    ("journal", "after", "what"),
    [
        ([], books("Zelda", "Ann"), "lost"),
        ([wrote(3), wrote(4)], books("Zelda", "Zelda"), "doubled"),
        ([wrote(3)], books("Zelda", "Zelda", status="cleaned"), "left_differs"),
    ],
)
def test_what_is_lost_doubled_or_brought_back_is_found(
    journal: list[dict[str, Any]], after: Books, what: str
) -> None:
    """ALL-06, ALL-08"""
    before = books(status="unsubscribed") if what == "left_differs" else books()
    found = judge([edited(2)], journal, before, after)
    told = {name: bool(getattr(found, name)) for name in ("lost", "doubled", "left_differs")}
    assert told == {name: name == what for name in told}


def test_whoever_is_there_twice_is_found() -> None:
    """ALL-06"""
    after = books("Zelda", "Zelda")
    twice = after._replace(persons=[*after.persons, *after.persons])
    assert judge([edited(2)], [wrote(3)], books(), twice).doubled


def test_changes_whose_webhook_was_dropped_are_told_apart() -> None:
    """ALL-12: a sweep finds them, and no window could"""
    journal = [wrote(3), wrote(59)]
    changes = [edited(2), edited(4, "Zoe", "dropped")]
    lines = list(judge(changes, journal, books(), books("Zoe", "Zoe")).lines())
    assert lines[0] == "all delivered: 1, median 1.00 s, p95 1.00 s, longest 1.00 s"
    assert "webhook dropped: 1, median 55.00 s, p95 55.00 s, longest 55.00 s" in lines


def test_people_do_what_the_bench_says(world: World) -> None:
    """MC-08, MC-10, MC-14: and without a sync all of it is lost"""
    persons = {str(e["value"]).lower() for p in world.book(CRM, "persons") for e in p["emails"]}
    known = [str(one["email_address"]) for one in world.members() if one["status"] == "subscribed"]
    for email in [one for one in known if one.lower() in persons]:
        world.act("tag", email, tag=TAG)
    crowd, before = Crowd(world, 20), Books(world.book(CRM, "persons"), world.members())
    changes = [crowd.act(kind) for kind in ("person", "member", "joined")]
    changes.append(crowd.act("deal", "drop_webhook"))
    after = Books(world.book(CRM, "persons"), world.members())
    for one, side in zip(changes, (CRM, ENGAGEMENT, ENGAGEMENT, CRM), strict=True):
        assert after.names(side)[one.email] == [one.value]
    (deal,) = [
        one for one in world.book(CRM, "deals") if one["title"] == f"Deal {changes[3].value}"
    ]
    assert deal["stage_id"] == world.stages()["Qualified"]
    found = judge(changes, world.journal(), before, after)
    assert len(found.lost) == 4
    assert not found.doubled
    assert changes[3].fate == "dropped"
