"""Vendors that do as they are told, and a ledger in memory to load from.

A vendor's `answers` say per key what a request meets; a key without one is answered. What was
committed stands in `there`, whatever was answered, as at a real vendor.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from connectors.errors import (
    BadCredentials,
    ConnectorError,
    NotSent,
    OutcomeUnknown,
    Refused,
    Throttled,
)
from pipelines.load import Loader, Sent, Vendor
from state import deeds, ledger, settings
from state import lease as leases
from state.database import open_state
from state.deeds import Deed
from state.lease import Lease
from state.settings import Setting, SettingKey

HORIZON = timedelta(seconds=300)
ACCOUNT = "crm"
UNKNOWN = OutcomeUnknown("vendor", "POST", "connection reset")
REFUSED = Refused("vendor", "POST", "no such person")
STOP = BadCredentials("vendor", "POST", "revoked")
UNSENT: dict[str, ConnectorError] = {
    "not sent": NotSent("vendor", "POST", "connection refused"),
    "throttled": Throttled("vendor", "POST", "slow down", retry_after=1),
}


def note(key: str, subject: str = "", bot: str = "") -> Deed:
    return Deed(key, ACCOUNT, "create_note", "note", subject or f"of {key}", {"text": key}, bot)


def activity(key: str, subject: str) -> Deed:
    return Deed(key, ACCOUNT, "create_activity", "activity", subject, {"text": key})


def member(subject: str, phone: str = "1", verb: str = "update") -> Setting:
    return Setting(ACCOUNT, "list_member", subject, "list", {"PHONE": phone}, verb)


class FakeDeeds:
    """Keeps what it is sent, under made-up ids."""

    def __init__(self) -> None:
        self.answers: dict[str, deque[Exception]] = {}
        self.there: dict[str, str] = {}
        self.unsearchable: set[str] = set()
        self.sent: list[str] = []
        self.before: Callable[[Deed], None] = lambda _: None

    def will(self, key: str, *errors: Exception) -> None:
        self.answers[key] = deque(errors)

    def send(self, deed: Deed) -> str:
        self.before(deed)
        self.sent.append(deed.write_key)
        if waiting := self.answers.get(deed.write_key):
            raise waiting.popleft()
        return self.there.setdefault(deed.write_key, f"id of {deed.write_key}")

    def find(self, deed: Deed) -> str | None:
        if deed.write_key in self.unsearchable:
            raise Refused("vendor", "GET", "no such field")
        return self.there.get(deed.write_key)


class FakeMembers:
    """A list of subscribers: subject to values."""

    def __init__(self) -> None:
        self.answers: dict[str, deque[Exception | str]] = {}
        self.there: dict[str, Any] = {}
        self.sent: list[tuple[str, str]] = []
        self.windows: list[tuple[str, int]] = []
        self.before: Callable[[Setting], None] = lambda _: None

    def will(self, subject: str, *answers: Exception | str) -> None:
        """An error to raise, or the name of a result."""
        self.answers[subject] = deque(answers)

    def parts(self, window: Sequence[Setting]) -> list[Sequence[Setting]]:
        return [window] if window[0].verb == "create" else [[one] for one in window]

    def send(self, verb: str, window: Sequence[Setting]) -> list[Sent]:
        self.windows.append((verb, len(window)))
        return [self._one(setting) for setting in window]

    def _one(self, setting: Setting) -> Sent:
        self.before(setting)
        self.sent.append((setting.subject, setting.desired["PHONE"]))
        waiting = self.answers.get(setting.subject)
        answer = waiting.popleft() if waiting else "done"
        if isinstance(answer, Exception):
            raise answer
        if answer == "done":
            self.there[setting.subject] = setting.desired
        return Sent(setting.key, answer, "" if answer == "done" else f"vendor: {answer}")

    def observe(self, setting: Setting) -> Any:
        return self.there.get(setting.subject)


class LoadDesk:
    """A ledger with one sync's lease, both fake vendors, and the loader between them."""

    def __init__(self, lease: Lease, clock: Callable[[], datetime]) -> None:
        self.lease, self.clock = lease, clock
        self.notes, self.activities, self.members = FakeDeeds(), FakeDeeds(), FakeMembers()
        self.told: list[int] = []

    def loader(self, bots: Sequence[str] = ()) -> Loader:
        return Loader(
            lease=self.lease,
            deed_writers={"create_note": self.notes, "create_activity": self.activities},
            setting_writer=self.members,
            vendors={ACCOUNT: Vendor(self.clock, HORIZON)},
            setting_account=ACCOUNT,
            setting_vendor="mailigen",
            bots=bots,
            told=self.told.append,
        )

    def seal(self, *wanted: Deed | Setting) -> None:
        ledger.seal(
            self.lease,
            deeds=[one for one in wanted if isinstance(one, Deed)],
            settings=[one for one in wanted if isinstance(one, Setting)],
        )

    def deed_states(self, *keys: str) -> list[str]:
        found = [deeds.by_key(self.lease.state, key) for key in keys]
        return [one.state if one else "not there" for one in found]

    def setting(self, subject: str) -> Setting:
        key = SettingKey(ACCOUNT, "list_member", subject, "list")
        found = settings.by_key(self.lease.state, key)
        assert found is not None
        return found

    def setting_states(self, *subjects: str) -> list[str]:
        return [self.setting(subject).state for subject in subjects]


@contextmanager
def load_desk(clock: Callable[[], datetime]) -> Iterator[LoadDesk]:
    """A desk whose first run has the sync."""
    state = open_state("sqlite://", now=clock)
    yield LoadDesk(leases.acquire(state, "acme", run_id="run-1"), clock)
    state.close()


def next_run(desk: LoadDesk) -> None:
    """The run is over (or was killed); another one takes the sync."""
    before = desk.lease
    leases.release(before)
    desk.lease = leases.acquire(before.state, "acme", run_id=f"run-{before.fence + 1}")
