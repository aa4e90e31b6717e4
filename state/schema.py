"""The tables of the state database, and nothing that acts on them.

Everything here works on SQLite and on PostgreSQL alike: no autoincrement, no
partial index, no JSON operators; JSON columns are read and written whole.
Times are UTC and come back aware from both.

    syncs, leases, runs               who runs, and which sweep this is
    connections, pins, budgets,       what is known of an account
      horizons
    bots, bot_pauses, rules, guards   what the operator decided
    contacts, contact_*, links,       who is who
      row_claims, consent
    deeds, settings, cursors          what was planned, sent, settled
"""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

HEAD = "0004"  # the newest migration; a test compares it with the folder

metadata = MetaData()


class Moment(TypeDecorator[datetime]):
    """A point in time: aware in, UTC in the database, aware out.

    SQLite drops the offset, so a naive value would silently become local
    time somewhere; it is refused instead.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without its zone cannot be stored")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _json(name: str) -> Column[Any]:
    return Column(name, JSON(none_as_null=True))


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False, default="", server_default="")


def _number(name: str) -> Column[int]:
    return Column(name, Integer, nullable=False, default=0, server_default="0")


def _state_machine() -> list[Column[Any]]:
    """The columns every row that is sent to a vendor moves through."""
    return [
        Column("state", String, nullable=False),
        _number("attempt"),
        Column("run_id", String),
        _number("fence"),
        Column("sending_at", Moment),  # the vendor's clock: horizons are about the vendor
        Column("settled_at", Moment),
        _number("tries"),
        Column("next_try_at", Moment),
        _text("said"),
    ]


syncs = Table(
    "syncs", metadata,
    Column("sync", String, primary_key=True),
    _number("last_sweep"),
    Column("history_generation", String),
    Column("work_generation", String),
    Column("last_run_id", String),
    Column("last_run_at", Moment),
    Column("outcome", String),
    Column("exit_code", Integer),
    _text("said"),
    Column("definition_hash", String),
)  # fmt: skip

leases = Table(
    "leases", metadata,
    Column("name", String, primary_key=True),
    Column("holder", String, nullable=False),  # run id; empty once released
    Column("host", String, nullable=False),
    Column("boot_id", String, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("process_started_at", Float, nullable=False),
    Column("fence", Integer, nullable=False),
    Column("taken_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False),
)  # fmt: skip

runs = Table(
    "runs", metadata,
    Column("run_id", String, primary_key=True),
    Column("sync", String, nullable=False),
    Column("sweep", Integer, nullable=False),
    Column("started_at", Moment, nullable=False),
    Column("ended_at", Moment),
    Column("outcome", String),
    Column("exit_code", Integer),
    _json("counts"),
    _text("said"),
    Index("ix_runs_sync", "sync", "sweep"),
)  # fmt: skip

connections = Table(
    "connections", metadata,
    Column("account", String, primary_key=True),
    Column("vendor", String, nullable=False),
    Column("state", String, nullable=False),
    _text("said"),
    Column("since", Moment, nullable=False),
    Column("blocked_until", Moment),
    _text("remote_company"),
    _text("remote_user"),
    _text("remote_email"),
    Column("encrypted_grant", LargeBinary),
    Column("clock_offset_seconds", Float, nullable=False, default=0.0, server_default="0"),
)  # fmt: skip

pins = Table(
    "pins", metadata,
    Column("account", String, primary_key=True),
    Column("kind", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("remote_id", String, nullable=False),
    Column("label", String, nullable=False),
    Column("pinned_at", Moment, nullable=False),
    Column("gone_at", Moment),
)  # fmt: skip

bots = Table(
    "bots", metadata,
    Column("sync", String, primary_key=True),
    Column("bot_id", String, primary_key=True),
    Column("state", String, nullable=False),
    _text("reason"),
    Column("paused_by", String),
    Column("since", Moment, nullable=False),
    _text("confirmed_by"),
    Column("confirmed_on", Date),
    Column("activated_at", Moment),
    Column("counting_since", Integer),
    _json("definition"),
)  # fmt: skip

bot_pauses = Table(
    "bot_pauses", metadata,
    Column("sync", String, primary_key=True),
    Column("bot_id", String, primary_key=True),
    Column("from_sweep", Integer, primary_key=True),
    Column("until_sweep", Integer),
)  # fmt: skip

rules = Table(
    "rules", metadata,
    Column("sync", String, primary_key=True),
    Column("bot_id", String, primary_key=True),
    Column("rule_id", String, primary_key=True),
    Column("threshold", Integer, nullable=False),
    Column("effective_since", Integer, nullable=False),
)  # fmt: skip

guards = Table(
    "guards", metadata,
    Column("guard_id", String, primary_key=True),
    Column("sync", String, nullable=False),
    Column("run_id", String, nullable=False),
    Column("at", Moment, nullable=False),
    _json("reasons"),
    Column("wanted_keys", LargeBinary, nullable=False),  # zlib of a JSON list: up to 100,000 keys
    _number("wanted_count"),
    Column("approved_by", String),
    Column("approved_at", Moment),
    Column("expires_at", Moment),
    Column("spent_at", Moment),
    Index("ix_guards_sync", "sync", "at"),
)  # fmt: skip

contacts = Table(
    "contacts", metadata,
    Column("contact_id", String, primary_key=True),
    Column("account", String, nullable=False),
    Column("person_id", String, nullable=False),  # who founded it, and the how manieth it was
    Column("n", Integer, nullable=False),
    Column("speaker_id", String),  # the person that speaks for its address now
    Column("sweep", Integer, nullable=False),
    Column("merged_into", String),
    Column("gone_at", Moment),
    Column("current_address", String),
    Index("ix_contacts_account", "account", "current_address"),
)  # fmt: skip

contact_addresses = Table(
    "contact_addresses", metadata,
    Column("contact_id", String, ForeignKey("contacts.contact_id"), primary_key=True),
    Column("address", String, primary_key=True),
    Column("from_sweep", Integer, primary_key=True),
    Column("until_sweep", Integer),
    Index("ix_contact_addresses_address", "address"),
)  # fmt: skip

contact_lineage = Table(
    "contact_lineage", metadata,
    Column("contact_id", String, ForeignKey("contacts.contact_id"), primary_key=True),
    Column("ancestor_id", String, primary_key=True),
    Column("up_to_sweep", Integer, nullable=False),
)  # fmt: skip

links = Table(
    "links", metadata,
    Column("account", String, primary_key=True),
    Column("object", String, primary_key=True),
    Column("remote_id", String, primary_key=True),
    Column("contact_id", String, ForeignKey("contacts.contact_id"), nullable=False),
    _text("reason"),
    Column("origin", String, nullable=False),
    Column("since", Integer, nullable=False),
    Column("gone_at", Moment),
    _number("last_seen_sweep"),
    Index("ix_links_contact", "contact_id"),
)  # fmt: skip

row_claims = Table(
    "row_claims", metadata,
    Column("account", String, primary_key=True),
    Column("object", String, primary_key=True),
    Column("natural_key", String, primary_key=True),
    Column("write_key", String, nullable=False),
    Column("sync", String, nullable=False),
    Column("at", Moment, nullable=False),
)  # fmt: skip

consent = Table(
    "consent", metadata,
    Column("account", String, primary_key=True),
    Column("address_hash", String, primary_key=True),
    Column("contact_id", String),
    Column("kind", String, nullable=False),
    _text("evidence"),
    Column("first_seen_at", Moment, nullable=False),
    Column("lifted_at", Moment),
    Index("ix_consent_contact", "contact_id"),
)  # fmt: skip

deeds = Table(
    "deeds", metadata,
    Column("write_key", String, primary_key=True),
    Column("account", String, nullable=False),
    Column("operation", String, nullable=False),
    Column("object", String, nullable=False),
    Column("subject", String, nullable=False),
    Column("sync", String, nullable=False),
    _text("natural_key"),  # what tells the row apart at the vendor; claimed in row_claims
    _text("bot_id"),
    _text("rule_id"),
    _json("cause"),
    Column("marker", String, nullable=False, unique=True),
    _json("body"),
    Column("body_hash", String, nullable=False),
    _text("reason"),
    *_state_machine(),
    Column("remote_id", String),
    Column("is_adopted", Boolean, nullable=False, default=False),
    _number("sweep"),
    _number("position"),  # the order of planning within a sweep
    Index("ix_deeds_sync", "sync", "state"),
    Index("ix_deeds_subject", "account", "subject"),
)  # fmt: skip

settings = Table(
    "settings", metadata,
    Column("account", String, primary_key=True),
    Column("object", String, primary_key=True),
    Column("subject", String, primary_key=True),
    Column("aspect", String, primary_key=True),
    Column("sync", String, nullable=False),
    _text("natural_key"),
    _json("desired"),
    Column("desired_hash", String, nullable=False),
    _json("acknowledged"),
    Column("acknowledged_hash", String),
    Column("acknowledged_at", Moment),  # when it was sent: reads may be older for one horizon
    _json("held"),  # what answers said the vendor made of what we sent, by part, and since when
    Column("generation", BigInteger, nullable=False),
    Column("acknowledged_generation", BigInteger, nullable=False, default=0),
    Column("sending_hash", String),
    Column("doubt_hash", String),  # a body that may still arrive late, until doubt_at + horizon
    Column("doubt_at", Moment),
    Column("source_updated_at", Moment),
    Column("verb", String, nullable=False),
    _text("reason"),
    *_state_machine(),
    Column("remote_id", String),
    Column("is_adopted", Boolean, nullable=False, default=False),
    _number("sweep"),
    _number("position"),
    Column("seen_different", Boolean, nullable=False, default=False),
    _number("wanted_sweep"),  # the last sweep whose plan still wanted this row
    Index("ix_settings_sync", "sync", "state"),
)  # fmt: skip

# What happened once and is to be dealt with once: somebody joined, a deal entered a stage.
facts = Table(
    "facts", metadata,
    Column("sync", String, primary_key=True),
    Column("bot_id", String, primary_key=True),  # the flow it is a matter of
    Column("fact_key", String, primary_key=True),
    _text("person_id"),
    _text("member_id"),
    Column("happened_at", Moment),  # by the vendor's clock
    _number("sweep"),  # that took it in
    Column("settled_sweep", Integer),
    _text("said"),
)  # fmt: skip

cursors = Table(
    "cursors", metadata,
    Column("sync", String, primary_key=True),
    Column("stream", String, primary_key=True),
    _json("value"),
    Column("generation", String, nullable=False),
    Column("moved_at", Moment, nullable=False),
)  # fmt: skip

budgets = Table(
    "budgets", metadata,
    Column("account", String, primary_key=True),
    Column("day", Date, primary_key=True),
    _number("spent_tokens"),
    _number("spent_calls"),
    Column("allowance", BigInteger, nullable=False),
)  # fmt: skip

budget_windows = Table(
    "budget_windows", metadata,
    Column("account", String, primary_key=True),
    Column("window_started_at", Moment, nullable=False),
    _number("taken"),
    Column("blocked_until", Moment),
    _text("said"),
)  # fmt: skip

horizons = Table(
    "horizons", metadata,
    Column("account", String, primary_key=True),
    Column("path", String, primary_key=True),  # how a doubt is looked up: list, search, ...
    Column("seconds", Float, nullable=False),
    Column("learned_at", Moment, nullable=False),
    _text("said"),
)  # fmt: skip
