"""What Pipedrive's published material leaves open, each with the answer taken and why.

Switched with `POST /_sandbox/assumptions {"vendor": "pipedrive", "name": ..., "value": ...}`.
"""

from typing import Any, NamedTuple


class Assumption(NamedTuple):
    default: Any
    choices: tuple[Any, ...] | str  # a type's name where any such value will do
    why: str


PIPEDRIVE: dict[str, Assumption] = {
    "plan": Assumption(
        "premium", ("lite", "growth", "premium", "ultimate"), "the account's plan sets the limits"
    ),
    "seats": Assumption(10, "integer", "the daily token budget grows with the seats"),
    "daily_budget": Assumption(None, "integer", "overrides what plan and seats give"),
    "block_after": Assumption(
        20, "integer", "how many calls after the daily limit bring the block page: not published"
    ),
    "get_deleted_person": Assumption(
        "is_deleted",
        ("is_deleted", "404"),
        "the record has an is_deleted member, deals are listed while deleted, and persons can be "
        "restored for 30 days, so a read most likely still finds it",
    ),
    "get_deleted_item": Assumption(
        "marked",
        ("marked", "404"),
        "activities, deals and notes: the contract describes is_deleted, the status deleted and "
        'active_flag ("whether the note is active or deleted") in what a read by id answers',
    ),
    "dead_filter": Assumption(
        "everybody",
        ("everybody", "empty", "error"),
        "filter_id of a deleted or inactive filter is not documented; the answer that does most "
        "harm is the default",
    ),
    "errors_cost_tokens": Assumption(True, (True, False), "not published whether a 4xx is charged"),
    "note_strips_comments": Assumption(
        True, (True, False), "notes are sanitised; HTML comments rarely survive that"
    ),
    "public_description_reaches_guests": Assumption(
        True, (True, False), "it is the text of the calendar invitation (book `invitations`)"
    ),
    "activity_person_id": Assumption(
        "refused",
        ("refused", "ignored"),
        "the contract lists it, the guide calls it read-only, and v2 refuses what it does not take",
    ),
    "retry_after_header": Assumption(False, (True, False), "no page mentions Retry-After"),
    "ratelimit_headers": Assumption(
        True, (True, False), "some accounts stopped sending x-ratelimit headers in August 2025"
    ),
    "limit_over_500": Assumption("clamp", ("clamp", "error"), "only the maximum is published"),
    "list_index_lag_s": Assumption(0, "number", "plain lists seem to read their own writes"),
    "search_lag_s": Assumption(0, "number", "search is an index of its own; delay not published"),
    "legacy_v1": Assumption(
        "off", ("off", "404"), "status of retired v1 calls is not published: off answers 410"
    ),
    "contact_sync": Assumption(True, (True, False), "job_title and its like need contact sync"),
    "name_with_one_part": Assumption(
        "taken",
        ("taken", "refused"),
        "the guide takes a name, or first and last name; both ways at once it does not mention",
    ),
    "refresh_rotates": Assumption(
        False,
        (True, False),
        "users are given the same refresh token back; the page of status codes calls one invalid "
        'that "was already exchanged"',
    ),
    "former_access_lives_on": Assumption(
        True, (True, False), "whether a refresh ends the access token before it is not published"
    ),
    "denial_echoes_state": Assumption(
        True, (True, False), "state comes back with a code; with error=user_denied no page says"
    ),
    "deals_limit": Assumption(None, "integer", "open deals allowed by the plan; none by default"),
}

TYPES: dict[str, type | tuple[type, ...]] = {"integer": int, "number": (int, float)}


class Assumptions:
    """Current answers, read by name: `assume["dead_filter"]`."""

    def __init__(self) -> None:
        self._values = {name: told.default for name, told in PIPEDRIVE.items()}

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def told(self) -> dict[str, dict[str, Any]]:
        return {
            name: {
                "value": self._values[name],
                "default": told.default,
                "choices": told.choices,
                "why": told.why,
            }
            for name, told in PIPEDRIVE.items()
        }

    def switch(self, name: str, value: Any) -> None:
        """ValueError for a name that does not exist or a value it cannot have."""
        if name not in PIPEDRIVE:
            raise ValueError(f"no assumption {name!r}; there are {sorted(PIPEDRIVE)}")
        told = PIPEDRIVE[name]
        if isinstance(told.choices, str):
            fits = value == told.default or (
                isinstance(value, TYPES[told.choices]) and not isinstance(value, bool)
            )
        else:
            fits = value in told.choices
        if not fits:
            raise ValueError(f"{name} is one of {told.choices}, not {value!r}")
        self._values[name] = value
