"""The life of what is activated on its own, whatever its kind does: state calls each a bot.

    new --first plan sealed--> active --cannot be walked--> paused by syncline --it can--> active
    no longer listed --> deleted: it stops, and nothing it did is undone

What a bot may do is state; what exists is the definition.
"""

from collections.abc import Callable, Collection, Iterable
from datetime import timedelta
from typing import Any

from pipelines.guards import activation_key
from pipelines.sweep import Sweep
from state import audits, bots, consent, deeds
from state.bots import Bot
from state.database import State
from state.lease import Lease

DOUBTED_FOR = timedelta(days=30)  # how long a write in doubt may be why somebody is subscribed


def end_unlisted(state: State, before: Iterable[Bot], listed: Collection[str]) -> None:
    """A bot the definition no longer lists is deleted: it stops, and removes nothing (MG-20)."""
    for bot in before:
        if bot.bot_id not in listed and bot.state != "deleted":
            bots.remove(state, bot.sync, bot.bot_id, listed=False)


def withdraw(held: Lease, stored: Iterable[Bot]) -> None:
    """Drop the unsent deeds of bots that were paused or deleted; a resumed bot plans them anew."""
    stopped = [bot.bot_id for bot in stored if bot.state == "deleted" or bot.paused_by == "user"]
    deeds.withdraw(held, stopped, why="its bot is paused or deleted")


def unborn(sweep: Sweep, bot_id: str) -> Bot:
    """One that the definition lists and no run has met: a dry run meets it like this."""
    return Bot(
        sync=sweep.definition.name, bot_id=bot_id, state="new", reason="", paused_by=None,
        since=sweep.read_at, confirmed_by="", confirmed_on=None, activated_at=None,
        counting_since=None, definition=None,
    )  # fmt: skip


def new_bots(sweep: Sweep) -> list[str]:
    """Those that this run would start."""
    return [
        bot_id
        for bot_id, bot in sweep.known_bots.items()
        if bot.state == "new" and bot_id not in sweep.suspended
    ]


def remember_suspensions(sweep: Sweep) -> None:
    """Pause those that cannot be walked, with the reason, and wake those that can be again."""
    if sweep.lease is None:
        return
    name = sweep.definition.name
    for bot_id, bot in sweep.known_bots.items():
        problem = sweep.suspended.get(bot_id)
        if problem and bot.state in ("active", "paused"):
            bots.pause(sweep.state, name, bot_id, by="syncline", reason=problem)
        elif not problem and bot.state == "paused" and bot.paused_by == "syncline":
            bots.resume(sweep.state, name, bot_id)


def start(sweep: Sweep, held: Lease, allowed: Collection[str] | None) -> None:
    """Start the new bots whose first plan is sealed; what was read with it is their baseline.

    The baseline first: a bot that is active without one would take every run for its first.
    `allowed` are an approval's keys; None: nobody had to be asked.
    """
    starting = [b for b in new_bots(sweep) if allowed is None or activation_key(b) in allowed]
    running = [b for b, known in sweep.known_bots.items() if known.state == "active"]
    bots.start_counting(held, [*starting, *running])
    for bot_id in starting:
        bots.activate(sweep.state, sweep.definition.name, bot_id)


def by_themselves(
    sweep: Sweep, subscribed: list[str], may_subscribe: Callable[[Any], bool] = lambda _: True
) -> list[str]:
    """Leave out whom a write of ours may have subscribed: `may_subscribe` tells which bodies can.

    Nor does it count as a person's own act after an audit found a breach, until one is mended.
    """
    if not subscribed:
        return []
    state, account, key = sweep.state, sweep.engagement_account, sweep.consent_key
    since = sweep.read_at - DOUBTED_FOR
    doubted = audits.doubted(state, account, since, may_subscribe=may_subscribe)
    ours = {one.address for one in doubted}
    marked = audits.breached(state, sweep.home, account)
    return [
        email
        for email in subscribed
        if email not in ours and consent.address_hash(key, email) not in marked
    ]
