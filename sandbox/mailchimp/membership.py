"""Being on a list: who may join, what a status allows, and the one place a member is written.

                    by the API                               by the person
    (nobody)     -> any status; forgotten: none              subscribed, or pending to confirm
    subscribed   -> unsubscribed, cleaned, pending, ...      unsubscribed
    unsubscribed -> subscribed, unless by the person's act   subscribed or pending
    cleaned      -> not subscribed any more                  not any more
    archived     -> what it could before it was archived     subscribed or pending

`left_by` tells whose act it was: person, abuse and bounce bar the API for good; admin and api do
not. It is cleared only when the person comes back.
"""

import re
from typing import Any

from sandbox.books import Record
from sandbox.mailchimp.account import Account, hash_of, unique_id_of
from sandbox.mailchimp.changes import Change, told_of
from sandbox.mailchimp.problems import (
    bad_address,
    forgotten_email,
    in_compliance_state,
    member_exists,
)

STATUSES = ("subscribed", "unsubscribed", "cleaned", "pending", "transactional")
SHOWN_STATUSES = (*STATUSES, "archived")
BARRING = ("person", "abuse", "bounce")
MOVES_LAST_CHANGED = ("status", "email_address", "merge_fields", "language", "vip", "interests")
FAKE = ("fake.com", "test.com", "domain.com")
ADDRESS = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z]{2,}"
)


def checked_email(account: Account, email: Any) -> str:
    """An address as it is kept, capitals and all."""
    text = email.strip() if isinstance(email, str) else ""
    if not ADDRESS.fullmatch(text):
        raise bad_address("Please provide a valid email address.")
    is_looked_at = account.assumed["fake_addresses"] == "known_domains"
    if is_looked_at and text.rpartition("@")[2].lower() in FAKE:
        said = f"{text} looks fake or invalid, please enter a real email address."
        raise bad_address(said)
    if text.lower() in account.crowded:
        said = f"{text} has signed up to a lot of lists very recently; we're not allowing more"
        raise bad_address(f"{said} signups for now.")
    return text


def new_member(account: Account, list_id: str, email: str, source: str) -> Record:
    """A contact that is on no book yet and has no status."""
    return {
        "contact_id": account.new_hex(32),
        "list_id": list_id,
        "id": hash_of(email),
        "unique_email_id": unique_id_of(email),
        "web_id": account.new_number("member", 100_000_001),
        "email_address": email,
        "email_type": "html",
        "status": "",
        "status_at": "",
        "left_by": "",
        "unsubscribe_reason": "",
        "merge_fields": {},
        "interests": {},
        "tags": {},
        "language": "",
        "vip": False,
        "email_client": "",
        "location": {},
        "ip_signup": "",
        "timestamp_signup": "",
        "ip_opt": "",
        "timestamp_opt": "",
        "member_rating": 2,
        "last_changed": "",
        "source": source,
    }


def check_is_not_forgotten(account: Account, list_id: str, email: str) -> None:
    if account.is_forgotten(list_id, email):
        raise forgotten_email(email)


def moved_by_api(account: Account, member: Record, status: str) -> Record:
    """The member with the status the API asks for, if it may."""
    is_barred = member["left_by"] in BARRING and not _is_open_to(account, member, status)
    if is_barred and status != member["status"]:
        raise in_compliance_state(member["email_address"])
    return moved(account, member, status, "api")


def _is_open_to(account: Account, member: Record, status: str) -> bool:
    """Whether the API may give this status to somebody who left for good."""
    if status == "pending":
        return member["left_by"] != "bounce" or bool(account.assumed["cleaned_may_be_pending"])
    if status == "transactional":
        return bool(account.assumed["left_may_be_transactional"])
    return status != "subscribed"


def moved(account: Account, member: Record, status: str, left_by: str) -> Record:
    """The member with another status; `left_by` counts for those who leave, unless one stronger
    stands there."""
    if status == member["status"]:
        return member
    now = account.now()
    after = {**member, "status": status, "status_at": now}
    if status == "subscribed":
        after |= {"left_by": "", "unsubscribe_reason": "", "timestamp_opt": now}
    elif status == "cleaned":
        after["left_by"] = "bounce"
    elif status == "unsubscribed" and member["left_by"] not in BARRING:
        after["left_by"] = left_by
    elif status == "pending":
        after |= {"timestamp_signup": now, "timestamp_opt": ""}
    return after


def with_address(account: Account, member: Record, email: str) -> Record:
    """The member under another address; refused when any member, archived too, has that one."""
    if email == member["email_address"]:
        return member
    list_id, new_hash = member["list_id"], hash_of(email)
    if new_hash != member["id"]:
        if account.members.find(list_id, new_hash):
            raise member_exists(email)
        if account.is_forgotten(list_id, email):
            is_plain = account.assumed["address_change_on_forgotten"] == "member_exists"
            raise member_exists(email) if is_plain else forgotten_email(email)
    named = {"email_address": email, "id": new_hash, "unique_email_id": unique_id_of(email)}
    return {**member, **named}


def write_member(
    account: Account, before: Record | None, after: Record, source: str, campaign_id: str = ""
) -> Record:
    """Store a member and tell of it; `source` is user, admin or api.

    A write that changes nothing the vendor counts leaves `last_changed` alone.
    """
    has_moved = before is None or any(before[k] != after[k] for k in MOVES_LAST_CHANGED)
    has_tags = before is not None and before["tags"] != after["tags"]
    if (
        has_moved
        or account.assumed["same_values_move_last_changed"]
        or (has_tags and account.assumed["tags_move_last_changed"])
    ):
        after = {**after, "last_changed": account.now()}
    account.members.put(after)
    if after["status"] == "pending" and (before is None or before["status"] != "pending"):
        account.mail("optin", after)
    for change in told_of(before, after, source):
        account.announce(change._replace(campaign_id=campaign_id))
    return after


def forget(account: Account, member: Record, source: str) -> None:
    """Erase a contact; its address stays barred from this list until the person signs up."""
    list_id = member["list_id"]
    key = f"{list_id}/{member['id']}"
    account.forgotten.put(key, {"id": key, "at": account.now()})
    account.members.erase(member)
    for book in (account.notes, account.events, account.activity):
        for record in [r for r in book.live() if r.get("contact_id") == member["contact_id"]]:
            book.delete(record["id"])
    if member["status"] == "subscribed":
        account.announce(
            Change("unsubscribe", source, list_id, member, action="delete", reason="manual")
        )
