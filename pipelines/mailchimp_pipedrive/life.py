"""The life of flows, as a run sees it.

    saved --`active: true`--> new --first plan approved--> active --`active: false`--> paused
                                                             '--all it names is gone--> paused, over

A flow is what state calls a bot. Activation is the moment of the approved run, and of resuming
after a user's pause: what happened before it is no matter of its trigger (MC-08, MC-14).
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from pipelines.guards import activation_key
from pipelines.life import end_unlisted, unborn
from pipelines.mailchimp_pipedrive.bind import BoundFlow
from pipelines.mailchimp_pipedrive.config import Definition, Flow
from pipelines.mailchimp_pipedrive.sweep import Sweep
from pipelines.report import Finding
from state import bots, cursors
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
    sweep.outcome.findings += unlisted(sweep.definition, stored.values())
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
        flow.id: _by_the_file(sweep, flow, stored.get(flow.id)) for flow in sweep.definition.flows
    }
    for bound in sweep.names.flows:
        _suspend(sweep, bound)


def unlisted(definition: Definition, stored: Iterable[Bot]) -> list[Finding]:
    """Living flows that the file no longer lists, as warnings: a run takes them for deleted."""
    listed = {flow.id for flow in definition.flows}
    return [
        Finding(
            "warn", f"flow {bot.bot_id}", "is in the file no more: a run deletes it",
            "put it back first if that was a mistake; what it did stays",
        )
        for bot in stored
        if bot.state != "deleted" and bot.bot_id not in listed
    ]  # fmt: skip


def _by_the_file(sweep: Sweep, flow: Flow, stored: Bot | None) -> Bot:
    """How a flow stands once the file is taken over: a plan says what a run would do, and changes
    nothing that is stored."""
    if stored is None or stored.state == "deleted" or is_another(flow, stored):
        return unborn(sweep, flow.id)
    if flow.active and stored.state == "paused" and stored.reason == SAVED:
        return replace(stored, state="active", reason="", paused_by=None)
    return stored


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
            f"`syncline resume {sweep.definition.name} --flow {flow.id}` once what it names is "
            "there again, or name others in the file"
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
