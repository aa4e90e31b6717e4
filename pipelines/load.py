"""Carry out what the ledger holds: each write once, and say truthfully what became of it.

    claim a window (one durable commit) -> send -> settle the window (one commit)

    an answer              done            a definite no          refused, tried again daily
    not sent, 429          planned again   no answer, 5xx, crash  unknown: look before sending again
    no later one can work  the rest goes back to planned, and the run stops

Doubts come first: nothing may be sent to a subject whose last write is unknown. What the
vendor does not show is sent again only after its horizon, under the same key.
"""

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple, Protocol

from connectors.errors import OutcomeUnknown, PlanLimitReached, Refused, StopTheSync, TryAgain
from state import deeds, settings
from state.deeds import Deed
from state.errors import TooEarly
from state.lease import Lease
from state.settings import Setting, SettingKey

log = logging.getLogger(__name__)
# One at a time: the horizon of a doubt runs from the sending, and must not begin before it.
DEED_WINDOW = 1
OTHER_VERBS = ("update", "source", "replace", "move", "delete", "tag")
CREATE_WINDOW, OTHER_WINDOW = 100, 20  # rows of settings claimed in one commit
NOT_YET = object()  # what a look at a doubt tells while the vendor may still be at work on it
LOOK_AGAIN = 15.0  # seconds after such a look
# A window that takes longer is claimed anew: the horizon runs from the claim, and whoever slept
# through its lease learns so before a second request.
CLAIM_LASTS = timedelta(seconds=20)


class Made(NamedTuple):
    """What a deed made, where an answer or a look also tells what the vendor holds of it now."""

    remote_id: str
    holds: Setting  # with `held`; put down as acknowledged


class Shown(NamedTuple):
    """What a look at a setting shows, and what that proves of our write as an answer would."""

    value: Any  # shaped like `desired`; None for nothing
    held: Any  # as in `Sent`


class DeedWriter(Protocol):
    """Sends one operation's deeds and finds them again."""

    def send(self, deed: Deed) -> str | Made:
        """Create it; return the vendor's id."""

    def find(self, deed: Deed) -> str | Made | None:
        """What an earlier attempt created, by the strongest path; None if it is not there."""


class Sent(NamedTuple):
    """What became of one setting of a window."""

    key: SettingKey
    result: str  # done | refused | planned | unknown | stop: like it, no later one can work
    said: str = ""
    remote_id: str = ""
    held: Any = None  # what the answer says the vendor made of it; None: it says nothing


class SettingWriter(Protocol):
    """Sends windows of settings of one verb and reads single ones back."""

    def parts(self, window: Sequence[Setting]) -> list[Sequence[Setting]]:
        """Cut a window into what travels in one request."""

    def send(self, verb: str, window: Sequence[Setting]) -> list[Sent]:
        """Send each; StopTheSync carries nothing away: rows not in the result were not sent."""

    def observe(self, setting: Setting) -> Any:
        """What the vendor holds now, shaped like `desired`; None for nothing; Shown; or NOT_YET."""


@dataclass(frozen=True)
class Vendor:
    """Whose clock and horizon count for an account."""

    now: Callable[[], datetime]
    horizon: timedelta


class Bulk(NamedTuple):
    """How many updates travel together: in one request, and at least for it to be worth it."""

    most: int
    fewest: int


@dataclass(frozen=True)
class Loader:
    """One sync's way to its vendors. `told` is called with (done, total) after each window.

    Deeds go to any of `vendors`; settings to one account: a sync that writes fields at both its
    vendors has a loader for each.
    """

    lease: Lease
    deed_writers: Mapping[str, DeedWriter]  # operation -> writer
    setting_writer: SettingWriter
    vendors: Mapping[str, Vendor]  # account -> clock and horizon
    setting_account: str
    setting_vendor: str
    bots: Collection[str]
    told: Callable[[int], None]
    bulk: Bulk | None = None  # the writer takes many updates in one request
    # Told of an adoption and the seconds after which it was certainly not there yet.
    late: Callable[[Deed, str, float], None] = lambda *_: None
    looked_in_vain: dict[str, datetime] = field(default_factory=dict)  # by write key, last time


def load(loader: Loader, operations: Collection[str] = ()) -> None:
    """Send every planned deed of these operations (all when empty) that is due."""
    lease = loader.lease
    windows = deeds.planned(
        lease.state, lease.sync, bots=loader.bots, at=lease.state.now(),
        size=DEED_WINDOW, operations=operations,
    )  # fmt: skip
    for window in windows:
        account = window[0].account
        won = deeds.claim(lease, [d.write_key for d in window], loader.vendors[account].now())
        _send_deeds(loader, [d for d in window if d.write_key in won])
        loader.told(len(window))


def _send_deeds(loader: Loader, window: Sequence[Deed]) -> None:
    done: list[tuple[str, str]] = []
    holds: list[Setting] = []
    refused: list[tuple[str, str]] = []
    unknown: list[tuple[str, str]] = []
    unsent: list[str] = []
    stop: StopTheSync | None = None
    for deed in window:
        if stop is not None:
            unsent.append(deed.write_key)
            continue
        try:
            made = loader.deed_writers[deed.operation].send(deed)
            holds += [made.holds] if isinstance(made, Made) else []
            done.append((deed.write_key, made.remote_id if isinstance(made, Made) else made))
        except StopTheSync as error:
            stop = error
            unsent.append(deed.write_key)
        except TryAgain:
            unsent.append(deed.write_key)
        except Refused as error:
            refused.append((deed.write_key, str(error)))
        except OutcomeUnknown as error:
            unknown.append((deed.write_key, str(error)))
    lease = loader.lease
    if done:
        deeds.done(lease, done, holds)
    if refused:
        deeds.refused(lease, refused)
    if unknown:
        deeds.unknown(lease, unknown, at=loader.vendors[window[0].account].now())
    if unsent:
        deeds.back_to_planned(lease, unsent)
    if stop is not None:
        raise stop


def load_settings(loader: Loader) -> None:
    """Send every setting that this sweep wants and that may go out now."""
    lease, vendor = loader.lease, loader.vendors[loader.setting_account]
    if loader.bulk is not None:
        _send_in_bulk(loader, loader.bulk)
    for verbs, size in ((("create",), CREATE_WINDOW), (OTHER_VERBS, OTHER_WINDOW)):
        windows = settings.planned(
            lease, loader.setting_account,
            at=vendor.now(), horizon=vendor.horizon, size=size, verbs=verbs,
        )  # fmt: skip
        for window in windows:
            _claim_and_send(loader, window)


def _send_in_bulk(loader: Loader, bulk: Bulk) -> None:
    """Send updates by the hundred, as long as so many wait; the rest goes one by one."""
    vendor = loader.vendors[loader.setting_account]
    windows = settings.planned(
        loader.lease, loader.setting_account,
        at=vendor.now(), horizon=vendor.horizon, size=bulk.most, verbs=("update",),
    )  # fmt: skip
    for window in windows:
        if len(window) >= bulk.fewest:
            _claim_and_send(loader, window)


def _claim_and_send(loader: Loader, window: Sequence[Setting]) -> None:
    vendor, left = loader.vendors[loader.setting_account], window
    while left:
        won = settings.claim(loader.lease, left, vendor.now(), vendor.horizon)
        mine = [s for s in left if s.key in won]
        left = _send_settings(loader, mine) if mine else []
    loader.told(len(window))


def _send_settings(loader: Loader, window: Sequence[Setting]) -> list[Setting]:
    """Send what was claimed and settle it; return what there was no time for."""
    stop: StopTheSync | None = None
    sent: list[Sent] = []
    claimed_at, is_late = loader.lease.state.now(), False
    try:
        for part in loader.setting_writer.parts(window):
            if is_late := loader.lease.state.now() - claimed_at > CLAIM_LASTS:
                break
            sent += loader.setting_writer.send(window[0].verb, part)
            if any(one.result == "unknown" for one in sent):
                break  # a silent vendor takes its time: the rest is claimed anew
    except StopTheSync as error:
        stop = error
    for one in sent:
        if one.result == "stop":  # told by a row, not by the answer as a whole
            stop = PlanLimitReached(loader.setting_vendor, "write", one.said)
    sent = [one._replace(result="planned") if one.result == "stop" else one for one in sent]
    settled = {s.key for s in sent}
    unsent = [s for s in window if s.key not in settled]
    sent += [Sent(s.key, "planned") for s in unsent]
    by_result: dict[str, list[Sent]] = {}
    for one in sent:
        by_result.setdefault(one.result, []).append(one)
    lease = loader.lease
    if "done" in by_result:
        done = by_result["done"]
        held = {s.key: s.held for s in done if s.held is not None}
        settings.acknowledged(lease, [(s.key, s.remote_id) for s in done], held)
    if "refused" in by_result:
        settings.refused(lease, [(s.key, s.said) for s in by_result["refused"]])
    if "unknown" in by_result:
        at = loader.vendors[loader.setting_account].now()
        settings.unknown(lease, [(s.key, s.said) for s in by_result["unknown"]], at=at)
    if "planned" in by_result:
        settings.back_to_planned(lease, [s.key for s in by_result["planned"]])
    if stop is not None:
        raise stop
    return unsent if is_late else []


def settle_doubts(loader: Loader) -> float | None:
    """Look up every write whose outcome is unknown; return the seconds until one can be decided.

    None: nothing is open that time would settle. A look-up the vendor refuses (the field that
    carries our reference is gone) leaves its doubt to a person, and holds up nobody else.
    """
    waits: list[float] = []
    for deed in deeds.doubts(loader.lease):
        if deed.account not in loader.vendors:
            continue  # of an account that is not open: absent elsewhere proves nothing
        vendor = loader.vendors[deed.account]
        looked_at = vendor.now()
        try:
            found = loader.deed_writers[deed.operation].find(deed)
        except Refused as error:
            log.warning("%s stays in doubt: %s", deed.write_key, error)
            continue
        if found is not None:
            remote_id, holds = found if isinstance(found, Made) else (found, None)
            deeds.found(loader.lease, [(deed.write_key, remote_id)], [holds] if holds else [])
            _tell_if_late(loader, deed, remote_id)
            continue
        loader.looked_in_vain[deed.write_key] = looked_at
        try:
            deeds.absent(loader.lease, deed.write_key, at=looked_at, horizon=vendor.horizon)
        except TooEarly as early:
            waits.append(early.wait_seconds)
    for setting in settings.doubts(loader.lease):
        if setting.account != loader.setting_account:
            continue  # another loader of this run writes there
        looked_at = loader.vendors[setting.account].now()
        seen = loader.setting_writer.observe(setting)
        if seen is NOT_YET:
            waits.append(LOOK_AGAIN)
            continue
        shown = looked_at - loader.vendors[setting.account].horizon
        value, held = seen if isinstance(seen, Shown) else (seen, None)
        settings.observed(
            loader.lease, [(setting.key, value)], shown=shown,
            held={} if held is None else {setting.key: held},
        )  # fmt: skip
    waits += _late_bodies(loader)
    return max(min(waits), 0.0) if waits else None


def _tell_if_late(loader: Loader, deed: Deed, remote_id: str) -> None:
    """An empty look later than half the horizon: the next one may be empty beyond all of it."""
    missed_at = loader.looked_in_vain.get(deed.write_key)
    if missed_at is None or deed.sending_at is None:
        return
    delay = missed_at - deed.sending_at
    if delay > loader.vendors[deed.account].horizon / 2:
        loader.late(deed, remote_id, delay.total_seconds())


def _late_bodies(loader: Loader) -> list[float]:
    """Seconds until settings that wait for an old body may go out."""
    vendor = loader.vendors[loader.setting_account]
    at = vendor.now()
    return [
        (since + vendor.horizon - at).total_seconds()
        for since in settings.waiting_since(loader.lease, loader.setting_account)
    ]
