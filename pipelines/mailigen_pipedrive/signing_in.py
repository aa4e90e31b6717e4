"""Who we are at Pipedrive and at Mailigen, asked before anything else is.

Mailigen tells no role: its key has to pass an account-level call.
"""

from typing import Any, NamedTuple

from connectors.mailigen import Mailigen
from connectors.pipedrive import Pipedrive
from pipelines import signing_in
from pipelines.accounts import Accounts
from pipelines.mailigen_pipedrive.config import Definition
from pipelines.mailigen_pipedrive.sweep import Sweep
from pipelines.signing_in import Side, crm_side


class Introduced(NamedTuple):
    """What each vendor says of the account behind our credentials."""

    crm: dict[str, Any]
    engagement: dict[str, Any]


def sign_in(sweep: Sweep) -> Introduced:
    """Prove who we are at both; afterwards each connection's state says whether it is well."""
    sides = _sides(sweep.definition, sweep.crm, sweep.engagement)
    return Introduced(*signing_in.sign_in(sweep, sides))


def recognise(definition: Definition, accounts: Accounts[Mailigen]) -> Introduced:
    """The same question where nothing may be written."""
    sides = _sides(definition, accounts.crm, accounts.engagement)
    return Introduced(*signing_in.recognise(sides, accounts.state, accounts.credentials))


def _sides(definition: Definition, crm: Pipedrive, engagement: Mailigen) -> tuple[Side, Side]:
    names = definition.connections
    return (
        crm_side(names.crm, crm),
        Side("mailigen", "getAccountDetails", names.engagement, engagement.account, "user_id",
             "username"),
    )  # fmt: skip
