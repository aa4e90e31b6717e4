"""Keep one webhook at Mailigen that rings for a sync, or remove it, as ledgered writes.

Mailigen shows of a webhook its id and its title, and nothing else. So the title carries the
reference of the write that made it what it is, and it is set last: a webhook with that title has
the address, the secret, the events and the sources of that write, however its answer was lost.

    webhook|<account>|<sync>|1   create       title "Syncline <sync> SL-..."
    webhook|<account>|<sync>|2   another address, secret, list or kind of event: changed in place
    webhook|<account>|<sync>|3   removed, since nobody is to listen any more

The writes belong to the listener, not to the sync: they are claimed under a lease of its own
(`listener_name`), so that none waits for a run and two listeners of one sync never meet.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from connectors.errors import Refused
from connectors.mailigen import Mailigen
from connectors.mailigen.webhooks import CONTACT_EVENTS, MAIL_EVENTS, SOURCES
from connectors.mailigen.wire import VENDOR
from pipelines.listening import IN_DOUBT, Removed
from pipelines.load import Loader, Sent, Vendor, load, settle_doubts
from pipelines.mailigen_pipedrive.config import Definition
from state import deeds, ledger
from state.database import State
from state.deeds import Deed, marker_of
from state.doors import listener_name
from state.lease import Lease
from state.settings import Setting

SET, REMOVE = "set_webhook", "remove_webhook"
# A lost state does not know how often the webhook was changed; more often than this it never was.
MOST_CHANGES = 1000
OPTIONS = ("list_id", "url", "events", "sources")


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


def wanted_events(definition: Definition) -> tuple[str, ...]:
    """Only what some bot counts or notes rings: a mail to thousands is thousands of deliveries."""
    used = {rule.event for bot in definition.bots for rule in bot.rules}
    used |= {kind for bot in definition.bots for kind in bot.notes}
    return (*CONTACT_EVENTS, *(hook for kind, hook in MAIL_EVENTS.items() if kind in used))


def keep_webhook(lease: Lease, engagement: Mailigen, wanted: Wanted, horizon: float) -> str:
    """Make or change the webhook if it is not as wanted; return what still stands in the way.

    '' when it is as wanted. ConnectorError when the vendor could not be asked.
    """
    account = wanted.account
    loader = _loader(lease, engagement, account, horizon, secret=wanted.secret)
    known = _settled(loader, engagement, wanted.sync, account)
    last = known[-1] if known else None
    if last is not None and last.state in ("sending", "unknown"):
        return IN_DOUBT
    there = _titles(engagement)
    stands = last.remote_id if last and last.state == "done" and last.remote_id in there else None
    if last is not None and stands and _is_as(last.body, wanted):
        return ""
    webhook_id = stands or min(_called_ours(there, wanted.sync, account), default=None)
    key = _next_key(known, wanted.sync, account, SET)
    # One that was planned and never sent may want another address by now.
    deeds.withdraw_unwanted(lease, [SET, REMOVE], [], why="planned anew")
    made = _carry_out(loader, _deed(key, wanted, webhook_id))
    return "" if made and made.state == "done" else (made and made.said) or "it was not sent"


def remove_webhook(
    lease: Lease, engagement: Mailigen, sync: str, account: str, horizon: float
) -> Removed:
    """Remove the sync's webhook; one that is gone already is gone. Nobody else's is touched.

    Which it is the ledger knows, or the reference in a title says. ConnectorError when the vendor
    could not be asked.
    """
    loader = _loader(lease, engagement, account, horizon)
    known = _settled(loader, engagement, sync, account)
    if known and known[-1].state in ("sending", "unknown"):
        return Removed("", IN_DOUBT)
    deeds.withdraw_unwanted(lease, [SET, REMOVE], [], why="nobody is to listen any more")
    there = _titles(engagement)
    made = {str(deed.remote_id) for deed in known if deed.state == "done"} & there.keys()
    found = sorted(made or _called_ours(there, sync, account))
    if not found:
        return Removed("", "")
    if len(found) > 1:  # somebody copied ours, title and all: which of them is not ours to say
        return Removed("", f"webhooks {', '.join(found)} carry our reference: "
                           "delete in Mailigen those that are not wanted")  # fmt: skip
    (webhook_id,) = found
    body = {"webhook_id": webhook_id, "title": there[webhook_id]}
    key = _next_key(known, sync, account, REMOVE)
    deed = Deed(key, account, REMOVE, "webhook", "", body, reason="nobody is to listen any more")
    last = _carry_out(loader, deed)
    if last is not None and last.state == "unknown":
        settle_doubts(loader)  # that it is not there any more is proof at once
        last = deeds.by_key(lease.state, key)
    if last is None or last.state != "done":
        is_open = last is not None and last.state == "unknown"
        return Removed("", IN_DOUBT if is_open else (last and last.said) or "it was not sent")
    return Removed(webhook_id, "")


def accounts_rung_from(state: State, sync: str) -> set[str]:
    """The accounts at which a webhook of the sync was made or asked for, and not removed since."""
    rows = deeds.read(state, listener_name(sync)).to_pylist()
    accounts = {
        str(row["account"]) for row in rows if (row["operation"], row["object"]) == (SET, "webhook")
    }
    return {account for account in accounts if not _is_removed(_known(state, sync, account))}


def write_key(sync: str, account: str, number: int) -> str:
    return f"webhook|{account}|{sync}|{number}"


def _settled(loader: Loader, engagement: Mailigen, sync: str, account: str) -> list[Deed]:
    """Every write about the webhook, oldest first, once what was in doubt has been looked up."""
    engagement.ping()  # a doubt is measured in the vendor's time, which an answer tells
    settle_doubts(loader)
    return _known(loader.lease.state, sync, account)


def _carry_out(loader: Loader, deed: Deed) -> Deed | None:
    """Send the one write, and return what the ledger holds of it then."""
    ledger.seal(loader.lease, deeds=[deed])
    deeds.retry(loader.lease, [deed.write_key])
    load(loader, [deed.operation])
    return deeds.by_key(loader.lease.state, deed.write_key)


def _deed(key: str, wanted: Wanted, webhook_id: str | None) -> Deed:
    body = {
        **wanted.options,
        "title": _title(wanted.sync, key),
        "secret": wanted.fingerprint,
        "webhook_id": webhook_id,
    }
    return Deed(key, wanted.account, SET, "webhook", "", body, reason="`listen` wants it")


def _is_as(body: Mapping[str, Any], wanted: Wanted) -> bool:
    asked = {**wanted.options, "secret": wanted.fingerprint}
    return {name: body.get(name) for name in asked} == asked


def _is_removed(known: list[Deed]) -> bool:
    return bool(known) and (known[-1].operation, known[-1].state) == (REMOVE, "done")


def _title(sync: str, key: str) -> str:
    return f"Syncline {sync} {marker_of(key)}"


def _titles(engagement: Mailigen) -> dict[str, str]:
    return {str(row.get("id")): str(row.get("title")) for row in engagement.webhooks()}


def _called_ours(there: Mapping[str, str], sync: str, account: str) -> list[str]:
    """Those whose title is one that we give: an earlier state of ours may have made them."""
    numbers = range(1, MOST_CHANGES + 1)
    titles = {_title(sync, write_key(sync, account, number)) for number in numbers}
    return [webhook_id for webhook_id, title in there.items() if title in titles]


def _known(state: State, sync: str, account: str) -> list[Deed]:
    known: list[Deed] = []
    while deed := deeds.by_key(state, write_key(sync, account, len(known) + 1)):
        known.append(deed)
    return known


def _next_key(known: list[Deed], sync: str, account: str, operation: str) -> str:
    """The key of the next write: the last one's, where that asked for the same and is not done."""
    is_again = bool(known) and known[-1].operation == operation and known[-1].state != "done"
    return write_key(sync, account, len(known) + (0 if is_again else 1))


@dataclass(frozen=True)
class Webhooks:
    """Sends the write and finds it again by its title. `secret` is needed for sending only."""

    engagement: Mailigen
    secret: str = field(repr=False)

    def send(self, deed: Deed) -> str:
        body, secret = deed.body, self.secret
        options = {name: body[name] for name in OPTIONS}
        webhook_id = body["webhook_id"]
        if webhook_id is None:
            return self.engagement.create_webhook(body["title"], options, secret)
        for name, value in options.items():
            self.engagement.update_webhook(webhook_id, name, value)
        self.engagement.update_webhook(webhook_id, "secret_key", secret, secret=secret)
        self.engagement.update_webhook(webhook_id, "title", body["title"])  # last: the proof
        return str(webhook_id)

    def find(self, deed: Deed) -> str | None:
        there = _titles(self.engagement)
        return min((wid for wid, title in there.items() if title == deed.body["title"]),
                   default=None)  # fmt: skip


@dataclass(frozen=True)
class Removals:
    """Sends a removal, which may be repeated; it happened when the webhook is not there."""

    engagement: Mailigen

    def send(self, deed: Deed) -> str:
        webhook_id = str(deed.body["webhook_id"])
        try:
            self.engagement.delete_webhook(webhook_id)
        except Refused:
            if webhook_id in _titles(self.engagement):
                raise
        return webhook_id

    def find(self, deed: Deed) -> str | None:
        webhook_id = str(deed.body["webhook_id"])
        return None if webhook_id in _titles(self.engagement) else webhook_id


class _NoSettings:
    """A listener has none."""

    def parts(self, window: Any) -> list[Any]:
        return [window]

    def send(self, verb: str, window: Any) -> list[Sent]:
        raise NotImplementedError(f"{verb}: a listener has no settings, got {len(window)}")

    def observe(self, setting: Setting) -> Any:
        raise NotImplementedError(f"{setting.key}: a listener has no settings")


def _loader(
    lease: Lease, engagement: Mailigen, account: str, horizon: float, *, secret: str = ""
) -> Loader:
    return Loader(
        lease=lease,
        deed_writers={SET: Webhooks(engagement, secret), REMOVE: Removals(engagement)},
        setting_writer=_NoSettings(),
        vendors={account: Vendor(engagement.vendor_now, timedelta(seconds=horizon))},
        setting_account=account,
        setting_vendor=VENDOR,
        bots=(),
        told=lambda _: None,
    )
