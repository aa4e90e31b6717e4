"""Who joins the list becomes a person, once, and nobody whom the sync itself put there (MG-22)."""

from typing import Any

import pytest

from tests.pipelines.mailigen_pipedrive.desk import (
    CRM_TOKEN,
    CUSTOMERS,
    QUIET,
    Desk,
)

Json = dict[str, Any]
ANN = "ann@acme.example"
NORA = "Nora.New@joined.example"
ON = {"new_subscribers": {"owner": ANN}}


@pytest.fixture
def world(fresh: Desk) -> Desk:
    """A settled sync that imports, with one bot."""
    fresh.start(QUIET, people=30, **ON)
    fresh.settle()
    return fresh


def join(desk: Desk, email: str = NORA, **fields: str) -> None:
    desk.act("subscribe", email, fields=fields)


def persons(desk: Desk, email: str = NORA) -> list[Json]:
    """The living persons that have an address, as any of theirs."""
    return [
        p for p in desk.book("pipedrive", "persons")
        if email.lower() in [e["value"].strip().lower() for e in p["emails"]]
    ]  # fmt: skip


def quiet(desk: Desk) -> None:
    desk.effects()
    outcome = desk.run()
    assert (outcome.outcome, outcome.counts["intents"]) == ("done", 0), outcome.said
    assert desk.effects() == []


def test_who_joins_becomes_a_person_of_the_owner_with_what_the_form_asked(world: Desk) -> None:
    """MG-22: name, e-mail, phone, first and last name, and only these."""
    join(world, FNAME="Nora Maria", LNAME="New", PHONE="+371 20 000 001")

    outcome = world.run()

    assert outcome.outcome == "done", outcome.said
    (person,) = persons(world)
    ann = next(u["id"] for u in world.book("pipedrive", "users") if u["email"] == ANN)
    assert person["owner_id"] == ann
    print(person)
    quiet(world)
