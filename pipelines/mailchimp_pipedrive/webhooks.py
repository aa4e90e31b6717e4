"""Keep the webhooks that ring for a sync at either vendor, or remove them, as ledgered writes.

One at Mailchimp for each audience, one at Pipedrive for each noun. Both vendors show a webhook
whole, so that what stands is judged by what they show, and found again by the reference of the
write that made it, which stands in its address.

    webhook|<account>|<sync>|<place>|1   made, or what was found there put right
    webhook|<account>|<sync>|<place>|2   made again: gone, silent, another address or secret; where
                                         silence does not show, written again once a day
    webhook|<account>|<sync>|<place>|3   removed, since nobody is to listen any more

The writes are the listener's, under a lease of its own (`listener_name`).
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple, Protocol

from connectors.errors import Gone
from pipelines.listening import IN_DOUBT, Removed
from pipelines.load import Loader, Sent, Vendor, load, settle_doubts
from state import deeds, ledger
from state.database import State
from state.deeds import Deed
from state.doors import listener_name
from state.lease import Lease
from state.settings import Setting

SET, REMOVE = "set_webhook", "remove_webhook"
AGAIN = "nobody is to listen any more"


class Hook(NamedTuple):
    """A webhook as it should be; `asked` is as its vendor shows it, without the secret."""

    place: str  # the audience it is of, or the noun it tells of
    address: str  # without a query
    asked: dict[str, Any]


class Shown(NamedTuple):
    """A webhook as its vendor shows it."""

    webhook_id: str
    address: str
    reference: str
    asked: dict[str, Any]
    is_silent: bool = False  # the vendor has given up on it, or is about to


class Wall(Protocol):
    """Where one vendor's webhooks hang."""

    @property
    def object(self) -> str:
        """What the ledger calls a webhook of this vendor."""

    @property
    def written_again_after(self) -> timedelta | None:
        """How long what stands is trusted to ring, where nothing shows that the vendor has
        switched it off and every change switches it on; None where something does."""

    def shown(self, place: str) -> list[Shown]:
        """Every webhook of the place, whoever made it."""

    def hang(self, hook: Hook, reference: str, replaced: Sequence[str]) -> str:
        """Make it in place of these, and return its id."""

    def take_down(self, place: str, webhook_id: str) -> None:
        """Gone for one that was no longer there."""

    def now(self) -> datetime:
        """The vendor's clock, asked: a doubt is measured by it."""


@dataclass(frozen=True)
class Keeper:
    """One sync's webhooks at one account."""

    lease: Lease
    wall: Wall
    account: str
    sync: str
    horizon: float  # seconds

    def keep(self, hooks: Sequence[Hook], lost: Callable[[], None]) -> str:
        """Have every one as wanted and no other of ours; return what stands in the way, '' for
        nothing. `lost` is told when one that stood was found gone or silent."""
        loader = self._settled()
        for hook in hooks:
            if trouble := self._keep(loader, hook, lost):
                return trouble
        unwanted = standing(self.lease.state, self.wall.object, self.sync, self.account) - {
            hook.place for hook in hooks
        }
        return self._remove(loader, unwanted, ()).trouble

    def remove(self, places: Collection[str], address_ends: str) -> Removed:
        """Remove ours: those the ledger knows, and at `places` those whose address ends so."""
        known = standing(self.lease.state, self.wall.object, self.sync, self.account)
        return self._remove(self._settled(), known | set(places), (address_ends,))

    def _keep(self, loader: Loader, hook: Hook, lost: Callable[[], None]) -> str:
        known = self._known(hook.place)
        if known and known[-1].state in ("sending", "unknown"):
            return IN_DOUBT
        ours = self._ours(known, self.wall.shown(hook.place), lambda at: at == hook.address)
        stands = [one for one in ours if one.asked == hook.asked and not one.is_silent]
        if len(stands) == len(ours) == 1 and not self._is_due_again(known):
            return ""
        last = known[-1] if known else None
        if last is not None and (last.operation, last.state) == (SET, "done"):
            rings = {one.webhook_id for one in ours if not one.is_silent}
            if last.remote_id not in rings:
                lost()
        body = {**hook._asdict(), "replaced": sorted(one.webhook_id for one in ours)}
        made = self._carry_out(loader, known, SET, hook.place, body)
        return "" if made and made.state == "done" else (made and made.said) or "it was not sent"

    def _is_due_again(self, known: Sequence[Deed]) -> bool:
        trusted = self.wall.written_again_after
        at = known[-1].settled_at if known else None
        return trusted is not None and at is not None and self.lease.state.now() - at >= trusted

    def _remove(self, loader: Loader, places: Collection[str], endings: tuple[str, ...]) -> Removed:
        removed: list[str] = []
        for place in sorted(places):
            known = self._known(place)
            if known and known[-1].state in ("sending", "unknown"):
                return Removed("", IN_DOUBT)
            ours = self._ours(known, self._shown(place), lambda at: at.endswith(endings or ("\0",)))
            if not ours and not known:
                continue
            body = {"place": place, "webhook_ids": sorted(one.webhook_id for one in ours)}
            made = self._carry_out(loader, known, REMOVE, place, body)
            if made is None or made.state != "done":
                return Removed("", (made and made.said) or IN_DOUBT)
            removed += body["webhook_ids"]
        return Removed(", ".join(removed), "")

    def _shown(self, place: str) -> list[Shown]:
        try:
            return self.wall.shown(place)
        except Gone:  # its audience was deleted, and the webhook with it
            return []

    def _ours(
        self, known: Sequence[Deed], shown: Sequence[Shown], is_ours: Callable[[str], bool]
    ) -> list[Shown]:
        made = {one.remote_id for one in known if one.state == "done"}
        return [one for one in shown if one.webhook_id in made or is_ours(one.address)]

    def _carry_out(
        self, loader: Loader, known: Sequence[Deed], operation: str, place: str, body: Any
    ) -> Deed | None:
        """Send the one write, and return what the ledger holds of it then."""
        # One that was planned and never sent may want another address by now.
        deeds.withdraw_unwanted(self.lease, [SET, REMOVE], [], why="planned anew")
        is_again = bool(known) and known[-1].operation == operation and known[-1].state != "done"
        key = write_key(self.sync, self.account, place, len(known) + (0 if is_again else 1))
        reason = "`listen` wants it" if operation == SET else AGAIN
        deed = Deed(key, self.account, operation, self.wall.object, "", body, reason=reason)
        ledger.seal(self.lease, deeds=[deed])
        deeds.retry(self.lease, [key])
        load(loader, [operation])
        return deeds.by_key(self.lease.state, key)

    def _settled(self) -> Loader:
        """A loader for the writes, once what was in doubt has been looked up."""
        self.wall.now()
        loader = Loader(
            lease=self.lease,
            deed_writers={SET: _Hanging(self.wall), REMOVE: _TakingDown(self.wall)},
            setting_writer=_NoSettings(),
            vendors={self.account: Vendor(self.wall.now, timedelta(seconds=self.horizon))},
            setting_account=self.account, setting_vendor=self.wall.object, bots=(),
            told=lambda _: None,
        )  # fmt: skip
        settle_doubts(loader)
        return loader

    def _known(self, place: str) -> list[Deed]:
        return _known(self.lease.state, self.sync, self.account, place)


def write_key(sync: str, account: str, place: str, number: int) -> str:
    return f"webhook|{account}|{sync}|{place}|{number}"


def standing(state: State, called: str, sync: str, account: str) -> set[str]:
    """The places where a webhook was made or asked for, and not removed since."""
    places = {
        str(row["write_key"]).split("|")[3]
        for row in deeds.read(state, listener_name(sync)).to_pylist()
        if (row["object"], row["account"]) == (called, account)
    }
    return {one for one in places if not _is_removed(_known(state, sync, account, one))}


def accounts_rung_from(state: State, called: str, sync: str) -> set[str]:
    """The accounts of a vendor at which some webhook of the sync stands."""
    rows = deeds.read(state, listener_name(sync)).to_pylist()
    accounts = {str(row["account"]) for row in rows if row["object"] == called}
    return {one for one in accounts if standing(state, called, sync, one)}


def _known(state: State, sync: str, account: str, place: str) -> list[Deed]:
    known: list[Deed] = []
    while deed := deeds.by_key(state, write_key(sync, account, place, len(known) + 1)):
        known.append(deed)
    return known


def _is_removed(known: Sequence[Deed]) -> bool:
    return bool(known) and (known[-1].operation, known[-1].state) == (REMOVE, "done")


@dataclass(frozen=True)
class _Hanging:
    """Makes a webhook, and finds it again by its reference."""

    wall: Wall

    def send(self, deed: Deed) -> str:
        body = deed.body
        hook = Hook(body["place"], body["address"], body["asked"])
        return self.wall.hang(hook, deed.marker, body["replaced"])

    def find(self, deed: Deed) -> str | None:
        shown = self.wall.shown(deed.body["place"])
        return min((one.webhook_id for one in shown if one.reference == deed.marker), default=None)


@dataclass(frozen=True)
class _TakingDown:
    """Removes webhooks, which may be repeated; it happened when none of them is there."""

    wall: Wall

    def send(self, deed: Deed) -> str:
        for webhook_id in deed.body["webhook_ids"]:
            take_down(self.wall, deed.body["place"], webhook_id)
        return ", ".join(deed.body["webhook_ids"])

    def find(self, deed: Deed) -> str | None:
        there = {one.webhook_id for one in self.wall.shown(deed.body["place"])}
        ids = deed.body["webhook_ids"]
        return None if there & set(ids) else ", ".join(ids)


def take_down(wall: Wall, place: str, webhook_id: str) -> None:
    """Remove a webhook; one that is gone already is gone."""
    try:
        wall.take_down(place, webhook_id)
    except Gone:
        return


class _NoSettings:
    """A listener has none."""

    def parts(self, window: Any) -> list[Any]:
        return [window]

    def send(self, verb: str, window: Any) -> list[Sent]:
        raise NotImplementedError(f"{verb}: a listener has no settings, got {len(window)}")

    def observe(self, setting: Setting) -> Any:
        raise NotImplementedError(f"{setting.key}: a listener has no settings")
