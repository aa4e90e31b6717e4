"""What an edit of a definition may not do while its bots live (MG-03, MG-13).

another list                     refused while a bot exists
another Mailigen connection      is another list
another Pipedrive connection     refused while a bot exists: its contacts are persons of the old one
a bot selects other contacts     refused without a newer confirmation that they agreed
conditions of a filter we made   refused: the filter is Pipedrive's by now
another `event` or `repeat`      allowed, and applies to what is reached after the edit
a bot id that another sync has   refused on the same list: the source could not tell them apart
a bot taken out of the file      the next run deletes it; said before
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from pipelines.mailigen_pipedrive.bind import NO_FILTER, Bound, BoundBot
from pipelines.mailigen_pipedrive.config import Bot, Definition
from pipelines.report import Finding
from state import bots, pins
from state.bots import Bot as KnownBot
from state.database import State

# Kinds of the pins that say which list a sync keeps, and for which CRM.
LIST_OF_SYNC, CRM_OF_SYNC = "list of sync", "crm of sync"


def refused_edits(
    definition: Definition, bound: Bound, before: Sequence[KnownBot], state: State
) -> list[Finding]:
    """Every edit that is refused, as findings of level error; nothing was taken over then.

    `before` are the sync's bots as the state has them.
    """
    known = {bot.bot_id: bot for bot in before}
    living = sorted(bot_id for bot_id, bot in known.items() if bot.is_living)
    found: list[Finding] = []
    if living:
        found += _another_list(definition, bound, state, living)
        found += _another_crm(definition, state, living)
    found += _twins(definition, bound, state)
    pinned = {str(p["name"]): str(p["remote_id"])
              for p in pins.read(state, definition.connections.crm).to_pylist()
              if p["kind"] == "filter"}  # fmt: skip
    for one in bound.bots:
        stored = known.get(one.bot.id)
        if one.filter_id == NO_FILTER and one.terms is None:
            continue  # nobody knows which filter is meant: that is the mistake, and is told
        if stored is not None and stored.state != "deleted":
            found += _unconfirmed(one, stored, pinned, state.now())
            found += _edited_conditions(one, stored)
    return found


def unlisted_bots(definition: Definition, before: Sequence[KnownBot]) -> list[Finding]:
    """Living bots that the file no longer lists, as warnings: a run takes them for deleted."""
    listed = {bot.id for bot in definition.bots}
    return [
        Finding(
            "warn", f"bot {bot.bot_id}",
            "is in the file no more: a run deletes it and takes its part of the source away",
            "put it back first if that was a mistake; what it did stays",
        )
        for bot in before
        if bot.is_living and bot.bot_id not in listed
    ]  # fmt: skip


def _twins(definition: Definition, bound: Bound, state: State) -> Iterator[Finding]:
    mine = {bot.id for bot in definition.bots}
    for pin in pins.read(state, definition.connections.engagement).to_pylist():
        is_neighbour = (
            pin["kind"] == LIST_OF_SYNC and pin["gone_at"] is None
            and pin["remote_id"] == bound.list_key and pin["name"] != definition.name
        )  # fmt: skip
        if not is_neighbour:
            continue
        theirs = {bot.bot_id for bot in bots.bots(state, pin["name"]) if bot.is_living}
        for bot_id in sorted(mine & theirs):
            yield Finding(
                "error", f"bot {bot_id}",
                f"the sync {pin['name']} has a bot of this id on the same list, and the source of "
                "a subscriber could not tell them apart",
                "give this one another id",
            )  # fmt: skip


def reshaped_rules(bot: Bot, before: KnownBot | None) -> frozenset[str]:
    """Ids of rules that by now count other events, or repeat otherwise, than the definition that
    was stored: like another N, that applies to crossings after the edit (MG-18)."""
    stored = (before.definition if before else None) or {}
    rows = [*stored.get("activities", ()), *stored.get("deals", ())]
    shapes = {str(row["id"]): (row["event"], row["repeat"]) for row in rows}
    return frozenset(
        rule.id for rule in bot.rules
        if rule.id in shapes and shapes[rule.id] != (rule.event, rule.repeat)
    )  # fmt: skip


def _another_list(
    definition: Definition, bound: Bound, state: State, living: list[str]
) -> Iterator[Finding]:
    engagement = definition.connections.engagement
    for pin in _homes(state, LIST_OF_SYNC, definition.name):
        if pin.account == engagement and pin.remote_id == bound.list_key:
            return
        before, after = pin.remote_id, bound.list_key
        if pin.account != engagement:
            before, after = f"{before} of {pin.account}", f"{after} of {engagement}"
        yield Finding(
            "error", "list",
            f"the list cannot change from {before} to {after} while the bots "
            f"{', '.join(living)} exist",
            "put the old list back, or take the bots out of the definition and run once before",
        )  # fmt: skip


def _another_crm(definition: Definition, state: State, living: list[str]) -> Iterator[Finding]:
    """There, no person would be found under the ids we know, and all would count as deleted."""
    wanted = definition.connections.crm
    for pin in _homes(state, CRM_OF_SYNC, definition.name):
        if pin.account != wanted:
            yield Finding(
                "error", "connections.crm",
                f"the sync cannot move from {pin.account} to {wanted} while the bots "
                f"{', '.join(living)} exist",
                "put the old connection back, or take the bots out of the definition and run once "
                "before",
            )  # fmt: skip


def _homes(state: State, kind: str, sync: str) -> list[pins.Pin]:
    """Where the sync is at home now: at most one of a kind."""
    return [pin for pin in pins.called(state, kind, sync) if pin.gone_at is None]


def remember_homes(definition: Definition, bound: Bound, state: State) -> None:
    """Pin the list and the CRM that an accepted definition names; former ones are marked left."""
    places = definition.connections
    for kind, account, remote_id in (
        (LIST_OF_SYNC, places.engagement, bound.list_key),
        (CRM_OF_SYNC, places.crm, places.crm),
    ):
        wanted = pins.Pin(account, kind, definition.name, remote_id, remote_id, None)
        homes = _homes(state, kind, definition.name)
        for pin in homes:
            if pin.account != account:
                pins.put(state, pin._replace(gone_at=state.now()))
        if wanted not in homes:
            pins.put(state, wanted)  # a durable commit: not at every run


def _unconfirmed(
    one: BoundBot, before: KnownBot, pinned: Mapping[str, str], now: datetime
) -> Iterator[Finding]:
    consent = one.bot.consent
    stored = (before.definition or {}).get("contacts")
    is_confirmed_again = (consent.confirmed_by, consent.on) != (
        before.confirmed_by, before.confirmed_on,
    ) or consent.on >= now.date()  # fmt: skip
    if stored is None or is_confirmed_again or _is_same(stored, one, pinned):
        return
    yield Finding(
        "error", f"bot {one.bot.id}",
        f"selects other contacts than those whose agreement {before.confirmed_by} confirmed on "
        f"{before.confirmed_on}",
        "have it confirmed that these agreed too, and write who and when into `consent`",
    )  # fmt: skip


def _edited_conditions(one: BoundBot, before: KnownBot) -> Iterator[Finding]:
    if one.filter_id is None or not before.definition:
        return
    stored = _described(before.definition)
    wanted = _described(one.bot.model_dump(mode="json"))
    if stored and wanted and stored["name"] == wanted["name"] and stored != wanted:
        yield Finding(
            "error", f"bot {one.bot.id}",
            f"the conditions of the filter {wanted['name']!r} were edited in the file, but the "
            "filter exists in Pipedrive by now and is used as it is there",
            "edit the filter in Pipedrive and put the old conditions back, or give another name",
        )  # fmt: skip


def _described(definition: Mapping[str, Any]) -> Any:
    """The filter that a bot's definition describes with its conditions; None if it names one."""
    contacts = definition["contacts"]
    wanted = contacts["filter"] if isinstance(contacts, dict) else None
    return wanted if isinstance(wanted, dict) else None


def _is_same(stored: Any, one: BoundBot, pinned: Mapping[str, str]) -> bool:
    """Whether both mean the same filter, by whatever name; conditions of a filter that exists
    already do not count, since it is taken as it is."""
    if stored == "all" or one.bot.contacts == "all":
        return bool(stored == one.bot.contacts)
    name = stored["filter"]["name"] if isinstance(stored["filter"], dict) else stored["filter"]
    return one.bot.contacts.name == name or pinned.get(str(name)) == str(one.filter_id)
