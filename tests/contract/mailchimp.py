"""Mailchimp's contract files, and where they are wrong about their own vendor.

Two files. The older one says what is sent and answered. The newer one (3.0.90) knows more calls
and parameters; objects of one title were merged in it and merge values are objects there, so of
calls that both know its bodies and answers are not looked at.
"""

from sandbox.mailchimp.routes import ROUTES
from tests.contract.judge import Correction, Published
from tests.contract.openapi import SPECS

RECORDED = "recorded answers of the vendor, committed as fixtures in public projects"
LOGIN = "the login host is no part of the API; the guide to OAuth 2"

CORRECTIONS = (
    Correction("absent", "*", "type", f"{RECORDED}: newer 400s of members carry none"),
    Correction("listed", "reports", "absplit_group=", "a campaign without groups: nothing is said"),
    Correction(
        "absent", "lists", "status_if_new",
        f"{RECORDED}: PUT of a member that exists goes without",
    ),
    Correction("absent", "*", "PATCH", "a change names what it changes, says every page on PATCH"),
    Correction("absent", "*", "?fields ?exclude_fields", "the caller asked for a part"),
    Correction("answered", "lists", "members", "rows that are wrong are told in the answer's errors"),
    Correction("taken", "", "GET /oauth2/authorize", LOGIN),
    Correction("taken", "", "POST /oauth2/token", LOGIN),
    Correction("taken", "", "GET /oauth2/metadata", LOGIN),
    Correction("taken", "", "GET /batch-results/*", "where response_body_url leads"),
)  # fmt: skip


def implemented() -> set[str]:
    return {f"3.0 {route.method} {_template(route.path)}" for route in ROUTES}


def _template(path: str) -> str:
    """The route's path as the contract writes it."""
    return path.replace("{category_id}", "{interest_category_id}")


MAILCHIMP = Published(
    "mailchimp",
    {"3.0": SPECS / "mailchimp-marketing.json"},
    {"/3.0/": ("3.0", ""), "/3.0": ("3.0", "")},
    CORRECTIONS,
    implemented,
    asked_by=SPECS / "mailchimp-marketing-3.0.90.json",
)
