"""What Mailchimp sends by itself: is it really Mailchimp, and what does it say.

Deliveries carry the secret that was put into the webhook's address, and, where its creation was
answered with a `signing_secret`, a signature too:

    POST /.../?secret=...          X-Mailchimp-Signature: t=<unix seconds>,v1=<hex HMAC-SHA256>
    type=unsubscribe&fired_at=2026-11-22+10%3A00%3A00&data[email]=ann%40x.lv&data[list_id]=...

Also, the vendor knocks with GET at the address, before it saves it. No event tells of a tag.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final, NamedTuple
from urllib.parse import parse_qsl, quote

SIGNATURE: Final = "x-mailchimp-signature"
SECRET_PARAMETER: Final = "secret"
WINDOW_S: Final = 300  # older signatures are refused, as the vendor's page asks
MOST_BYTES: Final = 256 * 1024  # eighty merge values of 255 characters are a tenth of it
MOST_FIELDS: Final = 2000

EVENTS: Final = ("subscribe", "unsubscribe", "profile", "upemail", "cleaned")
# Without "api": what a sync writes must not wake it.
SOURCES: Final = ("user", "admin")

_MERGE = re.compile(r"data\[merges\]\[([^\[\]]+)\]")


class DeliveryError(ValueError):
    """A delivery that says nothing we can read. Its text holds nothing of it."""


class Joined(NamedTuple):
    """Somebody is subscribed: by a form (after confirming it), by hand, or back again."""

    list_id: str
    fired_at: datetime | None
    email: str
    merges: Mapping[str, str]


class Changed(NamedTuple):
    """Somebody's values were changed; not the address."""

    list_id: str
    fired_at: datetime | None
    email: str
    merges: Mapping[str, str]


class Left(NamedTuple):
    """Somebody unsubscribed, complained (reason "abuse"), or was deleted (action "delete")."""

    list_id: str
    fired_at: datetime | None
    email: str
    action: str
    reason: str


class Moved(NamedTuple):
    """Somebody has another address now."""

    list_id: str
    fired_at: datetime | None
    old_email: str
    new_email: str


class Cleaned(NamedTuple):
    """An address is dead: it bounced hard (reason "hard"), or its owner complained."""

    list_id: str
    fired_at: datetime | None
    email: str
    reason: str


class CampaignDone(NamedTuple):
    """A campaign was sent, or failed to be."""

    list_id: str
    fired_at: datetime | None
    campaign_id: str
    status: str


Event = Joined | Changed | Left | Moved | Cleaned | CampaignDone


def settings(url: str, secret: str) -> dict[str, object]:
    """What a webhook of ours is created with; `url` without a query of its own.

    >>> settings("https://x.example/hook", "s3cret")["url"]
    'https://x.example/hook?secret=s3cret'
    """
    return {
        "url": f"{url}?{SECRET_PARAMETER}={quote(secret, safe='')}",
        "events": {**dict.fromkeys(EVENTS, True), "campaign": False},
        "sources": {**dict.fromkeys(SOURCES, True), "api": False},
    }


def knows_secret(told: str | None, secret: str) -> bool:
    """Whether a delivery's address holds the secret; the same time for every wrong one.

    Never, where there is no secret: anybody could send none.
    """
    if not secret or told is None:
        return False
    # As bytes: comparing text refuses characters beyond ASCII with an error.
    return hmac.compare_digest(told.encode(errors="replace"), secret.encode())


def is_signed(body: bytes, signature: str | None, secret: str, now: datetime) -> bool:
    """Whether the raw body was signed with this secret, less than five minutes from `now`."""
    if not secret or signature is None:
        return False
    pairs = [part.strip().partition("=") for part in signature.split(",")]
    times = [value for key, _, value in pairs if key == "t"]
    if len(times) != 1 or not re.fullmatch(r"[0-9]{1,12}", times[0]):
        return False
    if abs(now.timestamp() - int(times[0])) > WINDOW_S:
        return False
    signed = times[0].encode() + b"." + body
    expected = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest().encode()
    told = [value.lower().encode(errors="replace") for key, _, value in pairs if key == "v1"]
    return any(hmac.compare_digest(expected, each) for each in told)


def read_delivery(body: bytes) -> Event:
    """Return what a delivery says; DeliveryError when it says nothing we can read.

    >>> read_delivery(b"type=cleaned&data[list_id]=9&data[email]=a%40x.lv&data[reason]=hard")
    Cleaned(list_id='9', fired_at=None, email='a@x.lv', reason='hard')
    """
    told = _fields(body)
    kind, list_id = told.get("type", ""), told.get("data[list_id]", "")
    if kind not in (*EVENTS, "campaign") or not list_id:
        raise DeliveryError("no event of a list that we know")
    fired_at = _time(told.get("fired_at", ""))
    if kind == "campaign":
        campaign, status = _needed(told, "id"), told.get("data[status]", "")
        return CampaignDone(list_id, fired_at, campaign, status)
    if kind == "upemail":
        return Moved(list_id, fired_at, _needed(told, "old_email"), _needed(told, "new_email"))
    email, reason = _needed(told, "email"), told.get("data[reason]", "")
    if kind == "cleaned":
        return Cleaned(list_id, fired_at, email, reason)
    if kind == "unsubscribe":
        return Left(list_id, fired_at, email, told.get("data[action]", ""), reason)
    merges = {found[1]: text for key, text in told.items() if (found := _MERGE.fullmatch(key))}
    return (Joined if kind == "subscribe" else Changed)(list_id, fired_at, email, merges)


def _fields(body: bytes) -> dict[str, str]:
    """The fields of a form; of two by one name the last, as PHP takes it."""
    if len(body) > MOST_BYTES:
        raise DeliveryError(f"more than {MOST_BYTES} bytes")
    try:
        pairs = parse_qsl(
            body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=MOST_FIELDS
        )
    except ValueError as error:
        raise DeliveryError("no form that we can read") from error
    return dict(pairs)


def _needed(told: Mapping[str, str], name: str) -> str:
    found = told.get(f"data[{name}]", "").strip()
    if not found:
        raise DeliveryError(f"an event without {name}")
    return found


def _time(text: str) -> datetime | None:
    """The vendor names no zone; GMT by convention."""
    try:
        at = datetime.strptime(text, "%Y-%m-%d %H:%M:%S")
    except ValueError:
        return None
    return at.replace(tzinfo=UTC) if 2000 <= at.year < 3000 else None
