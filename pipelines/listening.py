"""What `syncline listen` needs of a sync: whose deliveries are whose, and what they demand.

A delivery wakes a sweep and is no evidence, with one exception, on the side of caution: who
unsubscribed is barred at once, also when somebody takes the member off the list before a sweep
can see why. What is the vendor's own about a webhook is its kind's `Bell`.
"""

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple

from connectors.errors import ConnectorError
from pipelines.accounts import ConnectionMismatchError
from pipelines.definition import SyncDefinition
from pipelines.settings import Connections, MissingSecretError, Settings
from pipelines.surroundings import REAL, Surroundings
from state import doors, guards, lease, runs
from state.database import State
from state.doors import listener_name
from state.errors import StateTrouble
from state.lease import Lease

NOT_YET_S = 60.0
LOOK_EVERY_S = 3600.0  # somebody may delete it at the vendor
TRY_AGAIN_S = 300.0
NOT_SEEN = "What was exported since `listen` began it sees only when it is started again"
GONE_AGAIN_S = 60.0  # an editor may be replacing the file: who is missing is looked for twice
MOST_NAMED = 500  # in a window: what is more is for the next
IN_DOUBT = "nobody knows yet whether its last change arrived"

log = logging.getLogger(__name__)


class NoWebhookSecretError(Exception):
    """Nobody could tell a delivery of the vendor's from anybody else's."""


TROUBLES = (
    ConnectorError, StateTrouble, MissingSecretError, ConnectionMismatchError, NoWebhookSecretError,
)  # fmt: skip


Named = tuple[str, ...]  # ("person", id), ("deal", id), ("member", audience, address)


class Removed(NamedTuple):
    """What became of a removal: the webhook that went ('' for none), and what is in the way."""

    webhook_id: str
    trouble: str


class Wires(NamedTuple):
    """What it takes to reach a vendor about a webhook. `lease` is the listener's own."""

    settings: Settings
    connections: Connections
    lease: Lease
    around: Surroundings = REAL
    lost: Callable[[], None] = lambda: None  # told when a webhook of ours had gone or fallen silent


@dataclass(frozen=True)
class Bell:
    """How a kind's vendor is made to ring, and how its ringing is understood."""

    vendor: str  # as people call it
    # definition, connections, settings -> what deliveries are signed with; NoWebhookSecretError
    secret_of: Callable[[Any, Connections, Settings], str]
    # body, headers, secret -> whether who sent it knows the secret
    is_signed: Callable[[bytes, Mapping[str, str], str], bool]
    # -> how many the body says to have left, all of them barred now; twice does no harm
    bar_leavers: Callable[[State, Any, Settings, bytes], int]
    # -> why there can be no webhook yet, '' when there can
    waits_for: Callable[[State, Any], str]
    # definition, address, secret -> what stands in the way of the webhook as wanted, '' for nothing
    keep: Callable[[Wires, Any, str, str], str]
    # sync, account: no definition, since no file may list it any more
    remove: Callable[[Wires, str, str], Removed]
    accounts_rung_from: Callable[[State, str], set[str]]  # where one was made and not removed
    side: str = "engagement"  # on which of a sync's connections it hangs
    # -> whom a body names, for who reads them by id; a body nobody understands names nobody
    names: Callable[[bytes], Collection[Named]] = lambda _: ()

    def account_of(self, definition: SyncDefinition) -> str:
        return str(getattr(definition.connections, self.side))


@dataclass
class Rope:
    """A bell of a sync, and what its vendor's deliveries are told by.

    The former secret is good until a look later than that which gave the vendor the new one.
    """

    bell: Bell
    secret: str = field(repr=False)
    former: str = field(default="", repr=False)

    def is_signed(self, body: bytes, headers: Mapping[str, str]) -> bool:
        secrets = [one for one in (self.secret, self.former) if one]
        return any(self.bell.is_signed(body, headers, one) for one in secrets)


class Files(NamedTuple):
    """What the files say of a sync just now. Neither definition nor mistake: none lists it."""

    definition: SyncDefinition | None
    connections: Connections
    mistake: str = ""


class Reading(NamedTuple):
    """How the files are read. `stamp` is another value after each edit, and cheap."""

    stamp: Callable[[], object]
    read: Callable[[], Files]


@dataclass
class Listening:
    """One sync as the listener knows it. `lease` is the listener's own, not the sync's.

    The files are read anew with each look at the webhook; what they said last stays good while
    they hold a mistake. `address_of` an account is where its webhook should ring.
    """

    definition: SyncDefinition
    connections: Connections
    settings: Settings
    state: State
    lease: Lease
    ropes: Sequence[Rope] = field(repr=False)
    address_of: Callable[[str], str]
    files: Reading
    say: Callable[[str], object]
    around: Surroundings = REAL
    is_gone: bool = False  # no file lists it, and its webhook is removed
    is_owed_a_run: bool = False  # deliveries may be lost: everything is to be read
    _is_missed: bool = False
    _stamp: object = None
    _refused: int = 0
    _said: dict[str, str] = field(default_factory=dict)
    _named: SimpleQueue[Named] = field(default_factory=SimpleQueue)

    @property
    def name(self) -> str:
        return self.definition.name

    @property
    def accounts(self) -> list[str]:
        return [rope.bell.account_of(self.definition) for rope in self.ropes]

    def is_signed(self, account: str, body: bytes, headers: Mapping[str, str]) -> bool:
        """Whether a delivery comes from who knows the account's secret: from its vendor."""
        rope = self._rope(account)
        return rope is not None and rope.is_signed(body, headers)

    def take_in(self, account: str, body: bytes) -> str | None:
        """Bar at once who unsubscribed. None: the state cannot be written now; come again."""
        rope = self._rope(account)
        if rope is None:  # of an account it had before an edit: who left there is no concern of now
            return ""
        try:
            left = rope.bell.bar_leavers(self.state, self.definition, self.settings, body)
        except (StateTrouble, OSError) as error:
            log.warning("%s: who left could not be kept yet (%s)", self.name, type(error).__name__)
            return None
        for one in rope.bell.names(body):
            self._named.put(one)
        return f"{left} unsubscribed, barred at once" if left else ""

    def take_named(self) -> set[Named]:
        """Whom deliveries have named since this was asked last; one thread gets each."""
        found = set[Named]()
        with suppress(Empty):
            while len(found) < MOST_NAMED:
                found.add(self._named.get_nowait())
        return found

    @property
    def is_waited_for(self) -> bool:
        """Whether somebody was named whom no run has been about: never, where runs read all."""
        return False

    def obstacle(self) -> str:
        """Why no run should begin now: another goes on, or a stopped one waits for its approval.

        A run that is stopped again replaces what there is to approve, and a new bot's baseline.
        """
        if self._is_missed:
            return "no file lists it"
        if holder := lease.holder(self.state, self.name):
            return f"run {holder} holds it"
        last = runs.standing(self.state, self.name)
        if last is None or last.outcome != "guarded" or guards.approved_keys(self.state, self.name):
            return ""
        self._say_once(
            "guard",
            f"run {last.last_run_id} was stopped by a guard: not woken until approved, or until "
            f"`syncline run {self.name}` or the schedule meets no guard any more",
        )
        return "a stopped run waits for its approval"

    def is_edited(self) -> bool:
        """Whether some file changed since the last look."""
        return self.files.stamp() != self._stamp

    def keep_webhook(self) -> float | None:
        """See that the webhook is there and as the files want it now; return the seconds until
        the next look, or None when no file lists the sync any more and its webhook is removed."""
        self._stamp = self.files.stamp()  # before reading: an edit in between is read again
        files = self.files.read()
        if files.mistake:
            self._say_once("files", f"what its files said last stays good: {files.mistake}")
        elif files.definition is None:
            # Its connection may have gone with it, and is needed once more.
            self.connections = {**self.connections, **files.connections}
            return self._leave()
        else:
            self._take_up(files.definition, files.connections)
        return self._see_to_it()

    def refused(self, count: int) -> None:
        """Keep the number; what cannot be kept now is kept with the next."""
        self._refused += count
        try:
            doors.count_refused(self.state, listener_name(self.name), self._refused)
        except StateTrouble as error:
            log.warning("%s: refusals not kept yet (%s)", self.name, type(error).__name__)
        else:
            self._refused = 0

    def close(self) -> None:
        """Nothing is held but what was given."""

    def _take_up(self, definition: SyncDefinition, connections: Connections) -> None:
        if self._said.pop("files", ""):
            self.say(f"{self.name}: its files are in order again")
        elif (definition, connections) != (self.definition, self.connections):
            self.say(f"{self.name}: its files were edited; what they say now holds")
        self.definition, self.connections, self._is_missed = definition, connections, False

    def _see_to_it(self) -> float:
        """The seconds until the next look: of several webhooks the one in trouble decides."""
        waits, troubles = [], []
        for rope in self.ropes:
            wait, trouble = self._see_to(rope)
            waits.append(wait)
            troubles += [trouble] if trouble else []
        self._note("; ".join(troubles))
        return min(waits)

    def _see_to(self, rope: Rope) -> tuple[float, str]:
        bell, about = rope.bell, f"webhook of {rope.bell.vendor}"
        if said := bell.waits_for(self.state, self.definition):
            self._say_once(about, said)
            return NOT_YET_S, said
        before = rope.secret
        trouble = self._try(lambda: self._keep(rope))
        if trouble:
            self._say_once(about, f"no webhook yet, tried again in 5 minutes: {trouble}")
            return TRY_AGAIN_S, trouble
        if rope.secret == before:
            rope.former = ""
        address = self.address_of(bell.account_of(self.definition))
        self._say_once(about, f"{bell.vendor} rings at {address}")
        return LOOK_EVERY_S, ""

    def _keep(self, rope: Rope) -> str:
        bell, account = rope.bell, rope.bell.account_of(self.definition)
        secret = bell.secret_of(self.definition, self.connections, self.settings)
        if secret != rope.secret:
            rope.secret, rope.former = secret, rope.secret
        trouble = bell.keep(self._wires(), self.definition, self.address_of(account), rope.secret)
        rung_from = bell.accounts_rung_from(self.state, self.name)
        return trouble or self._remove(bell, rung_from - {account})

    def _leave(self) -> float | None:
        if not self._is_missed:
            self._is_missed = True
            self.say(f"{self.name}: no file lists it: not woken, and its webhook goes in a minute")
            return GONE_AGAIN_S
        accounts: set[str] = set()
        for bell in (rope.bell for rope in self.ropes):
            rung_from = bell.accounts_rung_from(self.state, self.name)
            if trouble := self._try(partial(self._remove, bell, rung_from)):
                self._say_once("webhook", f"not removed, tried again in 5 minutes: {trouble}")
                return TRY_AGAIN_S
            accounts |= rung_from
        doors.forget(self.state, listener_name(self.name))
        self.is_gone = True
        what = "its webhook is removed" if accounts else "it had no webhook"
        self.say(f"{self.name}: {what}, and nobody listens for it here any more")
        return None

    def missed(self) -> None:
        """Something may never be delivered, or its body is gone: everything is to be read."""
        self.is_owed_a_run = True

    def _wires(self) -> Wires:
        return Wires(self.settings, self.connections, self.lease, self.around, self.missed)

    def _rope(self, account: str) -> Rope | None:
        of_account = (one for one in self.ropes if one.bell.account_of(self.definition) == account)
        return next(of_account, None)

    def _remove(self, bell: Bell, accounts: Collection[str]) -> str:
        """Remove the sync's webhook at these accounts; what stands in the way, '' for nothing."""
        for account in sorted(accounts):
            found = bell.remove(self._wires(), self.name, account)
            if found.trouble:
                return f"the webhook at {account} still stands: {found.trouble}"
        return ""

    def _try(self, ask: Callable[[], str]) -> str:
        try:
            return ask()
        except (MissingSecretError, NoWebhookSecretError) as error:
            return f"{error}. {NOT_SEEN}"
        except TROUBLES as error:
            return str(error)

    def _note(self, trouble: str) -> None:
        try:
            doors.note_webhook(self.state, listener_name(self.name), trouble)
        except StateTrouble as error:
            log.warning("%s: the look is not kept (%s)", self.name, type(error).__name__)

    def _say_once(self, about: str, line: str) -> None:
        if line != self._said.get(about):
            self._said[about] = line
            self.say(f"{self.name}: {line}")
