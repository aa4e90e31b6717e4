"""Prove who we are at both vendors, and tie every flow's names to their ids."""

from collections.abc import Iterable

from connectors.mailchimp import Mailchimp
from connectors.pipedrive import Pipedrive
from pipelines import signing_in
from pipelines.accounts import Accounts
from pipelines.mailchimp_pipedrive import due, life
from pipelines.mailchimp_pipedrive.bind import Account, Bound, bind, pins_by_side
from pipelines.mailchimp_pipedrive.config import DealStage, Definition, Filters
from pipelines.mailchimp_pipedrive.sweep import Sweep
from pipelines.names import Names, Pin, candidates
from pipelines.pipedrive_side.selection import NewFilter
from pipelines.signing_in import Side, crm_side
from pipelines.sweep import DefinitionError
from state import pins
from state.database import State


def bind_names(sweep: Sweep) -> None:
    """Sign in, bind every name, and see how the flows stand.

    DefinitionError carries every mistake; nothing has been written anywhere then.
    """
    me, _ = signing_in.sign_in(sweep, _sides(sweep.definition, sweep.crm, sweep.engagement))
    sweep.currency = str(me.get("default_currency") or "USD")
    bound = look_up_with(sweep.definition, sweep.crm, sweep.engagement, sweep.state)
    mistakes = [one for one in bound.findings if one.level == "error"]
    if mistakes:
        raise DefinitionError(mistakes)
    sweep.outcome.findings += bound.findings
    sweep.bound = bound
    if sweep.lease is not None:
        known = _pinned(sweep.state, sweep.definition)
        names = sweep.definition.connections
        for side, pin in pins_by_side(bound.pins):
            if known.get((pin.kind, pin.name)) != pin:  # each is a durable commit
                account = names.crm if side == "crm" else names.engagement
                pins.put(sweep.state, pins.Pin(account, *pin, None))
    life.define_flows(sweep)
    sweep.due = due.due_flows(sweep)


def recognise(definition: Definition, accounts: Accounts[Mailchimp]) -> list[dict[str, object]]:
    """Who we are, asked where nothing may be written."""
    sides = _sides(definition, accounts.crm, accounts.engagement)
    return signing_in.recognise(sides, accounts.state, accounts.credentials)


def look_up_with(
    definition: Definition, crm: Pipedrive, engagement: Mailchimp, state: State
) -> Bound:
    """Read both accounts' names and bind the definition to them. Reads only."""
    pinned = _pinned(state, definition)
    audiences = engagement.audiences()
    named = _audiences(definition, audiences, pinned)
    has_stages = any(isinstance(flow.trigger, DealStage) for flow in definition.flows)
    account = Account(
        users=crm.users() if _makes_filters(definition) else [],
        filters=crm.filters() if any(not f.is_into_crm for f in definition.flows) else [],
        pipelines=crm.pipelines() if has_stages else [],
        stages=crm.stages() if has_stages else [],
        person_fields=crm.person_fields(),
        organization_fields=crm.organization_fields() if _makes_filters(definition) else [],
        audiences=audiences,
        merge_fields={one: engagement.merge_fields(one) for one in named},
        segments={one: engagement.segments(one) for one in named},
    )
    return bind(definition, account, pinned)


def _audiences(
    definition: Definition, audiences: list[dict[str, object]], pinned: dict[tuple[str, str], Pin]
) -> list[str]:
    """The audiences that flows name, as far as they are there: their fields must be read first."""
    names = Names(pinned)
    found = [
        names.find("audience", flow.audience, candidates(audiences, "name"), where="")
        for flow in definition.flows
    ]
    return list(dict.fromkeys(one for one, is_there in found if one is not None and is_there))


def _makes_filters(definition: Definition) -> bool:
    return any(
        isinstance(one, NewFilter)
        for flow in definition.flows
        if isinstance(flow.trigger, Filters)
        for one in flow.trigger.filters
    )


def _pinned(state: State, definition: Definition) -> dict[tuple[str, str], Pin]:
    names = definition.connections
    rows: Iterable[dict[str, object]] = [
        row
        for account in (names.crm, names.engagement)
        for row in pins.read(state, account).to_pylist()
    ]
    return {
        (str(row["kind"]), str(row["name"])): Pin(
            str(row["kind"]), str(row["name"]), str(row["remote_id"]), str(row["label"])
        )
        for row in rows
    }


def _sides(definition: Definition, crm: Pipedrive, engagement: Mailchimp) -> tuple[Side, Side]:
    names = definition.connections
    return (
        crm_side(names.crm, crm),
        Side("mailchimp", "GET /", names.engagement, engagement.account, "account_id", "login_id"),
    )
