"""What happens once: somebody joins an audience, a deal enters a stage.

Both are noted as facts, by a key made of the vendor's data alone, and dealt with by what the plan
makes of them. What happened before a flow's latest activation is no fact of it.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from connectors.pipedrive.passages import Passage, passages, vendor_time
from pipelines.mailchimp_pipedrive.config import DealStage, NewContacts
from pipelines.mailchimp_pipedrive.extract import OVERLAP
from pipelines.mailchimp_pipedrive.life import activated_at, baseline, is_running
from pipelines.mailchimp_pipedrive.sweep import Sweep
from pipelines.report import counted
from state import cursors, facts
from state.facts import Fact
from state.writers import window_name

DEAL = "deal|"  # how the cursors are called that tell how far windows read deals
CLOCK = 1  # second: what the vendor's clock and its times may differ by within one
# Who was put there by a flow of ours is nobody who joined (MC-02), whatever becomes of address and
# ledger afterwards: it counts as seen before any activation. Said at first sight, when the ledger
# knows the creation as its last write of that contact still.
OURS_SEEN = -1
SEEN_FIRST = """
INSERT INTO history.members_seen
SELECT
    m.list_id_mailchimp,
    m.member_id_mailchimp,
    CASE WHEN o.list_id_mailchimp IS NULL THEN ? ELSE ? END
FROM staging.mailchimp__members AS m
LEFT JOIN staging.syncline__ours AS o
    ON
        o.list_id_mailchimp = m.list_id_mailchimp
        AND coalesce(o.member_id_mailchimp = m.member_id_mailchimp, o.email = m.email)
ON CONFLICT DO NOTHING
"""
JOINED = """
SELECT m.member_id_mailchimp
FROM history.members_seen AS s
INNER JOIN staging.mailchimp__members AS m
    ON m.list_id_mailchimp = s.list_id_mailchimp AND m.member_id_mailchimp = s.member_id_mailchimp
WHERE s.list_id_mailchimp = $list AND s.first_sweep > $baseline AND m.status <> 'archived'
ORDER BY ALL
"""


def arrivals(sweep: Sweep) -> None:
    """Note who joined an audience after a flow's activation (MC-08)."""
    if sweep.lease is not None:
        sweep.db.execute(SEEN_FIRST, [sweep.sweep, OURS_SEEN])
    found = []
    for bound in sweep.names.flows:
        flow = bound.flow
        if not isinstance(flow.trigger, NewContacts) or not is_running(sweep, flow.id):
            continue
        asked = {"list": bound.list_id, "baseline": baseline(sweep, flow.id)}
        found += [
            Fact(flow.id, f"{bound.list_id}/{member_id}", member_id=member_id)
            for (member_id,) in sweep.db.execute(JOINED, asked).fetchall()
        ]
    _note(sweep, found, "new contact")


def passages_of_deals(sweep: Sweep) -> None:
    """Note which deals entered a stage after a flow's activation (MC-14).

    The stage history is read of those deals alone whose last change of stage is later than what
    was read of them before.
    """
    wanted = _wanted_stages(sweep)
    if not wanted:
        return
    name = sweep.definition.name
    since = min(at for _, at in wanted.values())
    value = cursors.read(sweep.state, name, "deals", cursors.NO_FILE)
    known = {str(k): str(v) for k, v in (value or {}).get("read", {}).items()}
    seen_by_windows = cursors.read_all(sweep.state, window_name(name), DEAL, cursors.NO_FILE)
    if value is not None:
        since = max(since, datetime.fromisoformat(value["since"]))
    began = sweep.crm.vendor_now()
    found: list[Fact] = []
    for deal in _moved(sweep, since, known):
        if seen_by_windows.get(str(deal["id"])) == _stands(deal):
            known[str(deal["id"])] = _stands(deal)
            continue
        entered = _entered(sweep, deal)
        if _is_explained(deal, entered):
            known[str(deal["id"])] = _stands(deal)
        found += _passages(deal, entered, wanted)
    _note(sweep, found, "passage")
    sweep.cursors_of_facts.append(("deals", {"since": began.isoformat(), "read": known}))


def passages_of(sweep: Sweep, deals: Iterable[dict[str, Any]]) -> list[tuple[str, str]]:
    """Note what the history of these deals tells. Returns how far each was read, as cursors of the
    window's: no sweep needs to read it again. None where some flow is left to the sweep."""
    wanted, found, read = _wanted_stages(sweep), list[Fact](), list[tuple[str, str]]()
    if not wanted:
        return []
    for deal in deals:
        entered = _entered(sweep, deal)
        found += _passages(deal, entered, wanted)
        if deal.get("stage_change_time") and _is_explained(deal, entered):
            read.append((f"{DEAL}{deal['id']}", _stands(deal)))
    _note(sweep, found, "passage")
    about_stages = [one for one in sweep.names.flows if isinstance(one.flow.trigger, DealStage)]
    return read if len(about_stages) == len(wanted) else []


def _wanted_stages(sweep: Sweep) -> dict[str, tuple[int | None, datetime]]:
    """Flow -> the stage that it is about, and when it was activated."""
    return {
        bound.flow.id: (bound.stage_id, activated_at(sweep, bound.flow.id))
        for bound in sweep.names.flows
        if isinstance(bound.flow.trigger, DealStage) and is_running(sweep, bound.flow.id)
    }


def _entered(sweep: Sweep, deal: dict[str, Any]) -> list[Passage]:
    changes = (one for page in sweep.crm.deal_changes(deal["id"]) for one in page)
    return passages(deal, changes)


def _passages(
    deal: dict[str, Any], entered: Iterable[Passage],
    wanted: Mapping[str, tuple[int | None, datetime]],
) -> list[Fact]:  # fmt: skip
    return [
        Fact(
            flow_id, f"deal {deal['id']} at {one.at.isoformat()}",
            person_id=str(deal.get("person_id") or ""), happened_at=one.at,
        )
        for one in entered
        for flow_id, (stage_id, active_at) in wanted.items()
        if one.stage_id == stage_id and one.at.timestamp() > int(active_at.timestamp()) + CLOCK
    ]  # fmt: skip


def _moved(sweep: Sweep, since: datetime, known: dict[str, str]) -> Iterator[dict[str, Any]]:
    """Deals that changed, and whose stage was entered at another time than when last looked at."""
    for page in sweep.crm.deals(since - OVERLAP):
        for deal in page:
            if known.get(str(deal["id"])) != _stands(deal) or not deal.get("stage_change_time"):
                yield deal


def _stands(deal: Mapping[str, Any]) -> str:
    """Where a deal stands and since when: within a second it may have moved on."""
    return f"{deal.get('stage_change_time') or ''} {deal.get('stage_id')}"


def _is_explained(deal: dict[str, Any], entered: list[Passage]) -> bool:
    """Whether the history tells of the last change of stage: it may lag behind the deal."""
    last = vendor_time(deal.get("stage_change_time"))
    return last is None or any(abs((one.at - last).total_seconds()) < 1 for one in entered)


def _note(sweep: Sweep, found: list[Fact], noun: str) -> None:
    """Keep what is new. A deal without a person is dealt with at once: there is nobody to bring."""
    if sweep.lease is None:
        sweep.imagined += found
        return
    sync = sweep.definition.name
    new = facts.note(sweep.lease, sync, found)
    nobody = [one for one in found if not one.person_id and not one.member_id]
    facts.settle(
        sweep.lease, sync, [(one.flow_id, one.fact_key, "the deal has no person") for one in nobody]
    )
    if new:
        sweep.tell("extract", counted(new, noun))
