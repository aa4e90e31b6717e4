"""Who joined the list by themselves, and what has to be read of them before they are persons.

    remember   the import is on from this sweep, or goes on; who is subscribed now (history)
    look_up    who of them joined since, is nobody of ours and no person yet: resolve.newcomers;
               then who has their addresses in the CRM, and the values they gave

What is planned of it is plan/persons.sql. Nothing is read of a CRM that has no newcomers.
"""

from collections.abc import Sequence

import pyarrow as pa

from pipelines.mailigen_pipedrive import extract, guards, naming
from pipelines.mailigen_pipedrive.sweep import SYNC, Sweep
from pipelines.report import counted
from pipelines.staged import of_arrow, of_rows
from state import consent, keep, places
from state.consent import address_hash
from transforms.build import append, build, number

PHONE = "PHONE"  # the merge tag of the phone, unless the sync keeps another for it
SUBJECT = "n"  # begins the subject of a newcomer's deeds, as `c` does a contact's


def subject_of(key: bytes, address: str) -> str:
    """What the deeds about a newcomer are filed under; its address cannot be read from it."""
    return SUBJECT + address_hash(key, address)[:16]


def remember(sweep: Sweep) -> None:
    """Bring history.imports and history.arrivals up to this sweep's reading of the list.

    The caller has a transaction open. Nothing is remembered while the import is off: who joins
    then was there before, should it be switched on again.
    """
    db = sweep.db
    if sweep.definition.new_subscribers is None:
        db.execute(END_IMPORT, [sweep.sweep])
        return
    list_id, fingerprint = sweep.names.list_id, keep.fingerprint(sweep.consent_key)
    if naming.list_was_made_here(sweep):
        # It began empty: whoever is on it now joined after the import was switched on.
        db.execute("UPDATE history.imports SET list_id = ? WHERE list_id IS NULL", [list_id])
    known = "until_sweep IS NULL AND list_id IS NOT DISTINCT FROM ? AND key_fingerprint = ?"
    query = f"SELECT count(*) FROM history.imports WHERE {known}"
    if not number(db, query, [list_id, fingerprint]):
        db.execute(END_IMPORT, [sweep.sweep])
        db.execute(
            "INSERT INTO history.imports VALUES (?, NULL, ?, ?, NULL)",
            [sweep.sweep, list_id, fingerprint],
        )
    db.execute(END_STRETCHES, [sweep.sweep])
    append(db, SYNC, "history.arrivals")
    db.execute("UPDATE history.imports SET read_at = ? WHERE until_sweep IS NULL", [sweep.read_at])


def look_up(sweep: Sweep) -> None:
    """Make resolve.newcomers, and read what plan.persons needs to know of them."""
    _write_places(sweep)
    build(sweep.db, SYNC, "resolve.joined")
    _write_hashes(sweep, [email for (email,) in sweep.db.execute(JOINED).fetchall()])
    build(sweep.db, SYNC, "resolve.newcomers")
    wanted = [email for (email,) in sweep.db.execute(WANTED).fetchall()]
    extract.holders(sweep, wanted)
    build(sweep.db, SYNC, "staging.pipedrive__holders")
    unknown = [email for (email,) in sweep.db.execute(UNKNOWN).fetchall()]
    # Each costs a call: not before somebody said that so many may be created.
    is_allowed = guards.may_create_persons(sweep, len(unknown))
    extract.newcomers(sweep, unknown if is_allowed else [], _phone_tag(sweep))
    build(sweep.db, SYNC, "staging.mailigen__newcomers")
    if wanted:
        sweep.tell(
            "extract",
            f"{counted(len(wanted), 'newcomer')} on the list, {len(unknown)} no person yet",
        )


def _write_places(sweep: Sweep) -> None:
    """Make staging.syncline__places and __created, now that the list was read: a place that a
    sync took before that is known by now."""
    db, is_on = sweep.db, sweep.definition.new_subscribers is not None
    horizon = sweep.horizons[sweep.engagement_account]
    of_rows(
        db, "new_subscribers", "owner_id_pipedrive BIGINT, horizon_seconds DOUBLE",
        [(sweep.names.import_owner_id, horizon)] if is_on else [],
    )  # fmt: skip
    account = sweep.engagement_account if is_on else ""
    db.register("addresses", places.read_addresses(sweep.state, account))
    of_arrow(db, "places", places.read(sweep.state, account), PLACES)
    db.unregister("addresses")
    crm = sweep.crm_account if is_on else ""
    created = places.read_created(sweep.state, crm, "person", sweep.definition.name)
    of_arrow(db, "created", created, CREATED)


def _write_hashes(sweep: Sweep, emails: Sequence[str]) -> None:
    """Make staging.syncline__joined: what stands in for each address in keys, and what bars it.

    Who came back by an own act is not barred any more. A dry run lifts no bar, so there only
    what nothing lifts counts.
    """
    key = sweep.consent_key
    barred = consent.in_force(sweep.state, sweep.engagement_account, emails, key=key)
    bars = {b.address: b.kind for b in barred if b.kind == "forgotten" or not sweep.is_dry}
    rows = [
        {"email": one, "address_hash": address_hash(key, one), "bar": bars.get(one)}
        for one in emails
    ]
    of_arrow(sweep.db, "joined", pa.Table.from_pylist(rows, HASHES), "SELECT * FROM arrived")


def _phone_tag(sweep: Sweep) -> str:
    tags = [f.merge_tag for f in sweep.names.fields if (f.entity, f.field_code) == IS_PHONE]
    return tags[0] if tags else PHONE


IS_PHONE = ("person", "phone")
HASHES = pa.schema([("email", pa.string()), ("address_hash", pa.string()), ("bar", pa.string())])
JOINED = "SELECT email FROM resolve.joined ORDER BY email"
WANTED = "SELECT email FROM resolve.newcomers WHERE bar IS NULL ORDER BY email"
UNKNOWN = """
SELECT n.email FROM resolve.newcomers AS n
LEFT JOIN staging.syncline__created AS c ON c.email = n.email
WHERE
    n.bar IS NULL AND c.email IS NULL
    AND n.email NOT IN (SELECT h.email FROM staging.pipedrive__holders AS h)
    AND NOT EXISTS (SELECT 1 FROM staging.pipedrive__person_emails AS e WHERE e.email = n.email)
ORDER BY n.email
"""
END_IMPORT = "UPDATE history.imports SET until_sweep = ? WHERE until_sweep IS NULL"
END_STRETCHES = """
UPDATE history.arrivals AS a SET until_sweep = ?
WHERE
    a.until_sweep IS NULL
    AND NOT EXISTS (
        SELECT 1 FROM staging.mailigen__members AS m
        WHERE m.email = a.email AND m.status = 'subscribed'
    )
"""
# All addresses of a contact that has a place are its own: who moved on may come by an old one.
PLACES = """
WITH known AS (
    SELECT
        subject,
        [natural_key, desired::JSON ->> '$.email', acknowledged::JSON ->> '$.email'] AS emails,
        state IN ('planned', 'sending', 'unknown', 'refused')
        OR coalesce(acknowledged, 'null') <> 'null' AS is_held,
        settled_at,
        doubt_at
    FROM arrived
),

each AS (
    SELECT subject, unnest(emails) AS email, is_held, settled_at, doubt_at FROM known
    UNION ALL
    SELECT k.subject, a.address AS email, k.is_held, k.settled_at, k.doubt_at
    FROM known AS k
    INNER JOIN addresses AS a ON a.contact_id = k.subject
)

SELECT DISTINCT
    subject AS contact_id, lower(trim(email)) AS email, is_held, settled_at, doubt_at
FROM each
WHERE coalesce(email, '') <> ''
"""
CREATED = "SELECT natural_key AS email, any_value(sync) AS sync FROM arrived GROUP BY natural_key"
