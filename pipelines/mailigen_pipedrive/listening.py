"""How Mailigen is made to ring for this sync, and what a delivery of it says (its `Bell`)."""

from collections.abc import Mapping

from connectors.mailigen import webhooks
from pipelines.accounts import open_engagement
from pipelines.listening import Bell, NoWebhookSecretError, Removed, Wires
from pipelines.mailigen_pipedrive.config import Definition
from pipelines.mailigen_pipedrive.naming import list_id_of
from pipelines.mailigen_pipedrive.webhook import (
    Wanted,
    accounts_rung_from,
    keep_webhook,
    remove_webhook,
    wanted_events,
)
from pipelines.settings import Connections, MailigenConnection, Settings
from state import consent
from state.database import State

SHORTEST_SECRET = 16  # characters; what can be guessed need not be signed for


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
        account = definition.connections.engagement
        key = consent.key_for(state, account, settings.home)
        evidence = "webhook contact.unsubscribe"
        seen = [consent.Seen(email, "unsubscribed", evidence) for email in left]
        consent.record(state, account, seen, key=key, home=settings.home)
        consent.left_again(state, account, left, key=key, home=settings.home)
    return len(left)


def _secret_of(definition: Definition, connections: Connections, settings: Settings) -> str:
    account = definition.connections.engagement
    connection = connections[account]
    assert isinstance(connection, MailigenConnection)  # who reads the files has seen to it
    return webhook_secret(account, connection, settings)


def _is_signed(body: bytes, headers: Mapping[str, str], secret: str) -> bool:
    return webhooks.is_signed(body, headers.get(webhooks.SIGNATURE), secret)


def _waits_for(state: State, definition: Definition) -> str:
    is_there = list_id_of(state, definition) is not None
    return "" if is_there else "no run has found the list yet; the webhook is made after the first"


def _keep(wires: Wires, definition: Definition, url: str, secret: str) -> str:
    state, account = wires.lease.state, definition.connections.engagement
    wanted = Wanted(
        account, definition.name, str(list_id_of(state, definition)), url,
        wanted_events(definition), secret, consent.read_key(wires.settings.home),
    )  # fmt: skip
    with open_engagement(wires.settings, wires.connections, account, state, wires.around) as place:
        return keep_webhook(wires.lease, place.client, wanted, place.horizon)


def _remove(wires: Wires, sync: str, account: str) -> Removed:
    with open_engagement(
        wires.settings, wires.connections, account, wires.lease.state, wires.around
    ) as place:
        return remove_webhook(wires.lease, place.client, sync, account, place.horizon)


BELL = Bell(
    "Mailigen", _secret_of, _is_signed, bar_leavers, _waits_for, _keep, _remove,
    accounts_rung_from,
)  # fmt: skip
