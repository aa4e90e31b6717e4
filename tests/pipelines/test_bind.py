"""Names in a definition tied to ids, once; mistakes told all at once with what was meant."""

from typing import Any

import pytest

from pipelines.mailigen_pipedrive.bind import Account, Bound, bind
from pipelines.mailigen_pipedrive.config import Definition
from pipelines.names import Pin
from pipelines.pipedrive_side.names import filter_problem

CONSENT = {"confirmed_by": "ann@acme.example", "on": "2026-11-01"}
ACCOUNT = Account(
    users=[
        {"id": 11, "email": "bob@acme.example", "active_flag": True},
        {"id": 12, "email": "old@acme.example", "active_flag": False},
    ],
    filters=[
        {"id": 7, "name": "Customers EU", "type": "people", "active_flag": True},
        {"id": 8, "name": "Customers EU", "type": "deals", "active_flag": True},
        {"id": 9, "name": "Twins", "type": "people", "active_flag": True},
        {"id": 10, "name": "Twins", "type": "people", "active_flag": True},
    ],
    activity_types=[
        {"key_string": "call", "name": "Call", "active_flag": True},
        {"key_string": "fax", "name": "Fax", "active_flag": False},
    ],
    pipelines=[{"id": 1, "name": "Sales"}, {"id": 2, "name": "Partners"}],
    stages=[
        {"id": 21, "name": "Qualified", "pipeline_id": 1},
        {"id": 22, "name": "Qualified", "pipeline_id": 2},
    ],
    person_fields=[
        {"field_code": "job_title", "field_name": "Job title", "field_type": "varchar"},
        {"field_code": "f1", "field_name": "Customer tier", "field_type": "enum"},
    ],
    organization_fields=[
        {"field_code": "address", "field_name": "Address", "field_type": "address"}
    ],
    deal_fields=[],
    lists=[{"id": "L1", "name": "Newsletter"}],
    merge_vars=[{"tag": "SOURCE", "name": "Source"}],
)


def definition(bot: dict[str, Any] | None = None, **changes: Any) -> Definition:
    bots = [{"id": "customers", "contacts": "all", "consent": CONSENT, **bot}] if bot else []
    sample: dict[str, Any] = {
        "kind": "mailigen_pipedrive",
        "name": "acme-newsletter",
        "schedule": {"every": "15m"},
        "connections": {"crm": "acme-pipedrive", "engagement": "acme-mailigen"},
        "list": {"title": "Newsletter"},
        "bots": bots,
    }
    return Definition.model_validate(sample | changes)


def bound(wanted: Definition, *pins: Pin, **changed: Any) -> Bound:
    pinned = {(pin.kind, pin.name): pin for pin in pins}
    return bind(wanted, ACCOUNT._replace(**changed), pinned)


def warm(**changes: Any) -> dict[str, Any]:
    return {"activities": [{"id": "warm", "after": 3, "event": "open", "type": "call"} | changes]}


def hot(**changes: Any) -> dict[str, Any]:
    rule = {"id": "hot", "after": 2, "event": "click", "owner": "bob@acme.example"}
    return {"deals": [rule | {"pipeline": "Sales", "stage": "Qualified"} | changes]}


def in_filter(name: str | int) -> dict[str, Any]:
    return {"contacts": {"filter": name}}


def mistakes(found: Bound) -> list[str]:
    return [f"{f.sentence}; {f.remedy}" for f in found.findings if f.level == "error"]


def test_an_existing_list_is_bound_by_its_title_and_pinned():
    found = bound(definition())
    assert found.list_id == "L1"
    assert Pin("list", "Newsletter", "L1", "Newsletter") in found.pins


def test_a_list_to_be_created_has_no_id_yet():
    found = bound(definition(list={"title": "Fresh", "create": True}))
    assert (found.list_id, found.list_title, mistakes(found)) == (None, "Fresh", [])


def test_a_list_that_exists_is_not_created_a_second_time():
    assert bound(definition(list={"title": "Newsletter", "create": True})).list_id == "L1"


def test_an_unknown_list_is_refused_with_those_that_are_known():
    assert mistakes(bound(definition(list={"title": "Newsletters"}))) == [
        "there is no list 'Newsletters'; known: Newsletter"
    ]


def test_a_pinned_list_that_is_gone_is_an_error_and_never_made_anew():
    wanted = definition(list={"title": "Newsletter", "create": True})
    found = bound(wanted, Pin("list", "Newsletter", "L1", "Newsletter"), lists=[])
    assert found.list_id is None
    assert "no longer exists" in mistakes(found)[0]


def test_a_pinned_list_goes_on_under_a_new_title():
    found = bound(
        definition(), Pin("list", "Newsletter", "L1", "Newsletter"),
        lists=[{"id": "L1", "name": "Renamed"}],
    )  # fmt: skip
    assert (found.list_id, mistakes(found)) == ("L1", [])


def test_only_filters_of_people_can_be_meant():
    assert bound(definition(in_filter("Customers EU"))).bots[0].filter_id == 7


def test_a_name_in_other_capitals_is_still_that_name():
    assert bound(definition(in_filter("customers eu"))).bots[0].filter_id == 7


def test_an_id_is_taken_for_an_id():
    assert bound(definition(in_filter(9))).bots[0].filter_id == 9


def test_an_ambiguous_name_is_refused_with_all_it_may_mean():
    assert mistakes(bound(definition(in_filter("Twins")))) == [
        "2 things answer to the filter 'Twins': 9 (Twins), 10 (Twins); "
        "write the id instead of the name"
    ]


def test_a_pinned_filter_that_is_gone_is_left_to_the_walk():
    pin = Pin("filter", "Customers EU", "7", "Customers EU")
    found = bound(definition(in_filter("Customers EU")), pin, filters=[])
    assert (found.bots[0].filter_id, mistakes(found)) == (7, [])


def test_a_bot_for_everybody_has_no_filter():
    assert bound(definition(warm())).bots[0].filter_id is None


@pytest.mark.parametrize(
    ("record", "said"),
    [
        (None, "its Pipedrive filter no longer exists"),
        ({"type": "deals"}, "its Pipedrive filter selects deals, not people"),
        ({"type": "people", "active_flag": False}, "its Pipedrive filter is inactive"),
        ({"type": "people", "active_flag": True}, ""),
    ],
)
def test_a_filter_that_cannot_be_walked_says_why(record, said):
    assert filter_problem(record) == said


@pytest.mark.parametrize("name", ["call", "Call"])
def test_an_activity_type_is_named_by_key_or_name(name):
    assert bound(definition(warm(type=name))).rules[0].activity_type == "call"


def test_an_activity_type_switched_off_cannot_be_chosen():
    assert "there is no activity type 'Fax'" in mistakes(bound(definition(warm(type="Fax"))))[0]


def test_a_stage_is_looked_for_in_its_own_pipeline():
    rule = bound(definition(hot(pipeline="Partners"))).rules[0]
    assert (rule.stage_id, rule.owner_id) == (22, 11)


def test_an_owner_who_is_deactivated_is_refused():
    assert "is deactivated" in mistakes(bound(definition(hot(owner="old@acme.example"))))[0]


def test_a_pinned_owner_who_was_deactivated_is_refused():
    pin = Pin("user", "old@acme.example", "12", "old@acme.example")
    found = bound(definition(hot(owner="old@acme.example")), pin)
    assert mistakes(found) == ["user old@acme.example is deactivated; choose another owner"]


def test_every_mistake_is_told_at_once():
    wrong = in_filter("Nobody") | warm(type="Smoke") | hot(pipeline="Nowhere")
    assert len(mistakes(bound(definition(wrong)))) == 3


def test_a_rule_has_a_text_of_its_own_or_that_of_its_event():
    plain = bound(definition(warm())).rules[0].text
    assert plain == "Opened {count} e-mails, last: {campaign}"
    assert bound(definition(warm(subject="Call them"))).rules[0].text == "Call them"


def test_names_are_always_carried_to_the_list():
    found = bound(definition())
    assert [(f.merge_tag, f.field_code) for f in found.fields] == [
        ("FNAME", "first_name"),
        ("LNAME", "last_name"),
    ]
    assert [var.tag for var in found.missing_vars] == ["FNAME", "LNAME"]


def test_an_organization_field_is_told_apart_on_the_list():
    found = bound(definition(fields={"organization": ["Address"]}))
    assert ("organization", "address") in [(f.entity, f.field_code) for f in found.fields]
    assert "Organization Address" in [var.name for var in found.missing_vars]


def test_a_field_deleted_in_pipedrive_is_a_warning_and_updated_no_more():
    wanted = definition(fields={"person": ["Customer tier"]})
    found = bound(
        wanted,
        Pin("person field", "Customer tier", "f1", "Customer tier"),
        Pin("merge tag of Newsletter", "person.f1", "TIER", "TIER"),
        person_fields=[],
    )
    assert [(f.merge_tag, f.is_gone) for f in found.fields if f.field_code == "f1"] == [
        ("TIER", True)
    ]
    assert [f.level for f in found.findings] == ["warn"]


def test_a_renamed_field_goes_on_under_its_code():
    renamed = [{"field_code": "f1", "field_name": "Segment", "field_type": "enum"}]
    found = bound(
        definition(fields={"person": ["Customer tier"]}),
        Pin("person field", "Customer tier", "f1", "Customer tier"),
        person_fields=renamed,
    )
    assert mistakes(found) == []
    assert found.fields[-1].field_code == "f1"


def test_only_deals_need_a_deal_field():
    assert not bound(definition(warm())).needs_deal_field
    found = bound(definition(hot()))
    assert (found.needs_deal_field, found.deal_field_code) == (True, None)


def test_a_deal_field_of_our_name_is_adopted_the_lowest_of_several():
    ours = [{"field_code": code, "field_name": "Syncline ref"} for code in ("b2", "a1")]
    assert bound(definition(hot()), deal_fields=ours).deal_field_code == "a1"


def test_a_second_binding_with_the_pins_of_the_first_pins_nothing_new():
    wanted = definition(in_filter("Customers EU") | warm() | hot(), fields={"person": ["f1"]})
    first = bound(wanted)
    second = bound(wanted, *first.pins)
    assert second.pins == ()
    assert (second.rules, second.fields) == (first.rules, first.fields)


@pytest.mark.parametrize("owner", ["old@acme.example", "OLD@acme.example", 12, "12"])
def test_an_owner_who_is_deactivated_is_not_called_unknown(owner: str | int) -> None:
    """MG-15, MG-22"""
    wanted = definition(hot(owner=owner), new_subscribers={"owner": owner})
    told = mistakes(bound(wanted))
    assert told == [f"user {owner} is deactivated; choose another owner"] * 2


def many(count: int) -> list[dict[str, Any]]:
    labels = [f"Aardvark {n}" for n in range(count)] + ["Job title", "Title of the job"]
    return [
        {"field_code": f"c{n}", "field_name": label, "field_type": "varchar"}
        for n, label in enumerate(labels)
    ]


def test_a_field_nobody_knows_is_told_with_the_nearest_first_and_how_many_more() -> None:
    """MG-04"""
    wanted = definition({}, fields={"person": ["Job titel"]})
    found = bound(wanted, person_fields=many(30))
    (told,) = mistakes(found)
    assert told.startswith("there is no person field 'Job titel'; known: Job title, Title of the")
    assert told.endswith("and 24 more; `syncline check --json` lists all")
    (finding,) = [f for f in found.findings if f.level == "error"]
    assert len(finding.choices) == 32
    assert finding.choices[0] == "Job title"


def test_a_few_candidates_are_all_named() -> None:
    """MG-04"""
    (told,) = mistakes(bound(definition({}, fields={"person": ["zzz"]})))
    assert sorted(told.partition("known: ")[2].split(", ")) == ["Customer tier", "Job title"]
