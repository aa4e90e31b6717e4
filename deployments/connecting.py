"""Let our app into an account, and take it out again (MG-01, MG-02, MC-01).

    port opened --> address shown --> a person allows it --> code --> grant --> who are we?
                                                                                 |
                                 browser answered <-- grant stored <-- the right company

Whatever goes wrong on the way ends in a sentence, and nothing was stored.
"""

import secrets
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import NamedTuple

from connectors.errors import AnotherAccount, ConnectorError, quoted
from deployments.apps import AppAt, app_at
from deployments.definitions import Definitions
from deployments.mistakes import nearest
from deployments.trouble import DefinitionsError, OperatorError, UsageTrouble
from pipelines.granted import step_of
from pipelines.settings import Connection, MissingSecretError, Settings
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


class Connected(NamedTuple):
    """Whose grant was stored; `missing_scopes` are calls that the vendor will refuse."""

    account: str
    user: str
    company: str
    said: str
    missing_scopes: list[str]


@dataclass(frozen=True)
class Caller:
    """Everything both ways need of one account."""

    account: str
    app: AppAt
    key: str
    state: State


def connect(
    settings: Settings,
    definitions: Definitions,
    account: str,
    *,
    port: int,
    show: Callable[[str, str, AppAt], None],
    around: Surroundings = REAL,
) -> Connected:
    """Sign in and store the grant. `show` gets the address to open, the one that must be
    registered for the app, and the app, once the port is open."""
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
        show(caller.app.authorize_url(door.url, word), door.url, caller.app)
        visit = _visit(door, caller, around)
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
) -> str | None:
    """Revoke the grant and forget it; return what is true of it then, None when there was none.

    `only_here` tells the vendor nothing: for one that cannot be reached, and for accounts no file
    lists any more.
    """
    with ExitStack() as stack:
        if only_here:
            state = _opened(settings, stack, around)
            return "forgotten here; the vendor was not told" if _forget(state, account) else None
        caller = _caller(settings, definitions, account, stack, around)
        with grants.turn(caller.state, account) as is_ours:
            if not is_ours:
                raise OperatorError(f"a run is renewing the grant of {account}: ask again")
            told = _revoke(caller)
            return told if _forget(caller.state, account) else None


def _revoke(caller: Caller) -> str:
    """End the grant at the vendor, if there is one and a call for it; return what to say. Read in
    our turn: the refresh token of a moment ago may have been exchanged."""
    app = caller.app
    if app.revoke is None:
        return (
            f"forgotten here; {app.words.name} knows no call that ends it: {app.words.removed_by}"
        )
    try:
        kept = grants.read(caller.state, caller.account, key=caller.key)
    except NotAllowed as error:
        raise ConnectUsageError(
            f"{caller.account}: {error}, so that it cannot be revoked. Export the right "
            f"SYNCLINE_KEY, or {app.words.removed_by} and add --only-here"
        ) from error
    try:
        if kept is not None:
            app.revoke(kept.grant)
    except ConnectorError as error:
        raise OperatorError(
            f"{str(error).rstrip('.?')}. {caller.account} is still connected: ask again later, or "
            f"{app.words.removed_by} and add --only-here"
        ) from error
    return "revoked and forgotten"


def _caller(
    settings: Settings, definitions: Definitions, account: str, stack: ExitStack,
    around: Surroundings,
) -> Caller:  # fmt: skip
    connection = _known(definitions, account)
    http = stack.enter_context(around.open_http())
    try:
        app = app_at(account, connection, settings, http, around)
        if app is None:
            raise _by_no_app(account, connection, definitions)
        key = settings.key()
    except MissingSecretError as error:
        raise ConnectUsageError(str(error)) from error
    return Caller(account, app, key, _opened(settings, stack, around))


def _opened(settings: Settings, stack: ExitStack, around: Surroundings) -> State:
    settings.make_home()
    state = open_state(settings.state_url, now=around.now)
    stack.callback(state.close)
    return state


def _known(definitions: Definitions, account: str) -> Connection:
    mistakes = [one for one in definitions.mistakes if one.file == definitions.connections_file]
    if mistakes:
        raise DefinitionsError(mistakes)
    known = definitions.connections
    if account not in known:
        raise ConnectUsageError(
            f"{definitions.connections_file} has no connection {account}"
            + nearest(account, list(known))
        )
    return known[account]


def _by_no_app(account: str, connection: Connection, definitions: Definitions) -> ConnectUsageError:
    by = "an API token" if ("token",) in connection.secret_names() else "an API key"
    return ConnectUsageError(
        f"{account} is connected with {by}, which {definitions.connections_file} names: there is "
        "nobody to ask. `syncline doctor` says whether it works"
    )


def _visit(door: Callback, caller: Caller, around: Surroundings) -> Visit:
    """The browser's return with a code; NotConnectedError, the browser answered, without one."""
    account, vendor = caller.account, caller.app.words.name
    try:
        visit = door.wait(until=around.seconds() + MINUTES * 60, seconds=around.seconds)
    except NobodyCameError as error:
        raise NotConnectedError(
            f"{account} was not connected: nobody came back from {vendor} within {MINUTES} "
            f"minutes. Is {door.url} the callback URL of the app? Then try again"
        ) from error
    if visit.error:
        visit.answer(200, f"{account} was not connected, as you wished. You can close this page.")
        raise NotConnectedError(
            f"{account} was not connected: {vendor} says {quoted(visit.error)}"
            + (": somebody clicked Cancel" if visit.error == caller.app.words.cancelled else "")
        )
    return visit


def _let_in(caller: Caller, visit: Visit, redirect_url: str) -> Connected:
    found = caller.app.let_in(visit.code, redirect_url)
    _refuse_strangers(caller, found.company)
    grants.put(
        caller.state, caller.account, caller.app.words.vendor, found.grant, key=caller.key,
        company=found.company, user=found.user,
    )  # fmt: skip
    return Connected(caller.account, found.user, found.company, found.said, found.missing_scopes)


def _refuse_strangers(caller: Caller, company: str) -> None:
    """Links and counts belong to the company that was there first.

    Its grant is not revoked: the app may be at work there for another account of ours.
    """
    known = known_accounts.find(caller.state, caller.account)
    if known is not None and known.remote_company not in ("", company):
        raise AnotherAccount(
            caller.app.words.vendor, caller.app.words.call,
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
