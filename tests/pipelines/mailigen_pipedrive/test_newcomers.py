"""Who joins the list becomes a person, once, and nobody whom the sync itself put there (MG-22)."""

import json

import pytest

from deployments.explain import explain_key
from pipelines.mailigen_pipedrive import newcomers
from pipelines.mailigen_pipedrive.check import check_sync
from pipelines.mailigen_pipedrive.config import Definition
from pipelines.mailigen_pipedrive.run import plan_sync
from pipelines.report import RunOptions
from tests.pipelines.mailigen_pipedrive.desk import (
    CUSTOMERS,
    QUIET,
    CrashedError,
    Desk,
    connections,
    crash_before,
    definition,
)
from tests.pipelines.mailigen_pipedrive.joining import NORA, ON, join, joined_persons, quiet

EVERYBODY = {**QUIET, "id": "everybody", "contacts": "all", "notes": ["open"]}


@pytest.fixture
def world(fresh: Desk) -> Desk:
    """A settled sync that imports, with one bot."""
    fresh.start(QUIET, people=30, **ON)
    fresh.settle()
    return fresh


def test_who_joins_becomes_a_person_of_the_owner_with_what_the_form_asked(world: Desk) -> None:
    """MG-22: name, e-mail, phone, first and last name, and only these."""
    blank = dict(world.book("pipedrive", "persons")[0])
    join(world, FNAME="Nora Maria", LNAME="New", PHONE="+371 20 000 001")

    outcome = world.run()

    assert outcome.outcome == "done", outcome.said
    assert outcome.created == {"person": [str(joined_persons(world)[0]["id"])]}
    (person,) = joined_persons(world)
    ann = next(
        u["id"] for u in world.book("pipedrive", "users") if u["email"] == "ann@acme.example"
    )
    told = {name: value for name, value in person.items() if value not in (None, [], {}, False)}
    assert told.keys() <= blank.keys()
    for own in ("id", "add_time", "update_time", "visible_to"):
        del told[own]
    assert told == {
        "name": "Nora Maria New", "first_name": "Nora Maria", "last_name": "New", "owner_id": ann,
        "emails": [{"value": NORA, "primary": True, "label": "work"}],
        "phones": [{"value": "+371 20 000 001", "primary": True, "label": "work"}],
    }  # fmt: skip
    quiet(world)


@pytest.mark.parametrize(
    ("fields", "name"),
    [({}, NORA), ({"FNAME": "Nora"}, "Nora"), ({"LNAME": "New"}, "New"), ({"FNAME": " "}, NORA)],
)
def test_a_name_is_made_of_what_there_is(world: Desk, fields: dict[str, str], name: str) -> None:
    """MG-22: the vendor takes nobody without a name."""
    join(world, **fields)

    world.run()

    (person,) = joined_persons(world)
    assert (person["name"], person["phones"]) == (name, [])


@pytest.mark.parametrize(("last_name", "ending"), [("New", "done"), ("", "open")])
def test_both_parts_of_a_name_are_sent_as_the_guide_has_it(
    world: Desk, last_name: str, ending: str
) -> None:
    """MG-22: a vendor that takes no name beside one part refuses such a person, and is quoted."""
    world.assume("pipedrive", "name_with_one_part", "refused")
    join(world, FNAME="Nora", LNAME=last_name)

    outcome = world.run()

    assert outcome.outcome == ending, outcome.said
    assert len(joined_persons(world)) == (ending == "done")


def test_who_is_a_person_by_a_second_address_is_linked_and_left_untouched(world: Desk) -> None:
    """MG-22: any of its e-mails, in any case."""
    known = world.add_person("Known Already", "first@joined.example")
    world.edit(known, emails=[
        {"value": "first@joined.example", "primary": True, "label": "work"},
        {"value": NORA.upper(), "primary": False, "label": "home"},
    ])  # fmt: skip
    world.settle()
    before = joined_persons(world)
    join(world, FNAME="Somebody", LNAME="Else")

    outcome = world.run()

    assert outcome.counts["planned_persons_link"] == 1
    assert joined_persons(world) == before
    assert {"object": "persons"}.items() not in [e.items() for e in world.effects()]
    quiet(world)


def test_who_was_linked_does_not_come_back_after_the_person_was_deleted(world: Desk) -> None:
    """MG-22: a person deleted in Pipedrive is gone for good, whatever the list says."""
    known = world.add_person("Known Already", "first@joined.example")
    world.edit(known, emails=[
        {"value": "first@joined.example", "primary": True, "label": "work"},
        {"value": NORA, "primary": False, "label": "home"},
    ])  # fmt: skip
    join(world)
    world.settle()
    world.delete_person(known)

    world.settle()

    assert joined_persons(world) == []


def test_a_person_made_of_a_subscriber_and_deleted_does_not_come_back(world: Desk) -> None:
    """MG-22: the subscriber stays, and is nobody new."""
    join(world)
    world.settle()
    world.delete_person(joined_persons(world)[0]["id"])

    quiet(world)

    assert joined_persons(world) == []
    assert world.member(NORA) is not None


def test_of_several_persons_with_the_address_the_oldest_is_linked(world: Desk) -> None:
    """MG-22"""
    first = world.add_person("One", NORA)
    world.add_person("Two", NORA.lower())
    join(world)

    world.run()

    rows = world.ask("SELECT action, person_id_pipedrive FROM plan.persons")
    assert rows == [("link", first)]


@pytest.mark.parametrize("leaving", ["unsubscribe", "remove"])
def test_who_left_again_before_the_run_is_nobody(world: Desk, leaving: str) -> None:
    """MG-22, ALL-08"""
    join(world)
    world.act(leaving, NORA)

    quiet(world)

    assert joined_persons(world) == []


def test_who_leaves_between_a_dead_run_and_the_next_is_nobody(world: Desk) -> None:
    """MG-22, ALL-06: what was sealed and not sent is decided anew."""
    join(world)
    with pytest.raises(CrashedError):
        world.run(step=crash_before("Load"))
    world.act("unsubscribe", NORA)

    assert world.run().outcome == "done"

    assert joined_persons(world) == []


def test_automations_run_only_for_newcomers_whom_a_bot_selects(fresh: Desk) -> None:
    """MG-23: being imported starts nothing; being selected does what it does for anybody."""
    fresh.start(CUSTOMERS, people=30, **ON)
    fresh.settle()
    join(fresh)
    fresh.settle()
    fresh.play("open", NORA)
    fresh.settle()
    person = int(joined_persons(fresh)[0]["id"])
    assert [fresh.ours(kind, person) for kind in ("activities", "notes")] == [[], []]
    fresh.wanted["bots"] = [CUSTOMERS, EVERYBODY]
    fresh.settle()
    fresh.play("open", NORA)

    fresh.settle()

    assert len(fresh.ours("notes", person)) == 1
    member = fresh.member(NORA)
    assert member is not None
    assert member["merges"]["SOURCE"] == "Pipedrive|everybody"


def left_and_deleted(desk: Desk) -> str:
    """Somebody the sync put on the list, whom no bot selects any more, and who is deleted then."""
    person = desk.add_person("Gone Soon", "gone.soon@joined.example")
    desk.settle()
    desk.edit(person, custom_fields=dict.fromkeys(desk.selected()[0]["custom_fields"]))
    desk.settle()
    member = desk.member("gone.soon@joined.example")
    assert member is not None
    assert member["merges"]["SOURCE"] == ""
    desk.delete_person(person)
    return "gone.soon@joined.example"


def test_a_subscriber_whom_the_sync_put_on_the_list_never_comes_back(world: Desk) -> None:
    """MG-24"""
    email = left_and_deleted(world)

    for _ in range(3):
        world.settle()

    assert joined_persons(world, email) == []


def test_without_the_knowledge_of_our_places_the_loop_is_there(
    world: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MG-24: the same with the protection off: the deleted person comes back."""
    email = left_and_deleted(world)
    monkeypatch.setattr(newcomers, "PLACES", newcomers.PLACES + " AND FALSE")

    world.run()

    assert len(joined_persons(world, email)) == 1


def test_an_unknown_owner_is_an_error_of_check_and_run_that_names_it(fresh: Desk) -> None:
    """MG-22"""
    fresh.start(QUIET, people=30)
    for owner, said in (
        ("nobody@acme.example", "there is no user 'nobody@acme.example'"),
        ("eve@acme.example", "user eve@acme.example is deactivated"),
    ):
        fresh.wanted |= {"new_subscribers": {"owner": owner}}
        outcome = fresh.run()
        assert (outcome.outcome, outcome.exit_code) == ("invalid", 2)
        assert said in outcome.said
        assert not check_of(fresh).is_sound
        assert said in str(check_of(fresh).findings)
        assert fresh.effects() == []


def check_of(desk: Desk):  # type: ignore[no-untyped-def]
    return check_sync(
        Definition.model_validate(desk.wanted), connections(desk.url), settings=desk.settings
    )


def test_check_counts_what_reading_everybody_costs(fresh: Desk) -> None:
    """MG-22: a run with newcomers reads all persons."""
    fresh.start(QUIET, people=30)
    plain = check_of(fresh).tokens_a_day
    fresh.wanted |= ON

    told = check_of(fresh)

    assert told.tokens_a_day == plain + 96 * 10
    assert "reads all 3" in next(f.sentence for f in told.findings if f.thing == "new_subscribers")


def test_all_persons_are_read_only_when_somebody_joined(world: Desk) -> None:
    """MG-22: and the run tells its cost."""
    quiet_cost = world.run().cost[0].tokens
    join(world)
    with_newcomer = world.run().cost[0].tokens

    assert with_newcomer == quiet_cost + 10 + 5
    assert world.run().cost[0].tokens == quiet_cost


def test_more_new_persons_than_the_guard_lets_pass_wait_for_an_approval(world: Desk) -> None:
    """ALL-07: and nobody is asked for one by one before."""
    world.wanted["guards"] = {"first_activation": "allow", "max_creates": 2}
    emails = [f"n{n}@joined.example" for n in range(3)]
    for email in emails:
        join(world, email, FNAME="Nia")

    outcome = world.run()

    assert outcome.outcome == "guarded"
    assert "3 new persons" in str(outcome.guards)
    calls = [line["path"] for line in world.journal()]
    assert not [path for path in calls if "persons" in path and "POST" in path]
    world.approve()
    assert world.run().outcome == "done"
    assert [p["name"] for e in emails for p in joined_persons(world, e)] == ["Nia"] * 3


def test_the_plan_shows_who_would_be_created_and_linked_and_writes_nothing(world: Desk) -> None:
    """ALL-05"""
    world.add_person("Known", "known@joined.example")
    world.settle()
    known = world.add_person("Known too", "known.too@joined.example")
    world.edit(known, custom_fields=dict.fromkeys(world.selected()[0]["custom_fields"]))
    join(world, FNAME="Nora")
    join(world, "known.too@joined.example")
    world.effects()

    plan = plan_sync(
        Definition.model_validate(world.wanted), connections(world.url, world.horizon),
        options=RunOptions(), report=lambda _: None, settings=world.settings, shown=10,
    )  # fmt: skip

    assert plan.totals["persons"] == {"create": 1, "link": 1}
    create, link = plan.rows["persons"]
    assert (create["name"], create["cost_tokens"]) == ("Nora", 5)
    assert link["person_id_pipedrive"] == known
    assert world.effects() == []
    assert world.run().counts["planned_persons_create"] == 1


def test_an_imported_person_is_explained_by_address_key_and_id(world: Desk) -> None:
    """ALL-10, ALL-11: and no key, cause or reason holds the address."""
    join(world)
    world.settle()
    (person,) = joined_persons(world)

    chains = [
        explain_key(world.settings, "acme", name)
        for name in (NORA, str(person["id"]), world.ask(KEY)[0][0])
    ]

    assert chains[0] == chains[1] == chains[2]
    told = json.dumps(chains[0])
    assert "new_subscribers, joined the list; no person has the address" in told
    assert "joined.example" not in told.lower()


def test_no_address_is_in_what_the_run_tells(world: Desk) -> None:
    """ALL-11"""
    join(world)
    body = {"success": False, "error": f"{NORA} is refused", "code": "ERR_SCHEMA_VALIDATION_FAILED"}
    world.fault("status", "pipedrive", "/api/v2/persons", method="POST", status=400, body=body)

    outcome = world.run()

    assert outcome.outcome == "open", "refused"
    assert "joined.example" not in repr(outcome).lower()
    rows = world.ask(
        "SELECT write_key, subject, reason, said FROM history.writes WHERE object = 'person'"
    )
    assert rows
    assert "joined.example" not in str(rows).lower()


def test_two_syncs_of_one_account_that_both_import_make_one_person(world: Desk) -> None:
    """MG-22, ALL-13: the second finds the first one's person."""
    acme = world.wanted
    beta = definition(bots=[], **ON) | {"name": "beta"}
    world.wanted = beta
    world.settle()
    join(world)
    for wanted in (acme, beta):
        world.wanted = wanted
        world.settle()
    assert len(joined_persons(world)) == 1
    world.delete_person(joined_persons(world)[0]["id"])
    for wanted in (beta, acme, beta):
        world.wanted = wanted
        world.settle()

    assert joined_persons(world) == []


KEY = "SELECT write_key FROM history.writes WHERE object = 'person' AND state = 'done'"


def test_a_bot_for_everybody_that_waits_does_not_count_as_having_read_them(fresh: Desk) -> None:
    """MG-22: it read nobody, so who has the address is looked for among all."""
    fresh.start(EVERYBODY, people=30, **ON)
    fresh.assume("mailigen", "emails_left", 0)
    fresh.settle()
    known = fresh.selected()[0]
    email = "known.already@acme.example"
    fresh.readdress(known["id"], email)
    fresh.control("clock", advance_s=7200)
    join(fresh, email)

    fresh.settle()

    assert [p["id"] for p in joined_persons(fresh, email)] == [known["id"]]
