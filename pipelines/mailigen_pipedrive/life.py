"""The life of bots and of consent, as a run sees them.

    new --first plan sealed--> active --filter dead--> paused by syncline --filter back--> active
                                      --plan full----> paused by syncline --`resume`-----> active

What a bot may do is state; what exists is the definition. Opt-outs seen on the list are
remembered before anything else is done with them, since the list itself may forget.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import timedelta

from connectors.errors import PlanLimitReached
from connectors.mailigen.wire import VENDOR as MAILIGEN
from pipelines import kept
from pipelines.life import by_themselves, end_unlisted, start, unborn, withdraw
from pipelines.mailigen_pipedrive import forgotten
from pipelines.mailigen_pipedrive.edits import LIST_OF_SYNC, reshaped_rules, unlisted_bots
from pipelines.mailigen_pipedrive.sweep import Sweep
from state import bots, consent, identity, pins
from state.bots import Bot, BotDefinition
from state.database import State

# Longer than an audit looks for a breach: what it finds is marked, and stays.
# Only a person knows when there is room again, so no run looks by itself (MG-21).
FULL_PLAN = "the Mailigen plan takes no more subscribers: upgrade the subscription, then resume"
NO_EMAILS = "the Mailigen plan has no e-mails left: upgrade the subscription, then resume"
OF_EMAILS = re.compile(r"\be-?mails? (left|limit|quota)|\b(limit|number|quota) of e-?mails\b", re.I)


def define_bots(sweep: Sweep, before: Sequence[Bot]) -> None:
    """Take over what the definition says of the bots, and look how each stands.

    `before` are those of the state, which a dry run leaves as they are.
    """
    name = sweep.definition.name
    sweep.outcome.findings += unlisted_bots(sweep.definition, before)
    stored = {bot.bot_id: bot for bot in before}
    if sweep.lease is not None:
        definitions = [
            BotDefinition(
                bot.id, bot.model_dump(mode="json"), bot.consent.confirmed_by, bot.consent.on,
                {rule.id: rule.after for rule in bot.rules}
                | {note_rule(kind): 1 for kind in bot.notes},
                reshaped_rules(bot, stored.get(bot.id)),
            )
            for bot in sweep.definition.bots
        ]  # fmt: skip
        bots.define(sweep.state, name, definitions, last_sweep=sweep.sweep - 1)
        end_unlisted(sweep.state, before, {bot.id for bot in sweep.definition.bots})
        # Anew: some have just come into being, begun again or ended.
        stored = {bot.bot_id: bot for bot in bots.bots(sweep.state, name)}
        withdraw(sweep.lease, stored.values())
    sweep.known_bots = {
        bot.id: stored.get(bot.id) or unborn(sweep, bot.id) for bot in sweep.definition.bots
    }
    if sweep.previewed:
        shown = sweep.known_bots[sweep.previewed]
        sweep.known_bots[sweep.previewed] = replace(
            shown, state="new" if shown.activated_at is None else "active", paused_by=None
        )
    for bot_id, known in sweep.known_bots.items():
        if _waits_for_room(known):
            # Suspended like one with a dead filter: an automatic pause takes no source away.
            sweep.suspended[bot_id] = known.reason
            sweep.warn(f"bot {bot_id}", f"is paused: {known.reason}", "upgrade the plan, then "
                       f"`syncline resume {name} --bot {bot_id}`")  # fmt: skip


def note_rule(kind: str) -> str:
    """A kind of note is kept as a rule, so that adding it later notes nothing of the past."""
    return f"note.{kind}"


def is_running(bot: Bot) -> bool:
    """New bots are planned for like active ones; what Syncline paused is looked at again,
    unless it waits for room in Mailigen's plan."""
    if bot.state == "paused":
        return bot.paused_by == "syncline" and not _waits_for_room(bot)
    return bot.state in ("new", "active")


def running(sweep: Sweep) -> list[str]:
    """The bots of the definition whose writes may go out."""
    return [bot_id for bot_id, bot in sweep.known_bots.items() if is_running(bot)]


def _waits_for_room(bot: Bot) -> bool:
    reached = (FULL_PLAN, NO_EMAILS)
    return bot.state == "paused" and bot.paused_by == "syncline" and bot.reason in reached


def pause_for_full_plan(sweep: Sweep, reason: str) -> None:
    """Pause every running bot of the Mailigen connection until somebody resumes it (MG-21).

    Those of other syncs too: which keep a list of this account, their pins say.
    """
    stored = pins.read(sweep.state, sweep.engagement_account).to_pylist()
    syncs = {
        str(pin["name"]) for pin in stored
        if pin["kind"] == LIST_OF_SYNC and pin["gone_at"] is None
    }  # fmt: skip
    for sync in sorted({*syncs, sweep.definition.name}):
        for bot in bots.bots(sweep.state, sync):
            if bot.state == "active" or (bot.state == "paused" and is_running(bot)):
                _pause_anew(sweep.state, bot, reason)


def _pause_anew(state: State, bot: Bot, reason: str) -> None:
    """Give the reason that keeps it paused longest: a dead filter may come back by itself."""
    if bot.state == "paused":
        bots.resume(state, bot.sync, bot.bot_id)
    bots.pause(state, bot.sync, bot.bot_id, by="syncline", reason=reason)


def look_for_emails(sweep: Sweep, left: object) -> None:
    """Pause the connection's bots when its plan has no e-mails left: nobody they put on the list
    could be mailed. PlanLimitReached for the run that pauses one; new bots wait."""
    if str(left) != "0" or not sweep.counts_emails:
        return
    waiting = [b for b, bot in sweep.known_bots.items()
               if bot.state == "new" and b != sweep.previewed]  # fmt: skip
    for bot_id in waiting:
        sweep.suspended[bot_id] = NO_EMAILS
        sweep.warn(f"bot {bot_id}", f"is not started: {NO_EMAILS}", "upgrade the subscription")
    if sweep.lease is None or not any(is_running(b) for i, b in sweep.known_bots.items()
                                      if i not in waiting):  # fmt: skip
        return
    pause_for_full_plan(sweep, NO_EMAILS)
    raise PlanLimitReached(
        MAILIGEN, "getAccountDetails", NO_EMAILS,
        next_step=upgrade(sweep),
    )  # fmt: skip


def upgrade(sweep: Sweep) -> str:
    return (
        "upgrade the Mailigen subscription, then `syncline resume` each sync of the connection "
        f"(this one: `syncline resume {sweep.definition.name}`)"
    )


def reason_of(error: PlanLimitReached) -> str:
    """Which of the plan's two limits a refusal is about, by its words: nothing else tells."""
    return NO_EMAILS if OF_EMAILS.search(error.said) else FULL_PLAN


def activate(sweep: Sweep, allowed: Collection[str] | None) -> None:
    """Start the new bots whose first plan is sealed, and keep that before the first write: what
    the keep file has not, a lost database takes along."""
    if sweep.lease is None:
        return
    start(sweep, sweep.lease, allowed)
    kept.write(sweep, sweep.crm_account)


def remember_opt_outs(sweep: Sweep) -> None:
    """Keep the list's opt-outs, unless the list shows that all we knew of it was lost."""
    forgotten.refuse_known_list(sweep)
    keep_opt_outs(sweep)


def keep_opt_outs(sweep: Sweep) -> None:
    """Keep every opt-out the list shows, and lift those taken back by an act of their own.

    Nobody barred is ever subscribed by a sync, so a barred address that is subscribed now
    subscribed by itself; unless a write of ours for it was in doubt, and came late. Then the bar
    stays, and the audit reports a breach; until that one is mended, however old the doubt is.
    Who comes back under a former address agrees to mails there: the present one stays barred. Who
    moved since the last sweep may have come back before or after: it is decided by the next one.
    """
    if sweep.lease is None:
        return
    account, key, home = sweep.engagement_account, sweep.consent_key, sweep.home
    seen = [
        consent.Seen(email, kind, "status on the list")
        for email, kind in sweep.db.execute(
            """
            SELECT email, status FROM staging.mailigen__members
            WHERE status IN ('unsubscribed', 'bounced')
            UNION ALL
            SELECT email, 'removed' FROM staging.syncline__removed
            """
        ).fetchall()
    ]
    consent.record(sweep.state, account, seen, key=key, home=home)
    subscribed = [email for (email,) in sweep.db.execute(SUBSCRIBED).fetchall()]
    barred = consent.in_force(sweep.state, account, subscribed, key=key)
    # Who left a moment ago, as a webhook told or another listing, may still be listed as before.
    settled_by = sweep.read_at - timedelta(seconds=sweep.horizons[account])
    moving = {email for (email,) in sweep.db.execute(MOVING).fetchall()}
    known = [one for one in barred if one.first_seen_at <= settled_by and one.address not in moving]
    back = by_themselves(sweep, [one.address for one in known if one.kind != "forgotten"])
    if back:
        kinds: dict[str, consent.Kind] = {one.address: one.kind for one in known}
        moved = identity.moved_on(sweep.state, sweep.crm_account, back)
        stay = [consent.Seen(now, kinds[old], "of a former address") for old, now in moved]
        consent.record(sweep.state, account, stay, key=key, home=home)
        consent.lift(
            sweep.state, account, back, key=key, home=home, settled_by=settled_by,
            evidence="subscribed on the list again",
        )  # fmt: skip


def remember_leaving(sweep: Sweep, email: str, status: str) -> None:
    """Keep an opt-out that was seen right before the member was deleted."""
    kind: consent.Kind = "bounced" if status == "bounced" else "unsubscribed"
    seen = consent.Seen(email, kind, "status right before the member was deleted")
    consent.record(
        sweep.state, sweep.engagement_account, [seen], key=sweep.consent_key, home=sweep.home
    )


def barred_by_now(sweep: Sweep, addresses: Sequence[str]) -> set[str]:
    """Return who of these is barred at this moment: the plan was made some time ago."""
    account, key = sweep.engagement_account, sweep.consent_key
    return {one.address for one in consent.in_force(sweep.state, account, addresses, key=key)}


MOVING = """
SELECT c.email FROM staging.syncline__contacts AS c
INNER JOIN resolve.addresses AS a ON a.person_id_pipedrive = c.person_id_pipedrive
WHERE a.email <> c.email
"""
SUBSCRIBED = "SELECT email FROM staging.mailigen__members WHERE status = 'subscribed'"
