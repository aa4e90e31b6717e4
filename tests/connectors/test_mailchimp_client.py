"""The Mailchimp client against a vendor that answers what it is told to."""

import base64
import json
import threading
from datetime import UTC, datetime

import httpx
import pytest

from connectors.errors import (
    AlreadyThere,
    BadCredentials,
    Blocked,
    Gone,
    OutcomeUnknown,
    ReadFailed,
    Throttled,
)
from connectors.mailchimp import (
    Mailchimp,
    MemberLook,
    MemberUpdate,
    NewMember,
    oauth_token,
    subscriber_hash,
)
from connectors.mailchimp.client import READ_S
from connectors.meter import Tally

KEY = "0123456789abcdef0123456789abcdef-us6"
MEMBER = {"id": "h1", "contact_id": "c1", "email_address": "a@x.lv", "status": "unsubscribed"}
GONE = {"title": "Resource Not Found", "detail": "The requested resource could not be found."}
EXISTS = {"title": "Member Exists", "detail": "b@x.lv is already a list member."}
NOTHING = None


def page(name, *found, total=None):
    return {name: list(found), "total_items": len(found) if total is None else total}


class Scripted:
    """A vendor that answers in turn, and keeps what it was asked."""

    def __init__(self, *answers):
        self._answers, self.asked, self.tally, self.naps = list(answers), [], Tally(), []

    def client(self, base_url="", **more):
        http = httpx.Client(transport=httpx.MockTransport(self._answer))
        return Mailchimp(
            base_url, key=more.pop("key", KEY), meter=self.tally, http=http,
            sleep=self.naps.append, **more,
        )  # fmt: skip

    def bodies(self):
        return [json.loads(request.content) for request in self.asked if request.content]

    def _answer(self, request):
        self.asked.append(request)
        told = self._answers.pop(0)
        if isinstance(told, Exception):
            raise told
        status, body = told if isinstance(told, tuple) else (200, told)
        if body is NOTHING:
            return httpx.Response(status)
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return httpx.Response(status, stream=httpx.ByteStream(content))


def test_a_key_goes_to_its_own_datacenter_as_basic():
    """MC-01"""
    vendor = Scripted({"account_id": "a", "role": "owner"})
    assert vendor.client().account()["role"] == "owner"
    request = vendor.asked[0]
    assert str(request.url) == "https://us6.api.mailchimp.com/3.0/"
    user, _, told = base64.b64decode(request.headers["authorization"][6:]).decode().partition(":")
    assert (user, told) == ("syncline", KEY)


def test_an_apps_token_goes_where_its_metadata_says():
    """MC-01"""
    vendor = Scripted({"account_id": "a"})
    vendor.client(key=oauth_token("t0ken", "https://us9.api.mailchimp.com")).account()
    assert vendor.asked[0].url.host == "us9.api.mailchimp.com"
    assert vendor.asked[0].headers["authorization"] == "Bearer t0ken"


def test_a_given_address_wins_over_the_keys_datacenter():
    """MC-01: the sandbox is only another base_url"""
    vendor = Scripted({"account_id": "a"})
    vendor.client("http://127.0.0.1:8400/mailchimp/").account()
    assert str(vendor.asked[0].url) == "http://127.0.0.1:8400/mailchimp/3.0/"


@pytest.mark.parametrize("key", ["", "two words", "line\n", "kéy-us6", "no-datacenter-in-it"])
def test_a_key_that_cannot_be_one_is_refused_before_any_call(key):
    """ALL-11: an illegal header's error would show it"""
    vendor = Scripted()
    with pytest.raises(BadCredentials) as caught:
        vendor.client(key=key)
    assert not key or key not in str(caught.value)


def test_members_are_asked_for_by_the_thousand_in_order_of_change():
    """ALL-09, ALL-11: with an overlap, and no more of each than is needed"""
    vendor = Scripted(page("members", MEMBER))
    since = datetime(2026, 11, 22, 10, tzinfo=UTC)
    assert list(vendor.client().members("9", since=since)) == [[MEMBER]]
    asked = dict(vendor.asked[0].url.params)
    assert asked.pop("fields").endswith("members.list_id,total_items")
    assert asked == {
        "count": "1000", "offset": "0", "sort_field": "last_changed", "sort_dir": "ASC",
        "since_last_changed": "2026-11-22T09:55:00+00:00",
    }  # fmt: skip


def test_members_that_come_short_of_the_vendors_count_fail_the_read():
    """ALL-09"""
    short = page("members", MEMBER, total=2)
    vendor = Scripted(*[short] * 8)
    with pytest.raises(ReadFailed, match="1 of 2"):
        list(vendor.client().members("9"))


def test_a_member_is_looked_up_by_hash_and_may_not_be_there():
    """MC-10"""
    vendor = Scripted(MEMBER, (404, GONE), MEMBER, (404, GONE))
    client = vendor.client()
    assert client.member("9", "A@x.lv") == MEMBER
    assert vendor.asked[0].url.path == f"/3.0/lists/9/members/{subscriber_hash('a@x.lv')}"
    assert client.member("9", "b@x.lv") is None
    assert list(client.members_named("9", ["a@x.lv", "b@x.lv"])) == [MEMBER]


def test_an_audience_that_is_gone_says_so():
    """MC-01: an audience must exist"""
    with pytest.raises(Gone):
        Scripted((404, GONE)).client().audience("9")


@pytest.mark.parametrize("states", [False, True])
def test_who_is_in_a_segment_is_asked_for_by_ids_alone(states):
    """MC-04, ALL-11"""
    place = {"id": "h1", "status": "subscribed"}
    vendor = Scripted(page("members", place))
    assert list(vendor.client().segment_members("9", 7, every_state=states)) == [[place]]
    asked = vendor.asked[0].url.params
    assert asked["fields"] == "members.id,members.status,total_items"
    assert ("include_unsubscribed" in asked) is states


def test_tags_are_put_on_quietly_and_never_taken_off():
    """MC-13: automations of the account are the operator's to start"""
    vendor = Scripted((204, NOTHING), (204, NOTHING))
    client = vendor.client()
    client.tag_member("9", "a@x.lv", ["From CRM"])
    client.tag_member("9", "a@x.lv", ["From CRM"], starts_automations=True)
    tag = {"name": "From CRM", "status": "active"}
    assert vendor.bodies() == [
        {"tags": [tag], "is_syncing": True}, {"tags": [tag], "is_syncing": False},
    ]  # fmt: skip


WRITES = {
    "add": lambda one: one.add_member("9", NewMember("a@x.lv", {"FNAME": "A"})),
    "update": lambda one: one.update_member("9", "a@x.lv", {"status": "subscribed"}),
    "move": lambda one: one.move_member("9", "a@x.lv", "b@x.lv", {"FNAME": "A"}),
    "tag": lambda one: one.tag_member("9", "a@x.lv", ["status"]),
    "batch": lambda one: one.start_batch([MemberUpdate("1", "9", "a@x.lv", {"status": "x"})]),
    "subscribe": lambda one: one.subscribe_batch("9", [NewMember("a@x.lv")]),
    "create_webhook": lambda one: one.create_webhook("9", {"url": "http://x.lv"}, secret="s"),
    "change_webhook": lambda one: one.change_webhook("9", "w", {"sources": {"api": False}}),
    "delete_webhook": lambda one: one.delete_webhook("9", "w"),
}


def test_no_write_carries_a_status_for_somebody_who_is_there():
    """ALL-08, MC-13: over all verbs, as they leave"""
    created = {
        "new_members": [{"email_address": "a@x.lv"}], "updated_members": [], "errors": [],
        "total_created": 1, "total_updated": 0, "error_count": 0,
    }  # fmt: skip
    vendor = Scripted((404, GONE), MEMBER, MEMBER, MEMBER, (204, NOTHING), {"id": "b1"}, created)
    client = vendor.client()
    for name in ("add", "update", "move", "tag", "batch", "subscribe"):
        WRITES[name](client)
    _, update, move, _, batch, subscribe = vendor.bodies()
    for body in (update, move, json.loads(batch["operations"][0]["body"])):
        assert not [key for key in body if "status" in key]
    assert subscribe["update_existing"] is False
    assert [request.method for request in vendor.asked] == [
        "GET", "POST", "PATCH", "PATCH", "POST", "POST", "POST",
    ]  # fmt: skip
    assert not any("archive" in str(r.url) or "/actions/" in str(r.url) for r in vendor.asked)


def test_a_changed_address_is_written_to_the_old_hash():
    """MC-10: to the new one it would add a second member"""
    vendor = Scripted(MEMBER, (400, EXISTS))
    client = vendor.client()
    client.move_member("9", "A@x.lv", "b@x.lv")
    assert vendor.asked[0].url.path.endswith(subscriber_hash("a@x.lv"))
    assert vendor.bodies() == [{"email_address": "b@x.lv"}]
    with pytest.raises(AlreadyThere) as caught:
        client.move_member("9", "a@x.lv", "b@x.lv")
    assert caught.value.existing_id == subscriber_hash("b@x.lv")


def test_missing_required_values_are_let_pass_only_when_asked():
    """MC-03"""
    vendor = Scripted(MEMBER, MEMBER, (404, GONE), MEMBER)
    client = vendor.client()
    client.update_member("9", "a@x.lv", {"FNAME": "A"})
    client.update_member("9", "a@x.lv", {"FNAME": "A"}, skip_merge_validation=True)
    client.add_member("9", NewMember("a@x.lv"), skip_merge_validation=True)
    lenient = [request.url.params.get("skip_merge_validation") for request in vendor.asked]
    assert lenient == [None, "true", None, "true"]


@pytest.mark.parametrize("name", sorted(WRITES))
@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ((500, {"title": "x"}), OutcomeUnknown),
        ((502, b"<html>"), OutcomeUnknown),
        ((200, b"<html>"), OutcomeUnknown),
        ((200, b'{"id": "h'), OutcomeUnknown),
        (httpx.ReadTimeout("slow"), OutcomeUnknown),
        (httpx.RemoteProtocolError("cut"), OutcomeUnknown),
        ((429, NOTHING), Throttled),
        ((403, NOTHING), Blocked),
        ((401, {"title": "API Key Invalid"}), BadCredentials),
    ],
    ids=str,
)
def test_a_write_is_sent_once_and_its_end_is_told_truthfully(name, answer, error):
    """ALL-06: whatever became of it, nothing is repeated here"""
    looked = [(404, GONE)] * (name == "add")
    vendor = Scripted(*looked, answer)
    with pytest.raises(error):
        WRITES[name](vendor.client())
    assert (len(vendor.asked) - len(looked), vendor.tally.requests["write"]) == (1, 1)
    assert len(vendor.tally.blocks) == (error is Blocked)


def test_a_read_is_repeated_until_it_is_whole():
    """ALL-04"""
    vendor = Scripted((429, NOTHING), (502, b"<html>"), httpx.ReadTimeout("slow"), MEMBER)
    assert vendor.client().member("9", "a@x.lv") == MEMBER
    assert len(vendor.naps) == 3


def test_what_a_webhook_is_created_with_stays_out_of_messages():
    """ALL-11: its address holds the secret"""
    echoed = {"title": "Bad", "detail": "http://x.lv/?secret=s3cret cannot be reached"}
    with pytest.raises(Exception, match="cannot be reached") as caught:
        Scripted((400, echoed)).client().create_webhook(
            "9", {"url": "http://x.lv/?secret=s3cret"}, secret="s3cret"
        )
    assert "s3cret" not in str(caught.value)


def test_no_more_calls_are_under_way_than_we_allow_ourselves():
    """ALL-13: ten are all an account has, for everybody who calls it"""
    three, together = threading.Barrier(3, timeout=0.5), []

    def answer(_):
        try:
            three.wait()
            together.append("three at a time")
        except threading.BrokenBarrierError:
            pass  # nobody came
        return httpx.Response(200, json=MEMBER)

    http = httpx.Client(transport=httpx.MockTransport(answer))
    client = Mailchimp("", key=KEY, meter=Tally(), http=http, most_at_once=2)
    threads = [threading.Thread(target=client.member, args=("9", "a@x.lv")) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert together == []


def test_an_answer_is_waited_for_as_long_as_the_vendor_may_take():
    """ALL-06: giving up earlier would make doubts of slow successes"""
    assert READ_S == 120


def test_a_list_of_webhooks_that_was_cut_is_read_to_its_end():
    """ALL-09: a webhook of ours that is not seen would be made twice"""
    hooks = [{"id": f"w{n}", "url": "https://x.lv"} for n in range(12)]
    cut = page("webhooks", *hooks[:10], total=12)
    vendor = Scripted(cut, page("webhooks", *hooks))
    assert vendor.client().webhooks("9") == hooks
    assert [dict(request.url.params) for request in vendor.asked] == [
        {}, {"count": "1000", "offset": "0"},
    ]  # fmt: skip
    assert len(Scripted(page("webhooks", *hooks)).client().webhooks("9")) == 12


# Batches of operations

OPERATIONS = [MemberUpdate("u1", "9", "a@x.lv", {"FNAME": "A"}), MemberLook("l1", "9", "b@x.lv")]
FINISHED = {"id": "b1", "status": "finished", "response_body_url": "https://files.example/b1.tgz"}


def test_results_are_not_asked_for_before_the_batch_is_finished():
    """ALL-06"""
    vendor = Scripted({"id": "b1", "status": "started", "response_body_url": ""})
    assert vendor.client().batch_results("b1", OPERATIONS) is None


def test_a_batch_that_has_expired_is_gone():
    """ALL-06: its operations are looked up one by one then"""
    with pytest.raises(Gone):
        Scripted((404, GONE)).client().batch_results("b1", OPERATIONS)


def test_results_are_fetched_without_the_key():
    """ALL-11: they lie with somebody else"""
    vendor = Scripted(FINISHED, b"not a tar")
    with pytest.raises(ReadFailed, match="no gzipped tar"):
        vendor.client().batch_results("b1", OPERATIONS)
    assert "authorization" not in vendor.asked[1].headers


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://files.example/x",
        "file:///etc/passwd",
        "http://127.0.0.1:22/",
        "https://",
        "h ttp://[",
    ],
)
def test_results_are_fetched_over_tls_or_not_at_all(url):
    """ALL-11: an address of the vendor's is not opened unseen"""
    vendor = Scripted({**FINISHED, "response_body_url": url})
    with pytest.raises(ReadFailed):
        vendor.client().batch_results("b1", OPERATIONS)
    assert len(vendor.asked) == 1


@pytest.mark.parametrize(
    "answer", [(403, b"<Error>expired</Error>"), (302, NOTHING), httpx.ReadError("x")]
)
def test_results_that_cannot_be_fetched_are_asked_for_again_later(answer):
    """ALL-06: everything stays as it is"""
    with pytest.raises(ReadFailed):
        Scripted(FINISHED, answer).client().batch_results("b1", OPERATIONS)


def test_batches_that_are_still_worked_on_can_be_told():
    """ALL-06: after a lost answer, an old value may be written until they end"""
    started = {"id": "b2", "status": "started"}
    vendor = Scripted(page("batches", FINISHED, started))
    assert vendor.client().unfinished_batches() == [started]
