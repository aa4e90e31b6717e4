"""Tie what a definition names at Pipedrive and Mailigen to the accounts' own ids.

How a name is looked up and pinned is told in pipelines/names.py; here, which names there are. A
pinned thing that has vanished is left to whoever uses it: a field stops being updated (MG-05), a
filter suspends its bot.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from pipelines.mailigen_pipedrive.config import Bot, DealRule, Definition
from pipelines.mailigen_pipedrive.merge_tags import LIST_NAMES, MergeVar, plan_merge_vars
from pipelines.names import Candidate, Names, Pin, candidates
from pipelines.pipedrive_side.filters import Fields, Terms, terms_of
from pipelines.pipedrive_side.names import owner_id, stage_id
from pipelines.pipedrive_side.selection import NewFilter
from pipelines.report import Finding

DEAL_FIELD = "Syncline ref"  # the custom deal field that carries our marker
SUBJECTS = {
    "open": "Opened {count} e-mails, last: {campaign}",
    "send": "Was sent {count} e-mails, last: {campaign}",
    "click": "Clicked {count} times, last: {link} in {campaign}",
    "bounce": "{count} e-mails bounced, last: {campaign}",
}
DEAL_TITLE = "{name}: {campaign} ({count})"


NO_FILTER = 0


@dataclass(frozen=True)
class BoundBot:
    bot: Bot
    filter_id: int | None  # None: all contacts; NO_FILTER: none there is
    terms: Terms | None = None  # of a filter that is still to be made


@dataclass(frozen=True)
class BoundRule:
    """An automation with the ids it needs. `text` is the subject's or title's template."""

    bot_id: str
    rule_id: str
    does: str  # activity | deal
    event: str
    threshold: int
    is_repeated: bool
    is_all_time: bool
    text: str
    activity_type: str | None = None
    owner_id: int | None = None
    stage_id: int | None = None
    value: float | None = None


@dataclass(frozen=True)
class BoundField:
    """One merge tag and the Pipedrive field behind it."""

    merge_tag: str
    entity: str  # person | organization
    field_code: str
    field_type: str
    is_gone: bool = False


@dataclass(frozen=True)
class Bound:
    """A definition with ids in place of names, and what has to be created for it."""

    list_id: str | None  # None: to be created
    list_title: str
    bots: tuple[BoundBot, ...]
    rules: tuple[BoundRule, ...]
    fields: tuple[BoundField, ...]
    missing_vars: tuple[MergeVar, ...]
    deal_field_code: str | None
    needs_deal_field: bool
    import_owner_id: int | None  # who owns new subscribers; None: they are not imported
    pins: tuple[Pin, ...]
    findings: tuple[Finding, ...]

    @property
    def list_key(self) -> str:
        """Names the list in keys: a bot's contacts are on *this* list, by title or id."""
        return self.list_title


class Account(NamedTuple):
    """What both accounts answered about themselves; names are looked up in it."""

    users: list[dict[str, Any]]
    filters: list[dict[str, Any]]
    activity_types: list[dict[str, Any]]
    pipelines: list[dict[str, Any]]
    stages: list[dict[str, Any]]
    person_fields: list[dict[str, Any]]
    organization_fields: list[dict[str, Any]]
    deal_fields: list[dict[str, Any]]
    lists: list[dict[str, Any]]
    merge_vars: list[dict[str, Any]]  # of the list, when it exists


def bind(definition: Definition, account: Account, pinned: Mapping[tuple[str, str], Pin]) -> Bound:
    """Return the definition bound to ids; `findings` holds every mistake (level error)."""
    names = Names(pinned)
    list_id = _bind_list(definition, account, names)
    bots = tuple(_bind_bot(bot, account, names) for bot in definition.bots)
    rules = tuple(
        rule for bot in definition.bots for rule in _bind_rules(definition, bot, account, names)
    )
    fields = _bind_fields(definition, account, names)
    list_title = definition.list.title or str(definition.list.id)
    tag_kind = f"merge tag of {list_title}"
    merge_vars, missing, tag_pins = plan_merge_vars(
        fields,
        account.merge_vars,
        {name: pin.remote_id for (kind, name), pin in pinned.items() if kind == tag_kind},
    )
    names.pins.extend(Pin(tag_kind, var, tag, tag) for var, tag in tag_pins.items())
    needs_deal_field = any(rule.does == "deal" for rule in rules)
    return Bound(
        list_id=list_id,
        list_title=list_title,
        bots=bots,
        rules=rules,
        fields=tuple(
            BoundField(merge_vars[f.key], f.entity, f.field_code, f.field_type, f.is_gone)
            for f in fields
        ),
        missing_vars=missing,
        deal_field_code=_deal_field(account, names) if needs_deal_field else None,
        needs_deal_field=needs_deal_field,
        import_owner_id=_bind_importer(definition, account, names),
        pins=tuple(names.pins),
        findings=tuple(names.findings),
    )


class WantedField(NamedTuple):
    """A field the definition carries to the list, before it has a merge tag."""

    entity: str
    field_code: str
    field_type: str
    label: str  # what the merge var is called on the list
    is_gone: bool

    @property
    def key(self) -> str:
        return f"{self.entity}.{self.field_code}"


def _bind_list(definition: Definition, account: Account, names: Names) -> str | None:
    wanted = definition.list
    candidates = [Candidate(str(one["id"]), str(one.get("name", ""))) for one in account.lists]
    exists = any(wanted.title in (c.label, c.remote_id) for c in candidates)
    pinned = ("list", str(wanted.title)) in names.pinned
    if wanted.title and wanted.create and not exists and not pinned:
        return None
    list_id, is_there = names.find("list", wanted.title or str(wanted.id), candidates, where="list")
    if list_id and not is_there:
        names.error(
            f"list {wanted.title or wanted.id}",
            f"the Mailigen list {list_id} this sync is tied to no longer exists",
            "restore it in Mailigen, or delete the sync's bots and choose another list",
        )
        return None
    return list_id


def _bind_bot(bot: Bot, account: Account, names: Names) -> BoundBot:
    if bot.contacts == "all":
        return BoundBot(bot, None)
    people = [f for f in account.filters if f.get("type") == "people"]
    name, where = bot.contacts.name, f"bot {bot.id}"
    if isinstance(bot.contacts.filter, NewFilter) and not names.is_known("filter", name, people):
        fields = Fields(account.person_fields, account.organization_fields, account.users)
        return BoundBot(bot, NO_FILTER, terms_of(bot.contacts.filter, fields, names, where))
    filter_id, _ = names.find("filter", name, candidates(people, "name"), where=where)
    return BoundBot(bot, NO_FILTER if filter_id is None else int(filter_id))


def _bind_rules(
    definition: Definition, bot: Bot, account: Account, names: Names
) -> Iterable[BoundRule]:
    for rule in bot.activities:
        where = f"bot {bot.id}, activity {rule.id}"
        found, _ = names.find("activity type", rule.type, _activity_types(account), where=where)
        yield BoundRule(
            bot.id, rule.id, "activity", rule.event, rule.after, rule.repeat == "every",
            definition.count_from_of(bot, rule) == "all_time",
            rule.subject or SUBJECTS[rule.event], activity_type=found,
        )  # fmt: skip
    for deal in bot.deals:
        owner_id, stage_id = _bind_deal(bot, deal, account, names)
        yield BoundRule(
            bot.id, deal.id, "deal", deal.event, deal.after, deal.repeat == "every",
            definition.count_from_of(bot, deal) == "all_time",
            deal.title or DEAL_TITLE, owner_id=owner_id, stage_id=stage_id, value=deal.value,
        )  # fmt: skip


def _activity_types(account: Account) -> list[Candidate]:
    return [
        Candidate(str(t["key_string"]), str(t["name"]))
        for t in account.activity_types
        if t.get("active_flag", True)
    ]


def _bind_deal(
    bot: Bot, deal: DealRule, account: Account, names: Names
) -> tuple[int | None, int | None]:
    where = f"bot {bot.id}, deal {deal.id}"
    owner = owner_id(deal.owner, account.users, names, where)
    wanted = (deal.pipeline, deal.stage)
    return owner, stage_id(wanted, account.pipelines, account.stages, names, where)


def _bind_importer(definition: Definition, account: Account, names: Names) -> int | None:
    """The user who owns new subscribers, if they are imported."""
    if definition.new_subscribers is None:
        return None
    return owner_id(definition.new_subscribers.owner, account.users, names, "new_subscribers")


def _bind_fields(definition: Definition, account: Account, names: Names) -> tuple[WantedField, ...]:
    wanted = [
        WantedField("person", "first_name", "varchar", LIST_NAMES["FNAME"], False),
        WantedField("person", "last_name", "varchar", LIST_NAMES["LNAME"], False),
    ]
    for entity, chosen, fields in (
        ("person", definition.fields.person, account.person_fields),
        ("organization", definition.fields.organization, account.organization_fields),
    ):
        prefix = "Organization " if entity == "organization" else ""
        for name in chosen:
            candidates = [Candidate(str(f["field_code"]), str(f["field_name"])) for f in fields]
            code, is_there = names.find(
                f"{entity} field", name, candidates, where=f"fields.{entity}"
            )
            if code is None:
                continue
            record = next((f for f in fields if f.get("field_code") == code), {})
            label = str(record.get("field_name") or name)
            if not is_there:
                names.warn(
                    f"{entity} field {name}",
                    "was deleted in Pipedrive: its values stay on the list, no longer updated",
                    "take it out of the definition to silence this",
                )
            wanted.append(
                WantedField(
                    entity, code, str(record.get("field_type", "")), prefix + label, not is_there
                )
            )
    return tuple(wanted)


def _deal_field(account: Account, names: Names) -> str | None:
    mine = [f for f in account.deal_fields if f.get("field_name") == DEAL_FIELD]
    pin = names.pinned.get(("deal field", DEAL_FIELD))
    if pin is not None and any(f.get("field_code") == pin.remote_id for f in mine):
        return pin.remote_id
    if mine:
        code = str(min(mine, key=lambda f: str(f["field_code"]))["field_code"])
        names.pins.append(Pin("deal field", DEAL_FIELD, code, DEAL_FIELD))
        return code
    return None
