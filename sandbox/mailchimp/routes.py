"""Every call of the API that this sandbox answers: each file of calls brings its own rows."""

from sandbox.mailchimp import (
    account_calls,
    bulk,
    interests,
    lists,
    member_calls,
    member_lists,
    merge_field_calls,
    notes,
    segments,
    tags,
)
from sandbox.mailchimp.route import Answering, Route

ROUTES: list[Route] = [
    *account_calls.ROUTES,
    *lists.ROUTES,
    *bulk.ROUTES,
    *member_lists.ROUTES,
    *member_calls.ROUTES,
    *tags.ROUTES,
    *notes.ROUTES,
    *merge_field_calls.ROUTES,
    *interests.ROUTES,
    *segments.ROUTES,
]

__all__ = ["ROUTES", "Answering", "Route"]
