"""Every call of the API that this sandbox answers: each file of calls brings its own rows."""

from sandbox.mailchimp import (
    account_calls,
    batch_calls,
    campaign_calls,
    member_acts,
    report_parts,
    reports,
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
]

__all__ = ["ROUTES", "Answering", "Route"]
