"""What a definition of Mailchimp flows may say, and the sentence for what it may not."""

from typing import Any

import pytest
from pydantic import ValidationError

from pipelines.mailchimp_pipedrive.config import Filters, Flow, NewContacts
from tests.pipelines.mailchimp_pipedrive.wanted import CONSENT, INTO, OUT, definition


def flow(**said: Any) -> Flow:
    return definition(said).flows[0]


def refusal(*flows: dict[str, Any], **more: Any) -> str:
    with pytest.raises(ValidationError) as told:
        definition(*flows, **more)
    return str(told.value)


def test_a_saved_flow_is_inactive() -> None:
    """MC-02: it syncs nothing until somebody activates it."""
    assert not flow(**OUT).active
    assert flow(**OUT, active=True).active


@pytest.mark.parametrize("trigger", [
    {}, {"filters": ["A"], "segments": ["B"]}, {"new_contacts": True, "tags": ["x"]}, "all", None,
])  # fmt: skip
def test_a_flow_has_exactly_one_trigger(trigger: Any) -> None:
    """MC-02: one trigger, and by it one direction."""
    assert "exactly one trigger" in refusal(OUT | {"trigger": trigger})


def test_the_trigger_says_which_way() -> None:
    """MC-02: segments, tags and new contacts come to the CRM; filters and stages go out."""
    stage = {"pipeline": "Sales", "stage": "Qualified"}
    assert flow(**INTO).is_into_crm
    assert flow(trigger={"new_contacts": True}).is_into_crm
    assert not flow(**OUT).is_into_crm
    assert not flow(trigger=stage, consent=CONSENT).is_into_crm
    assert isinstance(flow(trigger={"new_contacts": True}).trigger, NewContacts)


@pytest.mark.parametrize(("mapping", "said"), [
    ({"job_title": "JOB", "Region": "job"}, "the merge tag JOB is named twice"),
    ({"job_title": "JOB", "Job_Title": "X"}, "the Pipedrive field job_title is named twice"),
    ({"email": "FNAME"}, "the e-mail address is mapped to EMAIL and nothing else"),
    ({"job_title": "EMAIL"}, "the e-mail address is mapped to EMAIL and nothing else"),
    ({"name": "NAME", "last_name": "LNAME"}, "`name` and its parts are one value"),
])  # fmt: skip
def test_a_mapping_that_cannot_be_is_refused(mapping: dict[str, str], said: str) -> None:
    """MC-03: each field at most once, and e-mail is fixed."""
    assert said in refusal(OUT | {"mapping": mapping})


def test_the_mapping_of_the_address_may_be_said_and_changes_nothing() -> None:
    """MC-03: a required field is there whether it is said or not."""
    assert flow(**OUT, mapping={"email": "EMAIL", "job_title": "job"}).mapping == {
        "job_title": "JOB"
    }


@pytest.mark.parametrize("trigger", [OUT["trigger"], {"pipeline": "Sales", "stage": "Won"}])
def test_a_flow_into_mailchimp_needs_a_confirmed_consent(trigger: Any) -> None:
    """MC-13, MC-15: contacts are created as subscribed."""
    assert "`consent` is missing" in refusal({"trigger": trigger})


def test_only_flows_into_mailchimp_put_a_tag() -> None:
    """MC-13: the tag is Mailchimp's."""
    assert flow(**OUT, tag="From Pipedrive").tag == "From Pipedrive"
    assert "`tag` belongs to flows into Mailchimp" in refusal(INTO | {"tag": "From Pipedrive"})


def test_a_filter_may_be_described_and_is_described_once() -> None:
    """MC-09: made while the flow is set up."""
    gold = {"name": "Gold", "conditions": {"all": [{"field": "Customer tier", "is": "Gold"}]}}
    other = gold | {"conditions": {"all": [{"field": "Customer tier", "is": "Silver"}]}}
    trigger = flow(**OUT | {"trigger": {"filters": [gold, "Customers EU"]}}).trigger
    assert isinstance(trigger, Filters)
    assert "two flows describe the filter 'Gold' differently" in refusal(
        OUT | {"trigger": {"filters": [gold]}}, OUT | {"trigger": {"filters": [other]}}
    )


def test_two_flows_have_two_ids() -> None:
    assert "two flows have the id same" in refusal(OUT | {"id": "same"}, INTO | {"id": "same"})


def test_a_rule_about_a_field_that_no_flow_maps_is_refused() -> None:
    """A rule that decides nothing is a mistake in a name."""
    mapped = OUT | {"mapping": {"job_title": "JOB"}}
    assert definition(mapped, conflicts={"job_title": "crm"}).conflicts == {"job_title": "crm"}
    assert "`conflicts` names jobtitle, which no flow maps" in refusal(
        mapped, conflicts={"jobtitle": "crm"}
    )
