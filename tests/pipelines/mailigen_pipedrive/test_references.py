"""Which write a thing at Pipedrive is, told by its reference alone (ALL-14)."""

import duckdb
import pytest

from pipelines.mailigen_pipedrive.references import (
    Key,
    Reference,
    fallback_keys,
    first_of_each,
    founders,
    note_endings,
    recognise,
    rule_endings,
)
from state.deeds import marker_of
from state.identity import contact_id

RULES = [("activity", "customers", "warm", 3)]
LINK = "https://acme.example/offer"


@pytest.fixture
def db():
    with duckdb.connect() as opened:
        yield opened


def thing(key: str, noun: str = "activity", remote_id: int = 5, person: int | None = 71):
    return Reference(marker_of(key), noun, remote_id, person, True)


def told(db, *references: Reference, near=(71,), known=()) -> dict[str, str]:
    endings = [
        *rule_endings("crm", "acme", RULES),
        *note_endings("crm", "acme", ["7"], [("7", LINK)], "customers"),
    ]
    found = recognise(
        db, references, account="crm", known=known, endings=endings, near=near, highest=900
    )
    return {marker: key.write_key for marker, key in found.items()}


def activity(person: int, n: int = 1, crossing: int = 1) -> str:
    contact = contact_id("crm", str(person), n)
    return f"activity|crm|acme|customers|warm|{contact}|{crossing}"


@pytest.mark.parametrize(
    "key",
    [
        activity(71), activity(71, crossing=60), activity(71, n=8), activity(71, crossing=777),
        activity(899, n=2),
    ],
    ids=["near", "twentieth repeat", "eighth contact", "odd count", "person merged away"],
)  # fmt: skip
def test_the_key_behind_a_reference_is_found_however_far_it_lies(db, key) -> None:
    assert told(db, thing(key)) == {marker_of(key): key}


def test_notes_are_told_by_campaign_kind_and_link(db) -> None:
    contact = contact_id("crm", "71", 1)
    opened = f"note|crm|acme|{contact}|7|open"
    ((short,),) = db.sql(f"SELECT left(sha256('{LINK}'), 12)").fetchall()
    clicked = f"note|crm|acme|{contact}|7|click|{short}"

    found = told(db, thing(opened, "note"), thing(clicked, "note"))

    assert set(found.values()) == {opened, clicked}


def test_a_reference_of_another_sync_or_on_another_kind_of_thing_is_not_explained(db) -> None:
    foreign = activity(71).replace("|acme|", "|other|")

    assert told(db, thing(foreign), thing(activity(71), "deal")) == {}


def test_what_the_history_names_needs_no_search(db) -> None:
    key = "activity|crm|acme|gone-bot|gone-rule|c0|1"

    assert told(db, thing(key), known=[Key(key, "activity", "c0")]) == {marker_of(key): key}


def test_a_crossing_after_a_fallback_is_told_by_the_sweep_that_the_history_knows(db) -> None:
    """MG-17"""
    contact = contact_id("crm", "71", 1)
    key = f"activity|crm|acme|customers|warm|{contact}|6@12"
    endings = list(rule_endings("crm", "acme", RULES))

    known = fallback_keys(endings, [("customers", contact, 12), ("others", contact, 12)])

    assert told(db, thing(key), known=known) == {marker_of(key): key}
    assert told(db, thing(key)) == {}, "without the history nothing tells"


def test_of_two_things_with_one_reference_the_living_with_the_lower_id_is_ours() -> None:
    dead = thing(activity(71), remote_id=1)._replace(is_living=False)
    second, third = (thing(activity(71), remote_id=n) for n in (2, 3))

    assert first_of_each([third, dead, second]) == ([second], [third])


def test_the_founder_of_a_contact_is_found_among_all_persons(db) -> None:
    theirs, nobodys = contact_id("crm", "42", 2), "c0123456789abcdef"

    assert founders(db, "crm", {theirs, nobodys}, 900) == {theirs: (42, 2)}
