"""Bring what SQL needs to know of flows and state into DuckDB, as staging.syncline__*."""

from collections.abc import Collection
from typing import Any

import duckdb
import pyarrow as pa

from pipelines.mailchimp_pipedrive import life
from pipelines.mailchimp_pipedrive.config import (
    EMAIL,
    EMAIL_TAG,
    DealStage,
    Filters,
    Flow,
    NewContacts,
)
from pipelines.mailchimp_pipedrive.sweep import Sweep
from pipelines.staged import of_arrow, of_rows
from state import deeds, facts, identity, settings
from state.writers import writers

MEMBER, PERSON = "audience_member", "audience_person"  # what ledger and links call the two sides
LINKED = (MEMBER, PERSON)


def write(sweep: Sweep, of: Collection[str] | None = None) -> None:
    """Replace every staging.syncline__* table by what holds now; `of`: for these contacts alone.

    Settings and deeds are those of both writers, sweeps and windows.
    """
    db, name = sweep.db, sweep.definition.name
    of_rows(
        db, "sweep",
        "sync VARCHAR, sweep BIGINT, run_id VARCHAR, crm VARCHAR, engagement VARCHAR",
        [(name, sweep.sweep, sweep.run_id, sweep.crm_account, sweep.engagement_account)],
    )  # fmt: skip
    write_flows(sweep)
    links = identity.read_links(sweep.state, sweep.engagement_account, of)
    of_arrow(db, "person_links", links, PERSON_LINKS)
    of_arrow(db, "member_links", links, MEMBER_LINKS)
    of_arrow(
        db, "contacts", identity.read_contacts(sweep.state, sweep.engagement_account, of),
        "SELECT contact_id, current_address AS email, merged_into FROM arrived",
    )  # fmt: skip
    of_arrow(
        db, "addresses", identity.read_addresses(sweep.state, sweep.engagement_account, of),
        "SELECT contact_id, address AS email, from_sweep, until_sweep FROM arrived",
    )  # fmt: skip
    rows = pa.concat_tables([deeds.read(sweep.state, one, of) for one in writers(name)])
    of_arrow(db, "deeds", rows, DEEDS)
    rows = pa.concat_tables([settings.read(sweep.state, one, of) for one in writers(name)])
    write_held(db, rows)
    for table, query in (
        ("synced", SYNCED), ("tagged", TAGGED), ("ours", OURS), ("sealed", SEALED),
    ):  # fmt: skip
        db.execute(f"CREATE OR REPLACE TABLE staging.syncline__{table} AS {query}")


def write_held(db: duckdb.DuckDBPyConnection, rows: pa.Table) -> None:
    """Make staging.syncline__settings of these rows, and of them what each side held when last
    dealt with."""
    of_arrow(db, "settings", rows, "SELECT * FROM arrived")
    db.execute(f"CREATE OR REPLACE TABLE staging.syncline__held AS {HELD}")


def write_flows(sweep: Sweep) -> None:
    """Flows as they stand now, and what each names. This run plans for those that are active."""
    flows, filters, segments, mapping = [], [], [], []
    for position, bound in enumerate(sweep.names.flows):
        flow = bound.flow
        runs, is_active = life.is_running(sweep, flow.id), life.is_served(sweep, flow.id)
        flows.append((
            flow.id, position, trigger_of(flow), flow.is_into_crm, is_active, runs,
            bound.list_id, flow.tag,
        ))  # fmt: skip
        filters += [(flow.id, one) for one in bound.filter_ids]
        segments += [(flow.id, one) for one in bound.segment_ids]
        mapping.append((flow.id, EMAIL, EMAIL, EMAIL_TAG, EMAIL, "last_writer"))
        mapping += [
            (flow.id, f.field_code, f.field_type, f.merge_tag, f.merge_type, f.rule)
            for f in bound.fields
        ]
    db = sweep.db
    of_rows(
        db, "flows",
        "flow_id VARCHAR, position BIGINT, trigger VARCHAR, is_into_crm BOOLEAN, "
        "is_active BOOLEAN, is_running BOOLEAN, list_id_mailchimp VARCHAR, tag VARCHAR",
        flows,
    )  # fmt: skip
    of_rows(db, "flow_filters", "flow_id VARCHAR, filter_id_pipedrive BIGINT", filters)
    of_rows(db, "flow_segments", "flow_id VARCHAR, segment_id_mailchimp BIGINT", segments)
    of_rows(
        db, "mapping",
        "flow_id VARCHAR, field_code VARCHAR, field_type VARCHAR, merge_tag VARCHAR, "
        "merge_type VARCHAR, rule VARCHAR",
        mapping,
    )  # fmt: skip


def trigger_of(flow: Flow) -> str:
    """What the models call a flow's trigger."""
    if isinstance(flow.trigger, Filters):
        return "filters"
    if isinstance(flow.trigger, DealStage):
        return "deal_stage"
    return "new_contacts" if isinstance(flow.trigger, NewContacts) else "segments"


def write_facts(sweep: Sweep) -> None:
    """Make staging.syncline__facts; a dry run adds what it would have noted."""
    known = facts.read(sweep.state, sweep.definition.name, open_only=sweep.is_window)
    of_arrow(sweep.db, "facts", known, FACTS)
    if sweep.is_window:
        sweep.db.execute(OF_OTHERS)
    if sweep.imagined:
        columns: list[list[Any]] = [
            [one.flow_id for one in sweep.imagined], [one.fact_key for one in sweep.imagined],
            [one.person_id for one in sweep.imagined], [one.member_id for one in sweep.imagined],
            [one.happened_at for one in sweep.imagined],
        ]  # fmt: skip
        sweep.db.execute(IMAGINED, columns)


PERSON_LINKS = f"""
SELECT contact_id, try_cast(remote_id AS BIGINT) AS person_id_pipedrive
FROM arrived
WHERE object = '{PERSON}' AND gone_at IS NULL AND try_cast(remote_id AS BIGINT) IS NOT NULL
"""
MEMBER_LINKS = f"""
SELECT
    contact_id,
    split_part(remote_id, '/', 1) AS list_id_mailchimp,
    split_part(remote_id, '/', 2) AS member_id_mailchimp
FROM arrived
WHERE object = '{MEMBER}' AND gone_at IS NULL
"""
DEEDS = """
SELECT write_key, subject AS contact_id, bot_id AS flow_id, operation, sweep, state
FROM arrived
WHERE state <> 'withdrawn'
"""
# An aspect is sync/flow/audience, and of a tag its name after that.
HELD = """
SELECT
    subject AS contact_id,
    split_part(aspect, '/', 3) AS list_id_mailchimp,
    held::JSON AS held
FROM staging.syncline__settings
WHERE held IS NOT NULL AND held <> 'null'
"""
SYNCED = """
SELECT DISTINCT
    split_part(aspect, '/', 2) AS flow_id,
    subject AS contact_id
FROM staging.syncline__settings
WHERE acknowledged_hash IS NOT NULL

UNION

SELECT DISTINCT
    flow_id,
    contact_id
FROM staging.syncline__deeds
WHERE operation = 'create_person' AND state = 'done'
"""
TAGGED = """
SELECT
    split_part(aspect, '/', 2) AS flow_id,
    subject AS contact_id,
    coalesce(
        acknowledged::JSON ->> '$.member', nullif(split_part(remote_id, '/', 2), '')
    ) AS member_id_mailchimp,
    acknowledged::JSON ->> '$.tag' AS tag,
    json_exists(acknowledged::JSON, '$.sources') AS is_of_fields
FROM staging.syncline__settings
WHERE acknowledged_hash IS NOT NULL AND acknowledged::JSON ->> '$.tag' IS NOT NULL
"""
# Members that a flow of ours created in an audience, by id where the answer told it, or may have.
OURS = f"""
SELECT DISTINCT
    split_part(aspect, '/', 3) AS list_id_mailchimp,
    nullif(split_part(remote_id, '/', 2), '') AS member_id_mailchimp,
    lower(desired::JSON ->> '$.email') AS email
FROM staging.syncline__settings
WHERE object = '{MEMBER}' AND verb = 'create' AND state NOT IN ('withdrawn', 'refused')
"""
SEALED = """
SELECT
    subject AS contact_id,
    split_part(aspect, '/', 2) AS flow_id,
    verb
FROM staging.syncline__settings
WHERE state IN ('planned', 'sending', 'unknown')
"""
FACTS = """
SELECT
    bot_id AS flow_id,
    fact_key,
    try_cast(nullif(person_id, '') AS BIGINT) AS person_id_pipedrive,
    nullif(member_id, '') AS member_id_mailchimp,
    happened_at,
    settled_sweep IS NOT NULL AS is_settled
FROM arrived
"""
# Of people whom a window has not read: the sweep's.
OF_OTHERS = """
DELETE FROM staging.syncline__facts AS f
WHERE
    NOT EXISTS (FROM staging.pipedrive__persons AS p
        WHERE p.person_id_pipedrive = f.person_id_pipedrive)
    AND NOT EXISTS (FROM staging.mailchimp__members AS m
        WHERE m.member_id_mailchimp = f.member_id_mailchimp)
"""
IMAGINED = """
INSERT INTO staging.syncline__facts
SELECT
    unnest(?::VARCHAR[]), unnest(?::VARCHAR[]),
    try_cast(nullif(unnest(?::VARCHAR[]), '') AS BIGINT), nullif(unnest(?::VARCHAR[]), ''),
    unnest(?::TIMESTAMPTZ[]), FALSE
"""
