"""The Pipedrive client against the sandbox, over real HTTP."""

import re
from datetime import timedelta

import httpx
import pytest

from connectors.errors import (
    BadCredentials,
    Blocked,
    Gone,
    NotAdministrator,
    OutcomeUnknown,
    PlanLimitReached,
    QuotaExhausted,
    ReadFailed,
    Refused,
    Throttled,
)
from connectors.meter import Tally
from connectors.pipedrive import COSTS, Pipedrive
from connectors.pipedrive.nouns import is_deleted
from tests.contract.exchange import met
from tests.contract.pipedrive import PIPEDRIVE


def flat(pages):
    return [row for page in pages for row in page]


@pytest.fixture
def person_id(pipedrive):
    return next(pipedrive.persons())[0]["id"]


def call_body(person_id, marker):
    return {
        "subject": "Call",
        "type": "call",
        "participants": [{"person_id": person_id, "primary": True}],
        "note": f"opened 3 campaigns<br>ref {marker}",
    }


def note_body(person_id, marker):
    return {"content": f"<p>opened</p><p>ref {marker}</p>", "person_id": person_id}


def test_an_administrators_token_passes_and_a_plain_users_does_not(
    pipedrive, sandbox, token, tally
):
    assert pipedrive.require_admin()["email"] == "ann@acme.example"
    url = sandbox.url + "/pipedrive"
    with (
        Pipedrive(url, token=token("cara"), meter=tally) as plain,
        pytest.raises(NotAdministrator, match="Next step: connect again"),
    ):
        plain.require_admin()


def test_a_wrong_token_says_so_and_is_not_shown(sandbox, tally):
    url = sandbox.url + "/pipedrive"
    with Pipedrive(url, token="s3cr3t", meter=tally) as client, pytest.raises(BadCredentials) as no:
        client.me()
    assert "s3cr3t" not in str(no.value)


@pytest.mark.parametrize("bad", ["", "two words", "line\n", "tökén"])
def test_a_token_that_cannot_be_one_is_refused_before_any_call(tally, bad):
    with pytest.raises(BadCredentials):
        Pipedrive("http://127.0.0.1:9", token=bad, meter=tally)
    assert tally.request_count == 0


def test_a_full_walk_brings_every_living_person_once(pipedrive, sandbox):
    ids = [person["id"] for person in flat(pipedrive.persons())]
    living = [row["id"] for row in sandbox.books("pipedrive", "persons") if not row["_deleted"]]
    assert ids == sorted(living)


def test_persons_carry_what_tells_who_was_contacted_last(pipedrive):
    person = next(pipedrive.persons())[0]
    assert {"last_incoming_mail_time", "last_outgoing_mail_time", "last_activity_id"} <= set(person)


@pytest.mark.parametrize("answer", ["is_deleted", "404"])
def test_a_person_deleted_or_never_there_is_gone(pipedrive, sandbox, answer):
    sandbox.assume("pipedrive", "get_deleted_person", answer)
    deleted = next(row for row in sandbox.books("pipedrive", "persons") if row["_deleted"])
    for person_id in (deleted["id"], 999_999):
        with pytest.raises(Gone):
            pipedrive.person(person_id)


def test_persons_by_id_come_a_hundred_at_a_time_without_the_missing(pipedrive, tally):
    ids = [person["id"] for person in flat(pipedrive.persons())]
    before = tally.request_count
    found = flat(pipedrive.persons_by_id([*ids, *ids, 999_999]))
    assert sorted(person["id"] for person in found) == sorted(ids)
    assert tally.request_count - before == (len(ids) + 1 + 99) // 100


def test_a_walk_of_what_changed_brings_the_changed(pipedrive, person_id):
    pipedrive.update_person(person_id, {"name": "Zed Zeta"})
    since = pipedrive.vendor_now() - timedelta(seconds=30)
    assert person_id in [person["id"] for person in flat(pipedrive.persons(updated_since=since))]


def test_a_filter_can_be_read_walked_copied_and_found_missing(pipedrive):
    by_name = {row["name"]: row["id"] for row in pipedrive.filters()}
    customers = pipedrive.filter(by_name["Customers EU"])
    everybody = len(flat(pipedrive.persons()))
    assert 0 < len(flat(pipedrive.persons(customers["id"]))) < everybody
    body = {"name": "Copy", "type": "people", "conditions": customers["conditions"]}
    assert pipedrive.find_filter("Copy") is None
    assert pipedrive.create_filter(body) == pipedrive.find_filter("Copy")
    with pytest.raises(Gone):
        pipedrive.filter(999_999)
    with pytest.raises(Refused, match="2 with that name"):
        pipedrive.find_filter("Old import")


def test_a_written_activity_is_found_by_its_marker_and_by_no_other(pipedrive, person_id):
    written = pipedrive.create_activity(call_body(person_id, "SL-AAAA1111"))
    assert pipedrive.find_activity(person_id, "SL-AAAA1111") == written
    assert pipedrive.find_activity(person_id, "SL-BBBB2222") is None


def test_a_written_note_is_found_by_its_marker(pipedrive, person_id):
    written = pipedrive.create_note(note_body(person_id, "SL-NNNN1111"))
    assert pipedrive.find_note(person_id, "SL-NNNN1111") == written
    assert pipedrive.find_note(person_id, "SL-BBBB2222") is None


def test_a_written_deal_is_found_by_its_marker_even_when_deleted(
    pipedrive, sandbox, person_id, token
):
    code = pipedrive.create_deal_field("Syncline key", "varchar")
    assert pipedrive.find_deal_field("Syncline key") == code
    body = {"title": "Hot", "person_id": person_id, "custom_fields": {code: "SL-DDDD1111"}}
    deal = pipedrive.create_deal(body)
    assert pipedrive.find_deal(person_id, code, "SL-DDDD1111") == deal
    url = f"{sandbox.url}/pipedrive/api/v2/deals/{deal}"
    httpx.delete(url, headers={"x-api-token": token("ann")}, trust_env=False).raise_for_status()
    assert pipedrive.find_deal(person_id, code, "SL-DDDD1111") == deal


def test_an_archived_deal_is_found_too(pipedrive, sandbox, person_id, token):
    code = pipedrive.create_deal_field("Syncline key", "varchar")
    body = {"title": "Hot", "person_id": person_id, "custom_fields": {code: "SL-DDDD1111"}}
    deal = pipedrive.create_deal(body)
    url = f"{sandbox.url}/pipedrive/api/v2/deals/{deal}"
    archived = {"is_archived": True}
    headers = {"x-api-token": token("ann")}
    httpx.patch(url, json=archived, headers=headers, trust_env=False).raise_for_status()
    assert pipedrive.find_deal(person_id, code, "SL-DDDD1111") == deal


def test_a_written_person_is_found_by_address_whatever_the_case(pipedrive):
    body = {"name": "Zed Zeta", "emails": [{"value": "Zed@x.example", "primary": True}]}
    written = pipedrive.create_person(body)
    since = pipedrive.vendor_now() - timedelta(seconds=30)
    assert pipedrive.find_person("zed@X.example", since) == written


def test_a_retired_filter_can_be_told_before_it_answers_with_everybody(pipedrive):
    retired = next(row for row in pipedrive.filters() if row["name"] == "Retired list")
    assert pipedrive.filter(retired["id"])["active_flag"] is False
    assert flat(pipedrive.persons(retired["id"])) == flat(pipedrive.persons())


def test_a_plan_limit_ends_the_run_with_the_vendors_words(pipedrive, sandbox):
    sandbox.assume("pipedrive", "deals_limit", 0)
    with pytest.raises(PlanLimitReached, match="feature_capping"):
        pipedrive.create_deal({"title": "One too many"})


def test_a_marker_survives_what_the_vendor_strips(pipedrive, person_id):
    body = {"content": "<!-- SL-HIDDEN --><p>ref SL-SHOWN</p>", "person_id": person_id}
    written = pipedrive.create_note(body)
    assert pipedrive.find_note(person_id, "SL-SHOWN") == written
    assert pipedrive.find_note(person_id, "SL-HIDDEN") is None


def test_a_body_the_vendor_does_not_know_is_refused(pipedrive):
    with pytest.raises(Refused, match="bogus"):
        pipedrive.create_deal({"title": "Hot", "bogus": 1})


def test_a_lost_answer_to_a_write_is_unknown_sent_once_and_found(pipedrive, sandbox, person_id):
    sandbox.fault("pipedrive", "/api/v2/activities", "lost_answer", method="POST")
    with pytest.raises(OutcomeUnknown):
        pipedrive.create_activity(call_body(person_id, "SL-AAAA1111"))
    found = pipedrive.find_activity(person_id, "SL-AAAA1111")
    written = [row for row in sandbox.books("pipedrive", "activities") if "SL-AAAA1111" in str(row)]
    assert [row["id"] for row in written] == [found]


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("lost_request", {}),
        ("truncate", {}),
        ("status", {"status": 500}),
        ("status", {"status": 503}),
    ],
)
def test_a_write_without_a_whole_answer_is_unknown(pipedrive, sandbox, person_id, kind, more):
    sandbox.fault("pipedrive", "/v1/notes", kind, method="POST", **more)
    with pytest.raises(OutcomeUnknown):
        pipedrive.create_note(note_body(person_id, "SL-NNNN1111"))


@pytest.mark.parametrize(
    ("kind", "more"),
    [("lost_answer", {}), ("truncate", {}), ("status", {"status": 502}), ("rate_limit", {})],
)
def test_a_read_is_repeated_until_it_is_whole(pipedrive, sandbox, naps, kind, more):
    whole = flat(pipedrive.persons())
    sandbox.fault("pipedrive", "/api/v2/persons", kind, times=2, **more)
    assert flat(pipedrive.persons()) == whole
    assert len(naps) == 2


def test_a_read_that_never_heals_fails_and_names_the_call(pipedrive, sandbox):
    sandbox.fault("pipedrive", "/api/v2/stages", "truncate", times=50)
    with pytest.raises(ReadFailed, match="pipedrive: GET /api/v2/stages"):
        pipedrive.stages()


def test_a_throttled_write_is_not_repeated_here(pipedrive, sandbox, person_id, tally):
    sandbox.fault("pipedrive", "/v1/notes", "rate_limit", method="POST")
    with pytest.raises(Throttled):
        pipedrive.create_note(note_body(person_id, "SL-NNNN1111"))
    assert tally.requests["write"] == 1
    assert pipedrive.find_note(person_id, "SL-NNNN1111") is None


@pytest.mark.parametrize(("left", "most"), [("0", 8), ("19", 3)])
def test_being_throttled_without_end_means_that_the_day_is_used_up(tally, naps, left, most):
    headers = {"x-ratelimit-remaining": left, "x-ratelimit-reset": "2"}
    transport = httpx.MockTransport(lambda _: httpx.Response(429, headers=headers))
    with httpx.Client(transport=transport) as http:
        client = Pipedrive(
            "http://pipedrive.example", token="t", meter=tally, http=http, sleep=naps.append
        )
        for _ in range(most - 1):
            with pytest.raises(Throttled):
                client.create_note({})
        with pytest.raises(QuotaExhausted, match="the day's tokens"):
            client.create_note({})
    assert (tally.request_count, naps) == (most, [])


def test_one_answer_in_between_shows_that_the_day_is_not_used_up(pipedrive, sandbox):
    for _ in range(5):
        sandbox.fault("pipedrive", "/v1/users/me", "rate_limit", times=2)
        assert pipedrive.me()


def test_a_block_page_stops_at_once_and_is_told_to_the_meter(pipedrive, sandbox, tally):
    sandbox.fault("pipedrive", "/v1/users", "html_403")
    with pytest.raises(Blocked):
        pipedrive.users()
    assert (tally.request_count, len(tally.blocks)) == (1, 1)


def test_the_meter_and_the_vendor_agree_on_what_a_run_costs(pipedrive, sandbox, tally, person_id):
    pipedrive.users()
    flat(pipedrive.deals_of(person_id))
    pipedrive.create_note(note_body(person_id, "SL-NNNN1111"))
    assert tally.cost == sandbox.describe("pipedrive")["spent_today"]


@pytest.mark.skipif(bool(PIPEDRIVE.why_absent()), reason=PIPEDRIVE.why_absent())
def test_every_call_of_the_client_is_one_the_contract_allows(sandbox, token):
    root, seen = sandbox.url + "/pipedrive", set()

    def hold(answer):
        exchange = met(answer, root)
        assert exchange.is_ours
        assert not PIPEDRIVE.hold(exchange)
        seen.add(re.sub(r"/\d+(?=/|$)", "/{id}", f"{exchange.method} {exchange.path}"))

    with httpx.Client(event_hooks={"response": [hold]}) as http:
        exercise(Pipedrive(root, token=token("ann"), meter=Tally(), http=http))
    assert seen == set(COSTS)


def exercise(pipedrive):
    """Make every call the client has."""
    pipedrive.require_admin()
    for read in ("users", "person_fields", "organization_fields", "activity_types", "pipelines"):
        getattr(pipedrive, read)()
    pipedrive.stages()
    for entity in ("person", "organization"):
        assert pipedrive.field_numbers(entity)
    wanted = pipedrive.filter(pipedrive.filters()[0]["id"])
    pipedrive.create_filter({"name": "C", "type": "people", "conditions": wanted["conditions"]})
    since = pipedrive.vendor_now() - timedelta(days=400)
    flat(pipedrive.persons(wanted["id"], since))
    flat(pipedrive.organizations(since))
    flat(pipedrive.organizations_by_id([1, 2]))
    person_id = pipedrive.create_person({"name": "Zed", "emails": [{"value": "zed@x.example"}]})
    pipedrive.update_person(person_id, {"name": "Zed Zeta"})
    flat(pipedrive.persons_by_id([pipedrive.person(person_id)["id"]]))
    activity_id = pipedrive.create_activity(call_body(person_id, "SL-A"))
    flat(pipedrive.activities_by_id([activity_id]))
    code = pipedrive.create_deal_field("Syncline key", "varchar")
    pipedrive.find_deal_field("Syncline key")
    deal = {"title": "H", "person_id": person_id, "custom_fields": {code: "SL-D"}}
    deal_id = pipedrive.create_deal(deal)
    pipedrive.thing("deal", deal_id)
    flat(pipedrive.deal_changes(deal_id))
    hook = {"name": "S", "subscription_url": "http://127.0.0.1:9/", "event_action": "*"}
    hook_id = pipedrive.create_webhook({**hook, "event_object": "deal"}, user="u", password="p")
    pipedrive.webhooks()
    pipedrive.delete_webhook(hook_id)
    pipedrive.thing("note", pipedrive.create_note(note_body(person_id, "SL-N")))
    pipedrive.thing("activity", activity_id)
    for noun in ("activity", "deal", "note"):
        pipedrive.changed_since(noun, since)
    pipedrive.find_activity(person_id, "absent", since)
    pipedrive.find_deal(person_id, code, "absent")
    pipedrive.find_note(person_id, "absent", since)


def test_what_somebody_deleted_is_still_shown_by_its_id_and_marked(pipedrive, person_id, sandbox):
    """The audit tells "deleted" from "lost" by it."""
    made = {
        "activity": pipedrive.create_activity(call_body(person_id, "SL-AAAAAAA2")),
        "deal": pipedrive.create_deal({"title": "Deal", "person_id": person_id}),
        "note": pipedrive.create_note(note_body(person_id, "SL-AAAAAAA2")),
    }
    paths = {"activity": "api/v2/activities", "deal": "api/v2/deals", "note": "v1/notes"}
    assert not any(is_deleted(pipedrive.thing(noun, made[noun])) for noun in made)
    for noun, path in paths.items():
        headers = {"x-api-token": "sandbox-pipedrive-admin"}
        url = f"{sandbox.url}/pipedrive/{path}/{made[noun]}"
        assert httpx.delete(url, headers=headers, trust_env=False).is_success

    assert all(is_deleted(pipedrive.thing(noun, made[noun])) for noun in made)
    sandbox.assume("pipedrive", "get_deleted_item", "404")
    for noun, remote_id in made.items():
        with pytest.raises(Gone):
            pipedrive.thing(noun, remote_id)


def test_changes_of_the_account_come_as_one_page_or_not_at_all(pipedrive, person_id, sandbox):
    since = pipedrive.vendor_now() - timedelta(seconds=5)
    made = pipedrive.create_deal({"title": "New", "person_id": person_id})

    assert made in [deal["id"] for deal in pipedrive.changed_since("deal", since)]
    assert pipedrive.changed_since("activity", since) == []
    assert pipedrive.changed_since("note", since) == []

    more = {"success": True, "data": [{"id": 1}], "additional_data": {"next_cursor": "more"}}
    sandbox.fault("pipedrive", "/api/v2/activities", "status", status=200, body=more)
    assert pipedrive.changed_since("activity", since) is None
