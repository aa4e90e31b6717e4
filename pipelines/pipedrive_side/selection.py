"""Whom a bot selects: everybody, a filter the CRM has, or one that is made from conditions.

contacts: all
contacts: {filter: Customers EU}
contacts:
  filter:
    name: Gold outside Asia
    conditions:
      all: [{field: Customer tier, is: Gold}, {field: Region, is not: Asia}]
      any: [{field: Job title, contains: chief}, {field: Industry, of: organization, is: Retail}]
"""

from datetime import date
from typing import Annotated, Any, Literal, Self

from pydantic import Discriminator, Field, Tag, model_validator

from pipelines.definition import NameOrId, Text
from pipelines.settings import Strict

MOST_CONDITIONS = 16  # of one Pipedrive filter


Value = str | int | float | date


class Condition(Strict):
    """One field and what it must be: exactly one of the words below."""

    field: Text = Field(description="The field by name or key.")
    of: Literal["person", "organization"] = Field("person", description="Whose field it is.")
    is_: Value | None = Field(None, alias="is", description="Equals; an option by its label.")
    is_not: Value | None = Field(None, alias="is not", description="Differs.")
    contains: Value | None = Field(None, description="A part of the text; one of the options.")
    lacks: Value | None = Field(
        None, alias="does not contain", description="Fields of several options only."
    )
    starts_with: Value | None = Field(None, alias="starts with", description="Text only.")
    more_than: float | None = Field(None, alias="more than", description="Numbers and money.")
    less_than: float | None = Field(None, alias="less than", description="Numbers and money.")
    at_least: float | None = Field(None, alias="at least", description="Numbers and money.")
    at_most: float | None = Field(None, alias="at most", description="Numbers and money.")
    after: date | None = Field(None, description="Later than this day.")
    before: date | None = Field(None, description="Earlier than this day.")
    is_empty: bool | None = Field(
        None, alias="is empty", description="true: without a value; false: with any."
    )

    @property
    def word(self) -> str:
        """The word that is used, as it is written: `is`, `is not`, `contains`, ..."""
        (name,) = self._said()
        return type(self).model_fields[name].alias or name

    @property
    def value(self) -> Value:
        (name,) = self._said()
        value: Value = getattr(self, name)
        return value

    def _said(self) -> list[str]:
        return sorted(self.model_fields_set - {"field", "of"})

    @model_validator(mode="after")
    def says_one_thing(self) -> Self:
        said = self._said()
        if len(said) != 1 or getattr(self, said[0]) is None:
            words = [f.alias or name for name, f in type(self).model_fields.items()]
            raise ValueError(f"a condition says exactly one of: {', '.join(words[2:])}")
        return self


class Conditions(Strict):
    """Every one of `all` holds and, where there is an `any`, at least one of those."""

    all: tuple[Condition, ...] = Field((), description="Each of these holds.")
    any: tuple[Condition, ...] = Field((), description="At least one of these holds.")

    @model_validator(mode="after")
    def are_some_and_not_too_many(self) -> Self:
        if not 1 <= len(self.all) + len(self.any) <= MOST_CONDITIONS:
            raise ValueError(f"a filter has 1 to {MOST_CONDITIONS} conditions")
        return self


class NewFilter(Strict):
    """A filter to make unless the account has one of this name, which is taken as it is."""

    name: Text = Field(description="What the filter is called in Pipedrive.")
    conditions: Conditions = Field(description="Whom it selects: `all`, `any`, or both.")


def _kind_of_filter(value: Any) -> str:
    return "a new filter" if isinstance(value, dict | NewFilter) else "a known filter"


Filter = Annotated[
    Annotated[NameOrId, Tag("a known filter")] | Annotated[NewFilter, Tag("a new filter")],
    Discriminator(_kind_of_filter),
]


class FilteredContacts(Strict):
    """The persons of one Pipedrive filter, evaluated at every run."""

    filter: Filter = Field(description="The filter by its name or id, or one to be made.")

    @property
    def name(self) -> str | int:
        return self.filter.name if isinstance(self.filter, NewFilter) else self.filter


def _kind_of_selection(value: Any) -> str:
    return "one filter" if isinstance(value, dict | FilteredContacts) else "everybody"


# Tags show up in error locations; with a blank they can never be mistaken for a key.
Contacts = Annotated[
    Annotated[Literal["all"], Tag("everybody")] | Annotated[FilteredContacts, Tag("one filter")],
    Discriminator(_kind_of_selection),
]
TAGS = ("everybody", "one filter", "a known filter", "a new filter")
