"""What Mailchimp tells of its own accord: audience webhooks, and the end of a batch.

A webhook asks for events and for sources. A campaign's event has no source and goes to all who
asked for it. One change is told once: an address is cleaned or unsubscribed, never both.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs

from sandbox.books import Record
from sandbox.mailchimp.account import Account, unique_id_of
from sandbox.mailchimp.changes import Change
from sandbox.mailchimp.forms import FORM, SIGNATURE, encode, signature

HEADERS = {"content-type": FORM, "user-agent": "MailChimp"}
# The guide: "increasing intervals over 75 minutes". The release note of 2024-06-17: up to twenty
# times, 15 to 25 minutes apart, then the webhook is disabled.
GUIDE_S = (60, 180, 360, 600, 1200, 2100)
RELEASE_NOTE_S = (900, 1200, 1500, 1200, 900) * 4
Told = tuple[str, dict[str, Any]]


def tell_of_change(account: Account, change: Change) -> None:
    """Send the change to every webhook of its list that asked for such a one."""
    hooks = [hook for hook in account.webhooks.live() if hook["list_id"] == change.list_id]
    for kind, told in _told(account, change) if hooks else ():
        body = encode(kind, account.world.clock.now(), told)
        for hook in hooks:
            is_wanted = kind == "campaign" or hook["sources"][change.source]
            if hook["events"][kind] and is_wanted and not hook["disabled_at"]:
                account.world.deliver("mailchimp", hook["url"], dict(HEADERS), body)


def tell_of_batch(account: Account, batch: Record, url: str) -> None:
    """Send the end of a batch; `url` is where its results are."""
    told = {
        name: batch[name]
        for name in (
            "id", "status", "submitted_at", "completed_at", "total_operations",
            "finished_operations", "errored_operations",
        )
    } | {"response_body_url": url}  # fmt: skip
    body = encode("batch_operation_completed", account.world.clock.now(), told)
    for hook in account.batch_webhooks.live():
        if hook["enabled"]:
            account.world.deliver("mailchimp", hook["url"], dict(HEADERS), body)


def _told(account: Account, change: Change) -> Iterator[Told]:
    member = change.member
    match change.kind:
        case "subscribe":
            seen = {"ip_opt": member["ip_opt"], "ip_signup": member["ip_signup"]}
            yield "subscribe", _contact(account, change) | seen
        case "unsubscribe" if change.reason == "abuse" and _is_cleaned(account):
            yield "cleaned", _cleaned(change, "abuse")
        case "unsubscribe":
            why = {"action": change.action, "reason": change.reason}
            came = {"ip_opt": member["ip_opt"], "campaign_id": change.campaign_id}
            yield "unsubscribe", why | _contact(account, change) | came
        case "cleaned":
            yield "cleaned", _cleaned(change, change.reason)
        case "profile":
            yield "profile", _profile(account, change)
        case "upemail":
            yield "upemail", _upemail(change)
            if account.assumed["upemail_comes_with_profile"]:
                yield "profile", _profile(account, change)
        case "campaign":
            yield "campaign", _campaign(change)


def _is_cleaned(account: Account) -> bool:
    return bool(account.assumed["abuse_is_told_as"] == "cleaned")


def _contact(account: Account, change: Change) -> dict[str, Any]:
    member = change.member
    return {
        "id": unique_id_of(member["email_address"]),
        "list_id": change.list_id,
        "email": member["email_address"],
        "email_type": member["email_type"],
        "merges": _merges(account, change),
    }


def _merges(account: Account, change: Change) -> dict[str, Any]:
    """Every field of the list, empty ones too; interests are names joined by commas."""
    member = change.member
    values = {
        field["tag"]: member["merge_fields"].get(field["tag"], "")
        for field in account.fields_of(change.list_id)
    }
    chosen = [
        interest["name"]
        for interest in account.interests.live()
        if interest["list_id"] == change.list_id and member["interests"].get(interest["id"])
    ]
    return {"EMAIL": member["email_address"], **values, "INTERESTS": ", ".join(chosen)}


def _profile(account: Account, change: Change) -> dict[str, Any]:
    return _contact(account, change) | {"ip_opt": change.member["ip_opt"]}


def _upemail(change: Change) -> dict[str, Any]:
    email = change.member["email_address"]
    told = {"list_id": change.list_id, "new_id": unique_id_of(email), "new_email": email}
    return told | {"old_email": change.old_address}


def _cleaned(change: Change, reason: str) -> dict[str, Any]:
    told = {"list_id": change.list_id, "campaign_id": change.campaign_id, "reason": reason}
    return told | {"email": change.member["email_address"]}


def _campaign(change: Change) -> dict[str, Any]:
    campaign = change.member
    return {
        "id": campaign["id"],
        "subject": campaign["subject_line"],
        "status": campaign["status"],
        "reason": "",
        "list_id": change.list_id,
    }


def retry_after_s(account: Account) -> Sequence[float]:
    is_guide = account.assumed["webhook_retries"] == "over_75_minutes"
    return GUIDE_S if is_guide else RELEASE_NOTE_S


def gave_up(accounts: Sequence[Account], url: str) -> None:
    """The last attempt failed: by the release note the webhook is disabled until it is changed."""
    for account in accounts:
        if account.assumed["webhook_retries"] == "over_75_minutes":
            continue
        for hook in list(account.webhooks.live()):
            if hook["url"] == url and not hook["disabled_at"]:
                account.webhooks.put(hook["id"], {**hook, "disabled_at": account.now()})


def signed(accounts: Sequence[Account], url: str, body: bytes, at: datetime) -> dict[str, str]:
    """The signature header, for a webhook that was given a secret.

    Two lists may send to one address with a secret each: the body says whose it is."""
    list_id = parse_qs(body.decode()).get("data[list_id]", [""])[0]
    for account in accounts:
        for hook in account.webhooks.live():
            if hook["url"] == url and hook["list_id"] == list_id and hook["secret"]:
                return {SIGNATURE: signature(hook["secret"], body, at)}
    return {}
