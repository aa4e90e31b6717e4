"""The seeded account: two lists with members the CRM mostly knows, eight campaigns and their echo.

All times hang on the clock's now, so that the campaigns are always of the last 28 days.
"""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from sandbox.books import Record
from sandbox.mailigen.account import STAMP, Account
from sandbox.mailigen.account_calls import put_keys
from sandbox.mailigen.campaigns import new_campaign, new_links, put_send
from sandbox.mailigen.errors import MailigenError
from sandbox.mailigen.list_calls import new_list, put_first_merge_vars
from sandbox.mailigen.membership import new_member
from sandbox.mailigen.merges import checked_email
from sandbox.mailigen.playing import add_bounce, add_click, add_opens, add_unsubscribe
from sandbox.population import FIRST_NAMES, LAST_NAMES

NEWSLETTER_SHARE = 0.30
PARTNERS_SHARE = 0.03
STRANGERS_SHARE = 0.05  # of the list: people the CRM does not know
OPENING_SHARE, CLICKING_SHARE = 0.35, 0.40  # of the recipients; of those who opened
# Fates by a member's place modulo 100, so that even a small world has one of each.
BOUNCED_PLACES, UNSUBSCRIBED_PLACES = (5,), (7, 61)
TROUBLED_PLACES = (3, 41)  # whose mailboxes bounce again and again
AUTORESPONDER_SHARE = 0.20  # of the members, who came after it was switched on

CAMPAIGNS = (  # title, days ago, type
    ("Autumn offer", 27, "html"),
    ("Welcome series", 26, "auto"),
    ("Product news 1", 24, "html"),
    ("Product news 2", 20, "html"),
    ("Customer story", 15, "html"),
    ("Webinar invitation", 10, "html"),
    ("Product news 3", 6, "html"),
    ("Black Friday preview", 2, "plain"),
)
LINKS = (
    "https://acme.example/offer",
    "https://acme.example/pricing",
    "https://acme.example/blog",
)


class Mailing(NamedTuple):
    """A campaign being seeded: its place in the row, its id and hour, and whether to some only."""

    number: int
    id: str
    sent: datetime
    is_partial: bool


def seed_account(account: Account) -> None:
    """Fill the books; the same for the same seed, people and hour."""
    put_keys(account)
    newsletter = _put_list(account, "Newsletter")
    partners = _put_list(account, "Partners")
    dice = account.world.dice("mailigen/members")
    _put_members(account, newsletter, NEWSLETTER_SHARE, dice)
    _put_members(account, partners, PARTNERS_SHARE, account.world.dice("mailigen/partners"))
    _put_campaigns(account, newsletter)


def _put_list(account: Account, title: str) -> str:
    the_list = new_list(account, title)
    created = account.world.clock.now() - timedelta(days=500)
    the_list["created_at"] = created.astimezone(UTC).strftime(STAMP)
    account.lists.put(the_list["id"], the_list)
    put_first_merge_vars(account, the_list["id"])
    return str(the_list["id"])


def _put_members(account: Account, list_id: str, share: float, dice: random.Random) -> None:
    now = account.world.clock.now().astimezone(UTC)
    for email, first, last in _candidates(account, share, dice):
        if account.members.find(list_id, email):
            continue
        merges = {"FNAME": first, "LNAME": last}
        added = (now - timedelta(minutes=dice.randrange(30 * 1440, 400 * 1440))).strftime(STAMP)
        member = new_member(account, list_id, email, merges)
        account.members.put({**member, "timestamp": added, "confirmed_at": added})


def _candidates(
    account: Account, share: float, dice: random.Random
) -> Iterator[tuple[str, str, str]]:
    """Address and names of those on the list, strangers among them."""
    for person in account.world.people:
        is_chosen, is_lowered = dice.random() < share, dice.random() < 0.5
        if dice.random() < share * STRANGERS_SHARE:
            name = dice.choice(FIRST_NAMES)
            email = f"reader.{person.number}@elsewhere.example"
            yield email, name, dice.choice(LAST_NAMES)
        if not is_chosen or not person.emails:
            continue
        email = person.emails[0].value
        if _is_usable(email):
            yield email.lower() if is_lowered else email, person.first_name, person.last_name


def _is_usable(email: str) -> bool:
    try:
        checked_email(email)
    except MailigenError:
        return False
    return True


def _put_campaigns(account: Account, list_id: str) -> None:
    now = account.world.clock.now().astimezone(UTC).replace(microsecond=0)
    mailings = []
    for number, (title, days_ago, kind) in enumerate(CAMPAIGNS):
        campaign = new_campaign(account, list_id, title, kind)
        sent = now - timedelta(days=days_ago)
        campaign.update(
            create_time=(sent - timedelta(days=1)).strftime(STAMP),
            send_time=sent.strftime(STAMP),
            status=account.assumed.text("autoresponder_status") if kind == "auto" else "sent",
            links=new_links(account, [f"{link}?c={number + 1}" for link in LINKS]),
        )
        account.campaigns.put(campaign["id"], campaign)
        mailings.append(Mailing(number, campaign["id"], sent, kind == "auto"))
    dice = account.world.dice("mailigen/engagement")
    for place, member in enumerate(account.members.of(list_id)):
        _live_through(account, member, place % 100, mailings, dice)
    for mailing in mailings:
        campaign = account.the_campaign(mailing.id)
        count = account.sends.size(mailing.id)
        account.campaigns.put(mailing.id, {**campaign, "emails_sent": count})


def _live_through(
    account: Account, member: Record, place: int, mailings: list[Mailing], dice: random.Random
) -> None:
    """Let a member receive the mailings one after the other, until they leave or bounce."""
    last, email = dice.randrange(len(mailings)), member["email"]
    for mailing in mailings:
        if mailing.is_partial and dice.random() > AUTORESPONDER_SHARE:
            continue
        put_send(account, mailing.id, email, mailing.sent.strftime(STAMP))
        is_end = mailing.number >= last
        if is_end and place in BOUNCED_PLACES:
            add_bounce(account, mailing.id, email, "hard", _soon(mailing, dice, 1))
            account.members.put({**member, "status": "bounced"})
            return
        if place in TROUBLED_PLACES and dice.random() < 0.6:
            kind = dice.choice(("soft", "soft", "blocked", "temporary", "generic"))
            add_bounce(account, mailing.id, email, kind, _soon(mailing, dice, 1))
        elif dice.random() < OPENING_SHARE:
            _read(account, mailing, email, dice)
        if is_end and place in UNSUBSCRIBED_PLACES:
            left: dict[str, Any] = {
                "status": "unsubscribed",
                "unsubscribed_at": _soon(mailing, dice, 24),
                "left_by": "subscriber",
            }
            add_unsubscribe(account, mailing.id, account.members.put({**member, **left}))
            return


def _read(account: Account, mailing: Mailing, email: str, dice: random.Random) -> None:
    times = 1
    while times < 6 and dice.random() < 0.4:
        times += 1
    opened_at = _soon(mailing, dice, 24)
    add_opens(account, mailing.id, email, times, opened_at)
    if dice.random() < CLICKING_SHARE:
        for _ in range(dice.choice((1, 1, 1, 2, 3))):
            link = f"{dice.choice(LINKS)}?c={mailing.number + 1}"
            add_click(account, mailing.id, email, link, opened_at)


def _soon(mailing: Mailing, dice: random.Random, hours: int) -> str:
    """A moment within `hours` after the mailing; the youngest is two days old, so it is past."""
    return (mailing.sent + timedelta(seconds=dice.randrange(60, hours * 3600))).strftime(STAMP)
