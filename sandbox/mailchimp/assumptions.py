"""What Mailchimp's published material leaves open, each with the answer taken and why.

Switched with `POST /_sandbox/assumptions {"vendor": "mailchimp", "name": ..., "value": ...}`.
"""

from typing import Any, NamedTuple

YES_NO = (True, False)
COUNT = "a whole number from 0"


class Assumption(NamedTuple):
    default: Any
    choices: tuple[Any, ...] | str  # COUNT where any number will do
    why: str


MAILCHIMP: dict[str, Assumption] = {
    # -- the wire
    "type_in_member_400s": Assumption(
        False,
        YES_NO,
        "Member Exists, compliance and forgotten: recordings of 2021 have a type, newer ones none.",
    ),
    "too_many_answer": Assumption(
        "json",
        ("json", "bare_429", "bare_403"),
        "Under very high load a bare 429 or 403 without JSON was seen too.",
    ),
    "count_above_1000": Assumption(
        "clamp", ("clamp", "refuse"), "Only the maximum of 1000 is published."
    ),
    "since_is_inclusive": Assumption(
        False,
        YES_NO,
        'Filters "since" a time: the contract says after; whether that very second counts is '
        "unknown. A reader who needs it has to overlap.",
    ),
    "schema_texts": Assumption(
        "plain",
        ("plain",),
        "The words for a member of the wrong type, a missing one or one not in a list were not "
        "recorded; clients match on title and field.",
    ),
    # -- members
    "fake_addresses": Assumption(
        "known_domains",
        ("known_domains", "none"),
        "Which addresses look fake is not published; here those at test.com, fake.com, domain.com.",
    ),
    "members_hide_archived": Assumption(
        True, YES_NO, "Whether a listing without status shows archived members is not published."
    ),
    "post_on_archived": Assumption(
        "member_exists",
        ("member_exists", "restore"),
        "An archived member is still a member; whether POST brings it back is not published.",
    ),
    "status_if_new_restores_archived": Assumption(
        True,
        YES_NO,
        "Whether an archived member is new to PUT: a shop's resync made archived people "
        "subscribed, and the answer that does most harm is the default.",
    ),
    "cleaned_may_be_pending": Assumption(
        False, YES_NO, "Whether a bounced address may be asked again is not published."
    ),
    "left_may_be_transactional": Assumption(
        False, YES_NO, "Whether who left by own act may become transactional is not published."
    ),
    "put_needs_address": Assumption(
        True,
        YES_NO,
        "The contract requires email_address of every PUT; whether one to a member that exists "
        "is taken without is not known.",
    ),
    "cleaned_source": Assumption(
        "admin",
        ("user", "admin"),
        "A bounce is nobody's act; which of a webhook's three sources it counts for is unknown.",
    ),
    "put_under_other_hash": Assumption(
        "create",
        ("create", "not_found"),
        "PUT of a new address under the hash of another that is no member either.",
    ),
    "tags_move_last_changed": Assumption(
        False, YES_NO, "Whether a tag moves last_changed is not documented."
    ),
    "same_values_move_last_changed": Assumption(
        False, YES_NO, "Whether a write that changes nothing moves last_changed is not documented."
    ),
    "required_checked_on_change": Assumption(
        True,
        YES_NO,
        "Whether a change that leaves a required merge field empty as it was is refused: users of "
        "plugins could not unsubscribe for that reason.",
    ),
    "put_takes_tags": Assumption(
        False, YES_NO, "The contract has tags on POST alone; PUT and PATCH pass over them."
    ),
    "batch_rows_take_tags": Assumption(
        True, YES_NO, "sync_tags is in the contract, the tags of a row are not."
    ),
    "address_change_on_forgotten": Assumption(
        "forgotten",
        ("forgotten", "member_exists"),
        "A change to an address in any state, even deleted, fails; with which words is unknown.",
    ),
    "text_longest": Assumption(
        255, COUNT, "The classic limit of a text value, in bytes; not in the contract."
    ),
    # -- lists, tags and segments
    "audience_limit": Assumption(
        5, COUNT, "How many audiences the account may have depends on its plan."
    ),
    "tag_names_ignore_case": Assumption(
        True, YES_NO, "Whether two tags may differ in capitals alone is not documented."
    ),
    "fuzzy_likeness": Assumption(
        "domain_and_surname",
        ("domain_and_surname",),
        "How the vendor finds similar people is not published; any stable likeness does.",
    ),
    "segment_strangers": Assumption(
        "errors",
        ("errors", "silent"),
        'Addresses that are not on the list are "ignored"; whether they are listed in errors '
        "is not said.",
    ),
    "search_finds_archived": Assumption(
        True, YES_NO, "Whether search-members finds archived members is not documented."
    ),
    # -- the door
    "answer_takes_ms": Assumption(
        0, COUNT, "Real milliseconds from commit to answer; with 0 no two are ever in flight."
    ),
    # -- batches
    "batch_step_s": Assumption(
        1, COUNT, "Sandbox seconds a batch stays in each status; the vendor promises none."
    ),
    "batch_operations_a_step": Assumption(
        100, COUNT, "How many operations are carried out between two looks at a started batch."
    ),
    "batch_operations_most": Assumption(
        1000, COUNT, "Operations a batch; 1000 is a third party's reading. 0: no limit."
    ),
    "batch_open_most": Assumption(
        500, COUNT, "500 unfinished batches are published; the words of the refusal are not."
    ),
    "batch_kept_days": Assumption(
        7, COUNT, "How long a finished batch is known; afterwards it is a 404, as clients report."
    ),
    "batch_results_open_minutes": Assumption(
        10, COUNT, "How long the address of the results works; a look at the batch gives a new one."
    ),
    "batch_has_empty_file": Assumption(
        True, YES_NO, "Clients step over empty files in the archive, so there are some."
    ),
    "batch_in_batch": Assumption(
        "refuse", ("refuse", "run"), "Whether an operation may itself start a batch is not said."
    ),
    # -- webhooks
    "webhook_address_is_visited": Assumption(
        True,
        YES_NO,
        "The address is looked at with GET before it is taken. Switch it off for one that does "
        "not answer on loopback.",
    ),
    "webhook_texts": Assumption(
        "plain",
        ("plain",),
        "The refusal of an address that does not answer is quoted by users, with its HTTP code; "
        "that two webhooks may not differ in their query alone is reported, its words are not.",
    ),
    "webhook_retries": Assumption(
        "over_75_minutes",
        ("over_75_minutes", "twenty_then_disabled"),
        "The guide: increasing intervals over 75 minutes (which, is not said). The release note "
        "of 2024-06-17: up to 20 times, 15 to 25 minutes apart, then the webhook is disabled.",
    ),
    "webhooks_waiting_most": Assumption(
        500, COUNT, "500 pending events are a third party's reading; what comes beyond is lost."
    ),
    "webhooks_are_signed": Assumption(
        False,
        YES_NO,
        "signing_secret and X-Mailchimp-Signature are newer than both contract files.",
    ),
    "upemail_comes_with_profile": Assumption(
        True, YES_NO, "Old pages say that a profile event accompanies upemail."
    ),
    "abuse_is_told_as": Assumption(
        "unsubscribe",
        ("unsubscribe", "cleaned"),
        "Both events have a reason abuse; an address gets one of them, not both.",
    ),
    # -- campaigns and reports
    "click_implies_open": Assumption(
        False, YES_NO, "Whether a click of somebody without an open also counts as an open."
    ),
    "quiet_recipients": Assumption(
        "empty_list",
        ("empty_list", "no_member", "left_out"),
        "Recipients without activity in email-activity: an empty list; connectors met rows "
        "without the member.",
    ),
    "activity_feed_order": Assumption(
        "newest_first", ("newest_first", "oldest_first"), "The feed's order is not published."
    ),
}


class Assumptions:
    """Current answers, read by name: `assumed["post_on_archived"]`."""

    def __init__(self) -> None:
        self._values = {name: known.default for name, known in MAILCHIMP.items()}

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def listing(self) -> dict[str, dict[str, Any]]:
        return {
            name: {
                "value": self._values[name],
                "default": known.default,
                "choices": known.choices,
                "why": known.why,
            }
            for name, known in MAILCHIMP.items()
        }

    def switch(self, name: str, value: Any) -> None:
        """ValueError for a name that does not exist or a value it cannot have."""
        if name not in MAILCHIMP:
            raise ValueError(f"no assumption {name!r}; there are {sorted(MAILCHIMP)}")
        choices = MAILCHIMP[name].choices
        if isinstance(choices, str):
            fits = type(value) is int and value >= 0
        else:
            fits = any(value == choice and type(value) is type(choice) for choice in choices)
        if not fits:
            raise ValueError(f"{name} is one of {choices}, not {value!r}")
        self._values[name] = value
