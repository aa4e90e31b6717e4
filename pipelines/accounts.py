"""Open the two accounts of a sync: clients that spend from the account's shared budget."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from typing import Generic, NamedTuple, Protocol, TypeVar

import httpx

from connectors.errors import (
    AnotherAccount,
    BadCredentials,
    Blocked,
    NotAdministrator,
    QuotaExhausted,
    StopTheSync,
    UnknownApp,
)
from connectors.mailchimp import Login, api_key, oauth_token
from connectors.mailigen import Mailigen
from connectors.mailigen.paging import Pace
from connectors.pipedrive import App, Credential, Pipedrive
from pipelines.definition import SyncDefinition
from pipelines.granted import StoredGrant, granted_login, step_of
from pipelines.report import Cost
from pipelines.settings import (
    Connection,
    Connections,
    MailchimpConnection,
    MailigenConnection,
    PipedriveConnection,
    Settings,
)
from pipelines.surroundings import REAL, Surroundings
from pipelines.timetable import Allowance
from state import horizons
from state.budgets import Budget
from state.database import State
from state.errors import BudgetExhausted

DAILY_TOKENS = 30_000  # a seat and plan step, Pipedrive "Rate limiting"
PLAN_STEPS = {"lite": 1, "growth": 2, "premium": 5, "ultimate": 7}
BURSTS = {"lite": 20, "growth": 40, "premium": 100, "ultimate": 120}  # requests a token, per 2 s
OAUTH_BURSTS = {"lite": 80, "growth": 160, "premium": 400, "ultimate": 480}
BURST_WINDOW = 2.0
T = TypeVar("T", PipedriveConnection, MailigenConnection, MailchimpConnection)
E_co = TypeVar("E_co", covariant=True)  # the client of an engagement platform
LONGEST_PAUSE = 60.0  # seconds; above it is not the burst window but a block of the account


class ConnectionMismatchError(Exception):
    """A definition names a connection that is missing or of the wrong vendor."""


class Credentials(NamedTuple):
    """Where the credentials of an account are written down: never what they are."""

    vendor: str
    connection: str
    secret: str  # '' for a grant: it is in the state

    def named(self, error: StopTheSync) -> StopTheSync:
        """The same refusal, told with the connection and the name of its secret."""
        mine = f"connection {self.connection}" + (f", secret {self.secret}" if self.secret else "")
        # Of another account: it names the connection, and the secret is as it should be.
        if isinstance(error, AnotherAccount) or mine in error.said:
            return error
        held = f"the secret {self.secret} of the connection {self.connection}"
        step = (
            f"put the token of an administrator into {held}, or give this user that role"
            if isinstance(error, NotAdministrator)
            else f"put a valid token or key of an administrator into {held}"
        )
        if not self.secret:
            # What the API says of a key is of no grant.
            is_of_app = isinstance(error, UnknownApp)
            step = error.next_step if is_of_app else step_of(self.connection)
        return type(error)(
            error.vendor, error.call, f"{error.said} ({mine})",
            next_step=step, request_id=error.request_id,
        )  # fmt: skip


def credentials_of(name: str, connection: Connection) -> Credentials:
    if isinstance(connection, MailigenConnection):
        return Credentials(connection.vendor, name, connection.secret.key)
    if isinstance(connection, MailchimpConnection):
        secret = connection.secret.key or connection.secret.token
        return Credentials(connection.vendor, name, secret or "")
    return Credentials(connection.vendor, name, connection.secret.token or "")


@contextmanager
def naming(credentials: Credentials) -> Iterator[None]:
    """Have what is refused of these credentials told by their names."""
    try:
        yield
    except (BadCredentials, NotAdministrator) as error:
        if error.vendor != credentials.vendor:
            raise
        raise credentials.named(error) from error


class Metered:
    """A budget as the connectors know it: what is spent is a vendor's "no" to the whole run."""

    def __init__(self, budget: Budget, vendor: str) -> None:
        self.budget, self._vendor = budget, vendor

    def spend(self, cost: int, kind: str) -> None:
        try:
            self.budget.spend(cost, kind)
        except BudgetExhausted as error:
            raise QuotaExhausted(
                self._vendor, "budget", str(error),
                next_step="wait for the next day, whose first run goes on by itself; or raise "
                f"quota_share of the connection {self.budget.account}, or run the sync less often",
            ) from error  # fmt: skip

    def learned(self, headers: Mapping[str, str]) -> None:
        self.budget.learned(headers)

    def blocked(self, seconds: float, said: str) -> None:
        self.budget.blocked(seconds, said)


@dataclass(frozen=True)
class Accounts(Generic[E_co]):
    """Both clients, their budgets, and how long (seconds) each may hide a write."""

    crm: Pipedrive
    engagement: E_co
    state: State
    budgets: Mapping[str, Budget]
    horizons: dict[str, float]  # in use: the configured ones, or longer ones that were learned
    configured: Mapping[str, float]
    allowances: Mapping[str, Allowance]
    credentials: Mapping[str, Credentials]  # by vendor
    counts_emails: bool  # as Engagement says

    def cost(self) -> list[Cost]:
        return [
            Cost(account, budget.requests, budget.spent, max(budget.left_today, 0))
            for account, budget in self.budgets.items()
        ]

    def leave_room(self, part: float) -> None:
        """Leave that part of each account's pace to other processes."""
        for budget in self.budgets.values():
            budget.leave_room(part)

    def budget_left(self) -> dict[str, float]:
        """What is left of each account's share of today, in its own unit."""
        return {account: float(budget.left_today) for account, budget in self.budgets.items()}


@dataclass(frozen=True)
class Engagement(Generic[E_co]):
    """One vendor's account alone, with how long (seconds) it may hide a write."""

    client: E_co
    budget: Budget
    horizon: float  # in use
    configured: float
    credentials: Credentials
    counts_emails: bool = True  # False: a plan by subscribers, whose 0 e-mails left mean nothing


class OpensEngagement(Protocol[E_co]):
    """Connects to the engagement platform of one vendor; nothing is sent yet."""

    def __call__(
        self, settings: Settings, connections: Connections, account: str, state: State,
        around: Surroundings, /,
    ) -> AbstractContextManager[Engagement[E_co]]: ...  # fmt: skip


def open_accounts(
    settings: Settings,
    connections: Connections,
    definition: SyncDefinition,
    state: State,
    around: Surroundings = REAL,
) -> AbstractContextManager[Accounts[Mailigen]]:
    """Connect to Pipedrive and Mailigen; nothing is sent yet."""
    return open_both(open_engagement, settings, connections, definition, state, around)


@contextmanager
def open_both(
    open_side: OpensEngagement[E_co],
    settings: Settings,
    connections: Connections,
    definition: SyncDefinition,
    state: State,
    around: Surroundings,
) -> Iterator[Accounts[E_co]]:
    """Connect to Pipedrive, and to whatever platform `open_side` is for; nothing is sent yet."""
    names = definition.connections
    with ExitStack() as stack:
        crm = stack.enter_context(open_crm(settings, connections, names.crm, state, around))
        place = stack.enter_context(
            open_side(settings, connections, names.engagement, state, around)
        )
        yield Accounts(
            crm=crm.client,
            engagement=place.client,
            state=state,
            budgets={names.crm: crm.budget, names.engagement: place.budget},
            horizons={names.crm: crm.horizon, names.engagement: place.horizon},
            configured={names.crm: crm.configured, names.engagement: place.configured},
            allowances=allowances(connections, definition),
            credentials={one.credentials.vendor: one.credentials for one in (crm, place)},
            counts_emails=place.counts_emails,
        )


@contextmanager
def open_crm(
    settings: Settings,
    connections: Connections,
    account: str,
    state: State,
    around: Surroundings = REAL,
) -> Iterator[Engagement[Pipedrive]]:
    """Connect to a Pipedrive account alone: its webhooks need no other vendor's secret."""
    known = pick(connections, account, PipedriveConnection)
    held = credentials_of(account, known)
    with naming(held), ExitStack() as stack:
        budget = stack.enter_context(
            Budget(
                state, account, day_allowance=daily_tokens(known),
                burst=(burst_of(known), BURST_WINDOW), share=known.quota_share,
                sleep=impatiently(around.sleep, "pipedrive"),
            )
        )  # fmt: skip
        http = stack.enter_context(around.open_http())
        client = stack.enter_context(
            Pipedrive(
                known.api_url,
                token=credential_of(account, known, settings, state, http, around),
                meter=Metered(budget, "pipedrive"),
                http=http,
                now=around.now,
                sleep=around.sleep,
            )
        )
        yield Engagement(
            client, budget, horizons.in_use(state, {account: known.horizon.list})[account],
            known.horizon.list, held,
        )  # fmt: skip


@contextmanager
def open_engagement(
    settings: Settings,
    connections: Connections,
    account: str,
    state: State,
    around: Surroundings = REAL,
) -> Iterator[Engagement[Mailigen]]:
    """Connect to a Mailigen account alone: a webhook needs neither the CRM nor its secret."""
    known = pick(connections, account, MailigenConnection)
    held = credentials_of(account, known)
    with naming(held), ExitStack() as stack:
        budget = stack.enter_context(
            Budget(
                state, account, day_allowance=int(daily_calls(known).share),
                burst=(max(1, int(known.calls_per_second * BURST_WINDOW)), BURST_WINDOW),
                share=1.0, sleep=impatiently(around.sleep, "mailigen"),
            )
        )  # fmt: skip
        client = stack.enter_context(
            Mailigen(
                known.base_url,
                key=settings.secret(known.secret.key),
                version=known.version,
                meter=Metered(budget, "mailigen"),
                http=stack.enter_context(around.open_http()),
                now=around.now,
                pace=Pace(known.calls_per_second, sleep=around.sleep, clock=around.seconds),
            )
        )
        yield Engagement(
            client, budget, horizons.in_use(state, {account: known.horizon.list})[account],
            known.horizon.list, held, known.counts_emails,
        )  # fmt: skip


def impatiently(sleep: Callable[[float], None], vendor: str) -> Callable[[float], None]:
    """Sleep through the burst window, and end the run where a block would have it wait for long:
    nothing waits holding a lease."""

    def pause(seconds: float) -> None:
        if seconds > LONGEST_PAUSE:
            said = f"the account is blocked for another {seconds:.0f} s; nothing was sent"
            raise Blocked(vendor, "budget", said, retry_after=seconds)
        sleep(seconds)

    return pause


def credential_of(
    account: str,
    crm: PipedriveConnection,
    settings: Settings,
    state: State,
    http: httpx.Client,
    around: Surroundings = REAL,
) -> str | Credential:
    """The API token, or the grant of `syncline connect`; MissingSecretError when neither can be
    read. Whether there is a grant at all the first call tells."""
    if crm.secret.oauth is None:
        return settings.secret(str(crm.secret.token))
    app = app_of(crm, settings, http, around)
    return StoredGrant(state, account, app, key=settings.key(), sleep=around.sleep)


def app_of(
    crm: PipedriveConnection, settings: Settings, http: httpx.Client, around: Surroundings = REAL
) -> App:
    """The app that a connection by OAuth is made with."""
    client_id, client_secret = (settings.secret(name) for name in crm.secret_names().values())
    return App(
        crm.oauth_url, client_id=client_id, client_secret=client_secret, http=http, now=around.now
    )


def burst_of(crm: PipedriveConnection) -> int:
    """Requests the vendor takes in a window: apps may come four times as often."""
    return (BURSTS if crm.secret.oauth is None else OAUTH_BURSTS)[crm.plan]


def daily_tokens(crm: PipedriveConnection) -> int:
    """The company's tokens a day, of which a sync takes its share."""
    return DAILY_TOKENS * PLAN_STEPS[crm.plan] * crm.seats


def allowances(connections: Connections, definition: SyncDefinition) -> dict[str, Allowance]:
    """What is ours of a day of each account; nobody is contacted."""
    names = definition.connections
    crm = pick(connections, names.crm, PipedriveConnection)
    engagement = connections.get(names.engagement)
    if not isinstance(engagement, MailigenConnection | MailchimpConnection):
        raise ConnectionMismatchError(
            f"connection {names.engagement} is no engagement platform's; see connections.yaml"
        )
    tokens = int(daily_tokens(crm) * crm.quota_share)
    return {
        names.crm: Allowance(tokens, "tokens", "raise quota_share or the plan"),
        names.engagement: daily_calls(engagement),
    }


def daily_calls(engagement: MailigenConnection | MailchimpConnection) -> Allowance:
    """Our share of the day's calls; how many at a time the connection says apart."""
    calls = int(engagement.calls_per_day * engagement.quota_share)
    return Allowance(max(calls, 1), "calls", "raise quota_share or calls_per_day")


def pick(connections: Connections, name: str, kind: type[T]) -> T:
    """The connection of that name; ConnectionMismatchError unless it is one of the vendor's."""
    found = connections.get(name)
    if not isinstance(found, kind):
        raise ConnectionMismatchError(
            f"connection {name} is {'missing' if found is None else found.vendor}, "
            f"where {kind.__name__.removesuffix('Connection')} is needed; see connections.yaml"
        )
    return found


def mailchimp_login(
    account: str, connection: MailchimpConnection, settings: Settings, state: State | None
) -> Login:
    """What a request shows at Mailchimp: the API key, an app's token, or the one `syncline connect`
    was given, for which alone there has to be a state.

    MissingSecretError when it is not set, GrantEnded when nobody has connected the account.
    """
    if connection.secret.key is not None:
        return api_key(settings.secret(connection.secret.key))
    if connection.is_by_oauth:
        assert state is not None
        return granted_login(state, account, key=settings.key())
    token = settings.secret(str(connection.secret.token))
    return oauth_token(token, str(connection.base_url))
