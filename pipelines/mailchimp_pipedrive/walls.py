"""How each vendor's webhooks are made and shown (see webhooks.py, which decides what is wanted)."""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from connectors.mailchimp import Mailchimp
from connectors.mailchimp import webhooks as of_mailchimp
from connectors.pipedrive import Pipedrive
from pipelines.mailchimp_pipedrive.webhooks import Hook, Shown, take_down

USER = "syncline"  # of HTTP Basic; the password is the secret
REFERENCE = "ref"
# With "api": other integrations' edits ring as well, and ours are told by what they left behind.
SOURCES = ("user", "admin", "api")
PERSON, DEAL = "person", "deal"
OK = range(200, 300)


def fingerprint(secret: str, key: bytes) -> str:
    """What tells two secrets apart and tells nobody either; `key` is the consent key."""
    return hmac.digest(key, secret.encode(), hashlib.sha256).hex()[:16]


@dataclass(frozen=True)
class Audiences:
    """Mailchimp's webhooks, each of one audience."""

    client: Mailchimp
    secret: str = field(repr=False)
    key: bytes = field(repr=False)
    object: str = "mailchimp_webhook"
    # After twenty failures one is switched off, which no call shows, until it is changed.
    written_again_after: timedelta | None = timedelta(days=1)

    def hook(self, list_id: str, address: str) -> Hook:
        asked = {
            "events": sorted(of_mailchimp.EVENTS), "sources": sorted(SOURCES),
            "secret": fingerprint(self.secret, self.key),
        }  # fmt: skip
        return Hook(list_id, address, asked)

    def now(self) -> datetime:
        self.client.account()
        return self.client.vendor_now()

    def shown(self, place: str) -> list[Shown]:
        return [self._shown(one) for one in self.client.webhooks(place)]

    def hang(self, hook: Hook, reference: str, replaced: Sequence[str]) -> str:
        """Two of one address are refused, whatever their queries: what is there is changed."""
        told = of_mailchimp.settings(hook.address, self.secret)
        wanted: dict[str, Any] = {
            "url": f"{told['url']}&{urlencode({REFERENCE: reference})}", "events": told["events"],
            "sources": dict.fromkeys(SOURCES, True),
        }  # fmt: skip
        if not replaced:
            made = self.client.create_webhook(hook.place, wanted, secret=self.secret)
            return str(made["id"])
        kept, *others = replaced
        for one in others:
            take_down(self, hook.place, one)
        self.client.change_webhook(hook.place, kept, wanted, secret=self.secret)
        return kept

    def take_down(self, place: str, webhook_id: str) -> None:
        self.client.delete_webhook(place, webhook_id)

    def _shown(self, record: Mapping[str, Any]) -> Shown:
        address, query = _parted(str(record.get("url") or ""))
        secret = query.get(of_mailchimp.SECRET_PARAMETER, "")
        asked = {
            "events": _switched_on(record.get("events")),
            "sources": _switched_on(record.get("sources")),
            "secret": fingerprint(secret, self.key),
        }
        return Shown(str(record["id"]), address, query.get(REFERENCE, ""), asked)


@dataclass(frozen=True)
class Nouns:
    """Pipedrive's webhooks, each of one noun and all that may happen to it."""

    client: Pipedrive
    secret: str = field(repr=False)
    key: bytes = field(repr=False)
    sync: str
    object: str = "pipedrive_webhook"
    written_again_after: timedelta | None = None

    def hook(self, noun: str, address: str) -> Hook:
        asked = {"action": "*", "secret": fingerprint(f"{USER}:{self.secret}", self.key)}
        return Hook(noun, address, asked)

    def now(self) -> datetime:
        self.client.me()
        return self.client.vendor_now()

    def shown(self, place: str) -> list[Shown]:
        records = self.client.webhooks()
        return [self._shown(one) for one in records if one.get("event_object") == place]

    def hang(self, hook: Hook, reference: str, replaced: Sequence[str]) -> str:
        """Made at an address of its own: a ban may be of the address. Ringing twice for a moment
        is better than not at all."""
        wanted = {
            "name": f"Syncline {self.sync} {hook.place}", "event_action": hook.asked["action"],
            "event_object": hook.place,
            "subscription_url": f"{hook.address}?{urlencode({REFERENCE: reference})}",
        }  # fmt: skip
        made = self.client.create_webhook(wanted, user=USER, password=self.secret)
        for one in replaced:
            take_down(self, hook.place, one)
        return str(made)

    def take_down(self, place: str, webhook_id: str) -> None:  # noqa: ARG002 - ids are the account's
        self.client.delete_webhook(int(webhook_id))

    def _shown(self, record: Mapping[str, Any]) -> Shown:
        address, query = _parted(str(record.get("subscription_url") or ""))
        told = f"{record.get('http_auth_user') or ''}:{record.get('http_auth_password') or ''}"
        asked = {"action": record.get("event_action"), "secret": fingerprint(told, self.key)}
        status = record.get("last_http_status")
        # Ten failures ban it and three days of them delete it; nothing says which is under way.
        is_silent = not record.get("is_active", True) or (status is not None and status not in OK)
        return Shown(str(record["id"]), address, query.get(REFERENCE, ""), asked, is_silent)


def _parted(url: str) -> tuple[str, dict[str, str]]:
    """An address without its query, and the query."""
    parts = urlsplit(url)
    query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    return parts._replace(query="").geturl(), query


def _switched_on(switches: object) -> list[str]:
    return (
        sorted(name for name, is_on in switches.items() if is_on)
        if isinstance(switches, dict)
        else []
    )
