"""What an operator may say about one sync between a Mailigen list and Pipedrive.

The YAML files in `deployments/syncs/` are read into these models. Everything here is what
the operator *wants*; whether a bot is active or paused is state, and never in a file.
"""

from datetime import date, datetime
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError
from pydantic import Field, field_validator, model_validator

from pipelines.mailigen_pipedrive.selection import Contacts, NameOrId, NewFilter, Text
from pipelines.settings import Strict

EventKind = Literal["open", "send", "click", "bounce"]
CountFrom = Literal["activation", "all_time"]
AlertKind = Literal["failed", "guarded", "needs_reauthorization", "missed"]

ALWAYS_SYNCED = frozenset({"name", "email", "first_name", "last_name"})
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
CRON_PARTS = (
    ("minute", 0, 59),
    ("hour", 0, 23),
    ("day", 1, 31),
    ("month", 1, 12),
    ("weekday", 0, 7),
)
CRON_MONTHS = frozenset(
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
)
CRON_DAYS = frozenset(["mon", "tue", "wed", "thu", "fri", "sat", "sun"])


# Part of file names and of write keys, hence never `|`, `/` or a capital that a disk may fold.
Slug = Annotated[
    str,
    Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$"),
]
SecretName = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$")]


class Schedule(Strict):
    """When the sync runs by itself: at an interval, or by a cron line in a time zone."""

    every: str | None = Field(
        None, pattern=r"^[1-9]\d*[smhd]$", description="Interval, e.g. 15m, 1h, 1d."
    )
    cron: str | None = Field(None, description="Cron line of five parts, e.g. '0 6 * * 1-5'.")
    timezone: str | None = Field(None, description="Time zone of the cron line; default UTC.")

    @property
    def seconds(self) -> int | None:
        """Length of the interval; None for a cron line."""
        return int(self.every[:-1]) * SECONDS[self.every[-1]] if self.every else None

    @field_validator("cron")
    @classmethod
    def cron_is_readable(cls, cron: str | None) -> str | None:
        if cron is not None:
            _check_cron(cron)
        return cron

    @field_validator("timezone")
    @classmethod
    def timezone_exists(cls, timezone: str | None) -> str | None:
        try:
            return timezone and ZoneInfo(timezone).key
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError("no such time zone; write it like Europe/Riga") from error

    @model_validator(mode="after")
    def says_one_thing(self) -> Self:
        if (self.every is None) == (self.cron is None):
            raise ValueError("a schedule has either `every` or `cron`")
        if self.every and self.timezone:
            raise ValueError("`timezone` belongs to `cron`; an interval has none")
        return self


class Connections(Strict):
    """Names of entries in connections.yaml."""

    crm: Text = Field(description="The Pipedrive account.")
    engagement: Text = Field(description="The Mailigen account.")

    @model_validator(mode="after")
    def are_two_accounts(self) -> Self:
        if self.crm == self.engagement:
            raise ValueError("`crm` and `engagement` must be two different connections")
        return self


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


class Audit(Strict):
    """How often the vendors' books are held against the ledger, and what that may cost."""

    every: str = Field("24h", pattern=r"^[1-9]\d*[hd]$", description="Interval, e.g. 24h, 7d.")
    budget_share: float = Field(
        0.1, gt=0, le=1, description="The most it takes of what is left of the day's budget."
    )

    @property
    def seconds(self) -> int:
        return int(self.every[:-1]) * SECONDS[self.every[-1]]


class NewSubscribers(Strict):
    """Import of people who join the list by themselves (MG-22)."""

    owner: NameOrId = Field(description="Pipedrive user who owns the new persons: e-mail or id.")


class Alert(Strict):
    """Where to call when something needs a person."""

    webhook: SecretName = Field(description="NAME of the secret that holds the address to call.")
    on: tuple[AlertKind, ...] = Field(
        ("failed", "guarded", "needs_reauthorization", "missed"),
        min_length=1,
        description="What to call for.",
    )


class Guards(Strict):
    """Limits that stop a run before its first write, until somebody approves."""

    max_deletes: int = Field(50, ge=0, description="Deletes allowed whatever their share.")
    max_delete_share: float = Field(0.2, ge=0, le=1, description="Share of the list, 0.2 is 20 %.")
    max_creates: int = Field(200, ge=0, description="Creates allowed whatever their share.")
    max_create_share: float = Field(0.02, ge=0, le=1, description="Share of the contacts.")
    first_activation: Literal["ask", "allow"] = Field(
        "ask", description="`allow` lets a new bot write without an approval."
    )


class Consent(Strict):
    """Who confirmed, and when, that the selected contacts agreed to be mailed (MG-13)."""

    confirmed_by: Text = Field(description="Who confirmed it: a person's e-mail address.")
    on: date = Field(description="The day of the confirmation, e.g. 2026-11-01.")


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

    @field_validator("notes")
    @classmethod
    def notes_are_named_once(cls, kinds: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(kinds)) < len(kinds):
            raise ValueError("a kind of note is named twice")
        return kinds

    @model_validator(mode="after")
    def rule_ids_are_unique(self) -> Self:
        _refuse_twins("rule", [rule.id for rule in self.rules])
        return self


class Definition(Strict):
    """One sync: one Mailigen list, one Pipedrive account, any number of bots."""

    kind: Literal["mailigen_pipedrive"] = Field(description="Picks the flow.")
    name: Slug = Field(description="Names the sync for good: its state is kept under it.")
    schedule: Schedule = Field(description="When it runs by itself.")
    connections: Connections
    list: MailingList
    fields: Fields = Fields()
    new_subscribers: NewSubscribers | None = Field(
        None, description="Import people who join the list by themselves."
    )
    alert: Alert | None = Field(None, description="Whom to call when a person is needed.")
    guards: Guards = Guards()
    audit: Audit = Audit()
    count_from: CountFrom = Field(
        "activation", description="Since when engagement counts; bots and rules may override."
    )
    bots: tuple[Bot, ...] = Field((), description="Without bots nothing is synced.")

    @model_validator(mode="after")
    def bot_ids_are_unique(self) -> Self:
        _refuse_twins("bot", [bot.id for bot in self.bots])
        return self

    @model_validator(mode="after")
    def new_filters_of_one_name_are_one(self) -> Self:
        described: dict[str, NewFilter] = {}
        for bot in self.bots:
            new = None if bot.contacts == "all" else bot.contacts.filter
            if isinstance(new, NewFilter) and described.setdefault(new.name, new) != new:
                raise ValueError(f"two bots describe the filter {new.name!r} differently")
        return self

    def count_from_of(self, bot: Bot, rule: Rule | None = None) -> CountFrom:
        """Since when a rule (or a bot's notes) counts: the nearest word said about it."""
        return (rule and rule.count_from) or bot.count_from or self.count_from


def _check_cron(line: str) -> None:
    """Refuse what a scheduler would refuse later, when nobody looks; extensions are not taken."""
    parts = line.split()
    if len(parts) != len(CRON_PARTS):
        raise ValueError("a cron line has five parts: minute hour day month weekday")
    for part, (noun, low, high) in zip(parts, CRON_PARTS, strict=True):
        names = {"month": CRON_MONTHS, "weekday": CRON_DAYS}.get(noun, frozenset())
        for piece in part.lower().split(","):
            span, _, step = piece.partition("/")
            ends = [] if span == "*" else span.split("-")
            numbers = [int(end) for end in ends if end.isdecimal()]
            is_known = all(end.isdecimal() or end in names for end in ends) and len(ends) <= 2
            in_range = all(low <= number <= high for number in numbers)
            is_stepped = "/" not in piece or (step.isdecimal() and int(step) > 0)
            if not (is_known and in_range and is_stepped):
                raise ValueError(f"`{piece}` is not a {noun} ({low} to {high})")
    try:
        next(CronSim(line, datetime(2026, 1, 1)))
    except (CronSimError, StopIteration) as error:
        raise ValueError(
            f"no such moment ever comes ({str(error).lower()}): name a day that the month has, "
            "1 to 28 comes in every month"
        ) from error


def _refuse_twins(noun: str, ids: list[str]) -> None:
    twins = sorted({one for one in ids if ids.count(one) > 1})
    if twins:
        raise ValueError(f"two {noun}s have the id {twins[0]}; ids must be unique")
