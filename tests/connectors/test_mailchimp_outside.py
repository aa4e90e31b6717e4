"""Batches, webhooks and signing in at Mailchimp, against the sandbox, over real HTTP."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from connectors.errors import (
    AlreadyThere,
    Gone,
    GrantEnded,
    OutcomeUnknown,
    ReadFailed,
    Refused,
    Throttled,
)
from connectors.mailchimp import Mailchimp, MemberLook, MemberUpdate, NewMember, webhooks
from connectors.mailchimp.oauth import App
from connectors.mailchimp.webhooks import (
    Joined,
    Left,
    Moved,
    is_signed,
    knows_secret,
    read_delivery,
)
from connectors.meter import Tally
from tests.mailchimp_line import Ear

BACK = "http://127.0.0.1:9/back"
SECRET = "s3cret-of-the-hook"


def flat(pages):
    return [row for page in pages for row in page]


@pytest.fixture
def list_id(sandbox):
    return sandbox.describe("mailchimp")["lists"]["Newsletter"]


@pytest.fixture
def ear() -> Iterator[Ear]:
    with Ear() as listening:
        yield listening


@pytest.fixture
def people(mailchimp, list_id):
    emails = [f"{name}@new.example" for name in ("ann", "bo", "cid")]
    mailchimp.subscribe_batch(list_id, [NewMember(email) for email in emails])
    return emails


# Batches of operations


def test_a_batch_changes_values_and_reads_members_in_one_request(
    mailchimp, sandbox, list_id, people
):
    """MC-10, ALL-06: each operation has its own end"""
    ann, bo, cid = people
    sandbox.play("mailchimp", "unsubscribe", email=bo)
    operations = [
        MemberUpdate("ann", list_id, ann, {"FNAME": "Ann"}),
        MemberUpdate("bo", list_id, bo, {"FNAME": "Bo"}),
        MemberUpdate("taken", list_id, cid, {}, ann),
        MemberUpdate("nobody", list_id, "nobody@new.example", {"FNAME": "No"}),
        MemberLook("cid", list_id, cid),
    ]
    batch_id = mailchimp.start_batch(operations)
    assert [one["id"] for one in mailchimp.unfinished_batches()] == [batch_id]
    assert mailchimp.batch_results(batch_id, operations) is None
    sandbox.advance(60)
    told = mailchimp.batch_results(batch_id, operations)
    assert told["ann"].record["status"] == "subscribed"
    assert told["bo"].record["status"] == "unsubscribed"
    assert isinstance(told["taken"].error, AlreadyThere)
    assert isinstance(told["nobody"].error, Gone)
    assert told["cid"].record["email_address"] == cid
    assert mailchimp.member(list_id, ann)["merge_fields"]["FNAME"] == "Ann"
    assert mailchimp.unfinished_batches() == []


def test_results_whose_address_has_expired_are_had_by_asking_again(
    mailchimp, sandbox, list_id, people
):
    """ALL-06"""
    operations = [MemberLook("ann", list_id, people[0])]
    batch_id = mailchimp.start_batch(operations)
    sandbox.advance(60)
    url = mailchimp.batch(batch_id)["response_body_url"]
    sandbox.advance(3600)
    assert httpx.get(url, trust_env=False).status_code != 200
    assert mailchimp.batch_results(batch_id, operations)["ann"].error is None
    sandbox.advance(30 * 86_400)
    with pytest.raises(Gone):
        mailchimp.batch_results(batch_id, operations)


def test_results_that_break_off_are_fetched_again(mailchimp, sandbox, list_id, people):
    """ALL-06"""
    operations = [MemberLook("ann", list_id, people[0])]
    batch_id = mailchimp.start_batch(operations)
    sandbox.advance(60)
    path = urlsplit(mailchimp.batch(batch_id)["response_body_url"]).path
    sandbox.fault("mailchimp", "*" + path.rpartition("/")[2], "truncate")
    with pytest.raises(ReadFailed):
        mailchimp.batch_results(batch_id, operations)
    assert mailchimp.batch_results(batch_id, operations)["ann"].error is None


def test_a_batch_whose_answer_was_lost_can_be_waited_for(mailchimp, sandbox, list_id, people):
    """ALL-06: PATCHes harm nobody twice, but an old value after a newer one would"""
    sandbox.fault("mailchimp", "*/batches", "lost_answer", method="POST")
    with pytest.raises(OutcomeUnknown):
        mailchimp.start_batch([MemberUpdate("1", list_id, people[0], {"FNAME": "Zed"})])
    assert len(mailchimp.unfinished_batches()) == 1
    sandbox.advance(60)
    assert mailchimp.unfinished_batches() == []
    assert mailchimp.member(list_id, people[0])["merge_fields"]["FNAME"] == "Zed"


# Webhooks


def test_a_webhook_is_made_listed_changed_and_deleted(mailchimp, list_id, ear):
    """MC-08, ALL-12"""
    made = mailchimp.create_webhook(list_id, webhooks.settings(ear.url, SECRET), secret=SECRET)
    listed = mailchimp.webhooks(list_id)
    assert [hook["id"] for hook in listed] == [made["id"]]
    assert listed[0]["url"].endswith(f"?secret={SECRET}")
    assert listed[0]["sources"] == {"user": True, "admin": True, "api": False}
    changed = webhooks.settings(ear.url, "another")
    mailchimp.change_webhook(list_id, made["id"], changed, secret="another")
    assert mailchimp.webhooks(list_id)[0]["url"].endswith("?secret=another")
    mailchimp.delete_webhook(list_id, made["id"])
    assert mailchimp.webhooks(list_id) == []
    with pytest.raises(Gone):
        mailchimp.delete_webhook(list_id, made["id"])


def test_an_address_nobody_answers_at_is_refused_without_showing_the_secret(mailchimp, list_id):
    """ALL-11, ALL-12"""
    with pytest.raises(Refused) as caught:
        mailchimp.create_webhook(
            list_id, webhooks.settings("http://127.0.0.1:9/hook", SECRET), secret=SECRET
        )
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("is_signed_too", [False, True])
def test_what_people_do_rings_and_what_we_write_does_not(
    mailchimp, sandbox, list_id, people, ear, is_signed_too
):
    """MC-02, MC-04, ALL-12: deliveries over HTTP, verified and read"""
    sandbox.assume("mailchimp", "webhooks_are_signed", is_signed_too)
    made = mailchimp.create_webhook(list_id, webhooks.settings(ear.url, SECRET), secret=SECRET)
    signing = made.get("signing_secret", "")
    assert bool(signing) is is_signed_too
    ann, bo, _ = people
    mailchimp.update_member(list_id, ann, {"FNAME": "Ours"})
    sandbox.play("mailchimp", "unsubscribe", email=ann)
    sandbox.play("mailchimp", "subscribe", email="new@new.example", fields={"FNAME": "New"})
    sandbox.play("mailchimp", "change_address", email=bo, new_email="bo2@new.example")
    events = []
    for heard in ear.until(3):
        assert knows_secret(parse_qs(urlsplit(heard.path).query)["secret"][0], SECRET)
        header = heard.headers.get("x-mailchimp-signature")
        assert is_signed(heard.body, header, signing, mailchimp.vendor_now()) is is_signed_too
        events.append(read_delivery(heard.body))
    left, joined, moved = [
        next(event for event in events if isinstance(event, kind)) for kind in (Left, Joined, Moved)
    ]
    assert (left.email, left.list_id, left.action) == (ann, list_id, "unsub")
    assert (joined.email, joined.merges["FNAME"]) == ("new@new.example", "New")
    assert (moved.old_email, moved.new_email) == (bo, "bo2@new.example")
    assert abs(left.fired_at - mailchimp.vendor_now()) < timedelta(minutes=1)


# Signing in


@pytest.fixture
def app(sandbox):
    told = sandbox.describe("mailchimp")["oauth"]
    with httpx.Client(trust_env=False) as http:
        yield App(
            client_id=told["client_id"], client_secret=told["client_secret"], http=http,
            login_url=sandbox.url + "/mailchimp",
        )  # fmt: skip


def code_from(app):
    url = app.authorize_url(BACK, "st") + "&auto_approve=1"
    answer = httpx.get(url, trust_env=False)
    came = parse_qs(urlsplit(answer.headers["location"]).query)
    assert came["state"] == ["st"]
    return came["code"][0]


def test_an_app_that_was_let_in_calls_the_account_it_was_let_into(app, tally, list_id):
    """MC-01"""
    account = app.account(app.exchange(code_from(app), BACK))
    assert (account.datacenter, account.name) == ("us6", "Acme")
    with Mailchimp("", key=account.login, meter=tally) as client:
        assert list_id in [audience["id"] for audience in client.audiences()]


def test_a_code_is_good_once_and_a_made_up_token_opens_nothing(app):
    """MC-01, ALL-11"""
    code = code_from(app)
    app.exchange(code, BACK)
    with pytest.raises(GrantEnded) as caught:
        app.exchange(code, BACK)
    assert code not in str(caught.value)
    with pytest.raises(GrantEnded):
        app.account("made-up")


# Over many calls at once


def test_an_eleventh_connection_is_waited_out(mailchimp, sandbox, list_id, naps):
    """ALL-13: nine other callers of the account leave us less than we would take"""
    sandbox.fault("mailchimp", f"*/lists/{list_id}/members", "rate_limit", times=3)
    assert flat(mailchimp.members(list_id))
    assert naps == [2.0, 2.0, 2.0]


def test_our_own_calls_never_use_up_the_accounts_ten_connections(sandbox, mailchimp, naps):
    """ALL-13: twelve at once would be throttled, and are when nothing holds them"""
    sandbox.assume("mailchimp", "answer_takes_ms", 150)
    assert together(12, mailchimp.account) == []
    assert naps == []
    key = next(iter(sandbox.describe("mailchimp")["keys"]))
    url, waits = sandbox.url + "/mailchimp", []
    with Mailchimp(url, key=key, meter=Tally(), sleep=waits.append, most_at_once=24) as greedy:
        together(24, greedy.account)
    assert waits


def together(count, ask):
    """What went wrong when so many ask at one moment."""
    ready, wrong = threading.Barrier(count, timeout=10), []

    def once():
        ready.wait()
        try:
            ask()
        except Throttled as error:
            wrong.append(error)

    threads = [threading.Thread(target=once) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    return wrong
