"""Read what happened to the list's campaigns, no more of it than moved.

A campaign's totals are one cheap call. Its feeds (who opened, who clicked what, who
bounced) are read again only when the totals differ from those of the last reading that
was sealed. Young campaigns are asked every run, older ones daily, the oldest not at all;
autoresponders go on as long as they exist, and the newest few are always asked.
"""

from datetime import datetime, timedelta
from typing import Any

from pipelines.mailigen_pipedrive.life import is_running
from pipelines.mailigen_pipedrive.sweep import Sweep
from pipelines.pages import in_pages
from state import cursors
from state.raw import put_raw

EVERY_RUN = timedelta(days=3)
DAILY_UNTIL = timedelta(days=30)
ALWAYS_NEWEST = 20  # a small account is cheap to ask: its older campaigns are never a day late
TOTALS = (
    "emails_sent", "opens", "unique_opens", "clicks", "unique_clicks", "hard_bounces",
    "soft_bounces", "blocked_bounces", "temporary_bounces", "generic_bounces",
)  # fmt: skip
BOUNCES = ("hard", "soft", "blocked", "temporary", "generic")
KEYS = {
    "campaigns": {"id": "VARCHAR"},
    "reads": {"campaign_id": "VARCHAR", "kind": "VARCHAR"},
    "opens": {"campaign_id": "VARCHAR", "email": "VARCHAR"},
    "not_opened": {"campaign_id": "VARCHAR", "email": "VARCHAR"},
    "clicks": {"campaign_id": "VARCHAR", "n": "BIGINT"},  # two clicks may be alike in all they say
    "bounces": {"campaign_id": "VARCHAR", "email": "VARCHAR", "type": "VARCHAR"},
}
FEEDS = {
    "open": ("opens", "unique_opens"),
    "click": ("clicks",),
    "bounce": tuple(f"{kind}_bounces" for kind in BOUNCES),
    "send": ("emails_sent",),
}  # which totals say that the feed of a kind of event has moved


def read_for_bots(sweep: Sweep) -> None:
    """Read the kinds of events that running bots count or note.

    A bot that is not active yet needs a complete baseline, so everything is asked then.
    """
    bots = [b.bot for b in sweep.names.bots if is_running(sweep.known_bots[b.bot.id])]
    kinds = {rule.event for bot in bots for rule in bot.rules} | {k for b in bots for k in b.notes}
    is_baseline = any(known.state == "new" for known in sweep.known_bots.values())
    read(sweep, frozenset(kinds), everything=is_baseline)


def read(sweep: Sweep, kinds: frozenset[str], *, everything: bool) -> None:
    """Fill raw.mailigen__*; `kinds` are the events some bot asks for.

    `everything` asks all campaigns whatever their age: a baseline must be complete.
    """
    campaigns = _campaigns(sweep)
    tables: dict[str, list[dict[str, Any]]] = {
        name: [] for name in ("reads", "opens", "not_opened", "clicks", "bounces")
    }
    known = {c["id"]: _cursor(sweep, c["id"]) for c in campaigns}
    due = [
        c for place, c in enumerate(campaigns)
        if everything or _is_due(sweep, c, known[c["id"]], place)
    ]  # fmt: skip
    for count, campaign in enumerate(due, 1):
        _read_campaign(sweep, campaign["id"], known[campaign["id"]], kinds, tables)
        sweep.tell("extract", "campaigns asked", count, len(due))
    _put(sweep, "campaigns", campaigns)
    for name, rows in tables.items():
        _put(sweep, name, rows)


def _campaigns(sweep: Sweep) -> list[dict[str, Any]]:
    """The list's campaigns that were ever sent, newest first."""
    if sweep.names.list_id is None:
        return []
    rows = [row for page in sweep.engagement.campaigns(sweep.names.list_id) for row in page]
    sent = [{**row, "id": str(row["id"])} for row in rows if str(row.get("status")) != "draft"]
    return sorted(sent, key=lambda c: (str(c.get("send_time") or ""), c["id"]), reverse=True)


def _is_due(sweep: Sweep, campaign: dict[str, Any], last: Any, place: int) -> bool:
    if last is None or sweep.is_full or place < ALWAYS_NEWEST or campaign.get("type") == "auto":
        return True
    now = sweep.engagement.vendor_now()
    sent_at = _time(campaign.get("send_time"), now)
    age = now - sent_at
    if sweep.since and sent_at >= sweep.since:
        return True
    if age <= EVERY_RUN:
        return True
    asked_at = _time(last.get("asked_at"), now)
    return age <= DAILY_UNTIL and now - asked_at >= timedelta(days=1)


def _read_campaign(
    sweep: Sweep,
    campaign_id: str,
    last: Any,
    kinds: frozenset[str],
    tables: dict[str, list[dict[str, Any]]],
) -> None:
    stats = sweep.engagement.stats(campaign_id)
    totals = {name: int(stats.get(name) or 0) for name in TOTALS}
    first_sweep = last["first_sweep"] if last else sweep.sweep
    was_read = dict(last["read"]) if last else {}
    for kind in sorted(kinds):
        moved = [totals[name] for name in FEEDS[kind]]
        if was_read.get(kind) == moved and not sweep.is_full:
            continue
        # A kind of event nobody asked for until now is as old as the campaign is to us.
        seen = sweep.sweep if kind in was_read or last is None else first_sweep
        tables["reads"].append({"campaign_id": campaign_id, "kind": kind, "sweep": seen})
        was_read[kind] = moved
    _read_feeds(sweep, campaign_id, tables)
    sweep.cursors.append(
        (
            f"campaign:{campaign_id}",
            {
                "first_sweep": first_sweep,
                "read": was_read,
                "asked_at": sweep.engagement.vendor_now().isoformat(),
            },
        )
    )


def _read_feeds(sweep: Sweep, campaign_id: str, tables: dict[str, list[dict[str, Any]]]) -> None:
    client = sweep.engagement
    kinds = {r["kind"] for r in tables["reads"] if r["campaign_id"] == campaign_id}
    tag = {"campaign_id": campaign_id}
    if kinds & {"open", "send"}:
        tables["opens"] += [{**tag, **row} for page in client.opened(campaign_id) for row in page]
    if "send" in kinds:
        tables["not_opened"] += [
            {**tag, "email": e} for page in client.not_opened(campaign_id) for e in page
        ]
    if kinds & {"click", "send"}:
        clicks = (row for page in client.click_details(campaign_id) for row in page)
        tables["clicks"] += [{**tag, **row, "n": n} for n, row in enumerate(clicks)]
    if kinds & {"bounce", "send"}:
        tables["bounces"] += [
            {**tag, "email": e, "type": kind}
            for kind in BOUNCES
            for page in client.bounces(campaign_id, kind)  # type: ignore[arg-type]
            for e in page
        ]


def _cursor(sweep: Sweep, campaign_id: str) -> Any:
    name = f"campaign:{campaign_id}"
    return cursors.read(sweep.state, sweep.definition.name, name, sweep.history_generation)


def _time(text: Any, now: datetime) -> datetime:
    """Mailigen's times carry no zone: UTC is assumed, an unreadable one counts as now."""
    try:
        at = datetime.fromisoformat(str(text))
    except ValueError:
        return now
    return at if at.tzinfo else at.replace(tzinfo=now.tzinfo)


def _put(sweep: Sweep, name: str, rows: list[dict[str, Any]]) -> None:
    put_raw(
        sweep.db, f"mailigen__{name}", in_pages(sweep.erased.without(rows)), keys=KEYS[name],
        run_id=sweep.run_id, fetched_at=sweep.read_at,
    )  # fmt: skip
