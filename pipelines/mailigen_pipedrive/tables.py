"""Bring what SQL needs to know of settings and state into DuckDB, as staging.syncline__*.

Nothing enters a query as a template: names bound to ids, the identity map, what Mailigen
last acknowledged, which deeds exist and who opted out are tables like any other.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import duckdb
import pyarrow as pa

from pipelines.mailigen_pipedrive.bind import BoundField
from pipelines.mailigen_pipedrive.sweep import Sweep
from state import bots as bot_rows
from state import consent, deeds, identity, settings
from state.bots import BotState

FIRST_SWEEP = 0


def write(sweep: Sweep, known: Mapping[str, BotState]) -> None:
    """Replace every staging.syncline__* table by what holds at the start of this run."""
    db, account = sweep.db, sweep.crm_account
    _sweep(sweep)
    _bots(sweep, known)
    _fields(db, sweep.bound.fields if sweep.bound else ())
    _arrow(db, "contacts", identity.read_contacts(sweep.state, account), CONTACTS)
    _arrow(db, "addresses", identity.read_addresses(sweep.state, account), ADDRESSES)
    _arrow(db, "lineage", identity.read_lineage(sweep.state, account), LINEAGE)
    _arrow(db, "links", identity.read_links(sweep.state, account), LINKS)
    _arrow(db, "deeds", deeds.read(sweep.state, sweep.definition.name), DEEDS)
    _arrow(db, "settings", settings.read(sweep.state, sweep.definition.name), SETTINGS)
    db.execute(f"CREATE OR REPLACE TABLE staging.syncline__members AS {MEMBERS}", [aspect(sweep)])
    db.execute(f"CREATE OR REPLACE TABLE staging.syncline__sealed AS {SEALED}", [aspect(sweep)])


def aspect(sweep: Sweep) -> str:
    """Which list a member's place is on: one sync keeps one list, and may be given another."""
    assert sweep.bound is not None
    return f"{sweep.definition.name}/{sweep.bound.list_key}"


def write_consent(sweep: Sweep) -> None:
    """Make staging.syncline__consent: opt-outs are kept as keyed hashes, so each address that
    matters now is hashed and looked up."""
    barred = consent.read(sweep.state, sweep.engagement_account)
    rows: list[tuple[str, str]] = []
    if barred:
        addresses = sweep.db.execute(
            "SELECT DISTINCT email FROM staging.pipedrive__person_emails WHERE email IS NOT NULL "
            "UNION SELECT DISTINCT email FROM staging.syncline__addresses"
        ).fetchall()
        hashes = ((e, consent.address_hash(sweep.consent_key, e)) for (e,) in addresses)
        rows = [(email, barred[digest]) for email, digest in hashes if digest in barred]
    _rows(sweep.db, "consent", "email VARCHAR, kind VARCHAR", rows)


def _sweep(sweep: Sweep) -> None:
    row = (
        sweep.definition.name, sweep.sweep, sweep.run_id, sweep.crm_account,
        sweep.engagement_account, sweep.bound.list_key if sweep.bound else "",
        sweep.read_at.replace(tzinfo=None),
    )  # fmt: skip
    columns = (
        "sync VARCHAR, sweep BIGINT, run_id VARCHAR, crm VARCHAR, engagement VARCHAR, "
        "list_key VARCHAR, read_at TIMESTAMP"
    )
    _rows(sweep.db, "sweep", columns, [row])


def _bots(sweep: Sweep, known: Mapping[str, BotState]) -> None:
    assert sweep.bound is not None
    bots, notes, pauses = [], [], []
    since: dict[str, int] = {}
    for bound in sweep.bound.bots:
        bot, state = bound.bot, known[bound.bot.id]
        since[bot.id] = sweep.sweep if state.counting_since is None else state.counting_since
        is_suspended = bot.id in sweep.suspended
        bots.append(
            (
                bot.id, "all" if bound.filter_id is None else "filter", bound.filter_id,
                state.is_running and not is_suspended, is_suspended, since[bot.id],
            )
        )  # fmt: skip
        if state.is_running and not is_suspended:
            is_all_time = sweep.definition.count_from_of(bot) == "all_time"
            notes += [(bot.id, k, FIRST_SWEEP if is_all_time else since[bot.id]) for k in bot.notes]
        pauses += [(bot.id, start, end) for start, end in state.pauses]
    _rows(
        sweep.db, "bots",
        "bot_id VARCHAR, selection VARCHAR, filter_id_pipedrive BIGINT, is_active BOOLEAN, "
        "is_suspended BOOLEAN, counting_since BIGINT",
        bots,
    )  # fmt: skip
    _rows(sweep.db, "notes", "bot_id VARCHAR, kind VARCHAR, counting_since BIGINT", notes)
    _rows(sweep.db, "pauses", "bot_id VARCHAR, from_sweep BIGINT, until_sweep BIGINT", pauses)
    _rules(sweep, known, since)


def _rules(sweep: Sweep, known: Mapping[str, BotState], since: Mapping[str, int]) -> None:
    assert sweep.bound is not None
    effective = bot_rows.effective_since(sweep.state, sweep.definition.name)
    rows = [
        (
            r.bot_id, r.rule_id, r.does, r.event, r.threshold, r.is_repeated,
            FIRST_SWEEP if r.is_all_time else since[r.bot_id],
            effective.get((r.bot_id, r.rule_id), FIRST_SWEEP - 1),
            r.text, r.activity_type, r.owner_id, r.stage_id, r.value,
        )
        for r in sweep.bound.rules
        if known[r.bot_id].is_running and r.bot_id not in sweep.suspended
    ]  # fmt: skip
    _rows(
        sweep.db, "rules",
        "bot_id VARCHAR, rule_id VARCHAR, does VARCHAR, event VARCHAR, threshold BIGINT, "
        "is_repeated BOOLEAN, counting_since BIGINT, effective_since BIGINT, text VARCHAR, "
        "activity_type VARCHAR, owner_id_pipedrive BIGINT, stage_id_pipedrive BIGINT, "
        "value DOUBLE",
        rows,
    )  # fmt: skip


def _fields(db: duckdb.DuckDBPyConnection, fields: Iterable[BoundField]) -> None:
    rows = [(f.merge_tag, f.entity, f.field_code, f.field_type, f.is_gone) for f in fields]
    columns = (
        "merge_tag VARCHAR, entity VARCHAR, field_code VARCHAR, field_type VARCHAR, is_gone BOOLEAN"
    )
    _rows(db, "fields", columns, rows)


def _rows(
    db: duckdb.DuckDBPyConnection, name: str, columns: str, rows: Sequence[tuple[Any, ...]]
) -> None:
    db.execute(f"CREATE OR REPLACE TABLE staging.syncline__{name} ({columns})")
    if rows:
        marks = ", ".join("?" for _ in rows[0])
        db.executemany(f"INSERT INTO staging.syncline__{name} VALUES ({marks})", rows)


def _arrow(db: duckdb.DuckDBPyConnection, name: str, table: pa.Table, query: str) -> None:
    db.register("arrived", table)
    db.execute(f"CREATE OR REPLACE TABLE staging.syncline__{name} AS {query}")
    db.unregister("arrived")


CONTACTS = """
SELECT
    contact_id,
    current_address AS email,
    speaker_id::BIGINT AS person_id_pipedrive,
    person_id::BIGINT AS founder_person_id,
    merged_into
FROM arrived
"""
ADDRESSES = "SELECT contact_id, address AS email, from_sweep, until_sweep FROM arrived"
LINEAGE = "SELECT contact_id, ancestor_id, up_to_sweep FROM arrived"
LINKS = """
SELECT remote_id::BIGINT AS person_id_pipedrive, contact_id
FROM arrived
WHERE object = 'person'
"""
# A withdrawn deed may be planned again; every other state of its key means "not anew".
DEEDS = "SELECT write_key, sweep, state FROM arrived WHERE state <> 'withdrawn'"
SETTINGS = "SELECT * FROM arrived"
MEMBERS = """
SELECT
    subject AS contact_id,
    acknowledged::JSON ->> '$.email' AS email,
    from_json(json_extract(acknowledged::JSON, '$.merges'), '"MAP(VARCHAR, VARCHAR)"') AS merges,
    state,
    settled_at AS written_at
FROM staging.syncline__settings
WHERE object = 'list_member' AND aspect = ? AND acknowledged IS NOT NULL AND acknowledged <> 'null'
"""
SEALED = """
SELECT subject AS contact_id
FROM staging.syncline__settings
WHERE object = 'list_member' AND aspect = ? AND state IN ('planned', 'sending', 'unknown')
"""
