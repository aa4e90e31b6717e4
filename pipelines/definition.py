"""What an operator may say about any sync, whichever systems it keeps in step.

A kind extends `SyncDefinition` with what is its own: a list and bots, an audience and flows.
Everything here is what the operator *wants*; what is active or paused is state, never in a file.
"""

from abc import abstractmethod
from datetime import date, datetime
from typing import Annotated, Any, Literal, NamedTuple, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError
from pydantic import BeforeValidator, Field, field_validator, model_validator

from pipelines.settings import SecretName, Strict

AlertKind = Literal["failed", "guarded", "needs_reauthorization", "missed"]

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


def _name_or_id(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, str | int) or value in ("", 0):
        raise ValueError("give a name in quotes or an id")
    return value


# What stands in the account under that name, or has that id.
NameOrId = Annotated[str | int, BeforeValidator(_name_or_id)]
Text = Annotated[str, Field(min_length=1)]
# Part of file names and of write keys, hence never `|`, `/` or a capital that a disk may fold.
Slug = Annotated[
    str,
    Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$"),
]


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
    """Names of entries in connections.yaml. A kind says which vendor each is of."""

    crm: Text = Field(description="The CRM's account.")
    engagement: Text = Field(description="The engagement platform's account.")

    @model_validator(mode="after")
    def are_two_accounts(self) -> Self:
        if self.crm == self.engagement:
            raise ValueError("`crm` and `engagement` must be two different connections")
        return self


class Audit(Strict):
    """How often the vendors' books are held against the ledger, and what that may cost."""

    every: str = Field("24h", pattern=r"^[1-9]\d*[hd]$", description="Interval, e.g. 24h, 7d.")
    budget_share: float = Field(
        0.1, gt=0, le=1, description="The most it takes of what is left of the day's budget."
    )

    @property
    def seconds(self) -> int:
        return int(self.every[:-1]) * SECONDS[self.every[-1]]


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


class Part(NamedTuple):
    """What of a sync is activated, paused and listed on its own: a bot, a flow."""

    id: str
    selection: str  # whom it is for, on a line
    actions: str  # what it does with them, on a line
    described: str  # both, for a page of its own
    consent: Consent | None  # None: it subscribes nobody
    place: tuple[str | int, ...]  # where the file says it
    is_on: bool = True  # False: saved in the file, and not to run


class Scheduled(NamedTuple):
    """What has a schedule of its own: a sync, or each part of one whose parts have.

    >>> own = Schedule(every="15m", cron=None, timezone=None)
    >>> Scheduled("acme", "", own).name, Scheduled("acme", "customers", own).name
    ('acme', 'acme.customers')
    """

    sync: str
    part: str  # '' for the sync as a whole
    schedule: Schedule

    @property
    def name(self) -> str:
        """Of its deployment: no slug has a dot, and no name of the server's may have a slash."""
        return f"{self.sync}.{self.part}" if self.part else self.sync


class SyncDefinition(Strict):
    """What the definition of any kind of sync says; each kind adds what it keeps in step."""

    kind: str = Field(description="Picks the flow.")
    name: Slug = Field(description="Names the sync for good: its state is kept under it.")
    schedule: Schedule = Field(description="When it runs by itself.")
    connections: Connections
    alert: Alert | None = Field(None, description="Whom to call when a person is needed.")
    guards: Guards = Guards()
    audit: Audit = Audit()

    @property
    @abstractmethod
    def parts(self) -> tuple[Part, ...]:
        """Its bots or flows, in the file's order."""

    @property
    def scheduled(self) -> tuple[Scheduled, ...]:
        """What of it runs by itself, each by its own schedule and as its own deployment."""
        return (Scheduled(self.name, "", self.schedule),)

    @property
    @abstractmethod
    def purpose(self) -> str:
        """What it keeps in step, as the beginning of a sentence for its page."""


def refuse_twins(noun: str, ids: list[str]) -> None:
    """Ids name things for good, so no two of a definition may share one."""
    twins = sorted({one for one in ids if ids.count(one) > 1})
    if twins:
        raise ValueError(f"two {noun}s have the id {twins[0]}; ids must be unique")


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
