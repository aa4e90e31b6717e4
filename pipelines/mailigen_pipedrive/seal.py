"""Turn the plan's rows into ledger rows, and seal them.

Identity first, then every deed and setting in chunks, the cursors with the last: a crash in
between loses nothing, since the next run plans the same keys.
"""

from collections.abc import Collection, Iterator
from typing import Any

import orjson

from pipelines.mailigen_pipedrive.bind import DEAL_FIELD
from pipelines.mailigen_pipedrive.naming import (
    deal_field_key,
    open_key,
    setup_stem,
    var_key,
)
from pipelines.mailigen_pipedrive.sweep import Sweep
from pipelines.mailigen_pipedrive.tables import aspect
from pipelines.pipedrive_side.new_filters import filter_key
from state import identity, ledger, settings
from state.cursors import Cursor
from state.deeds import Deed, withdraw_keys, withdraw_unwanted
from state.lease import Lease
from state.settings import Setting, SettingKey
from transforms.build import number

BATCH = 5_000
SETUP = ("create_list", "create_merge_var", "create_deal_field", "create_filter")
NEWCOMERS = ("create_person", "link_person")
# Sealed before and not sent; a person or a setting has decided otherwise since.
NO_NEWCOMERS = """
SELECT d.write_key
FROM staging.syncline__deeds AS d
LEFT JOIN plan.persons AS p ON p.write_key = d.write_key AND p.action <> 'skip'
WHERE
    p.write_key IS NULL
    AND d.state IN ('planned', 'refused')
    AND split_part(d.write_key, '|', 1) IN ('person', 'link')
"""
NOTED = {
    "open": "Opened the e-mail “{campaign}”",
    "send": "Was sent the e-mail “{campaign}”",
    "click": "Clicked {link} in the e-mail “{campaign}”",
    "bounce": "The e-mail “{campaign}” bounced",
}


def remember_identity(sweep: Sweep, lease: Lease) -> None:
    """Make the identity map what this sweep resolved."""
    rows = sweep.db.execute
    identity.remember(
        lease,
        sweep.crm_account,
        identity.Changes(
            contacts=rows(
                """
                SELECT i.contact_id, i.person_id_pipedrive::VARCHAR, i.email
                FROM resolve.identity AS i
                LEFT JOIN staging.syncline__contacts AS c ON c.contact_id = i.contact_id
                WHERE c.contact_id IS NULL OR c.email IS DISTINCT FROM i.email
                    OR c.person_id_pipedrive IS DISTINCT FROM i.person_id_pipedrive
                """
            ).fetchall(),
            merged=rows(
                "SELECT from_contact_id, contact_id FROM resolve.identity WHERE decision = 'merge'"
            ).fetchall(),
            addresses=rows(
                """
                SELECT contact_id, email, from_sweep, until_sweep FROM resolve.holdings
                EXCEPT
                SELECT contact_id, email, from_sweep, until_sweep FROM staging.syncline__addresses
                """
            ).fetchall(),
            lineage=rows(
                "SELECT contact_id, from_contact_id FROM resolve.identity "
                "WHERE from_contact_id IS NOT NULL"
            ).fetchall(),
            links=rows(
                """
                SELECT i.person_id_pipedrive::VARCHAR, i.contact_id, i.decision
                FROM resolve.identity AS i
                LEFT JOIN staging.syncline__links AS l
                    ON l.person_id_pipedrive = i.person_id_pipedrive
                WHERE l.contact_id IS DISTINCT FROM i.contact_id
                """
            ).fetchall(),
        ),
    )


def setup_deeds(sweep: Sweep) -> list[Deed]:
    """What has to exist before the first member can be written: list, merge vars, deal field."""
    bound = sweep.names
    if not number(sweep.db, "SELECT count(*) FROM staging.syncline__bots WHERE is_active"):
        return []  # selecting fields alone syncs nothing (MG-04)
    stem = setup_stem(sweep)
    deeds = []
    if bound.list_id is None:
        deeds.append(
            Deed(
                f"{stem}|list|{bound.list_title}", sweep.engagement_account, "create_list", "list",
                "", {"title": bound.list_title}, reason="the definition says `create`",
                natural_key=bound.list_title,
            )
        )  # fmt: skip
    deeds += [
        Deed(
            open_key(sweep, var_key(sweep, var.tag)), sweep.engagement_account,
            "create_merge_var", "merge_var", "", {"tag": var.tag, "name": var.name},
            reason="a selected field has no merge var on the list",
        )
        for var in bound.missing_vars
    ]  # fmt: skip
    if bound.needs_deal_field and bound.deal_field_code is None:
        deeds.append(
            Deed(
                open_key(sweep, deal_field_key(sweep)), sweep.crm_account,
                "create_deal_field", "deal_field", "", {"name": DEAL_FIELD},
                reason="deals carry their reference in it",
            )
        )  # fmt: skip
    return deeds


def seal(sweep: Sweep, lease: Lease, allowed: Collection[str] | None) -> int:
    """Put the plan into the ledger; `allowed` limits it to the keys an approval named."""

    def may(key: str) -> bool:
        return allowed is None or key in allowed

    needed = setup_deeds(sweep)
    generation = sweep.history_generation
    cursors = [Cursor(stream, value, generation) for stream, value in sweep.cursors]
    planned = ledger.seal(
        lease,
        deeds=(
            d for part in (needed, _deeds(sweep), _persons(sweep)) for d in part if may(d.write_key)
        ),
        settings=(s for key, s in _members(sweep) if may(key)),
        moved=cursors,
    )
    settings.withdraw_unwanted(lease)
    waiting = [filter_key(sweep, one.terms.name) for one in sweep.names.bots if one.terms]
    withdraw_unwanted(
        lease, SETUP, [*waiting, *(d.write_key for d in needed)],
        why="it is there, or needed no more",
    )  # fmt: skip
    withdraw_keys(
        lease, [str(key) for (key,) in sweep.db.execute(NO_NEWCOMERS).fetchall()],
        why="is subscribed no more, a person by now, or the import is off",
    )  # fmt: skip
    settings.observed(lease, list(_let_go(sweep)))
    return planned


def _deeds(sweep: Sweep) -> Iterator[Deed]:
    account = sweep.crm_account
    for row in _rows(sweep, "plan.activities"):
        body = {
            "subject": row["subject"],
            "type": row["activity_type"],
            "participants": [{"person_id": row["person_id_pipedrive"], "primary": True}],
            "due_date": row["due_on"].isoformat(),
            "done": False,
            "note": row["note"],
        }
        if row["owner_id_pipedrive"] is not None:
            body["owner_id"] = row["owner_id_pipedrive"]
        yield _deed(row, account, "create_activity", "activity", body)
    for row in _rows(sweep, "plan.deals"):
        body = {
            "title": row["title"],
            "person_id": row["person_id_pipedrive"],
            "owner_id": row["owner_id_pipedrive"],
            "stage_id": row["stage_id_pipedrive"],
        }
        if row["value"] is not None:
            body["value"] = row["value"]
        yield _deed(row, account, "create_deal", "deal", body)
    for row in _rows(sweep, "plan.notes"):
        text = NOTED[row["kind"]].format(campaign=row["campaign_title"], link=row["link"])
        on = row["happened_at"]
        body = {"text": f"{text} ({on:%Y-%m-%d})", "person_id": row["person_id_pipedrive"]}
        yield _deed(row, account, "create_note", "note", body)


def _persons(sweep: Sweep) -> Iterator[Deed]:
    """The row claim on the address keeps two syncs of the account from both creating a person."""
    for row in _rows(sweep, "plan.persons"):
        about = {"cause": orjson.loads(row["cause"]), "reason": row["reason"]}
        if row["action"] == "link":
            yield Deed(
                row["write_key"], sweep.crm_account, "link_person", "person_link", row["subject"],
                {"person_id": row["person_id_pipedrive"]}, **about,
            )  # fmt: skip
        elif row["action"] == "create" and row["is_read"]:
            yield Deed(
                row["write_key"], sweep.crm_account, "create_person", "person", row["subject"],
                _person(row), natural_key=row["email"], **about,
            )  # fmt: skip


def _person(row: dict[str, Any]) -> dict[str, Any]:
    """Both parts of a name go without the whole, as the vendor's guide has it: from the whole it
    would guess the parts, and wrongly for a first name of two words."""
    body = {
        "owner_id": row["owner_id_pipedrive"],
        "emails": [{"value": row["shown_email"], "primary": True, "label": "work"}],
    }
    if row["phone"]:
        body["phones"] = [{"value": row["phone"], "primary": True, "label": "work"}]
    parts = {part: row[part] for part in ("first_name", "last_name") if row[part]}
    return body | parts if len(parts) == 2 else body | parts | {"name": row["name"]}


def _deed(row: dict[str, Any], account: str, operation: str, noun: str, body: Any) -> Deed:
    return Deed(
        row["write_key"], account, operation, noun, row["contact_id"], body,
        bot_id=row["bot_id"], rule_id=row.get("rule_id") or "",
        cause=orjson.loads(row["cause"]), reason=row["reason"],
    )  # fmt: skip


def _members(sweep: Sweep) -> Iterator[tuple[str, Setting]]:
    for row in _rows(sweep, "plan.members"):
        if row["action"] in ("skip", "forget"):
            continue
        verb = "replace" if row["leaves_old_behind"] else row["action"]
        if verb == "update" and not row["is_selected"]:
            verb = "source"  # no bot selects it: only what names the bots is taken away (MG-25)
        yield (
            f"{row['write_key']}|{row['action']}",
            Setting(
                *member_key(sweep, row["contact_id"]),
                desired=orjson.loads(row["after"]) if row["after"] else None,
                verb=verb, natural_key=row["email"] or "", reason=row["reason"],
                seen_different=True,
            ),
        )  # fmt: skip


def _let_go(sweep: Sweep) -> Iterator[tuple[SettingKey, None]]:
    """Members that are off the list without our doing: nothing is acknowledged any more."""
    query = """
        SELECT contact_id FROM plan.members WHERE action = 'forget'
        UNION
        SELECT m.contact_id FROM staging.syncline__members AS m
        INNER JOIN staging.syncline__removed AS r ON r.email = m.email
    """
    for (contact_id,) in sweep.db.execute(query).fetchall():
        yield member_key(sweep, contact_id), None


def member_key(sweep: Sweep, contact_id: str) -> SettingKey:
    return SettingKey(sweep.engagement_account, "list_member", contact_id, aspect(sweep))


def _rows(sweep: Sweep, table: str) -> Iterator[dict[str, Any]]:
    """Rows of a plan table as dicts, a batch at a time, on a cursor of their own."""
    cursor = sweep.db.cursor().execute(f"FROM work.{table} ORDER BY write_key")
    names = [column[0] for column in cursor.description]
    while batch := cursor.fetchmany(BATCH):
        for row in batch:
            yield dict(zip(names, row, strict=True))
