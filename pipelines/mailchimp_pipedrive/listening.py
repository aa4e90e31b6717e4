"""How both vendors are made to ring for this sync, and what their deliveries say (its `Bell`s)."""

from collections.abc import Mapping, Sequence
from urllib.parse import parse_qs, quote

from connectors.mailchimp import webhooks as of_mailchimp
from connectors.mailchimp.webhooks import Changed, Cleaned, DeliveryError, Joined, Left, Moved
from connectors.pipedrive import webhooks as of_pipedrive
from pipelines.accounts import open_crm
from pipelines.listening import Bell, Named, NoWebhookSecretError, Removed, Wires
from pipelines.mailchimp_pipedrive.accounts import open_engagement
from pipelines.mailchimp_pipedrive.config import DealStage, Definition
from pipelines.mailchimp_pipedrive.walls import DEAL, PERSON, USER, Audiences, Nouns
from pipelines.mailchimp_pipedrive.webhooks import Keeper, accounts_rung_from
from pipelines.settings import Connections, Settings
from state import consent, pins
from state.consent import Seen
from state.database import State
from state.doors import QUERY

SHORTEST_SECRET = 16  # characters; what can be guessed proves nothing


def secret_of(account: str, connections: Connections, settings: Settings) -> str:
    """Return what an account's deliveries carry, or say how to give it one."""
    name = connections[account].secret.webhook
    if name is None:
        raise NoWebhookSecretError(
            f"{account} has no secret for webhooks: add `webhook: "
            f"{account.upper().replace('-', '_')}_WEBHOOK` to its `secret` in connections.yaml, "
            "and export that name with a long random word (openssl rand -hex 32). Without it "
            "anybody could ring"
        )
    secret = settings.secret(name)
    if len(secret) < SHORTEST_SECRET or not secret.isascii() or not secret.isprintable():
        raise NoWebhookSecretError(
            f"the secret {name} can be guessed or not be sent: take at least {SHORTEST_SECRET} "
            "plain characters (openssl rand -hex 32)"
        )
    return secret


def audiences_of(state: State, definition: Definition) -> list[str]:
    """The audiences of the flows, as far as a run has bound them; each once."""
    account = definition.connections.engagement
    found = [pins.find(state, account, "audience", str(flow.audience)) for flow in definition.flows]
    return list(dict.fromkeys(one.remote_id for one in found if one and one.gone_at is None))


def leavers(body: bytes) -> list[Seen]:
    """Whom a delivery of Mailchimp's says to have left, and how."""
    event = _event(body)
    match event:
        case Left(action="delete"):
            return [Seen(event.email, "removed", "webhook unsubscribe")]
        case Left():
            return [Seen(event.email, "unsubscribed", "webhook unsubscribe")]
        case Cleaned(reason="abuse"):
            return [Seen(event.email, "unsubscribed", "webhook cleaned")]
        case Cleaned():
            return [Seen(event.email, "bounced", "webhook cleaned")]
    return []


def bar_leavers(state: State, definition: Definition, settings: Settings, body: bytes) -> int:
    """Bar whom a delivery says to have left; return how many. Twice does no harm."""
    seen = leavers(body)
    if seen:
        account = definition.connections.engagement
        key = consent.key_for(state, account, settings.home)
        consent.record(state, account, seen, key=key, home=settings.home)
        left = [one.address for one in seen]
        consent.left_again(state, account, left, key=key, home=settings.home)
    return len(seen)


def members_named(body: bytes) -> Sequence[Named]:
    """The contact a delivery of Mailchimp's is about: audience and address."""
    event = _event(body)
    match event:
        case Moved():
            return [("member", event.list_id, event.new_email.lower())]
        case Joined() | Changed() | Left() | Cleaned():
            return [("member", event.list_id, event.email.lower())]
    return []


def records_named(body: bytes) -> Sequence[Named]:
    """The person or deal a delivery of Pipedrive's is about, and who a merged one lives on as."""
    delivery = of_pipedrive.read_delivery(body)
    if delivery is None or delivery.entity not in (PERSON, DEAL):
        return []
    ids = [delivery.entity_id] + ([delivery.merged_to] if delivery.merged_to else [])
    return [(delivery.entity, str(one)) for one in ids]


def _event(body: bytes) -> of_mailchimp.Event | None:
    try:
        return of_mailchimp.read_delivery(body)
    except DeliveryError:
        return None


def _is_mailchimps(_body: bytes, headers: Mapping[str, str], secret: str) -> bool:
    told = parse_qs(headers.get(QUERY, "")).get(of_mailchimp.SECRET_PARAMETER, [])
    return len(told) == 1 and of_mailchimp.knows_secret(told[0], secret)


def _is_pipedrives(_body: bytes, headers: Mapping[str, str], secret: str) -> bool:
    return of_pipedrive.is_authorized(headers.get(of_pipedrive.AUTHORIZATION), USER, secret)


def _waits_for_audiences(state: State, definition: Definition) -> str:
    has_some = bool(audiences_of(state, definition))
    return "" if has_some else "no run has found an audience yet; webhooks are made after the first"


def _keep_audiences(wires: Wires, definition: Definition, url: str, secret: str) -> str:
    state, account = wires.lease.state, definition.connections.engagement
    key = consent.read_key(wires.settings.home)
    with open_engagement(wires.settings, wires.connections, account, state, wires.around) as place:
        wall = Audiences(place.client, secret, key)
        keeper = Keeper(wires.lease, wall, account, definition.name, place.horizon)
        hooks = [wall.hook(one, url) for one in audiences_of(state, definition)]
        return keeper.keep(hooks, wires.lost)


def _remove_audiences(wires: Wires, sync: str, account: str) -> Removed:
    state, key = wires.lease.state, consent.read_key(wires.settings.home)
    with open_engagement(wires.settings, wires.connections, account, state, wires.around) as place:
        keeper = Keeper(wires.lease, Audiences(place.client, "", key), account, sync, place.horizon)
        lists = [str(one["id"]) for one in place.client.audiences()]
        return keeper.remove(lists, _ending(sync, account))


def _keep_nouns(wires: Wires, definition: Definition, url: str, secret: str) -> str:
    """Deals ring only where some flow is about a stage: each delivery costs somebody something."""
    state, account = wires.lease.state, definition.connections.crm
    key = consent.read_key(wires.settings.home)
    nouns = [PERSON]
    nouns += [DEAL] if any(isinstance(one.trigger, DealStage) for one in definition.flows) else []
    with open_crm(wires.settings, wires.connections, account, state, wires.around) as place:
        wall = Nouns(place.client, secret, key, definition.name)
        keeper = Keeper(wires.lease, wall, account, definition.name, place.horizon)
        return keeper.keep([wall.hook(one, url) for one in nouns], wires.lost)


def _remove_nouns(wires: Wires, sync: str, account: str) -> Removed:
    state, key = wires.lease.state, consent.read_key(wires.settings.home)
    with open_crm(wires.settings, wires.connections, account, state, wires.around) as place:
        wall = Nouns(place.client, "", key, sync)
        keeper = Keeper(wires.lease, wall, account, sync, place.horizon)
        return keeper.remove([PERSON, DEAL], _ending(sync, account))


def _ending(sync: str, account: str) -> str:
    """How the address of every webhook of the sync at the account ends, wherever it rings."""
    return f"/{quote(sync, safe='')}/{quote(account, safe='')}"


MAILCHIMP = Bell(
    "Mailchimp",
    secret_of=lambda definition, *rest: secret_of(definition.connections.engagement, *rest),
    is_signed=_is_mailchimps,
    bar_leavers=bar_leavers,
    waits_for=_waits_for_audiences,
    keep=_keep_audiences,
    remove=_remove_audiences,
    accounts_rung_from=lambda state, sync: accounts_rung_from(state, Audiences.object, sync),
    names=members_named,
)
PIPEDRIVE = Bell(
    "Pipedrive",
    secret_of=lambda definition, *rest: secret_of(definition.connections.crm, *rest),
    is_signed=_is_pipedrives,
    bar_leavers=lambda *_: 0,
    waits_for=lambda *_: "",
    keep=_keep_nouns,
    remove=_remove_nouns,
    accounts_rung_from=lambda state, sync: accounts_rung_from(state, Nouns.object, sync),
    side="crm",
    names=records_named,
)
BELLS = (MAILCHIMP, PIPEDRIVE)
