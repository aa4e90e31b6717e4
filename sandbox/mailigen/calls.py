"""Every method of the API that this sandbox answers, by the vendor's name."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from sandbox.mailigen import account_calls as accounts
from sandbox.mailigen import campaigns, list_calls, merges, reports, segments
from sandbox.mailigen import member_calls as members
from sandbox.mailigen import webhook_calls as webhooks
from sandbox.mailigen.account import Account
from sandbox.mailigen.errors import MailigenError
from sandbox.mailigen.forms import Form

VERSIONS = ("1.5", "1.6", "1.8")


class Call(NamedTuple):
    """A method: what answers it, from which version on, and whether a restricted key may call."""

    answer: Callable[[Account, Form], Any]
    since: str = "1.5"
    is_account_level: bool = False


CALLS: dict[str, Call] = {
    "ping": Call(accounts.ping),
    "getAccountDetails": Call(accounts.show_account, is_account_level=True),
    "apikeys": Call(accounts.list_apikeys, is_account_level=True),
    "lists": Call(list_calls.show_lists),
    "listCreate": Call(list_calls.create_list),
    "listUpdate": Call(list_calls.update_list),
    "listDelete": Call(list_calls.delete_list),
    "listGrowthHistory": Call(list_calls.list_growth),
    "listMergeVars": Call(merges.list_merge_vars),
    "listMergeVarAdd": Call(merges.add_merge_var),
    "listMergeVarUpdate": Call(merges.update_merge_var),
    "listMergeVarDel": Call(merges.delete_merge_var),
    "listSubscribe": Call(members.subscribe_one),
    "listBatchSubscribe": Call(members.subscribe_batch),
    "listUnsubscribe": Call(members.unsubscribe_one),
    "listBatchUnsubscribe": Call(members.unsubscribe_batch),
    "listUpdateMember": Call(members.update_member),
    "listMembers": Call(members.list_members),
    "listMembersByMerge": Call(members.list_members_by_merge, since="1.6"),
    "listMemberInfo": Call(members.show_member),
    "listMemberDelete": Call(members.delete_one, since="1.8"),
    "listsForEmail": Call(members.lists_for_email),
    "listSegments": Call(segments.list_segments),
    "listSegmentCreate": Call(segments.create_segment),
    "listSegmentUpdate": Call(segments.update_segment),
    "listSegmentDelete": Call(segments.delete_segment),
    "listSegmentMembers": Call(segments.list_segment_members),
    "campaigns": Call(campaigns.list_campaigns),
    "campaignCreate": Call(campaigns.create_campaign),
    "campaignUpdate": Call(campaigns.update_campaign),
    "campaignDelete": Call(campaigns.delete_campaign),
    "campaignSendNow": Call(campaigns.send_campaign_now),
    "campaignSchedule": Call(campaigns.schedule_campaign),
    "campaignUnschedule": Call(campaigns.unschedule_campaign),
    "campaignPause": Call(campaigns.pause_campaign),
    "campaignResume": Call(campaigns.resume_campaign),
    "campaignStats": Call(reports.show_stats),
    "campaignClickStats": Call(reports.show_click_stats),
    "campaignClickStatsDetails": Call(reports.list_clicks, since="1.8"),
    "campaignOpened": Call(reports.list_opened),
    "campaignNotOpened": Call(reports.list_not_opened),
    "campaignHardBounces": Call(partial(reports.list_bounces, kind="hard")),
    "campaignSoftBounces": Call(partial(reports.list_bounces, kind="soft")),
    "campaignBlockedBounces": Call(partial(reports.list_bounces, kind="blocked")),
    "campaignTemporaryBounces": Call(partial(reports.list_bounces, kind="temporary")),
    "campaignGenericBounces": Call(partial(reports.list_bounces, kind="generic")),
    "campaignUnsubscribes": Call(reports.list_unsubscribes),
    "campaignForwardStats": Call(reports.list_forwards),
    "campaignBounceMessages": Call(reports.list_bounce_messages),
    "webhooks": Call(webhooks.list_webhooks, since="1.8"),
    "webhookCreate": Call(webhooks.create_webhook, since="1.8"),
    "webhookUpdate": Call(webhooks.update_webhook, since="1.8"),
    "webhookDelete": Call(webhooks.delete_webhook, since="1.8"),
    "webhookReplicate": Call(webhooks.replicate_webhook, since="1.8"),
    "suppressedListSubscribe": Call(accounts.suppress_one, since="1.8"),
    "suppressedListUnsubscribe": Call(accounts.release_one, since="1.8"),
    "suppressedListBatchSubscribe": Call(accounts.suppress_batch, since="1.8"),
    "suppressedListBatchUnsubscribe": Call(accounts.release_batch, since="1.8"),
    "suppressedListMembers": Call(accounts.list_suppressed, since="1.8"),
}

# The vendor has these; nothing here needs them. Calling one says so instead of denying it exists.
LEFT_OUT = frozenset(
    (
        "apikeyAdd",
        "apikeyExpire",
        "campaignEmailDomainPerformance",
        "campaignGeoOpens",
        "campaignGeoOpensByCountry",
        "campaignReplicate",
        "campaignSendTest",
        "campaignTemplates",
        "listBatchSubscribeSMS",
        "listBatchUnsubscribeSMS",
        "listSubscribeSMS",
        "listUnsubscribeSMS",
        "login",
    )
)


def find_call(version: str, method: str) -> Call:
    """The method as of that version."""
    call = CALLS.get(method)
    if method in LEFT_OUT:
        raise MailigenError("unknown_method", f"{method} is not part of this sandbox")
    if call is None or call.since > version:
        raise MailigenError("unknown_method", f"Unknown method: {method}")
    if method == "campaignClickStats" and version < "1.8":
        return Call(reports.show_click_stats_by_url)
    return call
