"""What nobody outside Mailigen knows about it, named, with what we suppose and what else may be.

The vendor's pages are gone from public view; these are the gaps between a published client class
and two captures. Tests run both ways where the difference could hurt.
"""

from typing import Any, NamedTuple

ANY_NUMBER = ("null", "any whole number")


class Assumption(NamedTuple):
    default: Any
    choices: tuple[Any, ...]  # ANY_NUMBER: None or a whole number from 0
    why: str


YES_NO = (True, False)

ASSUMPTIONS: dict[str, Assumption] = {
    # -- the wire
    "error_http_status": Assumption(
        200,
        (200, 400, 500),
        "No client looks at the status, so none was ever recorded.",
    ),
    "error_codes": Assumption(
        "mcapi",
        ("mcapi", "flat"),
        "Only 104 is confirmed. mcapi: MailChimp 1.3's numbers; flat: 0 for everything but 104.",
    ),
    "booleans_as_text": Assumption(
        True,
        YES_NO,
        'The Ruby capture shows the string "true" where the class documents true.',
    ),
    "text_false_is_false": Assumption(
        True,
        YES_NO,
        'The word "false" in a form: false, or true as any non-empty text is in PHP.',
    ),
    "accepts_query_parameters": Assumption(
        False,
        YES_NO,
        "Clients post everything; whether the query is read too is unknown.",
    ),
    "max_input_vars": Assumption(
        None,
        ANY_NUMBER,
        "PHP drops form fields beyond max_input_vars (1000 out of the box) without a word; "
        "Mailigen's setting is unknown.",
    ),
    "unknown_output": Assumption(
        "json",
        ("json", "refuse"),
        "json and php are known values of output; xml-rpc had its own door.",
    ),
    "rate_limit_answer": Assumption(
        "http_429",
        ("http_429", "error_body"),
        "No rate limit is published.",
    ),
    "timestamps_offset_hours": Assumption(
        0,
        (0, 2, 3),
        "Only campaignSchedule is said to be GMT; the rest may be Riga time.",
    ),
    # -- limits
    "opened_limit_max": Assumption(
        1000,
        (1000, 50),
        "campaignOpened: the docblock says 50, the vendor's own sample asks for 1000. "
        "Clamped in silence.",
    ),
    "click_details_limit_max": Assumption(
        1000,
        (1000, 50, 25),
        "campaignClickStatsDetails: only the default of 25 is known. Clamped in silence.",
    ),
    "batch_size_limit": Assumption(
        None,
        ANY_NUMBER,
        "The Magento module sends 100 rows a call; no limit is published.",
    ),
    "subscribers_limit": Assumption(
        None,
        ANY_NUMBER,
        "Plans are by subscribers; the refusal was never captured.",
    ),
    "emails_left": Assumption(
        None,
        ANY_NUMBER,
        "Prepaid plans count e-mails; the refusal was never captured. Set anew, it counts "
        "down from there.",
    ),
    # -- lists and merge fields
    "new_list_merge_vars": Assumption(
        "EMAIL,FNAME,LNAME",
        ("EMAIL,FNAME,LNAME", "EMAIL"),
        "What a list made by listCreate starts with.",
    ),
    "merge_tag_max_length": Assumption(
        50,
        (50, 10),
        "MailChimp allows 10 characters; Mailigen's limit is unknown.",
    ),
    "unknown_merge_tag": Assumption(
        "ignore",
        ("ignore", "refuse"),
        "A tag the list does not have.",
    ),
    "long_values": Assumption(
        "refuse",
        ("refuse", "truncate"),
        "Values over 255 characters: the maximum is documented, the consequence is not.",
    ),
    "merge_types_checked": Assumption(
        True,
        YES_NO,
        "Numbers, dates and dropdown values that do not fit are refused, or stored.",
    ),
    "merges_include_email": Assumption(
        True,
        YES_NO,
        "Whether listMemberInfo repeats the address among the merges, as MailChimp did.",
    ),
    # -- members
    "email_case": Assumption(
        "kept",
        ("kept", "lowered"),
        "Addresses are one whatever their case; how they are shown is unknown.",
    ),
    "update_member_merges": Assumption(
        True,
        YES_NO,
        "listUpdateMember changes only the given tags, or empties the others.",
    ),
    "update_member_can_change_email": Assumption(
        True,
        YES_NO,
        "merge_vars[EMAIL] moves the member, or is ignored.",
    ),
    "update_member_needs_subscribed": Assumption(
        False,
        YES_NO,
        "Whether unsubscribed members can still be updated (their status never changes).",
    ),
    "batch_resubscribes_unsubscribed": Assumption(
        False,
        YES_NO,
        "listBatchSubscribe without update_existing: refuses unsubscribed addresses, or "
        "subscribes them again.",
    ),
    "subscribe_resubscribes_unsubscribed": Assumption(
        False,
        YES_NO,
        "The same for listSubscribe.",
    ),
    "bounced_can_return": Assumption(
        False,
        YES_NO,
        "Whether a subscribe call can bring a bounced address back.",
    ),
    "inactive_can_be_subscribed": Assumption(
        True,
        YES_NO,
        "Whether a subscribe call without double_optin confirms somebody who has not "
        "answered the opt-in mail.",
    ),
    "batch_duplicates_succeed": Assumption(
        True,
        YES_NO,
        "Captured: three rows, two of one address, success_count 3.",
    ),
    "double_optin_pending": Assumption(
        True,
        YES_NO,
        "Until confirmed, members are listed as inactive, or not at all.",
    ),
    "delete_member_forgets_status": Assumption(
        True,
        YES_NO,
        "A deleted address may be subscribed anew, or is refused if it had unsubscribed or "
        "bounced.",
    ),
    "unsubscribed_timestamp_is_time_added": Assumption(
        True,
        YES_NO,
        "The timestamp of an unsubscribed member: time added, or time of leaving.",
    ),
    "lists_for_email": Assumption(
        "subscribed",
        ("subscribed", "any"),
        "Which statuses listsForEmail counts.",
    ),
    "suppressed_refused": Assumption(
        True,
        YES_NO,
        "Whether suppressed addresses are refused when subscribing or only skipped when sending.",
    ),
    "members_order": Assumption(
        "oldest_first",
        ("oldest_first", "newest_first"),
        "The order of listMembers; newest first, whoever joins in mid-walk shifts the pages.",
    ),
    "members_index_lag_s": Assumption(
        None,
        ANY_NUMBER,
        "Seconds until listMembers and the counts of a list show a change; unknown. listMemberInfo "
        "reads the member itself.",
    ),
    # -- mails caused by calls
    "batch_sends_welcome": Assumption(
        False,
        YES_NO,
        "listBatchSubscribe has no send_welcome; whether it welcomes is unknown.",
    ),
    "notify_on_api_subscribe": Assumption(
        True,
        YES_NO,
        "Whether a list with subscription_notify tells its owner about subscribers added by calls.",
    ),
    # -- segments
    "isany_means": Assumption(
        "one_of",
        ("one_of", "not_empty"),
        "The condition isany: value is one of several (joined by || or ,), or is anything at all.",
    ),
    "segment_ignores_case": Assumption(
        True,
        YES_NO,
        "Whether text conditions tell capitals apart.",
    ),
    "auto_update_false_freezes": Assumption(
        False,
        YES_NO,
        "A segment without auto_update: evaluated when read, or frozen when made.",
    ),
    # -- campaigns and results
    "campaigns_order": Assumption(
        "oldest_first", ("oldest_first", "newest_first"), "The order of campaigns."
    ),
    "autoresponder_status": Assumption(
        "sending",
        ("sending", "sent"),
        "The status of an active autoresponder; the filter knows sent, draft, paused, sending.",
    ),
    "scheduled_status": Assumption(
        "scheduled",
        ("scheduled", "draft"),
        "The status between campaignSchedule and the hour.",
    ),
    "sending_takes_s": Assumption(
        0,
        (0, 60, 600),
        "How long a campaign is in status sending.",
    ),
    "not_opened_includes_bounced": Assumption(
        True,
        YES_NO,
        "Whether those who bounced count as not having opened.",
    ),
    "click_implies_open": Assumption(
        False,
        YES_NO,
        "Whether a click of somebody without a counted open also counts as an open.",
    ),
    "click_details_order": Assumption(
        "oldest_first",
        ("oldest_first", "newest_first"),
        "The order of campaignClickStatsDetails.",
    ),
    # -- webhooks
    "email_webhooks_carry_campaign": Assumption(
        False,
        YES_NO,
        "The payloads of email.open, email.click and email.bounce were never captured.",
    ),
    "delete_fires_unsubscribe": Assumption(
        False,
        YES_NO,
        "Whether deleting a member without unsubscribing fires contact.unsubscribe.",
    ),
}


class Assumptions:
    """The assumptions of one sandbox as they stand."""

    def __init__(self) -> None:
        self._values = {name: known.default for name, known in ASSUMPTIONS.items()}

    def switch(self, name: str, value: Any) -> None:
        """Suppose something else from now on; ValueError names what is wrong."""
        if name not in ASSUMPTIONS:
            raise ValueError(f"mailigen has no assumption {name!r}")
        choices = ASSUMPTIONS[name].choices
        if choices == ANY_NUMBER:
            fits = value is None or (type(value) is int and value >= 0)
        else:
            # True == 1 in Python; a switch must not be set by a number.
            fits = any(type(value) is type(c) and value == c for c in choices)
        if not fits:
            raise ValueError(f"assumption {name} cannot be {value!r}; choose of {list(choices)}")
        self._values[name] = value

    def is_on(self, name: str) -> bool:
        return bool(self._values[name])

    def number(self, name: str) -> int:
        return int(self._values[name])

    def limit(self, name: str) -> int | None:
        """A number, or `None` for no limit."""
        value = self._values[name]
        return None if value is None else int(value)

    def text(self, name: str) -> str:
        return str(self._values[name])

    def listing(self) -> dict[str, dict[str, Any]]:
        return {
            name: {
                "value": self._values[name],
                "default": known.default,
                "choices": list(known.choices),
                "why": known.why,
            }
            for name, known in ASSUMPTIONS.items()
        }
