"""Every call of the API that this sandbox answers: each file of calls brings its own rows."""

from sandbox.mailchimp import (
    account_calls,
    batch_calls,
    bulk,
    campaign_calls,
    interests,
    lists,
    member_acts,
    member_calls,
    member_lists,
    merge_field_calls,
    notes,
    report_parts,
    reports,
    segments,
    tags,
    webhook_calls,
)
from sandbox.mailchimp.route import Answering, Route

ROUTES: list[Route] = [
    *account_calls.ROUTES,
    *batch_calls.ROUTES,
    *webhook_calls.ROUTES,
    *campaign_calls.ROUTES,
    *reports.ROUTES,
    *report_parts.ROUTES,
    *member_acts.ROUTES,
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
