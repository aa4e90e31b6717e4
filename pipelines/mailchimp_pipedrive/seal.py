"""Turn the plan's rows into ledger rows, and seal them.

Identity first, then deeds and settings in chunks, the cursors with the last: a crash in between
loses nothing, since the next run plans the same keys. Fields are settings at both vendors: they
are read again and planned again, never sent twice from an old body.
"""

from collections.abc import Collection, Iterator
from typing import Any

from pipelines.mailchimp_pipedrive import life
from pipelines.mailchimp_pipedrive.bind import BoundField
from pipelines.mailchimp_pipedrive.sweep import Sweep
from pipelines.mailchimp_pipedrive.tables import MEMBER, PERSON
from state import facts, identity, ledger, replanning, settings
from state.cursors import NO_FILE, Cursor
from state.deeds import Deed, by_key, withdraw_keys
from state.lease import Lease
from state.settings import Setting, SettingKey
from state.writers import window_name

BATCH = 5_000
MEMBER_WRITES = ("create", "update", "move")


def remember_identity(sweep: Sweep, lease: Lease) -> None:
    """Make the identity map what this sweep resolved: who is whom, and at which address."""
    rows = sweep.db.execute
    identity.remember(
        lease, sweep.engagement_account,
        identity.Changes(
            contacts=rows(CONTACTS).fetchall(), merged=rows(MERGED).fetchall(),
            addresses=[(*row, sweep.sweep, None) for row in rows(ADDRESSES).fetchall()],
            lineage=rows(LINEAGE).fetchall(), links=rows(MEMBER_LINKS).fetchall(),
        ),
        kind=MEMBER,
    )  # fmt: skip
    identity.remember(
        lease, sweep.crm_account, identity.Changes(links=rows(PERSON_LINKS).fetchall()),
        kind=PERSON,
    )  # fmt: skip


def seal(sweep: Sweep, lease: Lease, held_back: Collection[str]) -> int:
    """Seal the plan but for the flows that are held back; return how many writes it planned.

    What was sealed before for those, and for flows that are not due, is not withdrawn.
    """
    generation = sweep.work_generation
    moved = [Cursor(stream, value, generation) for stream, value in sweep.cursors]
    moved += [Cursor(stream, value, NO_FILE) for stream, value in sweep.cursors_of_facts]
    other_time = _for_another_time(sweep)
    planned = ledger.seal(
        lease,
        deeds=(one for one in _persons_to_make(sweep) if one.bot_id not in held_back),
        settings=(
            one
            for flow, one in _settings(sweep)
            if flow not in held_back and one.subject not in other_time
        ),
        moved=moved,
    )
    name = sweep.definition.name
    others = {*life.left_alone(sweep), *held_back}
    settings.withdraw_unwanted(
        lease, left_alone=[f"{name}/{flow}/" for flow in others],
        # A window's plan is no plan of everybody: what was refused stays refused.
        refused_too=not sweep.is_window,
    )  # fmt: skip
    withdraw_keys(
        lease, [str(key) for (key,) in sweep.db.execute(NOT_WANTED, [list(others)]).fetchall()],
        why="is a person by now, or no flow brings it any more",
    )  # fmt: skip
    facts.settle(lease, name, _dealt_with(sweep, held_back))
    return planned


def _for_another_time(sweep: Sweep) -> set[str]:
    """Contacts whose values nobody can tell from our own writes yet: the next run plans for them.

    A write is in doubt, of this run or beside it; or a window wrote since this sweep began to read.
    """
    sync = sweep.definition.name
    doubtful = settings.doubtful(sweep.state, (sync, window_name(sync)))
    if sweep.is_window:
        return doubtful
    return doubtful | settings.planned_since(sweep.state, window_name(sync), sweep.read_at)


def unsettled(sweep: Sweep) -> set[str]:
    """Contacts for whom this plan's settings are not there by now, though it sealed them."""
    wanted = [one for flow, one in _settings(sweep) if flow not in sweep.held_back]
    return replanning.unsettled(sweep.state, wanted)


def _persons_to_make(sweep: Sweep) -> Iterator[Deed]:
    """The row claim on the address keeps two syncs of the account from both creating a person."""
    for row in _rows(sweep, "plan.persons", "action = 'create'"):
        body: dict[str, Any] = {
            "name": row["name"],
            "emails": [{"value": row["shown_email"], "primary": True, "label": "work"}],
            "fields": dict(row["after"] or {}),
            "sources": dict(row["sources"] or {}),
            "tags": _tags(sweep, row["flow_id"]),
            "types": _types(sweep, row["flow_id"]),
            "currency": sweep.currency,
            "list": row["list_id_mailchimp"],
        }
        yield Deed(
            row["write_key"], sweep.crm_account, "create_person", PERSON, row["contact_id"], body,
            bot_id=row["flow_id"], natural_key=row["email"], reason=row["reason"],
            cause={"member": f"{row['list_id_mailchimp']}/{row['member_id_mailchimp']}",
                   "fact": row["settles"]},
        )  # fmt: skip


def _settings(sweep: Sweep) -> Iterator[tuple[str, Setting]]:
    """Each setting with the flow it belongs to."""
    name = sweep.definition.name
    came_with = set(sweep.db.execute(CAME_WITH).fetchall())
    for row in _rows(sweep, "plan.members", f"action IN {MEMBER_WRITES}"):
        flow = row["flow_id"]
        desired: dict[str, Any] = {
            "list": row["list_id_mailchimp"], "member": row["member_id_mailchimp"],
            "email": row["new_email"] or row["email"], "fields": dict(row["after"] or {}),
            "sources": dict(row["sources"] or {}), "tags": _tags(sweep, flow),
            "kinds": {f.merge_tag: f.merge_type for f in _fields(sweep, flow)},
        }  # fmt: skip
        # The one that came with the member stays known through later writes: put on once.
        if row["tag"] and (row["action"] == "create" or _is_tagged(came_with, row)):
            desired["tag"] = row["tag"]
        yield flow, Setting(
            sweep.engagement_account, MEMBER, row["contact_id"],
            f"{name}/{flow}/{row['list_id_mailchimp']}", desired=desired, verb=row["action"],
            natural_key=row["email"] or "", reason=row["reason"], source_updated_at=sweep.read_at,
            seen_different=True,
        )  # fmt: skip
    for row in _rows(sweep, "plan.persons", "action = 'update'"):
        flow = row["flow_id"]
        desired = {
            "person": row["person_id_pipedrive"], "fields": dict(row["after"] or {}),
            "email": row["new_email"], "replaces": row["replaced_email"],
            "sources": dict(row["sources"] or {}), "tags": _tags(sweep, flow),
            "types": _types(sweep, flow), "currency": sweep.currency,
        }  # fmt: skip
        yield flow, Setting(
            sweep.crm_account, PERSON, row["contact_id"],
            f"{name}/{flow}/{row['list_id_mailchimp']}", desired=desired, verb="update",
            natural_key=row["email"], reason=row["reason"], source_updated_at=sweep.read_at,
            seen_different=True,
        )  # fmt: skip
    for row in _rows(sweep, "plan.tags", "TRUE"):
        yield row["flow_id"], Setting(
            sweep.engagement_account, MEMBER, row["contact_id"],
            f"{name}/{row['flow_id']}/{row['list_id_mailchimp']}/tag/{row['tag']}",
            desired={"list": row["list_id_mailchimp"], "member": row["member_id_mailchimp"],
                     "tag": row["tag"]},
            verb="tag", natural_key=row["email"], reason=row["reason"],
            source_updated_at=sweep.read_at,
        )  # fmt: skip


def _is_tagged(came_with: Collection[tuple[str, ...]], row: dict[str, Any]) -> bool:
    named = "flow_id", "contact_id", "member_id_mailchimp", "tag"
    return tuple(row[one] for one in named) in came_with


def _tags(sweep: Sweep, flow_id: str) -> dict[str, str]:
    """Field code -> merge tag, as the flow maps them now: what is held is kept by both."""
    fields = {field.field_code: field.merge_tag for field in _fields(sweep, flow_id)}
    return fields | {"email": "EMAIL"}


def _types(sweep: Sweep, flow_id: str) -> dict[str, str]:
    return {field.field_code: field.field_type for field in _fields(sweep, flow_id)}


def _fields(sweep: Sweep, flow_id: str) -> tuple[BoundField, ...]:
    return next(one.fields for one in sweep.names.flows if one.flow.id == flow_id)


def _dealt_with(sweep: Sweep, held_back: Collection[str]) -> list[tuple[str, str, str]]:
    """Facts with nothing left to write: what they were to bring is there, or is left out."""
    found = []
    for table in ("plan.members", "plan.persons"):
        rows = sweep.db.execute(
            f"SELECT flow_id, settles, coalesce(reason, 'nothing to write') FROM {table} "
            "WHERE settles IS NOT NULL AND action IN ('nothing', 'skip')"
        )
        found += [row for row in rows.fetchall() if row[0] not in held_back]
    return found


def settle_written(sweep: Sweep, lease: Lease) -> None:
    """Mark facts as dealt with whose write the vendor has answered."""
    done = []
    sync = sweep.definition.name
    for row in _rows(sweep, "plan.members", "settles IS NOT NULL"):
        if row["action"] in MEMBER_WRITES:
            key = SettingKey(
                sweep.engagement_account, MEMBER, row["contact_id"],
                f"{sync}/{row['flow_id']}/{row['list_id_mailchimp']}",
            )  # fmt: skip
            done += _answered(sweep, row, settings.by_key(sweep.state, key))
    for row in _rows(sweep, "plan.persons", "settles IS NOT NULL AND action = 'update'"):
        key = SettingKey(
            sweep.crm_account, PERSON, row["contact_id"],
            f"{sync}/{row['flow_id']}/{row['list_id_mailchimp']}",
        )  # fmt: skip
        done += _answered(sweep, row, settings.by_key(sweep.state, key))
    for row in _rows(sweep, "plan.persons", "settles IS NOT NULL AND action = 'create'"):
        made = by_key(sweep.state, row["write_key"])
        if made is not None and made.state == "done":
            done.append((row["flow_id"], row["settles"], "written"))
    facts.settle(lease, sync, done)


def _answered(
    sweep: Sweep, row: dict[str, Any], setting: Setting | None
) -> list[tuple[str, str, str]]:
    is_done = setting is not None and setting.state == "done" and setting.fence == sweep.sweep
    return [(row["flow_id"], row["settles"], "written")] if is_done else []


def _rows(sweep: Sweep, table: str, where: str) -> Iterator[dict[str, Any]]:
    """Rows of a plan table as dicts, a batch at a time, on a cursor of their own."""
    cursor = sweep.db.cursor().execute(f"FROM work.{table} WHERE {where} ORDER BY write_key")
    names = [column[0] for column in cursor.description]
    while batch := cursor.fetchmany(BATCH):
        for row in batch:
            yield dict(zip(names, row, strict=True))


CONTACTS = """
SELECT DISTINCT ON (p.contact_id)
    p.contact_id,
    p.founder,
    coalesce(a.email, m.email)
FROM resolve.pairs AS p
LEFT JOIN resolve.addresses AS a ON a.person_id_pipedrive = p.person_id_pipedrive
LEFT JOIN staging.mailchimp__members AS m
    ON
        m.list_id_mailchimp = p.list_id_mailchimp
        AND m.member_id_mailchimp = p.member_id_mailchimp
LEFT JOIN staging.syncline__contacts AS c ON c.contact_id = p.contact_id
WHERE
    p.skip_reason IS NULL
    AND (c.contact_id IS NULL OR c.email IS DISTINCT FROM coalesce(a.email, m.email))
ORDER BY p.contact_id, p.list_id_mailchimp
"""
MERGED = """
SELECT DISTINCT
    merged_contact_id,
    contact_id
FROM resolve.pairs
WHERE merged_contact_id IS NOT NULL
"""
LINEAGE = """
SELECT DISTINCT
    contact_id,
    merged_contact_id
FROM resolve.pairs
WHERE merged_contact_id IS NOT NULL
"""
# Every address either side has or had: an opt-out under any of them bars the contact.
ADDRESSES = """
SELECT
    p.contact_id,
    e.email
FROM resolve.pairs AS p
INNER JOIN staging.pipedrive__person_emails AS e ON e.person_id_pipedrive = p.person_id_pipedrive
WHERE p.skip_reason IS NULL AND e.email <> ''
UNION
SELECT
    p.contact_id,
    m.email
FROM resolve.pairs AS p
INNER JOIN staging.mailchimp__members AS m
    ON
        m.list_id_mailchimp = p.list_id_mailchimp
        AND m.member_id_mailchimp = p.member_id_mailchimp
WHERE p.skip_reason IS NULL
EXCEPT
SELECT
    contact_id,
    email
FROM staging.syncline__addresses
"""
MEMBER_LINKS = """
SELECT
    p.list_id_mailchimp || '/' || p.member_id_mailchimp,
    p.contact_id,
    'same address'
FROM resolve.pairs AS p
LEFT JOIN staging.syncline__member_links AS l
    ON
        l.list_id_mailchimp = p.list_id_mailchimp
        AND l.member_id_mailchimp = p.member_id_mailchimp
WHERE
    p.skip_reason IS NULL
    AND p.member_id_mailchimp IS NOT NULL
    AND l.contact_id IS DISTINCT FROM p.contact_id
"""
PERSON_LINKS = """
SELECT DISTINCT
    p.person_id_pipedrive::VARCHAR,
    p.contact_id,
    'same address'
FROM resolve.pairs AS p
LEFT JOIN staging.syncline__person_links AS l ON l.person_id_pipedrive = p.person_id_pipedrive
WHERE
    p.skip_reason IS NULL
    AND p.person_id_pipedrive IS NOT NULL
    AND l.contact_id IS DISTINCT FROM p.contact_id
"""
CAME_WITH = """
SELECT flow_id, contact_id, member_id_mailchimp, tag
FROM staging.syncline__tagged WHERE is_of_fields
"""
# Sealed before and not sent, and this plan does not make them any more.
NOT_WANTED = """
SELECT d.write_key
FROM staging.syncline__deeds AS d
LEFT JOIN plan.persons AS p ON p.write_key = d.write_key AND p.action = 'create'
WHERE
    p.write_key IS NULL
    AND d.operation = 'create_person'
    AND d.state IN ('planned', 'refused')
    AND NOT list_contains(?::VARCHAR [], d.flow_id)
"""
