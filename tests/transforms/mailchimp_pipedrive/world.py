"""Two small accounts and the flows between them, planned by the real models.

A world is what the vendors hold, as plain values; `plan` stages it and builds every model;
`carry_out` does what was planned the way a vendor would, rewriting values where a test says so,
and keeps the memory a ledger would keep. Nothing here is the engine's but its SQL.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import orjson
import pyarrow as pa

from transforms.build import build

SYNC = "mailchimp_pipedrive"
START = datetime(2026, 11, 2, 9, tzinfo=UTC)
MODELS = (
    "staging.pipedrive__persons", "staging.pipedrive__person_emails",
    "staging.mailchimp__members", "staging.mailchimp__segment_members",
    "resolve.addresses", "resolve.selected", "resolve.candidates", "resolve.matches", "resolve.couples", "resolve.pairs",
    "resolve.wanted", "resolve.field_pairs", "resolve.two_ways", "resolve.agreements",
    "resolve.changes", "resolve.consent", "resolve.destinations",
    "plan.members", "plan.persons", "plan.tags", "plan.conflicts", "plan.skipped",
)  # fmt: skip
TABLES = {
    "raw.pipedrive__persons": "body JSON",
    "raw.mailchimp__members": "list_id VARCHAR, contact_id VARCHAR, body JSON, fetched_at TIMESTAMPTZ",
    "raw.mailchimp__segment_members": "list_id VARCHAR, segment_id BIGINT, id VARCHAR",
    "staging.pipedrive__filter_members": "filter_id_pipedrive BIGINT, person_id_pipedrive BIGINT",
    "staging.syncline__sweep": "sync VARCHAR, sweep BIGINT, crm VARCHAR, engagement VARCHAR",
    "staging.syncline__flows": "flow_id VARCHAR, position BIGINT, trigger VARCHAR, is_into_crm BOOLEAN, is_active BOOLEAN, is_running BOOLEAN, list_id_mailchimp VARCHAR, tag VARCHAR",
    "staging.syncline__flow_filters": "flow_id VARCHAR, filter_id_pipedrive BIGINT",
    "staging.syncline__flow_segments": "flow_id VARCHAR, segment_id_mailchimp BIGINT",
    "staging.syncline__mapping": "flow_id VARCHAR, field_code VARCHAR, field_type VARCHAR, merge_tag VARCHAR, merge_type VARCHAR, rule VARCHAR",
    "staging.syncline__facts": "flow_id VARCHAR, fact_key VARCHAR, person_id_pipedrive BIGINT, member_id_mailchimp VARCHAR, happened_at TIMESTAMPTZ, is_settled BOOLEAN",
    "staging.syncline__synced": "flow_id VARCHAR, contact_id VARCHAR",
    "staging.syncline__person_links": "contact_id VARCHAR, person_id_pipedrive BIGINT",
    "staging.syncline__member_links": "contact_id VARCHAR, list_id_mailchimp VARCHAR, member_id_mailchimp VARCHAR",
    "staging.syncline__addresses": "contact_id VARCHAR, email VARCHAR",
    "staging.syncline__consent": "email VARCHAR, kind VARCHAR",
    "staging.syncline__held": "contact_id VARCHAR, list_id_mailchimp VARCHAR, held JSON",
    "staging.syncline__tagged": (
        "flow_id VARCHAR, contact_id VARCHAR, member_id_mailchimp VARCHAR, tag VARCHAR"
    ),
    "history.agreed": "contact_id VARCHAR, list_id_mailchimp VARCHAR, field_code VARCHAR, merge_tag VARCHAR, crm_value VARCHAR, engagement_value VARCHAR, agreed_at TIMESTAMPTZ",
}  # fmt: skip
Row = dict[str, Any]
Rewrite = Callable[[str], str]


def as_is(value: str) -> str:
    return value


@dataclass
class World:
    """`persons` by id, `members` by contact id; change them to play what people do."""

    persons: dict[int, Row] = field(default_factory=dict)
    members: dict[str, Row] = field(default_factory=dict)
    filters: dict[int, set[int]] = field(default_factory=dict)
    segments: dict[int, set[str]] = field(default_factory=dict)
    flows: list[Row] = field(default_factory=list)
    facts: list[Row] = field(default_factory=list)
    barred: dict[str, str] = field(default_factory=dict)
    person_links: dict[int, str] = field(default_factory=dict)  # person -> contact
    member_links: dict[str, str] = field(default_factory=dict)
    held: dict[tuple[str, str], Row] = field(default_factory=dict)  # (flow, contact) -> by field
    agreed: list[Row] = field(default_factory=list)
    tagged: set[tuple[str, str, str]] = field(default_factory=set)
    former: set[tuple[str, str]] = field(default_factory=set)  # contact, address it had
    now: datetime = START
    crm_writes: Rewrite = as_is
    engagement_writes: Rewrite = as_is
    db: duckdb.DuckDBPyConnection = field(default_factory=duckdb.connect)

    # What people do

    def person(self, person_id: int, email: str, **fields: Any) -> None:
        """Add a person, or change one: named fields take their new value."""
        known = self.persons.setdefault(person_id, {"emails": [email]})
        known |= fields | {"emails": fields.get("emails", [email]), "at": self.tick()}

    def member(self, member_id: str, email: str, status: str = "subscribed", **merges: Any) -> None:
        known = self.members.setdefault(member_id, {"merges": {}})
        known |= {"email": email, "status": status, "at": self.tick()}
        known["merges"] |= merges

    def tick(self, seconds: float = 60) -> datetime:
        self.now += timedelta(seconds=seconds)
        return self.now

    def flow(self, flow_id: str, trigger: str, of: set[int], **more: Any) -> None:
        """A flow between job_title and JOB, unless another mapping is given."""
        self.flows.append({
            "id": flow_id, "trigger": trigger, "of": of, "tag": None, "is_active": True,
            "mapping": {"job_title": "JOB"}, "rules": {}, "types": {},
        } | more)  # fmt: skip

    # What the engine's models make of it

    def plan(self) -> None:
        """Build every model anew."""
        for schema in ("raw", "staging", "resolve", "plan", "history"):
            self.db.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
        self.db.execute("SET TimeZone = 'UTC'")
        rows = self._tables()
        for table, columns in TABLES.items():
            self.db.execute(f"CREATE OR REPLACE TABLE {table} ({columns})")
            if rows.get(table):
                names = [column.split()[0] for column in columns.split(", ")]
                arrived = pa.Table.from_pylist([{n: r.get(n) for n in names} for r in rows[table]])
                self.db.register("arrived", arrived)
                self.db.execute(f"INSERT INTO {table} BY NAME FROM arrived")
                self.db.unregister("arrived")
        build(self.db, SYNC, *MODELS)

    def rows(self, table: str) -> list[Row]:
        """The rows of a model, by its key."""
        found = self.db.execute(f"FROM {table} ORDER BY ALL")
        names = [column[0] for column in found.description or ()]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

    def planned(self) -> list[tuple[str, str]]:
        """(table, action) of everything the plan would send."""
        self.plan()
        return [
            (table, row["action"])
            for table in ("members", "persons", "tags")
            for row in self.rows(f"plan.{table}")
            if row["action"] not in ("skip", "nothing")
        ]

    def reasons(self) -> list[str]:
        """Why somebody is left out of the plan."""
        self.plan()
        return [row["reason"] for row in self.rows("plan.skipped")]

    def carry_out(self) -> list[tuple[str, str]]:
        """Plan, do it at the vendors, remember what they answered; return what was sent."""
        sent = self.planned()
        self.tick()
        for row in self.rows("resolve.pairs"):
            self._link(row)
        for row in self.rows("plan.members"):
            self._write_member(row)
        for row in self.rows("plan.persons"):
            self._write_person(row)
        for row in self.rows("plan.tags"):
            self.tagged.add((row["flow_id"], row["contact_id"], row["tag"]))
        for row in self.rows("resolve.changes"):
            if row["decision"] in ("equal", "meet"):
                self.agreed.append(row | {"agreed_at": self.now})
        return sent

    def _link(self, row: Row) -> None:
        if row["skip_reason"] is None:
            if row["person_id_pipedrive"] is not None:
                self.person_links[row["person_id_pipedrive"]] = row["contact_id"]
            if row["member_id_mailchimp"] is not None:
                self.member_links[row["member_id_mailchimp"]] = row["contact_id"]

    def _write_member(self, row: Row) -> None:
        self._settle(row)
        if row["action"] not in ("create", "update", "move"):
            return
        member_id = row["member_id_mailchimp"] or f"m{len(self.members) + 1}"
        known = self.members.setdefault(member_id, {"merges": {}, "status": "subscribed"})
        known["email"] = row["new_email"] or row["email"]
        for tag, value in (row["after"] or {}).items():
            known["merges"][tag] = self.engagement_writes(value)
        known["at"] = self.tick(1)
        self.member_links[member_id] = row["contact_id"]
        tags = self._tags(row["flow_id"])
        self._hold(row, {
            code: (value, known["merges"].get(tags[code], "") if code != "email" else known["email"])
            for code, value in row["sources"].items()
        })  # fmt: skip

    def _write_person(self, row: Row) -> None:
        self._settle(row)
        if row["action"] not in ("create", "update"):
            return
        person_id = row["person_id_pipedrive"] or len(self.persons) + 1
        known = self.persons.setdefault(person_id, {"emails": [row["shown_email"]]})
        for code, value in (row["after"] or {}).items():
            known[code] = self.crm_writes(value)
        if row["new_email"]:
            known["emails"] = [
                row["new_email"] if one == row["replaced_email"] else one for one in known["emails"]
            ]
        known["at"] = self.tick(1)
        self.person_links[person_id] = row["contact_id"]
        self._hold(row, {
            code: (known["emails"][0] if code == "email" else known.get(code, ""), value)
            for code, value in (row["sources"] or {}).items()
        })  # fmt: skip

    def _hold(self, row: Row, values: dict[str, tuple[str, str]]) -> None:
        tags = self._tags(row["flow_id"])
        kept = self.held.setdefault((row["flow_id"], row["contact_id"]), {})
        for code, (crm, engagement) in values.items():
            kept[code] = {"tag": tags[code], "crm": crm, "engagement": engagement,
                          "at": self.now.isoformat()}  # fmt: skip

    def _settle(self, row: Row) -> None:
        for fact in self.facts:
            fact["is_settled"] = fact["is_settled"] or fact["fact_key"] == row["settles"]

    def _tags(self, flow_id: str) -> dict[str, str]:
        (flow,) = [one for one in self.flows if one["id"] == flow_id]
        return flow["mapping"] | {"email": "EMAIL"}

    def _tables(self) -> dict[str, list[Row]]:
        return self._records() | self._definition() | self._memory()

    def _records(self) -> dict[str, list[Row]]:
        """What the vendors gave."""
        return {
            "raw.pipedrive__persons": [{"body": _person_body(n, p)} for n, p in self.persons.items()],
            "raw.mailchimp__members": [
                {"list_id": "L", "contact_id": n, "body": _member_body(n, m), "fetched_at": self.now}
                for n, m in self.members.items()
            ],
            "raw.mailchimp__segment_members": [
                {"list_id": "L", "segment_id": s, "id": one}
                for s, members in self.segments.items() for one in sorted(members)
            ],
            "staging.pipedrive__filter_members": [
                {"filter_id_pipedrive": f, "person_id_pipedrive": one}
                for f, persons in self.filters.items() for one in sorted(persons)
            ],
        }  # fmt: skip

    def _definition(self) -> dict[str, list[Row]]:
        """What the file says."""
        into = {"segments", "new_contacts"}
        return {
            "staging.syncline__sweep": [
                {"sync": "acme", "sweep": 1, "crm": "crm", "engagement": "mc"}
            ],
            "staging.syncline__flows": [
                {"flow_id": f["id"], "position": n, "trigger": f["trigger"],
                 "is_into_crm": f["trigger"] in into, "is_active": f["is_active"],
                 "is_running": f["is_active"],
                 "list_id_mailchimp": "L", "tag": f["tag"]}
                for n, f in enumerate(self.flows)
            ],
            "staging.syncline__flow_filters": [
                {"flow_id": f["id"], "filter_id_pipedrive": one}
                for f in self.flows if f["trigger"] == "filters" for one in f["of"]
            ],
            "staging.syncline__flow_segments": [
                {"flow_id": f["id"], "segment_id_mailchimp": one}
                for f in self.flows if f["trigger"] == "segments" for one in f["of"]
            ],
            "staging.syncline__mapping": [
                {"flow_id": f["id"], "field_code": code, "merge_tag": tag,
                 "field_type": f["types"].get(code, ("varchar", "text"))[0],
                 "merge_type": "email" if code == "email"
                 else f["types"].get(code, ("varchar", "text"))[1],
                 "rule": f["rules"].get(code, "last_writer")}
                for f in self.flows for code, tag in self._tags(f["id"]).items()
            ],
        }  # fmt: skip

    def _memory(self) -> dict[str, list[Row]]:
        """What state and history would know."""
        return {
            "staging.syncline__facts": self.facts,
            "staging.syncline__synced": [
                {"flow_id": flow, "contact_id": contact} for flow, contact in self.held
            ],
            "staging.syncline__person_links": [
                {"contact_id": c, "person_id_pipedrive": p} for p, c in self.person_links.items()
            ],
            "staging.syncline__member_links": [
                {"contact_id": c, "list_id_mailchimp": "L", "member_id_mailchimp": m}
                for m, c in self.member_links.items()
            ],
            "staging.syncline__addresses": [
                {"contact_id": c, "email": e} for c, e in sorted(self.former)
            ],
            "staging.syncline__consent": [
                {"email": e, "kind": kind} for e, kind in self.barred.items()
            ],
            "staging.syncline__held": [
                {"contact_id": c, "list_id_mailchimp": "L", "held": orjson.dumps(kept).decode()}
                for (_, c), kept in self.held.items()
            ],
            "staging.syncline__tagged": [
                {"flow_id": f, "contact_id": c, "tag": t} for f, c, t in sorted(self.tagged)
            ],
            "history.agreed": self.agreed,
        }  # fmt: skip


def _person_body(person_id: int, person: Row) -> str:
    emails = [{"value": e, "primary": n == 0} for n, e in enumerate(person["emails"])]
    known = {k: v for k, v in person.items() if k not in ("emails", "at")}
    return orjson.dumps(
        {"id": person_id, "name": "Somebody", "emails": emails, "phones": [],
         "update_time": person["at"].strftime("%Y-%m-%d %H:%M:%S"), "is_deleted": False} | known
    ).decode()  # fmt: skip


def _member_body(member_id: str, member: Row) -> str:
    return orjson.dumps(
        {"id": member_id, "email_address": member["email"], "status": member["status"],
         "merge_fields": member["merges"], "last_changed": member["at"].isoformat()}
    ).decode()  # fmt: skip
