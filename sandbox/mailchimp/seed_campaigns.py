"""What the account has sent in the last weeks, and what came of it.

Eight campaigns to "Newsletter", a few days apart, with opens, clicks and bounces so that some
members reach one, two, three and more of each; one to "Partners"; one not sent yet.
"""

import random
from datetime import datetime, timedelta

from sandbox.books import Record
from sandbox.mailchimp.account import Account, stamp
from sandbox.mailchimp.acts import Act
from sandbox.mailchimp.campaigns import new_campaign, send_to

TITLES = (
    "Spring offers", "Spring offers, last call", "Summer news", "Customer story", "Product update",
    "Webinar invitation", "Webinar recording", "Autumn offers",
)  # fmt: skip
DAYS_BETWEEN = 3.5
URLS = ["https://acme.example/offers", "https://acme.example/news", "https://acme.example/contact"]
WAS_THERE = ("subscribed", "unsubscribed", "cleaned", "archived")


def seed_campaigns(account: Account) -> None:
    """After the members: nobody gets what was sent before they joined or after they left."""
    lists = {the_list["name"]: the_list for the_list in account.lists.live()}
    newsletter, partners = lists["Newsletter"], lists["Partners"]
    dice = account.world.dice("mailchimp/campaigns")
    now = account.world.clock.now()
    for place, title in enumerate(TITLES):
        when = now - timedelta(days=DAYS_BETWEEN * (len(TITLES) - place), hours=dice.randrange(8))
        _put_sent(account, newsletter, title, when, dice)
    _put_sent(account, partners, "Partner programme", now - timedelta(days=10), dice)
    draft = new_campaign(account, newsletter, "Winter offers", URLS, stamp(now))
    account.campaigns.put(draft["id"], draft)


def _put_sent(
    account: Account, the_list: Record, title: str, when: datetime, dice: random.Random
) -> None:
    at = stamp(when)
    campaign = new_campaign(account, the_list, title, URLS, stamp(when - timedelta(days=1)))
    members = [m for m in account.members.of(the_list["id"]) if _was_subscribed(m, at)]
    sent = send_to(account, campaign, members, at)
    happened = [act for member in members for act in _reactions(sent, member, when, dice)]
    for act in sorted(happened, key=lambda act: act.at):
        account.acts.add(act)


def _was_subscribed(member: Record, at: str) -> bool:
    joined, left = member["timestamp_opt"], member["status_at"]
    is_still_there = member["status"] == "subscribed" or left > at
    return member["status"] in WAS_THERE and bool(joined) and joined < at and is_still_there


def _reactions(campaign: Record, member: Record, when: datetime, dice: random.Random) -> list[Act]:
    """What one recipient did within two days of the mail, and not later than now."""

    def act(kind: str, hours: float, url: str = "", bounce: str = "") -> Act:
        at = stamp(when + timedelta(hours=hours))
        place = (campaign["id"], campaign["list_id"], member["contact_id"])
        return Act(kind, *place, at, url=url, bounce=bounce)

    if dice.random() < 0.01:
        return [act("bounce", 0.1, bounce="soft")]
    if dice.random() > 0.4:
        return []
    opens = [act("open", dice.uniform(0.2, 40)) for _ in range(dice.choice((1, 1, 1, 2, 3)))]
    if dice.random() > 0.3:
        return opens
    clicks = [dice.choice(URLS) for _ in range(dice.choice((1, 1, 2)))]
    return [*opens, *(act("click", dice.uniform(41, 48), url=url) for url in clicks)]
