"""Who we are at both vendors, asked before anything else is.

    as an administrator of the account it always was --> ok, whatever stood before
    wrong, revoked, demoted, another account's       --> needs_reauthorization, until that

Mailigen tells no role: its key has to pass an account-level call.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from connectors.errors import AnotherAccount, BadCredentials, NotAdministrator, StopTheSync
from connectors.mailigen import Mailigen
from connectors.pipedrive import Pipedrive
from pipelines.accounts import Accounts, Credentials
from pipelines.mailigen_pipedrive.config import Definition
from pipelines.mailigen_pipedrive.sweep import Sweep
from pipelines.report import Finding, Outcome
from state import connections
from state.database import State

UNAUTHORIZED = (BadCredentials, NotAdministrator)


class Introduced(NamedTuple):
    """What each vendor says of the account behind our credentials."""

    crm: dict[str, Any]
    engagement: dict[str, Any]


class _Side(NamedTuple):
    vendor: str
    call: str
    account: str
    ask: Callable[[], dict[str, Any]]
    company: str  # the member that tells one account from another
    user: str


def sign_in(sweep: Sweep) -> Introduced:
    """Prove who we are at both; afterwards each connection's state says whether it is well.

    Both are asked even when the first fails, so that one look tells everything.
    """
    names = sweep.definition
    found, failed = _ask_both(names, sweep.crm, sweep.engagement, sweep.state, sweep.credentials)
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
    return _both(found, failed)


def recognise(definition: Definition, accounts: Accounts) -> Introduced:
    """The same question where nothing may be written."""
    return _both(
        *_ask_both(
            definition, accounts.crm, accounts.engagement, accounts.state, accounts.credentials
        )
    )


def unauthorized(
    state: State, definition: Definition, outcome: Outcome, error: StopTheSync
) -> None:
    """Say in the outcome, and keep, which connection has to be connected again."""
    outcome.unauthorized = account_of(definition, error)
    _note(state, outcome.unauthorized, error)


def _note(state: State, account: str, error: StopTheSync) -> None:
    """Keep that the connection needs a person; `since` stays when it was known before."""
    if connections.find(state, account) is None:
        connections.introduce(state, account, error.vendor)
    connections.change(state, account, "needs_reauthorization", said=error.said)


def account_of(definition: Definition, error: StopTheSync) -> str:
    """The connection an error of this kind is about."""
    names = definition.connections
    return names.crm if error.vendor == "pipedrive" else names.engagement


Found = list[tuple[_Side, dict[str, Any]]]
Failed = list[tuple[_Side, StopTheSync]]


def _ask_both(
    definition: Definition, crm: Pipedrive, engagement: Mailigen, state: State,
    credentials: Mapping[str, Credentials],
) -> tuple[Found, Failed]:  # fmt: skip
    names = definition.connections
    found: Found = []
    failed: Failed = []
    for side in (
        _Side("pipedrive", "GET /v1/users/me", names.crm, crm.require_admin, "company_id", "id"),
        _Side("mailigen", "getAccountDetails", names.engagement, engagement.account,
              "user_id", "username"),
    ):  # fmt: skip
        try:
            found.append((side, _same_account(side, state)))
        except UNAUTHORIZED as error:
            failed.append((side, credentials[side.vendor].named(error)))
    return found, failed


def _both(found: Found, failed: Failed) -> Introduced:
    if failed:
        raise failed[0][1]
    return Introduced(found[0][1], found[1][1])


def _same_account(side: _Side, state: State) -> dict[str, Any]:
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
