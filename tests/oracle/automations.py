"""What a contact's engagement sets off: who automates, what is counted, which crossings fire."""

from collections.abc import Iterator
from typing import Any

from tests.oracle.definition import Rule
from tests.oracle.lives import Life, Lives
from tests.oracle.people import Contact, Crossing, Increment

Deed = tuple[Any, ...]


def automating(contact: Contact, lives: Lives, *, filter_bots_override: bool = True) -> list[Life]:
    """The bots whose automations the contact gets: filter bots override the one for all."""
    found = [lives[bot_id] for bot_id in contact.bots]
    if filter_bots_override and any(overrides(life) for life in found):
        return [life for life in found if life.bot.filter_id is not None and life.has_automations]
    return found


def overrides(life: Life) -> bool:
    """Whether a bot takes its contacts away from the one for all (MG-17): not before the run
    that activates it, since nobody may ever approve it."""
    return life.bot.filter_id is not None and life.has_automations and not life.is_new


def follow_overriding(contact: Contact, lives: Lives, n: int) -> None:
    """The run that finds the overriding ended is the new zero for the all-contacts bot. It has
    ended too when that bot itself is paused or deleted: nobody is overridden any more."""
    selecting = [lives[bot_id] for bot_id in contact.bots]
    is_for_all = any(life.bot.filter_id is None for life in selecting)
    is_overridden = is_for_all and any(overrides(life) for life in selecting)
    if contact.is_overridden and not is_overridden:
        contact.fallbacks += 1
        contact.overridden |= set(contact.increments)
        contact.fell_back_in = n
        contact.to_note = {
            (bot, one) for bot, one in contact.to_note if lives[bot].bot.filter_id is not None
        }
    contact.is_overridden = is_overridden


def note_news(contact: Contact, automates: list[Life], n: int) -> None:
    """Remember what run `n` was the first to see, and which bots with that note automated.

    Whether the run that finds a fallback is still the past for the all-contacts bot is open.
    """
    for life in automates:
        since = 0 if life.bot.notes_count_all else life.since
        is_open = life.bot.filter_id is None and contact.fell_back_in == n
        for kind in life.bot.notes:
            since_kind = max(since, life.effective(f"note {kind}"))
            seen = [
                i for i in contact.increments
                if i.sweep == n > since_kind and i.happening.kind == kind and life.counts(n)
            ]  # fmt: skip
            # First seen while no bot asked, or only now: that is up to how much a run reads.
            doubtful = {noted(i) for i in seen if is_open or i.is_late}
            contact.may_note |= doubtful
            contact.to_note |= {(life.bot.id, one) for one in map(noted, seen)} - {
                (life.bot.id, one) for one in doubtful
            }


def note_doubtful(contact: Contact, stopped: list[Life], n: int) -> None:
    """What was first seen while a bot's filter was dead: whether it is noted later is open."""
    for life in stopped:
        if contact.number in life.last_selected:
            contact.may_note |= {
                noted(i) for i in contact.increments
                if i.sweep == n and i.happening.kind in life.bot.notes
            }  # fmt: skip


def noted(increment: Increment) -> tuple[str, str, str]:
    happening = increment.happening
    return happening.campaign, happening.kind, happening.link


def crossings(contact: Contact, life: Life, rule: Rule) -> Iterator[Crossing]:
    """Every crossing the rule has reached for the contact, whether it has fired or not.

    A crossing is named by its count, so that another N never takes the name of one that fired;
    after a fallback counting begins at zero, and so do the names of what is repeated.
    """
    is_for_all, lower = life.bot.filter_id is None, life.counts_from(rule)
    series = contact.fallbacks if is_for_all else None
    counted = [
        i for i in contact.increments
        if i.sweep > lower and i.happening.kind == rule.event and life.counts(i.sweep)
        and not (is_for_all and i in contact.overridden)
    ]  # fmt: skip
    count, campaigns = 0, set()
    for sweep in sorted({i.sweep for i in counted}):
        before, new = count, [i for i in counted if i.sweep == sweep]
        if rule.event == "click":
            count += sum(i.times for i in new)
        else:
            campaigns |= {i.happening.campaign for i in new}
            count = len(campaigns)
        if sweep <= life.effective(rule.id):
            continue
        for multiple in range(before // rule.after + 1, count // rule.after + 1):
            if rule.repeats:
                yield life.bot.id, rule.id, multiple * rule.after, series
            elif multiple == 1:
                yield life.bot.id, rule.id, 1, None
