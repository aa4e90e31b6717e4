"""What `syncline listen` needs of this sync: whose deliveries are whose, and what they demand.

A delivery wakes a sweep and is no evidence, with one exception, on the side of caution: who
unsubscribed is barred at once, also when somebody takes the member off the list before a sweep
can see why.
"""

import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from sqlalchemy.exc import OperationalError

from connectors.errors import ConnectorError
from connectors.mailigen import webhooks
from pipelines.accounts import ConnectionMismatchError, open_engagement
from pipelines.mailigen_pipedrive.config import Definition
from pipelines.mailigen_pipedrive.naming import list_id_of
from pipelines.mailigen_pipedrive.webhook import (
    LOOK_EVERY_S,
    TRY_AGAIN_S,
    Wanted,
    accounts_rung_from,
    keep_webhook,
    remove_webhook,
    wanted_events,
)
from pipelines.settings import Connections, MailigenConnection, MissingSecretError, Settings
from pipelines.surroundings import REAL, Surroundings
from state import consent, doors, guards, lease, runs
from state.database import State
from state.doors import listener_name
from state.errors import StateTrouble
from state.lease import Lease

SHORTEST_SECRET = 16  # characters; what can be guessed need not be signed for
NO_LIST_YET_S = 60.0
NOT_SEEN = "What was exported since `listen` began it sees only when it is started again"
GONE_AGAIN_S = 60.0  # an editor may be replacing the file: who is missing is looked for twice

log = logging.getLogger(__name__)


class NoWebhookSecretError(Exception):
    """Nobody could tell a delivery of the vendor's from anybody else's."""


TROUBLES = (
    ConnectorError, StateTrouble, MissingSecretError, ConnectionMismatchError, NoWebhookSecretError,
)  # fmt: skip


def webhook_secret(account: str, connection: MailigenConnection, settings: Settings) -> str:
    """Return the secret an account's webhooks are signed with, or say how to give it one."""
    name = connection.secret.webhook
    if name is None:
        raise NoWebhookSecretError(
            f"{account} has no secret for webhooks: write `secret: {{key: "
            f"{connection.secret.key}, webhook: {account.upper().replace('-', '_')}_WEBHOOK}}` in "
            "connections.yaml, and export that name with a long random word "
            "(openssl rand -hex 32). Without it anybody could ring"
        )
    secret = settings.secret(name)
    if len(secret) < SHORTEST_SECRET or not secret.isascii() or not secret.isprintable():
        raise NoWebhookSecretError(
            f"the secret {name} can be guessed or not be sent: take at least {SHORTEST_SECRET} "
            "plain characters (openssl rand -hex 32)"
        )
    return secret


def bar_leavers(state: State, definition: Definition, settings: Settings, body: bytes) -> int:
    """Bar whom a delivery says to have left the list; return how many. Twice does no harm."""
    delivery = webhooks.read_delivery(body)
    left = webhooks.leavers(delivery, list_id_of(state, definition) or "") if delivery else []
    if left:
        account, key = definition.connections.engagement, consent.read_key(settings.home)
        evidence = "webhook contact.unsubscribe"
        seen = [consent.Seen(email, "unsubscribed", evidence) for email in left]
        consent.record(state, account, seen, key=key, home=settings.home)
        consent.left_again(state, account, left, key=key)
    return len(left)


class Files(NamedTuple):
    """What the files say of a sync just now. Neither definition nor mistake: none lists it."""

    definition: Definition | None
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

    definition: Definition
    connections: Connections
    settings: Settings
    state: State
    lease: Lease
    secret: str = field(repr=False)
    address_of: Callable[[str], str]
    files: Reading
    say: Callable[[str], object]
    around: Surroundings = REAL
    is_gone: bool = False  # no file lists it, and its webhook is removed
    _is_missed: bool = False
    _former_secret: str = field(default="", repr=False)
    _stamp: object = None
    _refused: int = 0
    _said: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.definition.name

    @property
    def account(self) -> str:
        return self.definition.connections.engagement

    @property
    def url(self) -> str:
        return self.address_of(self.account)

    def is_signed(self, body: bytes, headers: Mapping[str, str]) -> bool:
        """Whether a delivery comes from who knows the secret: from Mailigen.

        The former secret is good until a look later than that which gave Mailigen the new one.
        """
        signature = headers.get(webhooks.SIGNATURE)
        return any(
            webhooks.is_signed(body, signature, secret)
            for secret in (self.secret, self._former_secret)
        )

    def take_in(self, body: bytes) -> str | None:
        """Bar at once who unsubscribed. None: the state cannot be written now; come again."""
        try:
            left = bar_leavers(self.state, self.definition, self.settings, body)
        except (StateTrouble, OperationalError, OSError) as error:
            log.warning("%s: who left could not be kept yet (%s)", self.name, type(error).__name__)
            return None
        return f"{left} unsubscribed, barred at once" if left else ""

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
        except (StateTrouble, OperationalError) as error:
            log.warning("%s: refusals not kept yet (%s)", self.name, type(error).__name__)
        else:
            self._refused = 0

    def close(self) -> None:
        """Nothing is held but what was given."""

    def _take_up(self, definition: Definition, connections: Connections) -> None:
        if self._said.pop("files", ""):
            self.say(f"{self.name}: its files are in order again")
        elif (definition, connections) != (self.definition, self.connections):
            self.say(f"{self.name}: its files were edited; what they say now holds")
        self.definition, self.connections, self._is_missed = definition, connections, False

    def _see_to_it(self) -> float:
        list_id = list_id_of(self.state, self.definition)
        if list_id is None:
            said = "no run has found the list yet; the webhook is made after the first"
            self._say_once("webhook", said)
            self._note(said)
            return NO_LIST_YET_S
        before = self.secret
        trouble = self._try(lambda: self._keep(list_id))
        self._note(trouble)
        if trouble:
            self._say_once("webhook", f"no webhook yet, tried again in 5 minutes: {trouble}")
            return TRY_AGAIN_S
        if self.secret == before:
            self._former_secret = ""
        self._say_once("webhook", f"Mailigen rings at {self.url}")
        return LOOK_EVERY_S

    def _keep(self, list_id: str) -> str:
        connection = self.connections[self.account]
        assert isinstance(connection, MailigenConnection)  # who reads the files has seen to it
        secret = webhook_secret(self.account, connection, self.settings)
        if secret != self.secret:
            self.secret, self._former_secret = secret, self.secret
        wanted = Wanted(
            self.account, self.name, list_id, self.url, wanted_events(self.definition),
            self.secret, consent.read_key(self.settings.home),
        )  # fmt: skip
        with open_engagement(
            self.settings, self.connections, self.account, self.state, self.around
        ) as place:
            trouble = keep_webhook(self.lease, place.client, wanted, place.horizon)
        return trouble or self._remove(accounts_rung_from(self.state, self.name) - {self.account})

    def _leave(self) -> float | None:
        if not self._is_missed:
            self._is_missed = True
            self.say(f"{self.name}: no file lists it: not woken, and its webhook goes in a minute")
            return GONE_AGAIN_S
        accounts = accounts_rung_from(self.state, self.name)
        if trouble := self._try(lambda: self._remove(accounts)):
            self._say_once("webhook", f"not removed, tried again in 5 minutes: {trouble}")
            return TRY_AGAIN_S
        doors.forget(self.state, listener_name(self.name))
        self.is_gone = True
        what = "its webhook is removed" if accounts else "it had no webhook"
        self.say(f"{self.name}: {what}, and nobody listens for it here any more")
        return None

    def _remove(self, accounts: Collection[str]) -> str:
        """Remove the sync's webhook at these accounts; what stands in the way, '' for nothing."""
        for account in sorted(accounts):
            with open_engagement(
                self.settings, self.connections, account, self.state, self.around
            ) as place:
                found = remove_webhook(self.lease, place.client, self.name, account, place.horizon)
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
        except (StateTrouble, OperationalError) as error:
            log.warning("%s: the look is not kept (%s)", self.name, type(error).__name__)

    def _say_once(self, about: str, line: str) -> None:
        if line != self._said.get(about):
            self._said[about] = line
            self.say(f"{self.name}: {line}")
