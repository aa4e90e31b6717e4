"""The life of flows and of consent, as a run sees them.

    saved --`active: true`--> new --first plan approved--> active --`active: false`--> paused
                                                             '--all it names is gone--> paused, over

A flow is what state calls a bot. Activation is the moment of the approved run, and of resuming
after a user's pause: what happened before it is no matter of its trigger (MC-08, MC-14).
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from pipelines.guards import activation_key
from pipelines.life import by_themselves, end_unlisted, unborn
from pipelines.mailchimp_pipedrive.bind import BoundFlow
from pipelines.mailchimp_pipedrive.config import Flow
from pipelines.mailchimp_pipedrive.sweep import Sweep
from state import bots, consent, cursors
from state.bots import Bot, BotDefinition
from state.guards import approved_keys

SAVED = "is not active in the definition"
OVER = "resume it once it names something that exists"


def define_flows(sweep: Sweep) -> None:
    """Take over what the definition says of the flows, and look how each stands.

    Another trigger or audience begins a flow anew: what was there before is not its past.
    """
    name = sweep.definition.name
    stored = {bot.bot_id: bot for bot in bots.bots(sweep.state, name)}
    if sweep.lease is not None:
        listed = {flow.id: flow for flow in sweep.definition.flows}
        kept = {
            bot.bot_id for bot in stored.values()
            if bot.bot_id in listed and not is_another(listed[bot.bot_id], bot)
        }  # fmt: skip
        end_unlisted(sweep.state, stored.values(), kept)
        definitions = [_definition(flow) for flow in sweep.definition.flows]
        bots.define(sweep.state, name, definitions, last_sweep=sweep.sweep - 1)
        _switch(sweep)
        stored = {bot.bot_id: bot for bot in bots.bots(sweep.state, name)}
    sweep.known_bots = {
        flow.id: stored.get(flow.id) or unborn(sweep, flow.id) for flow in sweep.definition.flows
    }
    for bound in sweep.names.flows:
        _suspend(sweep, bound)


def _definition(flow: Flow) -> BotDefinition:
    return BotDefinition(
        flow.id, flow.model_dump(mode="json"),
        flow.consent.confirmed_by if flow.consent else "",
        flow.consent.on if flow.consent else None,
    )  # fmt: skip


def is_another(flow: Flow, bot: Bot) -> bool:
    said = flow.model_dump(mode="json")
    before = bot.definition
    # One that was brought back after a loss has none: nobody knows of another.
    return bool(before) and any(before.get(part) != said[part] for part in ("trigger", "audience"))


def _switch(sweep: Sweep) -> None:
    """Pause and resume what the file switched off and on: `active` is the user's word."""
    name = sweep.definition.name
    wanted = {flow.id: flow.active for flow in sweep.definition.flows}
    for bot in bots.bots(sweep.state, name):
        is_wanted = wanted.get(bot.bot_id, False)
        if bot.state == "active" and not is_wanted:
            bots.pause(sweep.state, name, bot.bot_id, by="user", reason=SAVED)
        elif bot.state == "paused" and is_wanted and bot.reason == SAVED:
            bots.resume(sweep.state, name, bot.bot_id)


def _suspend(sweep: Sweep, bound: BoundFlow) -> None:
    """Keep a flow whose things are gone out of this run, and say so."""
    flow, known = bound.flow, sweep.known_bots[bound.flow.id]
    if bound.problem and flow.active and known.state != "deleted":
        sweep.suspended[flow.id] = bound.problem
        sweep.warn(
            f"flow {flow.id}", f"is paused: {bound.problem}",
            f"`syncline resume {sweep.definition.name} --bot {flow.id}` once it is mended"
            if bound.is_over else "restore it, and the flow goes on by itself",
        )  # fmt: skip


def is_running(sweep: Sweep, flow_id: str) -> bool:
    """Whether a flow is planned for: switched on, and neither paused nor without its things."""
    flow = next(one for one in sweep.definition.flows if one.id == flow_id)
    known = sweep.known_bots[flow_id]
    if flow_id == sweep.previewed:
        return True
    if not flow.active or flow_id in sweep.suspended:
        return False
    return known.state in ("new", "active") or _may_wake(known)


def is_served(sweep: Sweep, flow_id: str) -> bool:
    """Whether this run deals with a flow: it runs, and is due."""
    if flow_id in sweep.waiting:
        return False
    return is_running(sweep, flow_id) and (flow_id in sweep.due or flow_id == sweep.previewed)


def left_alone(sweep: Sweep) -> list[str]:
    """Flows that run and are not due: what an earlier run sealed for them is not this run's."""
    return [
        flow.id for flow in sweep.definition.flows
        if is_running(sweep, flow.id) and not is_served(sweep, flow.id)
    ]  # fmt: skip


def _may_wake(known: Bot) -> bool:
    """What Syncline paused goes on when its cause is gone, unless nothing of it was left."""
    return known.state == "paused" and known.paused_by == "syncline" and OVER not in known.reason


def running(sweep: Sweep) -> list[str]:
    """The flows whose writes this run may send."""
    return [
        flow.id for flow in sweep.definition.flows
        if is_served(sweep, flow.id) and flow.id not in sweep.held_back
    ]  # fmt: skip


def new_flows(sweep: Sweep) -> list[str]:
    """Flows that start with this run, if somebody approves."""
    return [
        flow.id for flow in sweep.definition.flows
        if is_served(sweep, flow.id) and sweep.known_bots[flow.id].state == "new"
    ]  # fmt: skip


def remember_suspensions(sweep: Sweep) -> None:
    """Pause flows whose things are gone, with the reason, and wake those whose things are back."""
    if sweep.lease is None:
        return
    name = sweep.definition.name
    over = {one.flow.id for one in sweep.names.flows if one.is_over}
    for flow_id, known in sweep.known_bots.items():
        problem = sweep.suspended.get(flow_id)
        if problem and known.state in ("active", "paused"):
            said = f"{problem}; {OVER}" if flow_id in over else problem
            bots.pause(sweep.state, name, flow_id, by="syncline", reason=said)
        elif not problem and is_served(sweep, flow_id) and known.state == "paused":
            bots.resume(sweep.state, name, flow_id)


def activate(sweep: Sweep) -> None:
    """Start the flows whose first plan is sealed; what was read with it is their baseline."""
    if sweep.lease is None:
        return
    starting = [one for one in new_flows(sweep) if one not in sweep.held_back]
    bots.start_counting(sweep.lease, [*starting, *running(sweep)])
    into = {flow.id for flow in sweep.definition.flows if flow.is_into_crm}
    for flow_id in starting:
        bots.activate(sweep.state, sweep.definition.name, flow_id, subscribes=flow_id not in into)
    bots.end_pauses(sweep.lease)


def baseline(sweep: Sweep, flow_id: str) -> int:
    """The sweep of the latest activation: what a later one saw first is news for the flow."""
    known = sweep.known_bots[flow_id]
    if known.counting_since is None or (known.state == "new" and not _is_approved(sweep, flow_id)):
        return sweep.sweep
    ended = [until - 1 if until is not None else sweep.sweep for _, until in known.pauses]
    return max(known.counting_since, *ended, 0)


def activated_at(sweep: Sweep, flow_id: str) -> datetime:
    """When a flow was activated last, by the CRM's clock: kept by the run that was its baseline."""
    since, stream = baseline(sweep, flow_id), f"activation|{flow_id}"
    known = cursors.read(sweep.state, sweep.definition.name, stream, cursors.NO_FILE)
    if known is not None and known["sweep"] == since:
        return datetime.fromisoformat(known["at"])
    at = sweep.crm.vendor_now()
    sweep.cursors_of_facts.append((stream, {"sweep": since, "at": at.isoformat()}))
    return at


def _is_approved(sweep: Sweep, flow_id: str) -> bool:
    if sweep.definition.guards.first_activation == "allow":
        return True
    approval = approved_keys(sweep.state, sweep.definition.name)
    return approval is not None and activation_key(flow_id) in approval[1]


def keep_opt_outs(sweep: Sweep) -> None:
    """Keep every opt-out that the audiences show, and lift those taken back by an own act.

    Nobody barred is ever created by a sync, so a barred address that is subscribed now subscribed
    by itself, unless a create or move of ours for it was in doubt, and came late. Then the bar
    stays, and the audit reports a breach; until that one is mended, however old the doubt is.
    """
    if sweep.lease is None:
        return
    account, key, home = sweep.engagement_account, sweep.consent_key, sweep.home
    keep_left(sweep)
    _keep_left_elsewhere(sweep)
    subscribed = [email for (email,) in sweep.db.execute(SUBSCRIBED).fetchall()]
    settled_by = sweep.read_at - timedelta(seconds=sweep.horizons[account])
    back = [
        one.address
        for one in consent.in_force(sweep.state, account, subscribed, key=key)
        if one.kind != "forgotten" and one.first_seen_at <= settled_by
    ]
    back = by_themselves(sweep, back, may_subscribe)
    if back:
        consent.lift(
            sweep.state, account, back, key=key, home=home, evidence="subscribed again"
        )  # fmt: skip


def may_subscribe(body: object) -> bool:
    """Whether a write to a member may have subscribed an address: who has an id already is only
    moved to another one, and a tag or a field changes no status.

    >>> may_subscribe({"member": None}), may_subscribe({"member": "e1", "sources": {"job": ""}})
    (True, False)
    """
    if not isinstance(body, dict):
        return True
    return body.get("member") is None or "email" in (body.get("sources") or {})


def keep_left(sweep: Sweep) -> None:
    """Keep every opt-out among the contacts that were read; none is lifted."""
    seen = [
        consent.Seen(email, kind, "status in the audience")
        for email, kind in sweep.db.execute(LEFT).fetchall()
    ]
    consent.record(
        sweep.state, sweep.engagement_account, seen, key=sweep.consent_key, home=sweep.home
    )


def left_elsewhere(sweep: Sweep) -> list[tuple[str, consent.Kind]]:
    """Who left an audience that no flow is about, and how."""
    return sweep.db.execute(LEFT_ELSEWHERE).fetchall()


def _keep_left_elsewhere(sweep: Sweep) -> None:
    seen = [
        consent.Seen(email, kind, "status in another audience")
        for email, kind in left_elsewhere(sweep)
    ]
    consent.record(
        sweep.state, sweep.engagement_account, seen, key=sweep.consent_key, home=sweep.home
    )


def keep_erased(sweep: Sweep) -> None:
    """Keep who was erased in Mailchimp: linked to an audience that answers, and unknown to it.

    Nobody can say any more what the contact had decided, so that it is barred for good.
    """
    if sweep.lease is None:
        return
    gone: dict[str, None] = {}
    for list_id, member_id, email in sweep.db.execute(MISSED).fetchall():
        if email in gone or sweep.engagement.member(list_id, member_id) is None:
            gone[email] = None
    for email in gone:
        bar(sweep, email, "forgotten", "erased in Mailchimp")


def barred_by_now(sweep: Sweep, addresses: Sequence[str]) -> Collection[str]:
    """Who of these is barred at this moment: the plan was made some time ago."""
    account, key = sweep.engagement_account, sweep.consent_key
    return {one.address for one in consent.in_force(sweep.state, account, addresses, key=key)}


def bar(sweep: Sweep, email: str, kind: consent.Kind, said: str) -> None:
    """Keep an opt-out that only a refusal told of."""
    seen = consent.Seen(email, kind, said)
    consent.record(
        sweep.state, sweep.engagement_account, [seen], key=sweep.consent_key, home=sweep.home
    )


GONE = "('unsubscribed', 'cleaned', 'archived')"  # statuses of who left
KIND = """CASE {status}
    WHEN 'cleaned' THEN 'bounced' WHEN 'archived' THEN 'removed' ELSE 'unsubscribed'
END"""
LEFT = f"""
SELECT email, {KIND.format(status="status")} FROM staging.mailchimp__members WHERE status IN {GONE}
"""
LEFT_ELSEWHERE = f"""
SELECT lower(body ->> '$.email_address'), {KIND.format(status="body ->> '$.status'")}
FROM raw.mailchimp__left_elsewhere
"""
# Subscribed somewhere in the account, and nowhere left.
SUBSCRIBED = f"""
SELECT m.email
FROM staging.mailchimp__members AS m
ANTI JOIN raw.mailchimp__left_elsewhere AS e ON lower(e.body ->> '$.email_address') = m.email
GROUP BY m.email
HAVING bool_or(m.status = 'subscribed')
    AND NOT bool_or(m.status IN {GONE})
"""
# Whom the audience once had, by every address of the contact that is not barred for it already.
MISSED = """
SELECT l.list_id_mailchimp, l.member_id_mailchimp, a.email
FROM staging.syncline__member_links AS l
INNER JOIN staging.syncline__addresses AS a ON a.contact_id = l.contact_id
ANTI JOIN staging.mailchimp__members AS m
    ON m.list_id_mailchimp = l.list_id_mailchimp AND m.member_id_mailchimp = l.member_id_mailchimp
ANTI JOIN staging.syncline__consent AS k ON k.email = a.email AND k.kind = 'forgotten'
ORDER BY ALL
"""
