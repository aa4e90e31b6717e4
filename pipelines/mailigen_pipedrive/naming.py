"""Ask both accounts who and what they are, and tie the definition's names to their ids."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from connectors.mailigen import Mailigen
from connectors.pipedrive import Pipedrive
from pipelines.mailigen_pipedrive import extract, life
from pipelines.mailigen_pipedrive.bind import Account, Bound, bind
from pipelines.mailigen_pipedrive.config import Definition
from pipelines.mailigen_pipedrive.edits import refused_edits, remember_homes
from pipelines.mailigen_pipedrive.signing_in import sign_in
from pipelines.mailigen_pipedrive.sweep import Sweep
from pipelines.names import Pin
from pipelines.pipedrive_side.selection import NewFilter
from pipelines.sweep import DefinitionError
from state import bots, deeds, pins
from state.database import State
from state.deeds import Deed

LIST_SIDE = ("list", "merge tag")  # kinds whose pins belong to the Mailigen account


def bind_names(sweep: Sweep) -> None:
    """Prove who we are at both vendors, bind every name, and see how the bots stand.

    DefinitionError carries every mistake; nothing has been written anywhere then.
    """
    introduced = sign_in(sweep)
    me = introduced.crm
    if me.get("company_domain"):
        sweep.outcome.links["deal"] = f"https://{me['company_domain']}.pipedrive.com/deal/{{id}}"
    account, bound = look_up_with(sweep.definition, sweep.crm, sweep.engagement, sweep.state)
    mistakes = [f for f in bound.findings if f.level == "error"]
    before = bots.bots(sweep.state, sweep.definition.name)
    mistakes += refused_edits(sweep.definition, bound, before, sweep.state)
    if mistakes:
        raise DefinitionError(mistakes)
    sweep.outcome.findings += bound.findings
    sweep.bound = _without_deleted_vars(sweep, bound)
    if sweep.lease is not None:
        pinned = _pinned(sweep.state, sweep.definition)
        for pin in bound.pins:
            if pinned.get((pin.kind, pin.name)) != pin:  # each is a durable commit
                pins.put(sweep.state, _stored(sweep, pin))
        remember_homes(sweep.definition, bound, sweep.state)
    extract.account(sweep, account.users, _fields(account))
    life.define_bots(sweep, before)
    life.look_for_emails(sweep, introduced.engagement.get("emails_left"))


def look_up_with(
    definition: Definition, crm: Pipedrive, engagement: Mailigen, state: State
) -> tuple[Account, Bound]:
    """Read both accounts' names and bind the definition to them. Reads only."""
    lists = engagement.lists()
    account = Account(
        users=crm.users(),
        filters=crm.filters(),
        activity_types=crm.activity_types() if any(b.activities for b in definition.bots) else [],
        pipelines=crm.pipelines() if any(b.deals for b in definition.bots) else [],
        stages=crm.stages() if any(b.deals for b in definition.bots) else [],
        person_fields=crm.person_fields(),
        organization_fields=crm.organization_fields() if _needs_organizations(definition) else [],
        deal_fields=crm.deal_fields() if any(b.deals for b in definition.bots) else [],
        lists=lists,
        merge_vars=[],
    )
    pinned = _pinned(state, definition)
    bound = bind(definition, account, pinned)
    if bound.list_id is not None:
        account = account._replace(merge_vars=engagement.merge_vars(bound.list_id))
        bound = bind(definition, account, pinned)
    return account, bound


def _needs_organizations(definition: Definition) -> bool:
    new = [b.contacts.filter for b in definition.bots if b.contacts != "all"]
    conditions = [
        one
        for f in new
        if isinstance(f, NewFilter)
        for one in (*f.conditions.all, *f.conditions.any)
    ]
    return bool(definition.fields.organization) or any(c.of == "organization" for c in conditions)


def filter_made(sweep: Sweep, name: str, filter_id: int) -> None:
    """Bots that waited for the filter select by it from here on, and it is pinned."""
    made = [
        replace(one, filter_id=filter_id, terms=None)
        if one.terms is not None and one.terms.name == name else one
        for one in sweep.names.bots
    ]  # fmt: skip
    sweep.bound = replace(sweep.names, bots=tuple(made))
    pins.put(sweep.state, _stored(sweep, Pin("filter", name, str(filter_id), name)))


def list_id(sweep: Sweep) -> str:
    """The id of the list, also when this run has just created it."""
    if sweep.names.list_id is None:
        made = deeds.by_key(sweep.state, _list_key(sweep))
        if made is None or made.remote_id is None:
            raise RuntimeError("the list is not there yet")
        sweep.bound = replace(sweep.names, list_id=made.remote_id)
        pin = Pin("list", sweep.names.list_title, made.remote_id, sweep.names.list_title)
        pins.put(sweep.state, _stored(sweep, pin))
    return str(sweep.names.list_id)


def list_id_of(state: State, definition: Definition) -> str | None:
    """The id of the definition's list, once a run has tied the name to it."""
    wanted = definition.list
    pin = pins.find(
        state, definition.connections.engagement, "list", wanted.title or str(wanted.id)
    )
    return pin.remote_id if pin else None


def list_was_made_here(sweep: Sweep) -> bool:
    """Whether the list the sync has is one that an earlier run of it created."""
    if sweep.names.list_id is None:
        return False
    made = deeds.by_key(sweep.state, _list_key(sweep))
    return made is not None and made.remote_id == sweep.names.list_id


def deal_field_code(sweep: Sweep) -> str | None:
    """The code of our deal field, also when this run has just created it."""
    if sweep.names.deal_field_code is None:
        made = last_made(sweep, deal_field_key(sweep))
        if made is not None and made.remote_id:
            sweep.bound = replace(sweep.names, deal_field_code=made.remote_id)
    return sweep.names.deal_field_code


def last_made(sweep: Sweep, key: str) -> Deed | None:
    """The newest deed of a thing that may have been made, deleted by somebody and made again."""
    made = deeds.by_key(sweep.state, key)
    while made is not None and (again := deeds.by_key(sweep.state, f"{made.write_key}|again")):
        made = again
    return made


def open_key(sweep: Sweep, key: str) -> str:
    """The key under which something missing is to be made: another one once it was made."""
    made = last_made(sweep, key)
    if made is None:
        return key
    return f"{made.write_key}|again" if made.state == "done" else made.write_key


def setup_stem(sweep: Sweep) -> str:
    return f"setup|{sweep.engagement_account}|{sweep.definition.name}"


def _list_key(sweep: Sweep) -> str:
    return f"{setup_stem(sweep)}|list|{sweep.names.list_title}"


def var_key(sweep: Sweep, tag: str) -> str:
    return f"{setup_stem(sweep)}|merge var|{sweep.names.list_key}|{tag}"


def deal_field_key(sweep: Sweep) -> str:
    return f"setup|{sweep.crm_account}|deal field"


def _pinned(state: State, definition: Definition) -> dict[tuple[str, str], Pin]:
    found: dict[tuple[str, str], Pin] = {}
    for account in (definition.connections.crm, definition.connections.engagement):
        for row in pins.read(state, account).to_pylist():
            pin = Pin(row["kind"], row["name"], row["remote_id"], row["label"])
            found[(pin.kind, pin.name)] = pin
    return found


def _stored(sweep: Sweep, pin: Pin) -> pins.Pin:
    is_list_side = pin.kind.startswith(LIST_SIDE)
    account = sweep.engagement_account if is_list_side else sweep.crm_account
    return pins.Pin(account, pin.kind, pin.name, pin.remote_id, pin.label, None)


def _without_deleted_vars(sweep: Sweep, bound: Bound) -> Bound:
    """Leave fields alone whose merge var we made and somebody deleted: that was on purpose."""
    sweep.bound = bound
    kept, dropped = [], set()
    for var in bound.missing_vars:
        made: Deed | None = deeds.by_key(sweep.state, var_key(sweep, var.tag))
        if made is None or made.state != "done" or var.tag == "SOURCE":
            kept.append(var)
            continue
        dropped.add(var.tag)
        sweep.warn(
            f"field {var.name}",
            "its merge var was deleted from the list, so it is no longer written",
            f"add a text field with the tag {var.tag} to the list to have it written again",
        )
    fields = tuple(replace(f, is_gone=f.is_gone or f.merge_tag in dropped) for f in bound.fields)
    return replace(bound, fields=fields, missing_vars=tuple(kept))


def _fields(account: Account) -> Iterable[dict[str, Any]]:
    for entity, fields in (
        ("person", account.person_fields),
        ("organization", account.organization_fields),
    ):
        for field in fields:
            yield {"entity": entity, **field}
