"""Names of flows tied to ids: mistakes are told all at once, what is gone pauses its flow alone."""

from typing import Any

import pytest

from pipelines.mailchimp_pipedrive.bind import Account, Bound, BoundFlow, bind
from pipelines.names import Pin
from tests.pipelines.mailchimp_pipedrive.wanted import INTO, OUT, definition

FIELDS = [
    ("job_title", "Job title", "varchar"), ("f1", "Customer tier", "enum"),
    ("f2", "Interests", "set"), ("f3", "Account lead", "user"), ("f4", "Contract value", "monetary"),
    ("f5", "Renewal", "date"), ("phone", "Phone", "phone"), ("f6", "Employer", "org"),
    ("f7", "Referrer", "people"),
]  # fmt: skip
MERGE = [
    (1, "FNAME", "text"), (2, "LNAME", "text"), (3, "JOB", "text"), (4, "SIZE", "number"),
    (5, "SINCE", "date"), (6, "BIRTHDAY", "birthday"), (7, "PHONE", "phone"),
    (8, "TIER", "dropdown"), (9, "KIND", "radio"), (10, "SITE", "url"),
]  # fmt: skip
ACCOUNT = Account(
    users=[], organization_fields=[],
    filters=[
        {"id": 7, "name": "Customers EU", "type": "people", "active_flag": True},
        {"id": 8, "name": "Sleeping", "type": "people", "active_flag": False},
        {"id": 9, "name": "Twins", "type": "people", "active_flag": True},
        {"id": 10, "name": "Twins", "type": "people", "active_flag": True},
    ],
    pipelines=[{"id": 1, "name": "Sales"}, {"id": 2, "name": "Partners"}],
    stages=[{"id": 21, "name": "Qualified", "pipeline_id": 1},
            {"id": 22, "name": "Qualified", "pipeline_id": 2}],
    person_fields=[
        {"field_code": code, "field_name": label, "field_type": kind}
        for code, label, kind in FIELDS
    ],
    audiences=[{"id": "aud1", "name": "Newsletter"}],
    merge_fields={"aud1": [{"merge_id": n, "tag": tag, "type": kind, "required": False}
                           for n, tag, kind in MERGE]},
    segments={"aud1": [{"id": 51, "name": "VIP", "type": "saved"},
                       {"id": 52, "name": "lead", "type": "static"}]},
)  # fmt: skip


def bound(*flows: dict[str, Any], pins: tuple[Pin, ...] = (), **changed: Any) -> Bound:
    pinned = {(pin.kind, pin.name): pin for pin in pins}
    return bind(definition(*flows), ACCOUNT._replace(**changed), pinned)


def one(*flows: dict[str, Any], **more: Any) -> BoundFlow:
    found = bound(*flows, **more)
    assert not mistakes(found)
    return found.flows[0]


def mistakes(found: Bound) -> list[str]:
    return [f"{f.sentence}; {f.remedy}" for f in found.findings if f.level == "error"]


def test_an_account_without_an_audience_is_told_so() -> None:
    """MC-01: an audience must exist."""
    assert "the Mailchimp account has no audience" in mistakes(bound(OUT, audiences=[]))[0]


def test_every_name_becomes_an_id() -> None:
    """MC-04, MC-09, MC-14: each trigger's names are tied to what stands in the accounts."""
    stage = {"pipeline": "Partners", "stage": "Qualified"}
    assert one(INTO).segment_ids == (51, 52)
    assert one(OUT).filter_ids == (7,)
    assert one(OUT | {"trigger": stage}).stage_id == 22


def test_a_tag_is_no_segment_and_a_segment_no_tag() -> None:
    """MC-04: they are told apart by the vendor's kind, not by what they are called."""
    (said,) = mistakes(bound(INTO | {"trigger": {"tags": ["VIP"]}}))
    assert said == "there is no tag 'VIP'; it is a segment: write segments: [VIP]"
    (said,) = mistakes(bound(INTO | {"trigger": {"segments": ["Lead"]}}))
    assert said == "there is no segment 'Lead'; it is a tag: write tags: [Lead]"
    (said,) = mistakes(bound(INTO | {"trigger": {"segments": ["Leda"]}}))
    assert said == "there is no segment 'Leda'; known: VIP"


def test_a_segment_that_was_pinned_and_is_gone_is_no_mistake_beside_a_tag_of_its_name() -> None:
    """MC-07: the id that was meant first is what counts."""
    vip_is_a_tag = {"aud1": [{"id": 53, "name": "VIP", "type": "static"}]}
    assert not mistakes(bound(INTO, pins=(VIP, LEAD), segments=vip_is_a_tag))


@pytest.mark.parametrize(("name", "tag", "noun"), [
    ("Customer tier", "JOB", "'Customer tier' is a single option"),
    ("Interests", "JOB", "'Interests' is multiple options"),
    ("Account lead", "JOB", "'Account lead' is a user"),
    ("Employer", "JOB", "'Employer' is an organization"),
    ("Referrer", "JOB", "'Referrer' is a person"),
    ("Job title", "TIER", "'TIER' is a drop-down"),
    ("Job title", "KIND", "'KIND' is radio buttons"),
])  # fmt: skip
@pytest.mark.parametrize("flow", [OUT, INTO])
def test_the_refused_types_are_refused_by_name(
    flow: dict[str, Any], name: str, tag: str, noun: str
) -> None:
    """MC-03: the error names the field and the reason, whichever way the flow goes."""
    (said,) = mistakes(bound(flow | {"mapping": {name: tag}}))
    assert noun in said
    assert "such fields cannot be mapped" in said


@pytest.mark.parametrize(("name", "tag"), [
    ("Job title", "SIZE"), ("Job title", "SINCE"), ("Contract value", "JOB"), ("Renewal", "JOB"),
    ("Renewal", "SIZE"), ("Contract value", "SINCE"), ("Job title", "PHONE"), ("Job title", "SITE"),
])  # fmt: skip
def test_only_types_that_go_together_are_mapped(name: str, tag: str) -> None:
    """MC-03: text to text, and not to a number or a date."""
    (said,) = mistakes(bound(OUT | {"mapping": {name: tag}}))
    assert "do not go together" in said
    assert repr(name) in said
    assert repr(tag) in said


@pytest.mark.parametrize(("name", "tag"), [
    ("first_name", "FNAME"), ("Job title", "JOB"), ("Contract value", "SIZE"),
    ("Renewal", "SINCE"), ("Phone", "PHONE"), ("Phone", "JOB"), ("name", "FNAME"),
])  # fmt: skip
@pytest.mark.parametrize("flow", [OUT, INTO])
def test_what_goes_together_is_mapped_both_ways(flow: dict[str, Any], name: str, tag: str) -> None:
    """MC-03."""
    (field,) = one(flow | {"mapping": {name: tag}}).fields
    assert field.merge_tag == tag


def test_a_birthday_has_no_year_to_bring_back() -> None:
    """MC-03: a date of the CRM becomes a birthday, a birthday no date."""
    assert one(OUT | {"mapping": {"Renewal": "BIRTHDAY"}}).fields
    (said,) = mistakes(bound(INTO | {"mapping": {"Renewal": "BIRTHDAY"}}))
    assert "only out of Pipedrive" in said


def test_what_the_audience_requires_must_be_filled() -> None:
    """MC-03: Mailchimp would refuse every contact, one by one."""
    required = {"aud1": [*ACCOUNT.merge_fields["aud1"],
                         {"merge_id": 11, "tag": "CITY", "type": "text", "required": True}]}  # fmt: skip
    (said,) = mistakes(bound(OUT, merge_fields=required))
    assert "'CITY'" in said
    assert not mistakes(bound(INTO, merge_fields=required)), "nobody is created there"


def test_a_field_that_was_mapped_and_is_gone_pauses_its_flow_alone() -> None:
    """MC-03: emptied would be what its members' values became, did the flow go on."""
    mapped = OUT | {"mapping": {"Job title": "JOB"}}
    fields = [f for f in ACCOUNT.person_fields if f["field_code"] != "job_title"]
    found = bound(
        mapped, INTO, pins=(Pin("person field", "Job title", "job_title", "Job title"),),
        person_fields=fields,
    )  # fmt: skip
    assert not mistakes(found)
    assert [f.problem for f in found.flows] == [
        "the Pipedrive field 'Job title' it maps no longer exists", "",
    ]  # fmt: skip


def test_a_field_is_followed_by_its_id_not_by_its_name() -> None:
    """A merge tag that was renamed goes on under its new name."""
    renamed = {"aud1": [{"merge_id": 3, "tag": "ROLE", "type": "text", "required": False}]}
    (field,) = one(
        OUT | {"mapping": {"Job title": "JOB"}}, merge_fields=renamed,
        pins=(Pin("merge field of aud1", "JOB", "3", "JOB"),),
    ).fields  # fmt: skip
    assert (field.merge_id, field.merge_tag) == (3, "ROLE")


VIP, LEAD = Pin("segment of aud1", "VIP", "51", "VIP"), Pin("tag of aud1", "lead", "52", "lead")


def test_a_flow_goes_on_with_the_segments_that_are_left() -> None:
    """MC-07: only when all are gone is it over."""
    left = {"aud1": [ACCOUNT.segments["aud1"][1]]}
    found = bound(INTO, pins=(VIP, LEAD), segments=left)
    assert (found.flows[0].segment_ids, found.flows[0].problem) == ((52,), "")
    assert ["segment 'VIP' is gone" in f.sentence for f in found.findings] == [True]


def test_a_flow_whose_segments_and_tags_are_all_gone_is_over() -> None:
    """MC-07: with the reason."""
    flow = one(INTO, pins=(VIP, LEAD), segments={"aud1": []})
    assert flow.problem == "all its segments and tags were deleted in Mailchimp"
    assert flow.is_over


EU = Pin("filter", "Customers EU", "7", "Customers EU")


def test_a_flow_whose_filters_are_all_deleted_is_over() -> None:
    """MC-12: with the reason."""
    flow = one(OUT, pins=(EU,), filters=[])
    assert flow.problem == "its Pipedrive filter no longer exists"
    assert flow.is_over


def test_a_filter_that_sleeps_may_wake_up_again() -> None:
    """MC-12: an inactive filter suspends, it ends nothing."""
    flow = one(OUT | {"trigger": {"filters": ["Sleeping"]}})
    assert flow.problem == "its Pipedrive filter is inactive"
    assert not flow.is_over


def test_a_flow_goes_on_with_the_filters_that_are_left() -> None:
    """MC-12."""
    flow = one(OUT | {"trigger": {"filters": ["Customers EU", "Sleeping"]}})
    assert (flow.filter_ids, flow.problem) == ((7,), "")


def test_an_ambiguous_filter_is_refused_with_its_candidates() -> None:
    """MC-09: nobody guesses which of two filters was meant."""
    (said,) = mistakes(bound(OUT | {"trigger": {"filters": ["Twins"]}}))
    assert "9" in said
    assert "10" in said


def test_every_mistake_of_every_flow_is_told_at_once() -> None:
    wrong = OUT | {"trigger": {"filters": ["Nobody"]}, "mapping": {"Nothing": "NOTHING"}}
    assert len(mistakes(bound(wrong, INTO | {"audience": "Nowhere"}))) == 4
