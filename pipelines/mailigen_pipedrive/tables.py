"""Bring what SQL needs to know of settings and state into DuckDB, as staging.syncline__*.

Nothing enters a query as a template: names bound to ids, the identity map, what Mailigen
last acknowledged, which deeds exist and who opted out are tables like any other.
"""

from collections.abc import Iterable, Mapping

import duckdb

from pipelines.guards import activation_key
from pipelines.mailigen_pipedrive.bind import BoundField
from pipelines.mailigen_pipedrive.edits import reshaped_rules
from pipelines.mailigen_pipedrive.life import is_running, note_rule
from pipelines.mailigen_pipedrive.sweep import Sweep
from pipelines.staged import of_arrow, of_rows
from state import bots as bot_rows
from state import consent, deeds, identity, settings
from state.bots import Bot
from state.guards import approved_keys

FIRST_SWEEP = 0


def write(sweep: Sweep) -> None:
    """Replace every staging.syncline__* table by what holds at the start of this run."""
    db, account = sweep.db, sweep.crm_account
    _sweep(sweep)
    write_bots(sweep)
    _fields(db, sweep.names.fields)
    of_arrow(db, "contacts", identity.read_contacts(sweep.state, account), CONTACTS)
    of_arrow(db, "addresses", identity.read_addresses(sweep.state, account), ADDRESSES)
    of_arrow(db, "lineage", identity.read_lineage(sweep.state, account), LINEAGE)
    of_arrow(db, "links", identity.read_links(sweep.state, account), LINKS)
    name = sweep.definition.name
    known = deeds.read(sweep.state, name, columns=("write_key", "sweep", "state"))
    of_arrow(db, "deeds", known, DEEDS)
    kept = settings.read(sweep.state, name, columns=SETTINGS_READ)
    of_arrow(db, "settings", kept, SETTINGS)
    db.execute(f"CREATE OR REPLACE TABLE staging.syncline__members AS {MEMBERS}", [aspect(sweep)])
    db.execute(f"CREATE OR REPLACE TABLE staging.syncline__sealed AS {SEALED}", [aspect(sweep)])


def aspect(sweep: Sweep) -> str:
    """Which list a member's place is on: one sync keeps one list, and may be given another."""
    return f"{sweep.definition.name}/{sweep.names.list_key}"


def write_consent(sweep: Sweep) -> None:
    """Make staging.syncline__consent: opt-outs are kept as keyed hashes, so each address that
    matters now is hashed and looked up."""
    rows: list[tuple[str, str]] = []
    if consent.read(sweep.state, sweep.engagement_account).num_rows:
        addresses = sweep.db.execute(
            "SELECT DISTINCT email FROM staging.pipedrive__person_emails WHERE email IS NOT NULL "
            "UNION SELECT DISTINCT email FROM staging.syncline__addresses"
        ).fetchall()
        barred = consent.in_force(
            sweep.state, sweep.engagement_account, [e for (e,) in addresses], key=sweep.consent_key
        )
        rows = [(entry.address, entry.kind) for entry in barred]
    of_rows(sweep.db, "consent", "email VARCHAR, kind VARCHAR", rows)


def _sweep(sweep: Sweep) -> None:
    row = (
        sweep.definition.name, sweep.sweep, sweep.run_id, sweep.crm_account,
        sweep.engagement_account, sweep.names.list_key,
        sweep.read_at.replace(tzinfo=None),
    )  # fmt: skip
    columns = (
        "sync VARCHAR, sweep BIGINT, run_id VARCHAR, crm VARCHAR, engagement VARCHAR, "
        "list_key VARCHAR, read_at TIMESTAMP"
    )
    of_rows(sweep.db, "sweep", columns, [row])


def write_bots(sweep: Sweep) -> None:
    """Bots, their rules and notes, as they stand now: a suspended one selects nobody."""
    bots, notes = [], []
    effective = _effective_since(sweep)
    since: dict[str, int] = {}
    for bound in sweep.names.bots:
        bot, known = bound.bot, sweep.known_bots[bound.bot.id]
        since[bot.id] = _counting_since(sweep, known)
        is_suspended = bot.id in sweep.suspended
        is_active = is_running(known) and not is_suspended
        selection = "all" if bound.filter_id is None else "filter"
        bots.append((
            bot.id, selection, bound.filter_id, is_active, is_suspended, since[bot.id],
            bool(bot.rules or bot.notes), _is_waiting(sweep, known),
        ))  # fmt: skip
        if is_active:
            is_all_time = sweep.definition.count_from_of(bot) == "all_time"
            first = FIRST_SWEEP if is_all_time else since[bot.id]
            notes += [
                (bot.id, k, max(first, effective.get((bot.id, note_rule(k)), first)))
                for k in bot.notes
            ]
    of_rows(
        sweep.db, "bots",
        "bot_id VARCHAR, selection VARCHAR, filter_id_pipedrive BIGINT, is_active BOOLEAN, "
        "is_suspended BOOLEAN, counting_since BIGINT, has_automations BOOLEAN, is_waiting BOOLEAN",
        bots,
    )  # fmt: skip
    of_rows(sweep.db, "notes", "bot_id VARCHAR, kind VARCHAR, counting_since BIGINT", notes)
    of_arrow(sweep.db, "pauses", bot_rows.read_pauses(sweep.state, sweep.definition.name), PAUSES)
    _rules(sweep, since, effective)


def _is_waiting(sweep: Sweep, known: Bot) -> bool:
    """Whether a bot would not start in this run, since nobody approved its first activation."""
    if known.state != "new" or sweep.definition.guards.first_activation == "allow":
        return False
    approval = approved_keys(sweep.state, sweep.definition.name)
    return approval is None or activation_key(known.bot_id) not in approval[1]


def _effective_since(sweep: Sweep) -> dict[tuple[str, str], int]:
    """Since which sweep each rule of each bot is as it is now; a dry run knows edits no run has
    met yet and dates them as that run will."""
    stored = {
        (row["bot_id"], row["rule_id"]): row
        for row in bot_rows.read_rules(sweep.state, sweep.definition.name).to_pylist()
    }
    known = {bot_id for bot_id, _ in stored}
    found = {key: int(row["effective_since"]) for key, row in stored.items()}
    for bot in sweep.definition.bots:
        # After a run took the definition over, what is stored is that definition: nothing differs.
        reshaped = reshaped_rules(bot, sweep.known_bots[bot.id])
        wanted = {rule.id: rule.after for rule in bot.rules} | {note_rule(k): 1 for k in bot.notes}
        for rule_id, after in wanted.items():
            row = stored.get((bot.id, rule_id))
            is_other = row is None or row["threshold"] != after or rule_id in reshaped
            if bot.id in known and is_other:
                found[(bot.id, rule_id)] = sweep.sweep - 1
    return found


def _counting_since(sweep: Sweep, known: Bot) -> int:
    """The sweep whose reading is the baseline: a bot that starts in this run has this one, or
    the one of the run that asked for the approval."""
    if known.counting_since is None:
        return sweep.sweep
    if known.state == "new" and approved_keys(sweep.state, sweep.definition.name) is None:
        return sweep.sweep
    return known.counting_since


def _rules(
    sweep: Sweep, since: Mapping[str, int], effective: Mapping[tuple[str, str], int]
) -> None:
    rows = [
        (
            r.bot_id, r.rule_id, r.does, r.event, r.threshold, r.is_repeated,
            FIRST_SWEEP if r.is_all_time else since[r.bot_id],
            effective.get((r.bot_id, r.rule_id), FIRST_SWEEP - 1),
            r.text, r.activity_type, r.owner_id, r.stage_id, r.value,
        )
        for r in sweep.names.rules
        if is_running(sweep.known_bots[r.bot_id]) and r.bot_id not in sweep.suspended
    ]  # fmt: skip
    of_rows(
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
    of_rows(db, "fields", columns, rows)


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
PAUSES = "SELECT bot_id, from_sweep, until_sweep FROM arrived"
LINEAGE = "SELECT contact_id, ancestor_id, up_to_sweep FROM arrived"
LINKS = """
SELECT try_cast(remote_id AS BIGINT) AS person_id_pipedrive, contact_id
FROM arrived
WHERE object = 'person' AND try_cast(remote_id AS BIGINT) IS NOT NULL
"""
# A withdrawn deed may be planned again; every other state of its key means "not anew".
DEEDS = "SELECT write_key, sweep, state FROM arrived WHERE state <> 'withdrawn'"
SETTINGS_READ = (
    "account", "object", "subject", "aspect", "natural_key", "acknowledged", "verb", "reason",
    "state", "run_id", "settled_at", "remote_id", "sweep",
)  # fmt: skip
SETTINGS = "SELECT * FROM arrived"
MEMBERS = """
SELECT
    subject AS contact_id,
    acknowledged::JSON ->> '$.email' AS email,
    from_json(
        json_extract(acknowledged::JSON, '$.merges'), '"MAP(VARCHAR, VARCHAR)"'
    ) AS merge_values,
    state,
    settled_at AS written_at,
    FALSE AS is_verified
FROM staging.syncline__settings
WHERE object = 'list_member' AND aspect = ? AND acknowledged IS NOT NULL AND acknowledged <> 'null'
"""
SEALED = """
SELECT subject AS contact_id, verb
FROM staging.syncline__settings
WHERE object = 'list_member' AND aspect = ? AND state IN ('planned', 'sending', 'unknown')
"""
