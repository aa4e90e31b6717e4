"""Several bots on one list: whose automations a contact gets, and since when they count."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from state import bots
from tests.pipelines.mailigen_pipedrive.desk import LIST_KEY, Desk
from tests.pipelines.mailigen_pipedrive.losses import KINDS, quiet
from tests.pipelines.mailigen_pipedrive.two_bots import (
    ALL_TIME,
    BARE,
    COUNTING,
    EU,
    EVERYBODY,
    PHONES,
    Json,
    click,
    crossings,
    retier,
    source,
    subjects,
)


def phoned(desk: Desk, *, has_phone: bool) -> tuple[int, str]:
    """A person of the filter `Customers EU`, with a phone or without."""
    while True:
        person, email = desk.person(on_list=True)
        record = next(p for p in desk.selected() if p["id"] == person)
        if bool(record["phones"]) == has_phone:
            return person, email


def test_every_filter_bot_on_the_list_gives_its_own_automations_to_its_own(fresh: Desk) -> None:
    """MG-10, MG-17: whom two filters select gets both, and nobody gets the other's."""
    fresh.start(EU, PHONES, people=60)
    fresh.settle()
    both, both_email = phoned(fresh, has_phone=True)
    one, one_email = fresh.person(on_list=True)
    fresh.edit(one, phones=[])

    for email in (both_email, one_email):
        fresh.play("click", email)
    fresh.settle()

    assert subjects(fresh, both) == ["eu-clicks", "phone-clicks"]
    assert subjects(fresh, one) == ["eu-clicks"]
    assert [source(fresh, e) for e in (both_email, one_email)] == [
        "Pipedrive|eu|phones", "Pipedrive|eu",
    ]  # fmt: skip


def test_a_filter_bot_with_automations_overrides_activities_deals_and_notes(fresh: Desk) -> None:
    """MG-17, MG-11: and the source names both all the same; others keep the bot for all."""
    fresh.start(EVERYBODY, EU, people=60)
    fresh.settle()
    (inside, inside_email), (outside, outside_email) = (fresh.person(on_list=True) for _ in "ab")
    retier(fresh, outside, "Bronze")
    fresh.settle()

    for email in (inside_email, outside_email):
        fresh.play("click", email)
    fresh.settle()

    assert [len(fresh.ours(kind, inside)) for kind in KINDS] == [1, 0, 0]
    assert subjects(fresh, inside) == ["eu-clicks"]
    assert [len(fresh.ours(kind, outside)) for kind in KINDS] == [1, 1, 1]
    assert subjects(fresh, outside) == ["all-clicks"]
    assert [source(fresh, e) for e in (inside_email, outside_email)] == [
        "Pipedrive|eu|everybody", "Pipedrive|everybody",
    ]  # fmt: skip


def test_a_filter_bot_without_automations_overrides_nothing(fresh: Desk) -> None:
    """MG-17, MG-09"""
    fresh.start(EVERYBODY, BARE, people=40)
    fresh.settle()
    person, email = fresh.person(on_list=True)

    click(fresh, email)

    assert [len(fresh.ours(kind, person)) for kind in KINDS] == [1, 1, 1]
    assert source(fresh, email) == "Pipedrive|eu|everybody"


def paused(desk: Desk, person: int) -> None:
    with desk.state() as state:
        bots.pause(state, "acme", "eu", by="user", reason="holidays")


def deleted(desk: Desk, person: int) -> None:
    desk.wanted["bots"] = [one for one in desk.wanted["bots"] if one["id"] != "eu"]


def bared(desk: Desk, person: int) -> None:
    desk.wanted["bots"] = [one if one["id"] != "eu" else BARE for one in desk.wanted["bots"]]


def left(desk: Desk, person: int) -> None:
    retier(desk, person, "Bronze")


def died(desk: Desk, person: int) -> None:
    filters = desk.crm.get("/v1/filters").json()["data"]
    number = next(f["id"] for f in filters if f["name"] == "Customers EU")
    desk.crm.delete(f"/v1/filters/{number}").raise_for_status()


@pytest.mark.parametrize(
    ("ended", "everybody"),
    [
        (paused, COUNTING), (deleted, COUNTING), (bared, COUNTING), (died, COUNTING),
        (left, COUNTING), (left, ALL_TIME),
    ],
    ids=["paused", "deleted", "made bare", "dead filter", "left", "left, all time"],
)  # fmt: skip
def test_whatever_ends_the_overriding_the_bot_for_all_counts_from_zero(
    fresh: Desk, ended: Callable[[Desk, int], None], everybody: Json
) -> None:
    """MG-17: like an activation, the reading of the run that finds it is the baseline."""
    fresh.start(everybody, EU, people=40)
    fresh.settle()
    person, email = fresh.person(on_list=True)
    click(fresh, email, times=3)
    assert subjects(fresh, person) == ["eu-clicks"]

    ended(fresh, person)
    click(fresh, email, times=3)
    click(fresh, email)
    assert subjects(fresh, person) == ["eu-clicks"]

    click(fresh, email)
    assert subjects(fresh, person) == sorted(["eu-clicks", *_rules(everybody)])


def _rules(one: Json) -> list[str]:
    return [str(rule["id"]) for rule in one["activities"]]


def test_fallback_overriding_and_fallback_again_count_each_from_zero(fresh: Desk) -> None:
    """MG-17, MG-18: a single automation fires once, a repeated one at N again, and at a jump."""
    fresh.start(COUNTING, EU, people=40)
    person, email = fresh.person(on_list=True)
    retier(fresh, person, "Bronze")
    fresh.settle()
    click(fresh, email, times=3)

    for times in (2, 5):
        retier(fresh, person, "Gold")
        click(fresh, email, times=7)
        retier(fresh, person, "Bronze")
        click(fresh, email)
        click(fresh, email, times=times)

    sweeps = [f"@{until}" for (until,) in fresh.ask(
        "SELECT DISTINCT o.until_sweep FROM history.overrides AS o "
        f"JOIN resolve.contacts AS c USING (contact_id) WHERE c.person_id_pipedrive = {person} "
        "AND o.until_sweep IS NOT NULL ORDER BY 1"
    )]  # fmt: skip
    first, second = sweeps
    assert crossings(fresh) == ["2", f"2{first}", f"2{second}", f"4{second}"]
    assert subjects(fresh, person) == ["eu-clicks", *["often"] * 4, "once"]
    quiet(fresh)


def test_events_of_a_users_pause_of_the_overridden_bot_do_not_count(fresh: Desk) -> None:
    """MG-18: it falls back while it is paused itself."""
    fresh.start(COUNTING, EU, people=40)
    fresh.settle()
    person, email = fresh.person(on_list=True)
    with fresh.state() as state:
        bots.pause(state, "acme", "everybody", by="user", reason="holidays")
    fresh.settle()
    retier(fresh, person, "Bronze")
    click(fresh, email, times=2)
    with fresh.state() as state:
        bots.resume(state, "acme", "everybody")
    click(fresh, email, times=2)
    click(fresh, email)
    assert subjects(fresh, person) == []

    click(fresh, email)
    assert subjects(fresh, person) == ["often", "once"]


def test_a_filter_bot_that_nobody_approved_takes_no_counts_away(fresh: Desk) -> None:
    """MG-17: it was never active, so there is nothing to fall back from."""
    fresh.start(COUNTING, people=40)
    fresh.settle()
    person, email = fresh.person(on_list=True)
    click(fresh, email)
    fresh.wanted |= {"bots": [COUNTING, EU], "guards": {"first_activation": "ask"}}
    assert fresh.run().outcome == "guarded"

    fresh.wanted["bots"] = [COUNTING]
    click(fresh, email)

    assert subjects(fresh, person) == ["often", "once"]


def test_an_event_seen_while_another_bot_overrode_is_never_noted_later(fresh: Desk) -> None:
    """MG-16, MG-17"""
    fresh.start(EVERYBODY, EU, people=40)
    fresh.settle()
    person, email = fresh.person(on_list=True)
    click(fresh, email)
    retier(fresh, person, "Bronze")
    fresh.settle()
    quiet(fresh)
    assert fresh.ours("notes", person) == []

    click(fresh, email)
    assert len(fresh.ours("notes", person)) == 1


def test_a_moved_contact_keeps_its_fallback(fresh: Desk) -> None:
    """MG-17, MG-18: events at the former address count, but none from before the fallback."""
    fresh.start(COUNTING, EU, people=40)
    fresh.settle()
    person, email = fresh.person(on_list=True)
    click(fresh, email, times=4)
    retier(fresh, person, "Bronze")
    fresh.settle()
    click(fresh, email)
    fresh.readdress(person, "moved.on@acme.example")
    fresh.settle()
    assert subjects(fresh, person) == ["eu-clicks"]

    click(fresh, "moved.on@acme.example")
    assert subjects(fresh, person) == ["eu-clicks", "often", "once"]


def mailigen(desk: Desk, method: str, **form: Any) -> Any:
    """A call as the customer's own programs make it, the form written as PHP does."""
    answer = httpx.post(
        f"{desk.url}/mailigen/1.8/", params={"output": "json", "method": method},
        data={"apikey": LIST_KEY} | form, trust_env=False,
    )  # fmt: skip
    answer.raise_for_status()
    return answer.json()


def test_the_source_makes_a_segment_of_a_bots_contacts(fresh: Desk) -> None:
    """MG-11, MG-17: by the list's own means, overriding or not."""
    fresh.start(EVERYBODY, EU, people=60)
    fresh.settle()
    (_, inside), (outside, outside_email) = (fresh.person(on_list=True) for _ in "ab")
    retier(fresh, outside, "Bronze")
    fresh.settle()
    newsletter = next(b["id"] for b in fresh.book("mailigen", "lists") if b["name"] == "Newsletter")
    tags = [v["tag"] for v in mailigen(fresh, "listMergeVars", id=newsletter)]
    field = f"merge{tags.index('SOURCE')}"

    def segment(*values: str) -> set[str]:
        rows = {
            f"filter[{n}][{name}]": value
            for n, wanted in enumerate(values)
            for name, value in (("field", field), ("condition", "contains"), ("value", wanted))
        }
        sid = mailigen(fresh, "listSegmentCreate", list=newsletter, title="S", match="all", **rows)
        found = mailigen(fresh, "listSegmentMembers", sid=sid, limit=1000)
        return {str(member["email"]) for member in found}

    ours, by_eu = segment("Pipedrive"), segment("Pipedrive", "|eu")
    assert {inside, outside_email} <= ours
    assert inside in by_eu and outside_email not in by_eu
    assert ours == {m["email"] for m in fresh.members() if m["merges"].get("SOURCE")}


def test_who_joins_the_list_alone_gets_automations_once_a_bot_selects_the_person(
    fresh: Desk,
) -> None:
    """MG-23: engagement of a subscriber nobody selects does nothing."""
    fresh.start(EVERYBODY, people=40)
    fresh.settle()
    fresh.effects()
    email = "joined.alone@acme.example"
    fresh.act("subscribe", email)
    click(fresh, email)
    assert fresh.effects() == []

    person = fresh.add_person("Joined Alone", email)
    fresh.settle()
    click(fresh, email)

    assert [len(fresh.ours(kind, person)) for kind in KINDS] == [1, 1, 1]
