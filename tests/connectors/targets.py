"""What reads vendors' bytes, each as something to be fuzzed: one list for the suite and `make fuzz`.

A target draws a case and is tried with it: it returns, or raises one of the four families of
`connectors.errors`. Anything else that it raises is a finding.
"""

import itertools
import json
import socket
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any, NamedTuple

import httpx
import orjson
from hypothesis import strategies as st

from connectors.errors import OutcomeUnknown, ReadFailed, Refused, StopTheSync, TryAgain
from connectors.http import open_http, send
from connectors.mailchimp import Mailchimp
from connectors.mailchimp import wire as mailchimp
from connectors.mailchimp.oauth import read_account, read_token
from connectors.mailchimp.refusals import read_answer as read_audience_answer
from connectors.mailchimp.webhooks import DeliveryError
from connectors.mailigen import Mailigen, Pace
from connectors.mailigen import wire as mailigen
from connectors.mailigen.form import encode_form
from connectors.mailigen.webhooks import is_signed, leavers, read_delivery
from connectors.meter import Tally
from connectors.pipedrive import Pipedrive, nouns
from connectors.pipedrive import wire as pipedrive
from connectors.pipedrive.passages import passages
from connectors.pipedrive.refusals import has_calls_left, read_envelope
from connectors.pipedrive.webhooks import read_delivery as read_event
from tests.connectors import mailchimp_answers as audience
from tests.connectors.broken_answers import JUNK, Answered, answers, spoilt

FAMILIES = (TryAgain, Refused, OutcomeUnknown, StopTheSync)
TOKEN = "t0ken-of-the-test"
WHEN = datetime(2026, 11, 22, tzinfo=UTC)
NOBODY = "http://vendor.invalid"


class Target(NamedTuple):
    """`try_` is given a drawn case. `errors`: what it may raise."""

    name: str
    cases: st.SearchStrategy[Any]
    try_: Callable[[Any], object]
    errors: tuple[type[Exception], ...] = FAMILIES


def check(target: Target, case: Any) -> None:
    """Raise whatever the target may not do; AssertionError for what it may not say."""
    try:
        found = target.try_(case)
    except target.errors as error:
        assert TOKEN not in str(error), "the token is in the message"
        assert len(str(error)) < 2000, "the message is a page"
        return
    if isinstance(found, dict | list):
        orjson.dumps(found)  # whatever was accepted can be kept


# Pipedrive

PERSON = {
    "id": 7, "name": "Ann", "first_name": "Ann", "owner_id": 1, "org_id": None, "is_deleted": False,
    "emails": [{"value": "a@x.lv", "primary": True, "label": "work"}], "phones": [],
    "custom_fields": {"a1": None}, "update_time": "2026-01-01T00:00:00Z",
}  # fmt: skip
ME = {"id": 1, "company_id": 9, "is_admin": 1, "access": [{"app": "sales", "admin": True}]}
FIELD = {
    "field_code": "abc", "field_name": "Tier", "field_type": "enum", "is_custom_field": True,
    "options": [{"id": 1, "label": "Gold"}],
}  # fmt: skip
NAMED = {"id": 3, "name": "Sales", "type": "people", "active_flag": True, "pipeline_id": 1,
         "key_string": "call", "key": "abc", "email": "a@x.lv"}  # fmt: skip
WRITTEN = {"id": 5, "content": "SL-X", "participants": [{"person_id": 7, "primary": True}]}
DEAL = {"stage_id": 2, "add_time": "2026-01-01T00:00:00Z"}
CHANGE = {
    "field_key": "stage_id",
    "old_value": "1",
    "new_value": "2",
    "time": "2026-01-01 00:00:00",
}
HOOK = {"id": 9, "subscription_url": "https://x.lv", "name": "x", "http_auth_password": "p"}
ONES = (PERSON, ME, FIELD, NAMED, WRITTEN, CHANGE, HOOK)
ENVELOPES = [
    *({"success": True, "data": one} for one in ONES),
    *({"success": True, "data": [one], "additional_data": {"next_cursor": None}} for one in ONES),
    {"success": True, "data": [PERSON], "additional_data": {"next_cursor": "abc"}},
    {"success": True, "data": [WRITTEN],
     "additional_data": {"pagination": {"more_items_in_collection": True, "next_start": 500}}},
    {"success": True, "data": None},
]  # fmt: skip
CRM_CALLS: dict[str, Callable[[Pipedrive], Any]] = {
    "me": lambda crm: crm.me(),
    "require_admin": lambda crm: crm.require_admin(),
    "users": lambda crm: crm.users(),
    "filters": lambda crm: crm.filters(),
    "filter": lambda crm: crm.filter(3),
    "person_fields": lambda crm: crm.person_fields(),
    "organization_fields": lambda crm: crm.organization_fields(),
    "field_numbers": lambda crm: crm.field_numbers("person"),
    "deal_fields": lambda crm: crm.deal_fields(),
    "activity_types": lambda crm: crm.activity_types(),
    "pipelines": lambda crm: crm.pipelines(),
    "stages": lambda crm: crm.stages(),
    "persons": lambda crm: list(crm.persons(3)),
    "persons_as_written": lambda crm: list(crm.persons_as_written(3)),
    "persons_by_id": lambda crm: list(crm.persons_by_id([1, 2])),
    "person": lambda crm: crm.person(7),
    "organizations": lambda crm: list(crm.organizations()),
    "organizations_by_id": lambda crm: list(crm.organizations_by_id([1])),
    "activities_by_id": lambda crm: list(crm.activities_by_id([1])),
    "activities_of": lambda crm: list(crm.activities_of(7, WHEN)),
    "deals": lambda crm: list(crm.deals(WHEN)),
    "deal_changes": lambda crm: [one.stage_id for one in passages(DEAL, [c for p in crm.deal_changes(5) for c in p])],
    "webhooks": lambda crm: crm.webhooks(),
    "create_webhook": lambda crm: crm.create_webhook({"name": "x"}, user="u", password=TOKEN),
    "delete_webhook": lambda crm: crm.delete_webhook(5),
    "deals_of": lambda crm: list(crm.deals_of(7)),
    "notes_of": lambda crm: list(crm.notes_of(7)),
    "thing": lambda crm: nouns.is_deleted(crm.thing("deal", 5)),
    "changed_since": lambda crm: crm.changed_since("note", WHEN),
    "create_filter": lambda crm: crm.create_filter({"name": "x"}),
    "create_activity": lambda crm: crm.create_activity({"subject": "x"}),
    "create_deal": lambda crm: crm.create_deal({"title": "x"}),
    "create_note": lambda crm: crm.create_note({"content": "x"}),
    "create_person": lambda crm: crm.create_person({"name": "x"}),
    "add_person": lambda crm: crm.add_person({"name": "x"}),
    "update_person": lambda crm: crm.update_person(7, {"name": "x"}),
    "create_deal_field": lambda crm: crm.create_deal_field("ref", "varchar"),
    "find_activity": lambda crm: crm.find_activity(7, "SL-X"),
    "find_deal": lambda crm: crm.find_deal(7, "a1", "SL-X"),
    "find_note": lambda crm: crm.find_note(7, "SL-X"),
    "find_person": lambda crm: crm.find_person("a@x.lv"),
    "find_filter": lambda crm: crm.find_filter("Sales"),
    "find_deal_field": lambda crm: crm.find_deal_field("Tier"),
}  # fmt: skip

# Mailigen

MEMBER = {"email": "a@x.lv", "timestamp": "2026-01-01 00:00:00", "status": "subscribed",
          "merges": {"FNAME": "Ann", "PHONE": None}}  # fmt: skip
LIST = {"id": "9", "name": "News", "member_count": 1, "date_created": "2026-01-01 00:00:00"}
CAMPAIGN = {"id": "c1", "title": "Autumn", "status": "sent", "send_time": "2026-01-01 00:00:00"}
STATS = {"emails_sent": 1, "opens": "2", "unique_opens": 1, "clicks": 0, "hard_bounces": 0}
LINK = {"id": 1, "url": "http://x.lv", "clicks": 1, "unique": 1, "email": "a@x.lv", "count": 1}
ROWS: list[dict[str, str]] = [{"EMAIL": "a@x.lv"}]
ANSWERS: list[Any] = [
    MEMBER, [MEMBER], [LIST], [CAMPAIGN], STATS, [LINK], {"http://x.lv": LINK}, ["a@x.lv"], True, "7",
    {"total": 1, "data": [LINK]}, {"total": 2, "data": ["a@x.lv"]}, [],
    {"success_count": 1, "error_count": 0, "errors": []},
    {"success_count": 0, "error_count": 1, "errors": [{"email": "a@x.lv", "code": 1, "message": "no"}]},
    {"user_id": "u1", "username": "ann", "emails_left": "5"}, [{"tag": "FNAME", "name": "First"}],
    [{"id": "w1", "title": "Syncline acme SL-X", "last_event": None, "total_events": 0}],
]  # fmt: skip
LIST_CALLS: dict[str, Callable[[Mailigen], Any]] = {
    "ping": lambda one: one.ping(),
    "account": lambda one: one.account(),
    "lists": lambda one: one.lists(),
    "create_list": lambda one: one.create_list("News"),
    "find_list": lambda one: one.find_list("News"),
    "merge_vars": lambda one: one.merge_vars("9"),
    "add_merge_var": lambda one: one.add_merge_var("9", "TAG", "Tag"),
    "members": lambda one: list(one.members("9", "subscribed")),
    "member": lambda one: one.member("9", "a@x.lv"),
    "subscribe_batch": lambda one: one.subscribe_batch("9", ROWS),
    "update_member": lambda one: one.update_member("9", "a@x.lv", {"FNAME": "Ann"}),
    "delete_member": lambda one: one.delete_member("9", "a@x.lv"),
    "campaigns": lambda one: list(one.campaigns("9", WHEN)),
    "stats": lambda one: one.stats("c1"),
    "opened": lambda one: list(one.opened("c1")),
    "not_opened": lambda one: list(one.not_opened("c1")),
    "click_stats": lambda one: one.click_stats("c1"),
    "click_details": lambda one: list(one.click_details("c1")),
    "bounces": lambda one: list(one.bounces("c1", "hard")),
    "bounce_messages": lambda one: list(one.bounce_messages("c1")),
    "webhooks": lambda one: one.webhooks(),
    "create_webhook": lambda one: one.create_webhook("t", {"url": "http://x.lv"}, TOKEN),
    "update_webhook": lambda one: one.update_webhook("w1", "title", "t"),
    "delete_webhook": lambda one: one.delete_webhook("w1"),
}  # fmt: skip
DELIVERIES = (
    {"hook": "contact.unsubscribe", "data": [{"list": "9", "email": "a@x.lv"}]},
    {"hook": "email.open", "data": {"list": 9, "email": "a@x.lv"}},
    {
        "meta": {
            "action": "change",
            "entity": "deal",
            "entity_id": "7",
            "user_id": "1",
            "timestamp": "2026-01-01T00:00:00.000Z",
            "merged_to_id": "8",
        },
        "data": {"stage_id": 2},
        "previous": {"stage_id": 1},
    },
)


def _vendor(played: Sequence[Answered]) -> httpx.Client:
    """A vendor that answers so, one after another, and then nothing any more."""
    left = iter(played)

    def answer(request: httpx.Request) -> httpx.Response:
        found = next(left, None)
        if found is None:
            raise httpx.ReadError("hung up", request=request)
        headers = [(k.encode(), v.encode("utf-8", "replace")) for k, v in found.headers.items()]
        body = httpx.ByteStream(found.content)
        return httpx.Response(found.status, headers=headers, stream=body)

    return httpx.Client(transport=httpx.MockTransport(answer))


def _in_crm(ask: Callable[[Pipedrive], Any]) -> Callable[[Sequence[Answered]], object]:
    def try_(played: Sequence[Answered]) -> object:
        with _vendor(played) as http:
            crm = Pipedrive(NOBODY, token=TOKEN, meter=Tally(), http=http, sleep=lambda _: None)
            found = ask(crm)
            crm.vendor_now()
            return found

    return try_


def _in_list(ask: Callable[[Mailigen], Any]) -> Callable[[Sequence[Answered]], object]:
    def try_(played: Sequence[Answered]) -> object:
        pace = Pace(sleep=lambda _: None, clock=lambda: 0.0)
        with _vendor(played) as http:
            client = Mailigen(NOBODY, key=TOKEN, meter=Tally(), http=http, pace=pace)
            found = ask(client)
            client.vendor_now()
            return found

    return try_


def _in_audience(ask: Callable[[Mailchimp], Any]) -> Callable[[Sequence[Answered]], object]:
    def try_(played: Sequence[Answered]) -> object:
        with _vendor(played) as http:
            client = Mailchimp(NOBODY, key=TOKEN, meter=Tally(), http=http, sleep=lambda _: None)
            found = ask(client)
            client.vendor_now()
            return found

    return try_


def _read_audience_answer(case: tuple[str, Answered]) -> object:
    name, answered = case
    call = mailchimp.call(name, *["9"] * name.count("{"), body={"email_address": "a@x.lv"})
    body = read_audience_answer(
        call, answered.status, answered.headers, answered.content, secrets=(TOKEN,)
    )
    return mailchimp.read_page(call, body).records if name in mailchimp.COLLECTIONS else body


def _read_sign_in(answered: Answered) -> object:
    told = httpx.Response(answered.status, content=answered.content)
    try:
        read_account(told, TOKEN)
    except FAMILIES:
        read_token(told, (TOKEN,))
    return None


def _read_envelope(case: tuple[str, Answered]) -> object:
    name, answered = case
    call = pipedrive.call(name, remote_id=7)
    headers = answered.headers
    has_calls_left(call, headers)
    envelope = read_envelope(call, answered.status, headers, answered.content, token=TOKEN)
    page = pipedrive.read_page(call, envelope)
    pipedrive.read_page_v1(call, envelope, 0)
    return page.records


def _read_answer(case: tuple[str, Answered]) -> object:
    method, answered = case
    call = mailigen.Call(method, secret=TOKEN)
    return mailigen.read_answer(
        call, answered.status, answered.headers, answered.content, key=TOKEN
    )


def _read_delivery(body: bytes) -> object:
    is_signed(body, body.decode("latin-1"), TOKEN)
    delivery = read_delivery(body)
    return [] if delivery is None else [*leavers(delivery, "9"), *map(list, delivery.rows)]


def _read_event(body: bytes) -> object:
    event = read_event(body)
    return None if event is None else [str(part) for part in event]


def _read_form(value: Any) -> object:
    encode_form(value)
    return None


class _Babbler:
    """A server that answers every request with the bytes it was last given, and hangs up."""

    def __init__(self) -> None:
        self._bound = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._bound.getsockname()[1]}/v1/users/me"
        self.says = b""
        self.http = open_http(read_s=5)
        threading.Thread(target=self._babble, daemon=True).start()

    def _babble(self) -> None:
        while True:
            caller, _ = self._bound.accept()
            with caller:
                caller.settimeout(5)
                try:
                    caller.recv(65536)
                    caller.sendall(self.says)
                except OSError:
                    continue  # the client had enough of it


@cache
def _babbler() -> _Babbler:
    return _Babbler()


def _read_bytes(case: tuple[bytes, bool]) -> object:
    babbler = _babbler()
    babbler.says, writes = case
    try:
        answer = send(
            babbler.http, httpx.Request("GET", babbler.url), vendor="any", writes=writes, call="me"
        )
    except (ReadFailed, OutcomeUnknown) as error:
        assert isinstance(error, OutcomeUnknown) is writes
        raise
    return list(answer.content[:9])


HEADS = st.sampled_from([
    b"", b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n\r\n",
    b"HTTP/1.1 302 Found\r\nlocation: http://[::1\r\ncontent-length: 0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", b"HTTP/9.9 x\r\n\r\n",
    b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999999999999\r\n\r\n",
    b"HTTP/1.1 301 Moved\r\nlocation: //\xff\xfe:99999999/\r\ncontent-length: 0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nset-cookie: \xff=;expires=x;domain=[\r\ncontent-length: 2\r\n\r\n",
])  # fmt: skip

SIGNED_IN = [{"access_token": "t", "scope": None}, {"error": "invalid_grant"},
             {"dc": "us6", "accountname": "A", "api_endpoint": "https://us6.api.mailchimp.com"}]  # fmt: skip
FROM_CRM = st.lists(answers(ENVELOPES), min_size=1, max_size=3)
FROM_LIST = st.lists(answers(ANSWERS), min_size=1, max_size=3)
CRM_NAMES = sorted(name for name in pipedrive.COSTS if "search" not in name)
NOISY = st.binary(max_size=80) | spoilt(DELIVERIES).map(lambda told: json.dumps(told).encode())
FORMS = st.dictionaries(
    st.text(min_size=1, max_size=4).filter(lambda k: not set(k) & {"[", "]"}), JUNK, max_size=3
)

TARGETS = tuple(itertools.chain(
    (Target(f"pipedrive.{name}", FROM_CRM, _in_crm(ask)) for name, ask in CRM_CALLS.items()),
    (Target(f"mailigen.{name}", FROM_LIST, _in_list(ask)) for name, ask in LIST_CALLS.items()),
    (Target(f"mailchimp.{name}", audience.from_audience(), _in_audience(ask)) for name, ask in audience.AUDIENCE_CALLS.items()),
    (
        Target("mailchimp/wire", st.tuples(st.sampled_from(sorted(mailchimp.READS | mailchimp.WRITES)), answers(audience.GOOD)), _read_audience_answer),
        Target("mailchimp/oauth", answers(SIGNED_IN), _read_sign_in),
        Target("mailchimp/batches", audience.tars(), audience.try_tar),
        Target("mailchimp/webhooks", audience.deliveries(), audience.try_delivery, (DeliveryError,)),
    ),
    (
        Target("pipedrive/wire", st.tuples(st.sampled_from(CRM_NAMES), answers(ENVELOPES)), _read_envelope),
        Target("mailigen/wire", st.tuples(st.sampled_from(sorted(mailigen.METHODS)), answers(ANSWERS)), _read_answer),
        Target("pipedrive/webhooks", NOISY, _read_event, ()),
        Target("mailigen/webhooks", NOISY, _read_delivery, ()),
        # What is ours to name is refused with a ValueError: a bracket, or no name at all.
        Target("mailigen/form", FORMS, _read_form, (ValueError,)),
        Target("http/bytes", st.tuples(st.builds(bytes.__add__, HEADS, st.binary(max_size=40)), st.booleans()), _read_bytes),
    ),
))  # fmt: skip
