"""Who is who, worked out again from the evidence that is left (ALL-14)."""

from dataclasses import replace

from pipelines.kept import Kept
from pipelines.mailigen_pipedrive.lineup import Evidence, Person, Written, line_up
from state.identity import contact_id

ANN, BEN = "ann@x.lv", "ben@x.lv"


def c(person: int, n: int = 1) -> str:
    return contact_id("crm", str(person), n)


def person(person_id: int, address: str | None) -> Person:
    return Person(person_id, address, frozenset([address] if address else []))


def evidence(*persons: Person, **more) -> Evidence:
    contacts = {c(p, n): (p, n) for p in range(1, 6) for n in (1, 2)}
    known = Evidence(
        account="crm", sweep=9, persons={p.person_id: p for p in persons}, kept=Kept(),
        address_of={}, written={}, founders=contacts, found=[], listed=[], is_exact=False,
    )  # fmt: skip
    return replace(known, **more)


def standing(who) -> dict[str, tuple[str | None, str | None]]:
    return {
        one.contact_id: (one.address, one.speaker_id)
        for one in who.contacts
        if one.merged_into is None
    }


def test_a_member_with_our_source_is_the_first_contact_of_whoever_has_the_address() -> None:
    who = line_up(evidence(person(1, ANN), person(2, ANN), listed=[ANN]))

    assert standing(who) == {c(1): (ANN, "1")}
    assert who.addresses == [(c(1), ANN, 0, None)]


def test_two_contacts_at_one_address_become_one_with_the_past_of_both() -> None:
    who = line_up(
        evidence(person(1, ANN), person(2, ANN), found=[(c(1), 1), (c(2), 2)], listed=[ANN])
    )

    assert standing(who) == {c(1): (ANN, "1")}
    assert who.lineage == [(c(1), c(2), 9)]


def test_a_deed_that_stands_on_somebody_elses_record_counts_for_them_too() -> None:
    """A person took over an address whose contact another person had founded, and has left."""
    who = line_up(evidence(person(1, BEN), person(2, ANN), found=[(c(1), 2)], listed=[ANN, BEN]))

    assert standing(who) == {c(1): (BEN, "1"), c(2): (ANN, "2")}
    assert (c(2), c(1), 9) in who.lineage


def test_a_second_contact_of_a_person_has_the_past_of_the_first() -> None:
    who = line_up(evidence(person(1, BEN), found=[(c(1, 2), 1)]))

    assert standing(who)[c(1, 2)] == (BEN, "1")
    assert who.lineage == [(c(1, 2), c(1), 9)]
    assert c(1) in standing(who), "or the next contact of this person would get the same name"


def test_the_history_says_where_somebody_was_whose_address_has_changed_since() -> None:
    written = {c(1): Written(ANN, {"email": ANN, "merges": {}}, (), 4)}

    who = line_up(evidence(person(1, BEN), written=written))

    assert standing(who) == {c(1): (ANN, "1")}


def test_what_was_kept_wins_and_nothing_is_guessed_beside_it() -> None:
    kept = Kept(
        is_readable=True,
        contacts=[
            {"contact_id": c(1), "person_id": "1", "n": 1, "speaker_id": "2",
             "merged_into": None, "address_hash": "h"}
        ],
        addresses=[
            {"contact_id": c(1), "address_hash": "h", "from_sweep": 0, "until_sweep": None},
            {"contact_id": c(1), "address_hash": "vanished", "from_sweep": 0, "until_sweep": 3},
        ],
        lineage=[{"contact_id": c(1), "ancestor_id": c(3), "up_to_sweep": 5}],
    )  # fmt: skip

    who = line_up(
        evidence(
            person(1, BEN), person(2, ANN), kept=kept, address_of={"h": ANN},
            found=[(c(1), 1)], is_exact=True,
        )
    )  # fmt: skip

    assert standing(who) == {c(1): (ANN, "2")}
    assert who.lineage == [(c(1), c(3), 5)]
    assert who.addresses == [(c(1), ANN, 0, None)]
    assert dict(who.links) == {"1": c(1), "2": c(1)}


def test_nobody_speaks_for_two_contacts() -> None:
    who = line_up(evidence(person(1, BEN), found=[(c(1), 1), (c(1, 2), 1)]))

    speakers = [speaker for _, speaker in standing(who).values() if speaker]
    assert len(speakers) == len(set(speakers))
