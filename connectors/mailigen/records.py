"""What each kind of Mailigen record must have for us to go on with it; all else may be odd."""

from typing import Final

from connectors.shapes import Shape, is_count, is_key, is_plain, is_text, is_values, maybe

TOTALS: Final = (
    "emails_sent", "opens", "unique_opens", "clicks", "unique_clicks", "hard_bounces",
    "soft_bounces", "blocked_bounces", "temporary_bounces", "generic_bounces",
)  # fmt: skip

SHAPES: Final[dict[str, Shape]] = {
    "getAccountDetails": {"user_id": maybe(is_key), "username": maybe(is_plain),
                          "emails_left": maybe(is_count)},
    "lists": {"id": is_key, "name": maybe(is_plain), "member_count": maybe(is_count)},
    "listMergeVars": {"tag": is_text, "name": maybe(is_plain), "field_type": maybe(is_text)},
    "listMembers": {"email": is_text},
    "listMemberInfo": {"email": maybe(is_text), "status": maybe(is_text), "merges": is_values},
    "campaigns": {"id": is_key, "status": maybe(is_plain), "send_time": maybe(is_plain)},
    "campaignStats": dict.fromkeys(TOTALS, maybe(is_count)),
    "campaignOpened": {"email": is_text, "count": maybe(is_count)},
    "campaignClickStatsDetails": {"email": is_text},
    "campaignBounceMessages": {"email": is_text},
    "webhooks": {"id": is_key, "title": maybe(is_plain)},
}  # by the name of the call that reads them  # fmt: skip
