"""Let our app into an account, and take it out again (MG-01, MG-02).

    port opened --> address shown --> a person allows it --> code --> grant --> who are we?
                                                                                 |
                        browser answered <-- grant stored <-- an administrator of the right company

Whatever goes wrong on the way ends in a sentence, and nothing was stored.
"""

import secrets
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

import httpx

from connectors.errors import AnotherAccount, ConnectorError, ReadFailed, quoted
from connectors.meter import Tally
from connectors.pipedrive import App, Fixed, Grant, Pipedrive, bearer
from deployments.definitions import Definitions
from deployments.mistakes import nearest
from deployments.trouble import DefinitionsError, OperatorError, UsageTrouble
from pipelines.accounts import app_of, credentials_of, naming
from pipelines.granted import step_of
from pipelines.settings import MissingSecretError, PipedriveConnection, Settings
from pipelines.surroundings import REAL, Surroundings
from state import connections as known_accounts
from state import grants
from state.database import State, open_state
from state.errors import NotAllowed, StateTrouble
from web.callback import Callback, NobodyCameError, PortTakenError, Visit

MINUTES = 5  # a code lives as long


class ConnectUsageError(UsageTrouble):
    """What was asked for cannot be connected by OAuth, or not with these settings."""


class NotConnectedError(OperatorError):
    """It was tried, and nothing was stored."""


@dataclass(frozen=True)
class Connected:
    """Whose grant was stored; `missing_scopes` are calls that the vendor will refuse."""

    account: str
    user: str
    company: str
    missing_scopes: list[str]


@dataclass(frozen=True)
class Caller:
    """Everything both ways need of one account."""

    account: str
    connection: PipedriveConnection
    app: App
    key: str
    http: httpx.Client
    state: State
    around: Surroundings


def connect(
    settings: Settings,
    definitions: Definitions,
    account: str,
    *,
    port: int,
    show: Callable[[str, str], None],
    around: Surroundings = REAL,
) -> Connected:
    """Sign in and store the grant. `show` gets the address to open, and the one that must be
    registered for the app, once the port is open."""
    word = secrets.token_urlsafe(32)
    with ExitStack() as stack:
        caller = _caller(settings, definitions, account, stack, around)
        try:
            door = stack.enter_context(Callback(port, word))
        except PortTakenError as error:
            raise NotConnectedError(
                f"{error}. End what listens there, or give --port another one that is registered "
                "as the app's callback URL"
            ) from error
        show(caller.app.authorize_url(door.url, word), door.url)
        visit = _visit(door, account, around)
        try:
            connected = _let_in(caller, visit, door.url)
        except (ConnectorError, StateTrouble) as error:
            visit.answer(502, f"{account} was not connected. Syncline's terminal says why.")
            raise NotConnectedError(f"{account} was not connected: {error}") from error
        visit.answer(200, f"{account} is connected. You can close this page.")
        return connected


def disconnect(
    settings: Settings,
    definitions: Definitions,
    account: str,
    *,
    only_here: bool = False,
    around: Surroundings = REAL,
) -> bool:
    """Revoke the grant and forget it; False when there was none. `only_here` tells the vendor
    nothing: for one that cannot be reached, and for accounts no file lists any more."""
    with ExitStack() as stack:
        if only_here:
            return _forget(_opened(settings, stack, around), account)
        caller = _caller(settings, definitions, account, stack, around)
        with grants.turn(caller.state, account) as is_ours:
            if not is_ours:
                raise OperatorError(f"a run is renewing the grant of {account}: ask again")
            return _revoke(caller) and _forget(caller.state, account)


def _revoke(caller: Caller) -> bool:
    """The grant is over at the vendor; False when there is none. Read in our turn: the refresh
    token of a moment ago may have been exchanged."""
    try:
        kept = grants.read(caller.state, caller.account, key=caller.key)
    except NotAllowed as error:
        raise ConnectUsageError(
            f"{caller.account}: {error}, so that it cannot be revoked. Export the right "
            "SYNCLINE_KEY, or remove the app in Pipedrive and add --only-here"
        ) from error
    if kept is None:
        return False
    try:
        caller.app.revoke(Grant.revived(kept.grant))
    except ConnectorError as error:
        raise OperatorError(
            f"{str(error).rstrip('.?')}. {caller.account} is still connected: ask again later, or "
            "remove the app in Pipedrive and add --only-here"
        ) from error
    return True


def _caller(
    settings: Settings, definitions: Definitions, account: str, stack: ExitStack,
    around: Surroundings,
) -> Caller:  # fmt: skip
    connection = _by_oauth(definitions, account)
    http = stack.enter_context(around.open_http())
    try:
        app, key = app_of(connection, settings, http, around), settings.key()
    except MissingSecretError as error:
        raise ConnectUsageError(str(error)) from error
    state = _opened(settings, stack, around)
    return Caller(account, connection, app, key, http, state, around)


def _opened(settings: Settings, stack: ExitStack, around: Surroundings) -> State:
    settings.make_home()
    state = open_state(settings.state_url, now=around.now)
    stack.callback(state.close)
    return state


def _by_oauth(definitions: Definitions, account: str) -> PipedriveConnection:
    mistakes = [one for one in definitions.mistakes if one.file == definitions.connections_file]
    if mistakes:
        raise DefinitionsError(mistakes)
    known = definitions.connections
    file = definitions.connections_file
    if account not in known:
        raise ConnectUsageError(
            f"{file} has no connection {account}" + nearest(account, list(known))
        )
    connection = known[account]
    if not isinstance(connection, PipedriveConnection) or connection.secret.oauth is None:
        by = "an API key" if connection.vendor == "mailigen" else "an API token"
        raise ConnectUsageError(
            f"{account} is connected with {by}, which {file} names: there is nobody to ask. "
            "`syncline doctor` says whether it works"
        )
    return connection


def _visit(door: Callback, account: str, around: Surroundings) -> Visit:
    """The browser's return with a code; NotConnectedError, the browser answered, without one."""
    try:
        visit = door.wait(until=around.seconds() + MINUTES * 60, seconds=around.seconds)
    except NobodyCameError as error:
        raise NotConnectedError(
            f"{account} was not connected: nobody came back from Pipedrive within {MINUTES} "
            f"minutes. Is {door.url} the callback URL of the app? Then try again"
        ) from error
    if visit.error:
        visit.answer(200, f"{account} was not connected, as you wished. You can close this page.")
        raise NotConnectedError(
            f"{account} was not connected: Pipedrive says {quoted(visit.error)}"
            + (": somebody clicked Cancel" if visit.error == "user_denied" else "")
        )
    return visit


def _let_in(caller: Caller, visit: Visit, redirect_url: str) -> Connected:
    grant = caller.app.exchange(visit.code, redirect_url)
    shown = bearer(grant.access_token, grant.api_domain)
    pipedrive = Pipedrive(
        caller.connection.api_url, token=Fixed(shown), meter=Tally(), http=caller.http,
        sleep=caller.around.sleep,
    )  # fmt: skip
    with naming(credentials_of(caller.account, caller.connection)):
        me = pipedrive.require_admin()
    company, user = str(me.get("company_id") or ""), str(me.get("id") or "")
    if not company:
        raise ReadFailed("pipedrive", "GET /v1/users/me", "it names no company")
    _refuse_strangers(caller, company)
    grants.put(
        caller.state, caller.account, "pipedrive", grant.as_object(), key=caller.key,
        company=company, user=user,
    )  # fmt: skip
    return Connected(caller.account, user, company, grant.missing_scopes())


def _refuse_strangers(caller: Caller, company: str) -> None:
    """Links and counts belong to the company that was there first.

    Its grant is not revoked: the app may be at work there for another account of ours.
    """
    known = known_accounts.find(caller.state, caller.account)
    if known is not None and known.remote_company not in ("", company):
        raise AnotherAccount(
            "pipedrive", "GET /v1/users/me",
            f"you were signed in to company {company}, and {caller.account} is company "
            f"{known.remote_company}",
            next_step=f"sign in to company {known.remote_company} and connect again, or give "
            f"company {company} a connection name of its own",
        )  # fmt: skip


def _forget(state: State, account: str) -> bool:
    if not grants.is_kept(state, account):
        return False
    grants.forget(state, account, f"disconnected by hand; {step_of(account)}")
    return True
