"""What Mailchimp answers when all is well, and every call of its client: for targets.py."""

import gzip
import io
import json
import tarfile
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from connectors.mailchimp import Mailchimp, MemberLook, MemberUpdate, NewMember
from connectors.mailchimp.batches import read_results
from connectors.mailchimp.webhooks import is_signed, knows_secret, read_delivery
from tests.connectors.broken_answers import Answered, answers, spoilt

WHEN = datetime(2026, 11, 22, tzinfo=UTC)
KEY = "t0ken-of-the-test"
MEMBER = {
    "id": "h1", "contact_id": "c1", "email_address": "a@x.lv", "status": "subscribed",
    "merge_fields": {"FNAME": "Ann", "ADDRESS": {"addr1": "x"}, "PHONE": ""}, "tags_count": 1,
    "last_changed": "2026-01-01T00:00:00+00:00", "tags": [{"id": 1, "name": "VIP"}],
}  # fmt: skip
AUDIENCE = {"id": "9", "name": "News", "stats": {"member_count": 1}, "account_id": "a1"}
FIELD = {"merge_id": 1, "tag": "FNAME", "name": "First", "type": "text"}
SEGMENT = {"id": 7, "name": "VIP", "type": "static", "member_count": 1}
HOOK = {"id": "w1", "url": "https://x.lv/?secret=s", "signing_secret": "s"}
BATCH = {"id": "b1", "status": "finished", "response_body_url": "https://files.example/b1.tgz",
         "total_operations": 1, "finished_operations": 1, "errored_operations": 0}  # fmt: skip
PROBLEM = {"title": "Invalid Resource", "detail": "a@x.lv looks fake", "status": 400,
           "instance": "i-1", "errors": [{"field": "LTV", "message": "a number"}]}  # fmt: skip
CREATED = {"new_members": [MEMBER], "updated_members": [], "errors": [], "total_created": 1,
           "total_updated": 0, "error_count": 0}  # fmt: skip
REFUSED = {**CREATED, "new_members": [], "total_created": 0, "error_count": 1,
           "errors": [{"email_address": "a@x.lv", "error": "x", "error_code": "ERROR_GENERIC"}]}  # fmt: skip
ONES: list[Any] = [MEMBER, AUDIENCE, FIELD, SEGMENT, HOOK, BATCH, PROBLEM, CREATED, REFUSED, {}]
GOOD: list[Any] = ONES + [
    {name: [one], "total_items": 1}
    for name, one in (
        ("lists", AUDIENCE), ("merge_fields", FIELD), ("members", MEMBER), ("segments", SEGMENT),
        ("tags", {"id": 1, "name": "VIP"}), ("webhooks", HOOK), ("batches", BATCH),
    )
]  # fmt: skip
NEW = NewMember("a@x.lv", {"FNAME": "Ann"})
OPERATIONS = [MemberUpdate("u1", "9", "a@x.lv", {"FNAME": "Ann"}), MemberLook("l1", "9", "a@x.lv")]

AUDIENCE_CALLS: dict[str, Callable[[Mailchimp], Any]] = {
    "account": lambda one: one.account(),
    "audiences": lambda one: one.audiences(),
    "audience": lambda one: one.audience("9"),
    "merge_fields": lambda one: one.merge_fields("9"),
    "members": lambda one: list(one.members("9", since=WHEN)),
    "member": lambda one: one.member("9", "a@x.lv"),
    "members_named": lambda one: list(one.members_named("9", ["a@x.lv"])),
    "tags_of": lambda one: one.tags_of("9", "a@x.lv"),
    "segments": lambda one: one.segments("9", "static"),
    "segment": lambda one: one.segment("9", 7),
    "segment_members": lambda one: list(one.segment_members("9", 7)),
    "add_member": lambda one: one.add_member("9", NEW),
    "update_member": lambda one: one.update_member("9", "a@x.lv", {"FNAME": "Ann"}),
    "move_member": lambda one: one.move_member("9", "a@x.lv", "b@x.lv"),
    "tag_member": lambda one: one.tag_member("9", "a@x.lv", ["VIP"]),
    "subscribe_batch": lambda one: sorted(one.subscribe_batch("9", [NEW]).created),
    "start_batch": lambda one: one.start_batch(OPERATIONS),
    "batch": lambda one: one.batch("b1"),
    "unfinished_batches": lambda one: one.unfinished_batches(),
    "batch_results": lambda one: [*(one.batch_results("b1", OPERATIONS) or {}).values()],
    "webhooks": lambda one: one.webhooks("9"),
    "create_webhook": lambda one: one.create_webhook("9", {"url": "https://x.lv"}, secret=KEY),
    "change_webhook": lambda one: one.change_webhook("9", "w1", {"url": "https://x.lv"}),
    "delete_webhook": lambda one: one.delete_webhook("9", "w1"),
}  # fmt: skip
RESULT = {"operation_id": "u1", "status_code": 200, "response": json.dumps(MEMBER)}
FORMS = st.sampled_from([
    b"type=profile&fired_at=2026-11-22+10%3A00%3A00&data[email]=a%40x.lv&data[list_id]=9",
    b"type=upemail&data[list_id]=9&data[old_email]=a%40x.lv&data[new_email]=b%40x.lv",
    b"type=cleaned&data[list_id]=9&data[merges][X]=1&data[email]=a%40x.lv&data[email]=b",
])  # fmt: skip


@st.composite
def tars(draw: st.DrawFn) -> bytes:
    """A batch's results, spoilt before they were packed or after."""
    value = draw(spoilt([[RESULT], [RESULT, {**RESULT, "operation_id": "l1"}]]))
    body, out = json.dumps(value).encode(), io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        entry = tarfile.TarInfo("1.json")
        entry.size = len(body)
        tar.addfile(entry, io.BytesIO(body))
    plain = bytearray(out.getvalue())
    for at, byte in draw(st.lists(st.tuples(st.integers(0, 600), st.integers(0, 255)), max_size=3)):
        plain[at] = byte
    packed = bytearray(gzip.compress(bytes(plain)))
    for at in draw(st.lists(st.integers(0, len(packed) - 1), max_size=2)):
        packed[at] ^= draw(st.integers(0, 255))
    return bytes(packed[: draw(st.integers(0, len(packed)))] if draw(st.booleans()) else packed)


def deliveries() -> st.SearchStrategy[bytes]:
    """Forms cut, joined and filled with noise."""
    noise = st.binary(max_size=20)
    return st.lists(FORMS | noise, max_size=3).map(b"&".join) | st.tuples(FORMS, noise).map(
        lambda pair: pair[0][: len(pair[0]) - len(pair[1])] + pair[1]
    )


def try_tar(packed: bytes) -> object:
    return {at: outcome.record for at, outcome in read_results(packed, OPERATIONS).items()}


def try_delivery(body: bytes) -> object:
    is_signed(body, body.decode("latin-1"), KEY, WHEN)
    knows_secret(body.decode("latin-1"), KEY)
    return [str(part) for part in read_delivery(body)]


def from_audience() -> st.SearchStrategy[list[Answered]]:
    return st.lists(answers(GOOD), min_size=1, max_size=3)
