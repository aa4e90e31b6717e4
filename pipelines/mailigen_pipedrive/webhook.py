"""Keep one webhook at Mailigen that rings for a sync, as a ledgered write.

Mailigen shows of a webhook its id and its title, and nothing else. So the title carries the
reference of the write that made it what it is, and it is set last: a webhook with that title has
the address, the secret, the events and the sources of that write, however its answer was lost.

    webhook|<account>|<sync>|1   create       title "Syncline <sync> SL-..."
    webhook|<account>|<sync>|2   another address, secret, list or kind of event: changed in place

The writes belong to the listener, not to the sync: they are claimed under a lease of its own
(`listener_name`), so that none waits for a run and two listeners of one sync never meet.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from connectors.mailigen import Mailigen
from connectors.mailigen.webhooks import CONTACT_EVENTS, MAIL_EVENTS, SOURCES
from connectors.mailigen.wire import VENDOR
from pipelines.load import Loader, Sent, Vendor, load, settle_doubts
from pipelines.mailigen_pipedrive.config import Definition
from state import deeds, ledger
from state.deeds import Deed, marker_of
from state.lease import Lease
from state.settings import Setting

OPERATION = "set_webhook"
LOOK_EVERY_S = 3600.0  # somebody may delete it in Mailigen
TRY_AGAIN_S = 300.0


@dataclass(frozen=True)
class Wanted:
    """The webhook a sync should have. `secret` signs its deliveries and is kept nowhere."""

    account: str
    sync: str
    list_id: str
    url: str
    events: tuple[str, ...]
    secret: str
    key: bytes  # the consent key: it makes a fingerprint of the secret that tells nothing

    @property
    def options(self) -> dict[str, Any]:
        return {
            "list_id": self.list_id,
            "url": self.url,
            "events": list(self.events),
            "sources": list(SOURCES),
        }

    @property
    def fingerprint(self) -> str:
        return hmac.digest(self.key, self.secret.encode(), hashlib.sha256).hex()[:16]

    def write_key(self, number: int) -> str:
        return f"webhook|{self.account}|{self.sync}|{number}"


def listener_name(sync: str) -> str:
    """What a listener is called where syncs are: no sync can be called that."""
    return f"{sync}:listen"


def wanted_events(definition: Definition) -> tuple[str, ...]:
    """Only what some bot counts or notes rings: a mail to thousands is thousands of deliveries."""
    used = {rule.event for bot in definition.bots for rule in bot.rules}
    used |= {kind for bot in definition.bots for kind in bot.notes}
    return (*CONTACT_EVENTS, *(hook for kind, hook in MAIL_EVENTS.items() if kind in used))


def keep_webhook(lease: Lease, engagement: Mailigen, wanted: Wanted, horizon: float) -> str:
    """Make or change the webhook if it is not as wanted; return what still stands in the way.

    '' when it is as wanted. ConnectorError when the vendor could not be asked.
    """
    loader = _loader(lease, engagement, wanted, horizon)
    engagement.ping()  # a doubt is measured in the vendor's time, which an answer tells
    settle_doubts(loader)
    last = _last(lease, wanted)
    if last is not None and last.state in ("sending", "unknown"):
        return "nobody knows yet whether its last change arrived"
    there = {str(row.get("id")): str(row.get("title")) for row in engagement.webhooks()}
    stands = last.remote_id if last and last.state == "done" and last.remote_id in there else None
    if last is not None and stands and _is_as(last.body, wanted):
        return ""
    key = _next_key(last, wanted)
    # One that was planned and never sent may want another address by now.
    deeds.withdraw_unwanted(lease, [OPERATION], [], why="planned anew")
    ledger.seal(lease, deeds=[_deed(key, wanted, stands or _ours(there, wanted))])
    deeds.retry(lease, [key])
    load(loader, [OPERATION])
    made = deeds.by_key(lease.state, key)
    return "" if made and made.state == "done" else (made and made.said) or "it was not sent"


def _deed(key: str, wanted: Wanted, webhook_id: str | None) -> Deed:
    body = {
        **wanted.options,
        "title": _title(wanted, marker_of(key)),
        "secret": wanted.fingerprint,
        "webhook_id": webhook_id,
    }
    return Deed(key, wanted.account, OPERATION, "webhook", "", body, reason="`listen` wants it")


def _is_as(body: Mapping[str, Any], wanted: Wanted) -> bool:
    asked = {**wanted.options, "secret": wanted.fingerprint}
    return {name: body.get(name) for name in asked} == asked


def _title(wanted: Wanted, marker: str) -> str:
    return f"Syncline {wanted.sync} {marker}"


def _ours(there: Mapping[str, str], wanted: Wanted) -> str | None:
    """One of an earlier state of ours: adopted, rather than ringing beside the new one."""
    mine = [wid for wid, title in there.items() if title.startswith(_title(wanted, "SL-"))]
    return min(mine, default=None)


def _last(lease: Lease, wanted: Wanted) -> Deed | None:
    """The newest write about the webhook."""
    number, last = 1, None
    while known := deeds.by_key(lease.state, wanted.write_key(number)):
        number, last = number + 1, known
    return last


def _next_key(last: Deed | None, wanted: Wanted) -> str:
    if last is None:
        return wanted.write_key(1)
    number = int(last.write_key.rpartition("|")[2])
    return wanted.write_key(number + 1 if last.state == "done" else number)


@dataclass(frozen=True)
class Webhooks:
    """Sends the write and finds it again by its title."""

    engagement: Mailigen
    wanted: Wanted

    def send(self, deed: Deed) -> str:
        body, secret = deed.body, self.wanted.secret
        options = {name: body[name] for name in self.wanted.options}
        webhook_id = body["webhook_id"]
        if webhook_id is None:
            return self.engagement.create_webhook(body["title"], options, secret)
        for name, value in options.items():
            self.engagement.update_webhook(webhook_id, name, value)
        self.engagement.update_webhook(webhook_id, "secret_key", secret, secret=secret)
        self.engagement.update_webhook(webhook_id, "title", body["title"])  # last: the proof
        return str(webhook_id)

    def find(self, deed: Deed) -> str | None:
        rows = self.engagement.webhooks()
        found = [str(row["id"]) for row in rows if row.get("title") == deed.body["title"]]
        return min(found, default=None)


class _NoSettings:
    """A listener has none."""

    def parts(self, window: Any) -> list[Any]:
        return [window]

    def send(self, verb: str, window: Any) -> list[Sent]:
        raise NotImplementedError(f"{verb}: a listener has no settings, got {len(window)}")

    def observe(self, setting: Setting) -> Any:
        raise NotImplementedError(f"{setting.key}: a listener has no settings")


def _loader(lease: Lease, engagement: Mailigen, wanted: Wanted, horizon: float) -> Loader:
    return Loader(
        lease=lease,
        deed_writers={OPERATION: Webhooks(engagement, wanted)},
        setting_writer=_NoSettings(),
        vendors={wanted.account: Vendor(engagement.vendor_now, timedelta(seconds=horizon))},
        setting_account=wanted.account,
        setting_vendor=VENDOR,
        bots=(),
        told=lambda _: None,
    )
