"""What an operator may say about one sync between a Mailigen list and Pipedrive.

The YAML files in `deployments/syncs/` are read into these models. Everything here is what
the operator *wants*; whether a bot is active or paused is state, and never in a file.
"""

from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from pipelines import definition
from pipelines.definition import (
    Consent,
    NameOrId,
    Part,
    Slug,
    SyncDefinition,
    Text,
    refuse_twins,
)
from pipelines.pipedrive_side.selection import Contacts, NewFilter
from pipelines.settings import Strict

EventKind = Literal["open", "send", "click", "bounce"]
CountFrom = Literal["activation", "all_time"]

ALWAYS_SYNCED = frozenset({"name", "email", "first_name", "last_name"})


class Connections(definition.Connections):
    """Names of entries in connections.yaml."""

    crm: Text = Field(description="The Pipedrive account.")
    engagement: Text = Field(description="The Mailigen account.")


class MailingList(Strict):
    """The one Mailigen list this sync keeps (MG-03)."""

    title: Text | None = Field(None, description="The list by its title.")
    id: Annotated[str, Field(min_length=1, coerce_numbers_to_str=True)] | None = Field(
        None, description="The list by its id; needed when two lists share a title."
    )
    create: bool = Field(False, description="Create the list when no list has this title.")

    @model_validator(mode="after")
    def is_named_once(self) -> Self:
        if (self.title is None) == (self.id is None):
            raise ValueError("a list is given by either `title` or `id`")
        if self.create and self.id is not None:
            raise ValueError("`create` needs a `title`: the vendor gives a new list its id")
        return self


class Fields(Strict):
    """Fields carried to the list besides name and e-mail, which always are (MG-04).

    `person` never holds a name of `ALWAYS_SYNCED`: saying those is allowed and changes nothing.
    """

    person: tuple[Text, ...] = Field((), description="Person fields, by name or key.")
    organization: tuple[Text, ...] = Field((), description="Organization fields, by name or key.")

    @field_validator("person")
    @classmethod
    def leave_out_what_is_always_there(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(name for name in names if name.lower() not in ALWAYS_SYNCED)

    @field_validator("person", "organization")
    @classmethod
    def are_named_once(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"named twice: {', '.join(twice)}")
        return names


class NewSubscribers(Strict):
    """Import of people who join the list by themselves (MG-22)."""

    owner: NameOrId = Field(description="Pipedrive user who owns the new persons: e-mail or id.")


class Rule(Strict):
    """What every automation has: an id that never changes, and when it fires."""

    id: Slug = Field(description="Names the rule for good: a new id is a new rule.")
    after: int = Field(ge=1, le=1000, description="Fires when the count reaches this number.")
    repeat: Literal["once", "every"] = Field(
        "once", description="`every`: fires again at two, three, ... times `after`."
    )
    count_from: CountFrom | None = Field(
        None, description="Overrides the bot: `all_time` counts events before activation too."
    )


class ActivityRule(Rule):
    """Creates an activity for the contact's owner (MG-14)."""

    event: EventKind = Field(description="What is counted.")
    type: Text = Field(description="Activity type, by name or key, e.g. call.")
    subject: Text | None = Field(None, description="Subject line; default names the campaign.")


class DealRule(Rule):
    """Creates a deal linked to the contact (MG-15)."""

    event: Literal["open", "click"] = Field(description="What is counted: opens or clicks only.")
    owner: NameOrId = Field(description="Pipedrive user: e-mail or id.")
    pipeline: NameOrId = Field(description="Pipeline by name or id.")
    stage: NameOrId = Field(description="Stage of that pipeline by name or id.")
    title: Text | None = Field(None, description="Title; default names contact and campaign.")
    value: float | None = Field(None, ge=0, description="Value in the account's currency.")


class Bot(Strict):
    """A selection of contacts kept on the list, and what their engagement sets off."""

    id: Slug = Field(description="Names the bot for good: a new id is a new bot.")
    contacts: Contacts = Field(description="`all`, {filter: name or id}, or a filter to make.")
    consent: Consent = Field(description="Who confirmed that these contacts agreed, and when.")
    activities: tuple[ActivityRule, ...] = Field((), description="Activities to create.")
    deals: tuple[DealRule, ...] = Field((), description="Deals to create.")
    notes: tuple[EventKind, ...] = Field((), description="Kinds of events noted on the contact.")
    count_from: CountFrom | None = Field(
        None, description="Overrides the sync: `all_time` counts events before activation too."
    )

    @property
    def rules(self) -> tuple[ActivityRule | DealRule, ...]:
        return (*self.activities, *self.deals)

    @property
    def actions(self) -> str:
        """What it does, on a line."""
        rules = [
            *(f"{rule.type} after {rule.after} {rule.event}" for rule in self.activities),
            *(f"deal after {rule.after} {rule.event}" for rule in self.deals),
            *([f"notes on {'/'.join(self.notes)}"] if self.notes else []),
        ]
        return ", ".join(rules) or "none"

    @field_validator("notes")
    @classmethod
    def notes_are_named_once(cls, kinds: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(kinds)) < len(kinds):
            raise ValueError("a kind of note is named twice")
        return kinds

    @model_validator(mode="after")
    def rule_ids_are_unique(self) -> Self:
        refuse_twins("rule", [rule.id for rule in self.rules])
        return self


class Definition(SyncDefinition):
    """One sync: one Mailigen list, one Pipedrive account, any number of bots."""

    kind: Literal["mailigen_pipedrive"] = Field(description="Picks the flow.")
    connections: Connections
    list: MailingList
    fields: Fields = Fields()
    new_subscribers: NewSubscribers | None = Field(
        None, description="Import people who join the list by themselves."
    )
    count_from: CountFrom = Field(
        "activation", description="Since when engagement counts; bots and rules may override."
    )
    bots: tuple[Bot, ...] = Field((), description="Without bots nothing is synced.")

    @model_validator(mode="after")
    def bot_ids_are_unique(self) -> Self:
        refuse_twins("bot", [bot.id for bot in self.bots])
        return self

    @model_validator(mode="after")
    def new_filters_of_one_name_are_one(self) -> Self:
        described: dict[str, NewFilter] = {}
        for bot in self.bots:
            new = None if bot.contacts == "all" else bot.contacts.filter
            if isinstance(new, NewFilter) and described.setdefault(new.name, new) != new:
                raise ValueError(f"two bots describe the filter {new.name!r} differently")
        return self

    @property
    def parts(self) -> tuple[Part, ...]:
        return tuple(_part(index, bot) for index, bot in enumerate(self.bots))

    @property
    def purpose(self) -> str:
        names = self.connections
        return (
            f"Keeps the Mailigen list **{self.list.title or self.list.id}** ({names.engagement}) "
            f"in step with Pipedrive ({names.crm})"
        )

    def count_from_of(self, bot: Bot, rule: Rule | None = None) -> CountFrom:
        """Since when a rule (or a bot's notes) counts: the nearest word said about it."""
        return (rule and rule.count_from) or bot.count_from or self.count_from


def _part(index: int, bot: Bot) -> Part:
    is_all = bot.contacts == "all"
    name = "" if bot.contacts == "all" else bot.contacts.name
    counts = f"{len(bot.activities)} activity rules, {len(bot.deals)} deal rules"
    notes = f"notes on {', '.join(bot.notes)}" if bot.notes else "no notes"
    return Part(
        bot.id,
        selection="all" if is_all else f"filter {name}",
        actions=bot.actions,
        described=f"{'all contacts' if is_all else f'filter {name}'}; {counts}, {notes}",
        consent=bot.consent,
        place=("bots", index),
    )
