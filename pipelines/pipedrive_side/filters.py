"""Filters that the definition describes: made in Pipedrive before the first walk (MG-09).

    conditions --read--> checked against the account's fields --write--> v1's form
    a filter of the name exists: taken as it is, whatever it selects

Made before the guards are asked: without it nobody can be counted, and it changes nobody.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

from connectors.pipedrive import Pipedrive
from pipelines.names import Names, choices_in_words, nearest_first
from pipelines.pipedrive_side.selection import Condition, NewFilter, Value
from state.deeds import Deed

TEXT = {"is": "=", "is not": "!=", "contains": "LIKE '%$%'", "starts with": "LIKE '$%'"}
NUMBER = {"is": "=", "is not": "!=", "more than": ">", "less than": "<", "at least": ">=",
          "at most": "<="}  # fmt: skip
DAY = {"is": "=", "is not": "!=", "after": ">", "before": "<"}
ONE = {"is": "=", "is not": "!="}
SEVERAL = ONE | {"contains": "contains", "does not contain": "not_contains"}
WORDS = {  # by type of field, as /v1/filters/helpers lists them
    "varchar": TEXT, "varchar_auto": TEXT, "text": TEXT, "phone": TEXT, "varchar_options": TEXT,
    "address": TEXT, "int": NUMBER, "double": NUMBER, "monetary": NUMBER, "date": DAY,
    "enum": ONE, "set": SEVERAL, "user": ONE,
}  # fmt: skip


class Fields(NamedTuple):
    """What conditions may name: fields by whose they are, and users for those that name one."""

    person: list[dict[str, Any]]
    organization: list[dict[str, Any]]
    users: list[dict[str, Any]]


@dataclass(frozen=True)
class Term:
    """One condition in the vendor's terms, but for the field's number."""

    entity: str
    field_code: str
    operator: str
    value: str | None


@dataclass(frozen=True)
class Terms:
    """A filter to be made, as far as names could be understood."""

    name: str
    every: tuple[Term, ...]
    some: tuple[Term, ...]


class UnclearConditionError(Exception):
    """A condition names what the account has not; `remedy` says what it has."""

    def __init__(self, sentence: str, remedy: str, choices: tuple[str, ...] = ()) -> None:
        self.remedy, self.choices = remedy, choices
        super().__init__(sentence)


def _nothing_called(name: str, labels: Iterable[str], problem: str) -> UnclearConditionError:
    choices = nearest_first(name, labels)
    remedy = choices_in_words(choices) or "make it in Pipedrive first"
    return UnclearConditionError(problem, remedy, choices)


def terms_of(wanted: NewFilter, fields: Fields, names: Names, where: str) -> Terms | None:
    """Understand a filter that a definition describes; every mistake is kept among `names`."""
    terms, mistakes = read_terms(wanted, fields)
    for mistake in mistakes:
        thing = f"{where}, filter {wanted.name}"
        names.error(thing, str(mistake), mistake.remedy, mistake.choices)
    return terms


def read_terms(
    wanted: NewFilter, fields: Fields
) -> tuple[Terms | None, list[UnclearConditionError]]:
    """Understand every condition; None with every mistake when one cannot be."""
    mistakes: list[UnclearConditionError] = []

    def understood(conditions: Iterable[Condition]) -> tuple[Term, ...]:
        found = []
        for condition in conditions:
            try:
                found.append(_term(condition, fields))
            except UnclearConditionError as error:
                mistakes.append(error)
        return tuple(found)

    terms = Terms(wanted.name, understood(wanted.conditions.all), understood(wanted.conditions.any))
    return (None if mistakes else terms), mistakes


def _term(condition: Condition, fields: Fields) -> Term:
    known = fields.person if condition.of == "person" else fields.organization
    field = _field(condition, known)
    code, kind = str(field["field_code"]), str(field["field_type"])
    if condition.word == "is empty":
        operator = "IS NULL" if condition.value else "IS NOT NULL"
        return Term(condition.of, code, operator, None)
    words = WORDS.get(kind)
    if words is None:
        raise UnclearConditionError(
            f"the field {condition.field!r} is of type {kind}, which conditions here only know as "
            "empty or not", "make such a filter in Pipedrive and name it here",
        )  # fmt: skip
    if condition.word not in words:
        raise UnclearConditionError(
            f"`{condition.word}` does not fit the field {condition.field!r} of type {kind}",
            f"use one of: {', '.join([*words, 'is empty'])}",
        )
    return Term(condition.of, code, words[condition.word], _value(condition, field, fields))


def _field(condition: Condition, known: list[dict[str, Any]]) -> dict[str, Any]:
    name = condition.field
    exact = [f for f in known if name in (f["field_code"], f["field_name"])]
    loose = [f for f in known if str(f["field_name"]).casefold() == name.casefold()]
    found = exact or loose
    if len(found) == 1:
        return found[0]
    noun = f"{condition.of} field"
    if found:
        codes = ", ".join(f"{f['field_code']} ({f['field_name']})" for f in found)
        raise UnclearConditionError(
            f"{len(found)} fields answer to the {noun} {name!r}: {codes}",
            "write the key instead of the name",
        )
    labels = [str(f["field_name"]) for f in known]
    raise _nothing_called(name, labels, f"there is no {noun} {name!r}")


def _value(condition: Condition, field: Mapping[str, Any], fields: Fields) -> str:
    value, kind = condition.value, str(field["field_type"])
    if kind in ("enum", "set"):
        options = [(str(o["id"]), str(o["label"])) for o in field.get("options") or ()]
        return _one_of(value, options, f"option of the field {condition.field!r}")
    if kind == "user":
        # The deactivated too: what is still theirs is a common thing to look for.
        users = [(str(u["id"]), str(u["email"])) for u in fields.users]
        return _one_of(value, users, "user")
    if kind in ("int", "double", "monetary") and not isinstance(value, int | float):
        raise UnclearConditionError(
            f"the field {condition.field!r} holds numbers, not {value!r}", "write a plain number"
        )
    if kind == "date" and not isinstance(value, date):
        raise UnclearConditionError(
            f"the field {condition.field!r} holds days, not {value!r}", "write one like 2026-11-01"
        )
    return f"{value:g}" if isinstance(value, float) else str(value)


def _one_of(value: Value, known: list[tuple[str, str]], noun: str) -> str:
    wanted = str(value).casefold()
    found = [one for one, label in known if wanted in (label.casefold(), one)]
    if len(found) != 1:
        labels = [label for _, label in known]
        problem = "there is no" if not found else "several things answer to the"
        raise _nothing_called(str(value), labels, f"{problem} {noun} {value!r}")
    return found[0]


def body_of(terms: Terms, crm: Pipedrive) -> dict[str, Any]:
    """The filter as v1 takes it. Asks for the fields' numbers, which only v1 tells."""
    entities = {term.entity for term in (*terms.every, *terms.some)}
    numbers = {(entity, code): number for entity in sorted(entities)
               for code, number in crm.field_numbers(entity).items()}  # fmt: skip

    def group(glue: str, of: tuple[Term, ...]) -> dict[str, Any]:
        conditions = [
            {
                "object": term.entity, "field_id": str(numbers[term.entity, term.field_code]),
                "operator": term.operator, "value": term.value, "extra_value": None,
            }
            for term in of
        ]  # fmt: skip
        return {"glue": glue, "conditions": conditions}

    both = [group("and", terms.every), group("or", terms.some)]
    return {"name": terms.name, "type": "people", "conditions": {"glue": "and", "conditions": both}}


@dataclass(frozen=True)
class Filters:
    """Sends filters and finds them again by their name, which set-up never uses twice."""

    crm: Pipedrive

    def send(self, deed: Deed) -> str:
        # Somebody may have made one of the name since it was looked for.
        if there := self.find(deed):
            return there
        return str(self.crm.create_filter(deed.body))

    def find(self, deed: Deed) -> str | None:
        found = self.crm.find_filter(deed.body["name"])
        return None if found is None else str(found)
