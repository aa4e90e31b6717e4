"""The definition as an outsider reads it: plain YAML, its names looked up at the vendors once."""

from dataclasses import dataclass
from typing import Any

from tests.oracle.reading import Json, World


@dataclass(frozen=True)
class Rule:
    """An automation of a bot. `result` is what is created, without owner and person."""

    id: str
    event: str
    after: int
    repeats: bool
    counts_all: bool
    is_deal: bool
    result: tuple[Any, ...]  # activity: (type,); deal: (stage, pipeline, owner)


@dataclass(frozen=True)
class Bot:
    """`filter_id` is None for all contacts."""

    id: str
    filter_id: int | None
    rules: tuple[Rule, ...]
    notes: tuple[str, ...]
    notes_count_all: bool


@dataclass(frozen=True)
class ListField:
    """A field carried to the list: by what name it stands there, and where it comes from."""

    name: str
    code: str
    of: str  # person or organization


def read_bot(bot: Json, definition: Json, world: World, filters: dict[str | int, int]) -> Bot:
    """A bot with its names turned into ids; KeyError or StopIteration for an unknown name.

    `filters` are those looked up before: a filter keeps its id when it is renamed or gone.
    """
    contacts = bot["contacts"]
    since = bot.get("count_from") or definition.get("count_from", "activation")

    def counts_all(rule: Json) -> bool:
        return bool((rule.get("count_from") or since) == "all_time")

    rules = [
        Rule(r["id"], r["event"], r["after"], r.get("repeat") == "every", counts_all(r), False,
             (_activity_type(r["type"], world),))
        for r in bot.get("activities", ())
    ]  # fmt: skip
    rules += [
        Rule(r["id"], r["event"], r["after"], r.get("repeat") == "every", counts_all(r), True,
             _deal(r, world))
        for r in bot.get("deals", ())
    ]  # fmt: skip
    return Bot(
        id=bot["id"],
        filter_id=None if contacts == "all" else _filter(contacts["filter"], world, filters),
        rules=tuple(rules),
        notes=tuple(bot.get("notes", ())),
        notes_count_all=since == "all_time",
    )


def _filter(wanted: str | int, world: World, known: dict[str | int, int]) -> int:
    if wanted not in known:
        known[wanted] = next(
            int(f["id"]) for f in world.filters.values() if wanted in (f["id"], f["name"])
        )
    return known[wanted]


def _activity_type(wanted: str, world: World) -> str:
    found = [
        t for t in world.activity_types if wanted.lower() in (t["key_string"], t["name"].lower())
    ]
    return str(found[0]["key_string"])


def _deal(rule: Json, world: World) -> tuple[int, int, int]:
    pipeline = _named(world.pipelines, rule["pipeline"], "name")
    of_it = {i: s for i, s in world.stages.items() if s["pipeline_id"] == pipeline}
    owner = _named(world.users, rule["owner"], "email")
    return _named(of_it, rule["stage"], "name"), pipeline, owner


def _named(records: dict[int, Json], wanted: str | int, key: str) -> int:
    return next(i for i, record in records.items() if wanted in (i, record[key]))


def read_fields(
    definition: Json, world: World, known: dict[tuple[str, str], ListField]
) -> list[ListField]:
    """The selected fields; `known` are those looked up before, and gets the new ones.

    Names of organization fields stand on the list after a word.
    """
    chosen = definition.get("fields", {})
    always = ("name", "email", "first_name", "last_name")
    wanted = [("person", n) for n in chosen.get("person", ()) if n.lower() not in always]
    wanted += [("organization", n) for n in chosen.get("organization", ())]
    for of, name in wanted:
        if (of, name) not in known:
            fields = world.person_fields if of == "person" else world.organization_fields
            known[of, name] = _field(name, fields, of)
    return [known[key] for key in wanted]


def _field(wanted: str, fields: dict[str, Json], of: str) -> ListField:
    code = wanted if wanted in fields else ""
    code = code or next(c for c, f in fields.items() if f["field_name"] == wanted)
    label = fields[code]["field_name"]
    return ListField(label if of == "person" else f"Organization {label}", code, of)


def value_of(wanted: ListField, person: Json, world: World) -> str | None:
    """What the list should show; None when the field is gone from the CRM (MG-05)."""
    fields = world.person_fields if wanted.of == "person" else world.organization_fields
    if wanted.code not in fields:
        return None
    record: Json | None = person
    if wanted.of == "organization":
        record = world.organizations.get(person["org_id"])
    if record is None:
        return ""
    code = {"phone": "phones", "email": "emails"}.get(wanted.code, wanted.code)
    value = record[code] if code in record else record["custom_fields"].get(wanted.code)
    return _text(value, fields[wanted.code], world)


def _text(value: Any, field: Json, world: World) -> str:
    """A value as text: labels for options and people, the first or primary of several ways."""
    labels = {option["id"]: option["label"] for option in field.get("options") or ()}
    if value in (None, "", []):
        return ""
    if isinstance(value, list) and isinstance(value[0], dict):
        return str(next((v for v in value if v["primary"]), value[0])["value"])
    if isinstance(value, list):
        return ", ".join(labels.get(v, str(v)) for v in value)
    if isinstance(value, dict):
        shown = str(value["value"])
        return f"{shown} {value['currency']}" if "currency" in value else shown
    if field["field_type"] == "user":
        return str(world.users[value]["name"])
    return str(labels.get(value, value))
