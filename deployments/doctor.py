"""Everything that may be wrong around a sync, looked at without changing any of it."""

import shutil
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

import httpx
from packaging.requirements import Requirement
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from connectors.errors import ConnectorError
from connectors.http import open_http
from connectors.meter import Tally
from deployments.definitions import Definitions, load
from deployments.doorbells import ENDING, doorbells, said_of
from deployments.lost import lost_syncs, lost_without_a_trace
from deployments.timing import timings
from pipelines.accounts import credentials_of, naming
from pipelines.report import counted, minute
from pipelines.settings import (
    Connection,
    MailchimpConnection,
    MissingSecretError,
    PipedriveConnection,
    Settings,
)
from state.database import State, open_state
from state.errors import StateTrouble
from state.lease import sync_of
from state.schema import leases

if TYPE_CHECKING:
    from connectors.pipedrive import Credential

LOW_DISK_GB, NO_DISK_GB = 5, 1
AT_ONCE = 8  # accounts
# A wrong version of these fails in silence or at the first schedule; see pyproject.toml.
WATCHED = ("prefect", "fastapi", "sqlalchemy", "duckdb", "httpx", "pydantic", "great-expectations")


class Symptom(NamedTuple):
    level: Literal["ok", "warn", "fail"]
    thing: str
    sentence: str
    remedy: str = ""


def examine(settings: Settings) -> list[Symptom]:
    """All symptoms, worst included; nothing raises, nothing is created but a file for a moment."""
    definitions = load(settings)
    return [
        *_versions(),
        *_home(settings.home),
        *_state(settings),
        *_definitions(definitions),
        *_schedules(definitions, settings),
        *_connections(definitions, settings),
        *_doors(settings),
        *_prefect(settings.prefect_api_url),
    ]


def _versions() -> Iterator[Symptom]:
    python = ".".join(str(part) for part in sys.version_info[:3])
    is_fit = sys.version_info >= (3, 11)
    yield Symptom("ok" if is_fit else "fail", "python", python, "install Python 3.11 or newer")
    bounds = _bounds()
    for name in WATCHED:
        try:
            found = version(name)
        except PackageNotFoundError:
            yield Symptom("fail", name, "is not installed", "make setup")
            continue
        bound = bounds.get(name)
        if bound is None or bound.specifier.contains(found):
            yield Symptom("ok", name, found)
        else:
            yield Symptom("fail", name, f"{found} is not {bound.specifier}", "make setup")


def _bounds() -> dict[str, Requirement]:
    """Our own bounds, as installed; none when run from a checkout that was never installed."""
    try:
        lines = requires("syncline") or []
    except PackageNotFoundError:
        return {}
    return {one.name: one for one in map(Requirement, lines)}


def _home(home: Path) -> Iterator[Symptom]:
    # It may not exist yet: then the folder it would be made in must be writable.
    there = next(
        folder for folder in (home.absolute(), *home.absolute().parents) if folder.exists()
    )
    try:
        with tempfile.NamedTemporaryFile(dir=there, prefix=".doctor-"):
            pass
    except OSError as error:
        said = f"{home} cannot be written: {error.strerror}"
        yield Symptom("fail", "home", said, "set SYNCLINE_HOME to a folder of yours")
    else:
        yield Symptom("ok", "home", f"{home.absolute()} can be written")
    free = shutil.disk_usage(there).free / 1e9
    level: Literal["ok", "warn", "fail"] = "ok" if free > LOW_DISK_GB else "warn"
    level = level if free > NO_DISK_GB else "fail"
    yield Symptom(level, "disk", f"{free:.1f} GB free", "free some, or move SYNCLINE_HOME")


def _state(settings: Settings) -> Iterator[Symptom]:
    if not settings.has_state:
        lost = lost_without_a_trace(settings)
        if not lost:
            yield Symptom("ok", "state", "no database yet; the first run makes it")
        for old in lost:
            yield Symptom("fail", "state", old.said, old.remedy)
        return
    try:
        state = open_state(settings.state_url)
    except (StateTrouble, SQLAlchemyError) as error:
        said = str(error).splitlines()[0]
        yield Symptom("fail", "state", said, "check SYNCLINE_STATE_URL and that it answers")
        return
    try:
        old_ones = list(lost_syncs(settings, state))
        if not old_ones:
            yield Symptom("ok", "state", "the database answers and is up to date")
        for old in old_ones:
            yield Symptom("fail", "state", old.said, old.remedy)
        yield from _leases(state)
    finally:
        state.close()


def _leases(state: State) -> Iterator[Symptom]:
    """Leases that ran out while held: their run died, or its machine sleeps."""
    query = select(leases).where(leases.c.holder != "").order_by(leases.c.name)
    with state.read() as db:
        held = db.execute(query).all()
    for row in held:
        if row.expires_at >= state.now():
            continue
        name = sync_of(row.name)
        sync = name.removesuffix(ENDING)
        machine = row.host.partition("/")[0]
        said = f"{row.holder} on {machine} held it until {minute(row.expires_at)}"
        if sync == name:
            thing, said = f"lease of {sync}", f"run {said}"
            remedy = "run the sync again: it takes the lease over"
        else:
            thing = f"listener of {sync}"
            remedy = (
                f"if nobody listens any more: syncline listen {sync}, or for good: syncline "
                f"unlisten {sync}"
            )
        yield Symptom("warn", thing, said, f"{remedy}; is process {row.pid} still alive?")


def _definitions(definitions: Definitions) -> Iterator[Symptom]:
    for mistake in definitions.mistakes:
        is_unset = " is not set" in mistake.sentence
        remedy = "set it where syncline runs" if is_unset else "correct the file"
        yield Symptom("fail", "definition", str(mistake), remedy)
    for warning in definitions.warnings:
        yield Symptom("warn", "definition", str(warning), "set the secret, or leave `alert` out")
    if not definitions.mistakes:
        yield Symptom(
            "ok", "definitions", f"{counted(len(definitions.syncs), 'sync')}, nothing wrong"
        )


def _schedules(definitions: Definitions, settings: Settings) -> Iterator[Symptom]:
    """Deployed syncs that do not run, and schedules that cost more than our share."""
    if not settings.has_state:
        return  # nothing ran, or it is told with the state; looking would make one
    known = [one.definition for one in definitions.syncs.values()]
    try:
        found = timings(settings, known, definitions.connections)
    except (StateTrouble, SQLAlchemyError):
        return  # told with the state
    for one in found:
        yield Symptom("warn", f"schedule {one.name}", one.shown(), one.remedy)


def _connections(definitions: Definitions, settings: Settings) -> Iterator[Symptom]:
    sides = [one.definition.connections for one in definitions.syncs.values()]
    used = {name for side in sides for name in (side.crm, side.engagement)}

    def asked(name: str) -> Symptom | None:
        try:
            return _connection(name, definitions.connections[name], settings)
        except MissingSecretError as error:
            if any(name in mistake.path for mistake in definitions.mistakes):
                return None
            if name not in used:
                remedy = "only needed once a sync uses it"
                return Symptom("warn", f"connection {name}", str(error), remedy)
            remedy = "every run of its syncs fails until then"
            return Symptom("fail", f"connection {name}", str(error), remedy)

    # All at once: a vendor that is away is tried for seconds.
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield from (one for one in pool.map(asked, definitions.connections) if one is not None)


def _connection(name: str, connection: Connection, settings: Settings) -> Symptom:
    thing = f"connection {name}"
    try:
        with naming(credentials_of(name, connection)):
            _knock(name, connection, settings)
    except ConnectorError as error:
        said, _, remedy = str(error).partition(" Next step: ")
        return Symptom("fail", thing, said, remedy or f"is {connection.base_url} right?")
    except (StateTrouble, SQLAlchemyError):
        return Symptom("warn", thing, "its grant cannot be read", "see the line on `state`")
    return Symptom("ok", thing, f"{connection.vendor} answers and takes the credentials")


def _knock(name: str, connection: Connection, settings: Settings) -> None:
    """One cheap call that proves address and credentials; raises a ConnectorError if not."""
    with ExitStack() as stack:
        http = stack.enter_context(open_http())
        if isinstance(connection, PipedriveConnection):
            from connectors.pipedrive.client import Pipedrive

            token = _credential(name, connection, settings, http, stack)
            Pipedrive(connection.api_url, token=token, meter=Tally(), http=http).require_admin()
        elif isinstance(connection, MailchimpConnection):
            from connectors.mailchimp.client import Mailchimp
            from pipelines.accounts import mailchimp_login

            state = _state_of_grants(name, connection, settings, stack)
            login = mailchimp_login(name, connection, settings, state)
            Mailchimp(connection.base_url or "", key=login, meter=Tally(), http=http).account()
        else:
            from connectors.mailigen.client import Mailigen

            key, version = settings.secret(connection.secret.key), connection.version
            Mailigen(
                connection.base_url, key=key, meter=Tally(), version=version, http=http
            ).account()


def _credential(
    name: str, crm: PipedriveConnection, settings: Settings, http: httpx.Client, stack: ExitStack
) -> "str | Credential":
    """As a run would have it."""
    from pipelines.accounts import credential_of

    state = _state_of_grants(name, crm, settings, stack)
    if state is None:
        return settings.secret(str(crm.secret.token))
    return credential_of(name, crm, settings, state, http)


def _state_of_grants(
    name: str, connection: Connection, settings: Settings, stack: ExitStack
) -> State | None:
    """Where the grant of an account is; None for one without. A database that is not there yet
    holds no grant, and is not made: GrantEnded."""
    from pipelines.granted import not_connected

    if not connection.is_by_oauth:
        return None
    if not settings.has_state:
        for secret in connection.secret_names().values():
            settings.secret(secret)
        settings.key()
        raise not_connected(name, connection.vendor)
    state = open_state(settings.state_url)
    stack.callback(state.close)
    return state


def _doors(settings: Settings) -> Iterator[Symptom]:
    """What is wrong with webhooks: the schedule finds what they miss, so none of it fails."""
    try:
        found = doorbells(settings, [])
    except (StateTrouble, SQLAlchemyError) as error:
        yield Symptom("warn", "webhooks", str(error).splitlines()[0], "see the line on `state`")
        return
    for one in found:
        thing = f"webhook {one.sync}"
        if one.refused:
            remedy = (
                "if real ones are among them, the secret here is not Mailigen's: start `syncline "
                "listen` again with the one connections.yaml names; else somebody knocks: see the "
                "proxy's log"
            )
            said = f"{said_of(one.refused)}: not signed with its secret"
            yield Symptom("warn", thing, said, remedy)
        if one.webhook and one.webhook.trouble and one.listener:
            remedy = "`listen` tries again by itself; docs/runbooks.md has the sentence"
            yield Symptom("warn", thing, f"not as wanted: {one.webhook.trouble}", remedy)
        if one.listener is None and one.accounts:
            said = f"rings from {', '.join(one.accounts)}, and nobody listens"
            remedy = f"syncline listen {one.sync}, or for good: syncline unlisten {one.sync}"
            yield Symptom("warn", thing, said, remedy)


def _prefect(api_url: str | None) -> Iterator[Symptom]:
    if api_url is None:
        said = "PREFECT_API_URL is not set: runs are not recorded, and nothing is scheduled"
        yield Symptom(
            "warn",
            "prefect server",
            said,
            "make ui, then export PREFECT_API_URL=http://127.0.0.1:4200/api",
        )
        return
    try:
        answer = httpx.get(f"{api_url.rstrip('/')}/health", timeout=5)
        answer.raise_for_status()
    except httpx.HTTPError as error:
        said = f"{api_url} does not answer ({type(error).__name__})"
        yield Symptom("fail", "prefect server", said, "start it, or correct PREFECT_API_URL")
        return
    yield Symptom("ok", "prefect server", f"{api_url} is healthy")
    pool = httpx.get(f"{api_url.rstrip('/')}/work_pools/syncline", timeout=5)
    if pool.status_code == 404:
        yield Symptom("warn", "work pool", "there is no pool `syncline`", "syncline deploy")
    elif pool.is_success and pool.json().get("status") != "READY":
        remedy = "prefect worker start --pool syncline"
        yield Symptom("warn", "work pool", "no worker serves `syncline`: nothing runs", remedy)
    else:
        yield Symptom("ok", "work pool", "a worker serves `syncline`")
