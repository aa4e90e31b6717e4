"""Deals that came into a stage, and Pipedrive's own announcements of it."""

import json
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.errors import Gone, NotAdministrator, ReadFailed, Refused
from connectors.meter import Tally
from connectors.pipedrive import Pipedrive
from connectors.pipedrive.passages import passages
from connectors.pipedrive.webhooks import read_delivery

MADE = "2026-01-01T09:00:00Z"
HOOK = {
    "name": "Syncline acme",
    "subscription_url": "http://127.0.0.1:9/hook",
    "event_action": "change",
    "event_object": "deal",
}


def flat(pages):
    return [row for page in pages for row in page]


def moved(day, old, new, key="stage_id"):
    return {
        "field_key": key, "old_value": str(old), "new_value": str(new),
        "time": f"2026-01-{day:02d} 09:00:00",
    }  # fmt: skip


def shown(deal, changes):
    return [(one.stage_id, one.at.day) for one in passages(deal, changes)]


@pytest.mark.parametrize(
    ("stage", "changes", "expected"),
    [
        (3, [], [(3, 1)]),
        (3, [moved(2, 1, 3)], [(1, 1), (3, 2)]),
        (1, [moved(4, 3, 1), moved(3, 1, 3), moved(2, 3, 1)], [(3, 1), (1, 2), (3, 3), (1, 4)]),
        (3, [moved(2, 1, 3, "pipeline_id"), moved(2, "x", "y", "title")], [(3, 1)]),
        (3, [moved(2, 3, 3)], [(3, 1)]),
        (3, [moved(2, 1, 3) | {"new_value": None}], [(3, 1)]),
        (3, [moved(2, 1, 3) | {"time": "yesterday"}], [(3, 1)]),
        (3, [moved(2, 2, 3), moved(2, 1, 2)], [(1, 1), (2, 2), (3, 2)]),
    ],
    ids=["made there", "moved", "there and back", "other fields", "to itself", "to nowhere",
         "at no time", "twice in one second"],
)  # fmt: skip
def test_every_coming_into_a_stage_is_found_in_the_history(stage, changes, expected):
    """MC-14: moved, made or returned there"""
    assert shown({"stage_id": stage, "add_time": MADE}, changes) == expected


def test_a_deal_whose_times_nobody_can_read_has_no_passages():
    """MC-14: none is made up"""
    assert passages({"stage_id": 3, "add_time": None}, []) == []


@given(st.lists(st.integers(1, 4), min_size=1, max_size=8))
def test_the_history_tells_the_way_a_deal_went_whatever_it_was(way):
    """MC-14: newest first, as the vendor lists it"""
    steps = [stage for n, stage in enumerate(way) if not n or stage != way[n - 1]]
    changes = [moved(n + 1, steps[n - 1], steps[n]) for n in range(len(steps) - 1, 0, -1)]
    deal = {"stage_id": steps[-1], "add_time": MADE}
    assert [one.stage_id for one in passages(deal, changes)] == steps


def test_a_deals_history_is_walked_by_cursor_to_its_end():
    """MC-14: a passage of weeks ago is on a later page"""
    asked = []

    def answer(request):
        asked.append(dict(request.url.params))
        more = {"next_cursor": None if "cursor" in asked[-1] else "aWQ6NTQ0"}
        body = {"success": True, "data": [moved(2, 1, 3)], "additional_data": more}
        return httpx.Response(200, json=body)

    tally = Tally()
    with httpx.Client(transport=httpx.MockTransport(answer)) as http:
        crm = Pipedrive("http://pipedrive.example", token="t", meter=tally, http=http)
        assert len(flat(crm.deal_changes(7))) == 2
    assert asked == [{"limit": "500"}, {"limit": "500", "cursor": "aWQ6NTQ0"}]
    assert tally.cost == 40


def test_a_stage_entered_and_left_again_is_found_at_the_vendor(pipedrive, sandbox, token):
    """MC-14: what happened while nobody listened, read from the deal's own history"""
    stages = [stage["id"] for stage in pipedrive.stages()[:3]]
    deal = pipedrive.create_deal({"title": "Deal", "stage_id": stages[0]})
    url = f"{sandbox.url}/pipedrive/api/v2/deals/{deal}"
    for change in ({"stage_id": stages[1]}, {"title": "Deal 2"}, {"stage_id": stages[2]}):
        headers = {"x-api-token": token("ann")}
        httpx.patch(url, json=change, headers=headers, trust_env=False).raise_for_status()
    way = passages(pipedrive.thing("deal", deal), flat(pipedrive.deal_changes(deal)))
    assert [one.stage_id for one in way] == stages
    assert all(abs(one.at - pipedrive.vendor_now()) < timedelta(minutes=1) for one in way)
    with pytest.raises(Gone):
        flat(pipedrive.deal_changes(999_999))


def test_a_history_without_times_fails_the_read():
    """MC-14, ALL-09"""
    body = {"success": True, "data": [{"field_key": "stage_id"}]}
    http = httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(200, json=body)))
    crm = Pipedrive("http://x.example", token="t", meter=Tally(), http=http, sleep=lambda _: None)
    with pytest.raises(ReadFailed, match="time"):
        flat(crm.deal_changes(7))


def test_a_deal_that_moved_is_among_those_that_changed_whatever_became_of_it(
    pipedrive, sandbox, token
):
    """MC-14: moved on, deleted or archived while nobody listened"""
    headers = {"x-api-token": token("ann")}
    made = [pipedrive.create_deal({"title": f"Deal {n}"}) for n in range(3)]
    since = pipedrive.vendor_now() - timedelta(minutes=1)
    url = f"{sandbox.url}/pipedrive/api/v2/deals"
    stage = pipedrive.stages()[1]["id"]
    for deal in made:
        moved_to = {"stage_id": stage}
        httpx.patch(
            f"{url}/{deal}", json=moved_to, headers=headers, trust_env=False
        ).raise_for_status()
    httpx.delete(f"{url}/{made[1]}", headers=headers, trust_env=False).raise_for_status()
    archived = {"is_archived": True}
    httpx.patch(
        f"{url}/{made[2]}", json=archived, headers=headers, trust_env=False
    ).raise_for_status()
    found = {deal["id"]: deal for deal in flat(pipedrive.deals(since))}
    assert set(made) <= set(found)
    assert {found[deal]["stage_id"] for deal in made} == {stage}
    assert found[made[0]]["stage_change_time"]


# Webhooks


def test_a_webhook_is_made_found_and_deleted(pipedrive, sandbox):
    """MC-08, MC-14, ALL-12"""
    made = pipedrive.create_webhook(HOOK, user="syncline", password="s3cret")
    listed = next(hook for hook in pipedrive.webhooks() if hook["id"] == made)
    assert (listed["name"], listed["version"]) == ("Syncline acme", "2.0")
    kept = next(row for row in sandbox.books("pipedrive", "webhooks") if row["id"] == made)
    assert (kept["http_auth_user"], kept["http_auth_password"]) == ("syncline", "s3cret")
    pipedrive.delete_webhook(made)
    assert made not in [hook["id"] for hook in pipedrive.webhooks()]
    with pytest.raises(Gone):
        pipedrive.delete_webhook(made)


def test_a_webhook_needs_an_administrator(sandbox, token, tally):
    """MC-01"""
    url = sandbox.url + "/pipedrive"
    with Pipedrive(url, token=token("cara"), meter=tally) as plain:
        for call in (plain.webhooks, lambda: plain.delete_webhook(1)):
            with pytest.raises(NotAdministrator):
                call()
        with pytest.raises(NotAdministrator):
            plain.create_webhook(HOOK, user="u", password="p")


def test_a_webhook_that_is_refused_says_which_setting_was_wrong(pipedrive):
    """ALL-04, ALL-11: in the vendor's words, and never the password"""
    with pytest.raises(Refused, match="subscription_url: invalid or non-reachable URL") as caught:
        pipedrive.create_webhook({**HOOK, "subscription_url": "ftp://x"}, user="u", password="p4ss")
    assert "p4ss" not in str(caught.value)


META = {
    "action": "change", "entity": "deal", "entity_id": "7", "user_id": "1", "change_source": "app",
    "timestamp": "2026-01-02T09:00:00.250Z", "version": "2.0",
}  # fmt: skip


def body(**parts):
    return json.dumps({"meta": META, "data": {"stage_id": 2}, "previous": {}, **parts}).encode()


def test_a_delivery_tells_what_changed_and_what_it_was_before():
    """MC-14"""
    told = read_delivery(body(previous={"stage_id": 1}))
    assert (told.action, told.entity, told.entity_id, told.user_id) == ("change", "deal", 7, 1)
    assert (told.now, told.before, told.source) == ({"stage_id": 2}, {"stage_id": 1}, "app")
    assert told.at == datetime(2026, 1, 2, 9, 0, 0, 250_000, tzinfo=UTC)


def test_a_deletion_tells_into_whom_somebody_was_merged():
    """MC-11"""
    meta = META | {"action": "delete", "entity": "person", "merged_to_id": "8"}
    told = read_delivery(body(meta=meta, data=None, previous={"id": 7}))
    assert (told.action, told.now, told.merged_to) == ("delete", None, 8)


@pytest.mark.parametrize(
    "content",
    [
        b"", b"{", b"[]", b"null", b"\xff", b"[" * 100_000, b'{"meta": []}', b'{"meta": {}}',
        body(meta=META | {"entity_id": "x"}), body(meta=META | {"entity_id": True}),
        body(meta=META | {"action": 1}), body(meta=META | {"entity": None}),
        b'{"v": 1, "event": "updated.deal", "meta": {"id": 7}}', b" " * 2**21,
    ],
)  # fmt: skip
def test_a_body_nobody_can_read_says_nothing_and_raises_nothing(content):
    """ALL-12: version 1 among them"""
    assert read_delivery(content) is None


@pytest.mark.parametrize("odd", [None, 7, "x", [], {"deep": []}])
def test_odd_parts_of_a_delivery_are_left_out(odd):
    """ALL-12"""
    told = read_delivery(body(meta=META | {"timestamp": odd, "user_id": odd or None}, data=odd))
    assert told.at is None
    assert told.now in (None, odd)
