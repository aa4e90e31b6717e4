"""Who we are at each vendor, asked before anything else is.

as an administrator of the account it always was --> ok, whatever stood before
wrong, revoked, demoted, another account's       --> needs_reauthorization, until that
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from connectors.errors import AnotherAccount, BadCredentials, NotAdministrator, StopTheSync
from connectors.pipedrive import Pipedrive
from pipelines.accounts import Credentials
from pipelines.definition import SyncDefinition
from pipelines.report import Finding, Outcome
from pipelines.sweep import Sweep
from state import connections
from state.database import State

UNAUTHORIZED = (BadCredentials, NotAdministrator)


class Side(NamedTuple):
    """One account, and the call that tells who we are there."""

    vendor: str
    call: str
    account: str
    ask: Callable[[], dict[str, Any]]
    company: str  # the member that tells one account from another
    user: str


Found = list[tuple[Side, dict[str, Any]]]
Failed = list[tuple[Side, StopTheSync]]


def crm_side(account: str, crm: Pipedrive) -> Side:
    return Side("pipedrive", "GET /v1/users/me", account, crm.require_admin, "company_id", "id")


def sign_in(sweep: Sweep, sides: Sequence[Side]) -> list[dict[str, Any]]:
    """What each side says of the account behind our credentials; afterwards each connection's
    state says whether it is well.

    All are asked even when the first fails, so that one look tells everything.
    """
    found, failed = _ask_all(sides, sweep.state, sweep.credentials)
    if sweep.lease is not None:
        for side, record in found:
            connections.introduce(
                sweep.state, side.account, side.vendor,
                company=str(record.get(side.company) or ""), user=str(record.get(side.user) or ""),
            )  # fmt: skip
            connections.change(sweep.state, side.account, "ok")
        for side, error in failed:
            _note(sweep.state, side.account, error)
    for side, error in failed[1:]:
        sweep.outcome.findings.append(
            Finding("error", f"connection {side.account}", error.said, error.next_step)
        )
    return _all_or_first_failure(found, failed)


def recognise(
    sides: Sequence[Side], state: State, credentials: Mapping[str, Credentials]
) -> list[dict[str, Any]]:
    """The same question where nothing may be written."""
    return _all_or_first_failure(*_ask_all(sides, state, credentials))


def unauthorized(
    state: State, definition: SyncDefinition, outcome: Outcome, error: StopTheSync
) -> None:
    """Say in the outcome, and keep, which connection has to be connected again."""
    outcome.unauthorized = account_of(definition, error)
    _note(state, outcome.unauthorized, error)


def _note(state: State, account: str, error: StopTheSync) -> None:
    """Keep that the connection needs a person; `since` stays when it was known before."""
    if connections.find(state, account) is None:
        connections.introduce(state, account, error.vendor)
    connections.change(state, account, "needs_reauthorization", said=error.said)


def account_of(definition: SyncDefinition, error: StopTheSync) -> str:
    """The connection an error of this kind is about."""
    names = definition.connections
    return names.crm if error.vendor == "pipedrive" else names.engagement


def _ask_all(
    sides: Sequence[Side], state: State, credentials: Mapping[str, Credentials]
) -> tuple[Found, Failed]:
    found: Found = []
    failed: Failed = []
    for side in sides:
        try:
            found.append((side, _same_account(side, state)))
        except UNAUTHORIZED as error:
            failed.append((side, credentials[side.vendor].named(error)))
    return found, failed


def _all_or_first_failure(found: Found, failed: Failed) -> list[dict[str, Any]]:
    if failed:
        raise failed[0][1]
    return [record for _, record in found]


def _same_account(side: Side, state: State) -> dict[str, Any]:
    """What the vendor says of us; AnotherAccount when links and counts belong to another."""
    record = side.ask()
    company = str(record.get(side.company) or "")
    known = connections.find(state, side.account)
    if known is not None and company and known.remote_company not in ("", company):
        raise AnotherAccount(
            side.vendor, side.call,
            f"the credentials of {side.account} belong to account {company}, and its links and "
            f"counts to account {known.remote_company}",
            next_step=f"put back credentials of account {known.remote_company}, or give account "
            f"{company} a connection name of its own",
        )  # fmt: skip
    return record
