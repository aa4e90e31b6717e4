"""What `syncline listen` needs of this sync: whose deliveries are whose, and what they demand.

A delivery wakes a sweep and is no evidence, with one exception, on the side of caution: who
unsubscribed is barred at once, also when somebody takes the member off the list before a sweep
can see why.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from sqlalchemy.exc import OperationalError

from connectors.errors import ConnectorError
from connectors.mailigen import webhooks
from pipelines.accounts import ConnectionMismatchError, open_engagement
from pipelines.mailigen_pipedrive.config import Definition
from pipelines.mailigen_pipedrive.webhook import (
    LOOK_EVERY_S,
    TRY_AGAIN_S,
    Wanted,
    keep_webhook,
    wanted_events,
)
from pipelines.settings import Connections, MailigenConnection, MissingSecretError, Settings
from pipelines.surroundings import REAL, Surroundings
from state import consent, guards, lease, pins, runs
from state.database import State
from state.errors import StateTrouble
from state.lease import Lease

SHORTEST_SECRET = 16  # characters; what can be guessed need not be signed for
NO_LIST_YET_S = 60.0

log = logging.getLogger(__name__)


class NoWebhookSecretError(Exception):
    """Nobody could tell a delivery of the vendor's from anybody else's."""


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


@dataclass
class Listening:
    """One sync as the listener knows it. `lease` is the listener's own, not the sync's."""

    definition: Definition
    connections: Connections
    settings: Settings
    state: State
    lease: Lease
    secret: str = field(repr=False)
    url: str
    say: Callable[[str], object]
    around: Surroundings = REAL
    _last_said: str = ""

    @property
    def name(self) -> str:
        return self.definition.name

    @property
    def account(self) -> str:
        return self.definition.connections.engagement

    def is_signed(self, body: bytes, headers: Mapping[str, str]) -> bool:
        """Whether a delivery comes from who knows the secret: from Mailigen."""
        return webhooks.is_signed(body, headers.get(webhooks.SIGNATURE), self.secret)

    def take_in(self, body: bytes) -> str | None:
        """Bar at once who unsubscribed. None: the state cannot be written now; come again."""
        delivery = webhooks.read_delivery(body)
        left = webhooks.leavers(delivery, self.list_id() or "") if delivery else []
        if not left:
            return ""
        home, key = self.settings.home, consent.read_key(self.settings.home)
        seen = [
            consent.Seen(email, "unsubscribed", "webhook contact.unsubscribe") for email in left
        ]
        try:
            consent.record(self.state, self.account, seen, key=key, home=home)
            consent.left_again(self.state, self.account, left, key=key)
        except (StateTrouble, OperationalError, OSError) as error:
            log.warning("%s: who left could not be kept yet (%s)", self.name, type(error).__name__)
            return None
        return f"{len(left)} unsubscribed, barred at once"

    def obstacle(self) -> str:
        """Why no run should begin now: another goes on, or a stopped one waits for its approval.

        A run that is stopped again replaces what there is to approve, and a new bot's baseline.
        """
        if holder := lease.holder(self.state, self.name):
            return f"run {holder} holds it"
        last = runs.standing(self.state, self.name)
        if last is None or last.outcome != "guarded" or guards.approved_keys(self.state, self.name):
            return ""
        self._say_once(f"run {last.last_run_id} was stopped by a guard: not woken until approved")
        return "a stopped run waits for its approval"

    def list_id(self) -> str | None:
        """The list's id, once a run has tied the definition's name to it."""
        wanted = self.definition.list
        pin = pins.find(self.state, self.account, "list", wanted.title or str(wanted.id))
        return pin.remote_id if pin else None

    def keep_webhook(self) -> float:
        """See that the webhook is there and as wanted; return the seconds until the next look."""
        list_id = self.list_id()
        if list_id is None:
            self._say_once("no run has found the list yet; the webhook is made after the first")
            return NO_LIST_YET_S
        try:
            trouble = self._keep(list_id)
        except (ConnectorError, StateTrouble, MissingSecretError, ConnectionMismatchError) as error:
            trouble = str(error)
        if trouble:
            self._say_once(f"no webhook yet, tried again in 5 minutes: {trouble}")
            return TRY_AGAIN_S
        self._say_once(f"Mailigen rings at {self.url}")
        return LOOK_EVERY_S

    def _keep(self, list_id: str) -> str:
        wanted = Wanted(
            self.account, self.name, list_id, self.url, wanted_events(self.definition),
            self.secret, consent.read_key(self.settings.home),
        )  # fmt: skip
        with open_engagement(
            self.settings, self.connections, self.account, self.state, self.around
        ) as place:
            return keep_webhook(self.lease, place.client, wanted, place.horizon)

    def _say_once(self, line: str) -> None:
        if line != self._last_said:
            self._last_said = line
            self.say(f"{self.name}: {line}")
