"""Pipedrive's contract files, and where they are wrong about their own vendor.

The files know almost nothing of null. What follows from the thing itself (a note is tied to one
of six, the other five are empty) is said so; the rest was seen where the line says.
"""

from sandbox.pipedrive.routes import ROUTES
from tests.contract.judge import Correction, Published
from tests.contract.openapi import SPECS

REPORTS = "public reports of null where the generated types have none (client-nodejs)"
OPTIONAL = "follows from the thing: it need not have one, and null says so"
GUIDE = "the vendor's guide to API v2"

CORRECTIONS = (
    Correction("null", "*", "next_cursor", "the last page; nullable on 6 of the 39 lists"),
    Correction(
        "null", "*",
        "admin_area_level_1 admin_area_level_2 sublocality subpremise",
        "an address that is only partly known",
    ),
    Correction("null", "persons", "first_name last_name org_id picture_id organization", OPTIONAL),
    Correction("null", "persons", "postal_address notes birthday job_title", OPTIONAL),
    Correction("null", "organizations", "address", OPTIONAL),
    Correction(
        "null", "deals", "won_time lost_time expected_close_date org_id person_id", REPORTS
    ),
    Correction("null", "deals", "stage_change_time", "a deal that never left its first stage"),
    Correction(
        "null", "activities",
        "deal_id lead_id person_id org_id project_id due_date due_time duration "
        "marked_as_done_time location conference_meeting_client conference_meeting_url "
        "conference_meeting_id public_description priority note",
        OPTIONAL,
    ),
    Correction(
        "null", "notes",
        "deal deal_id person person_id organization org_id lead_id project project_id task "
        "task_id last_update_user_id icon_url",
        "a note is tied to one of six: the rest is empty",
    ),
    Correction(
        "listed", "organizationFields", "field_type=int",
        "the same list of types has it in GET /activityFields, and v2 has it here",
    ),
    Correction("listed", "dealFields", "field_type=int", "as organization fields"),
    Correction("listed", "dealFields", "field_type=status field_type=stage", "v2's list of types has it"),
    Correction("unset", "*", "*", f"{GUIDE}: null unsets a member"),
    Correction("taken", "persons", "first_name last_name", GUIDE),
    Correction("refused", "activities", "person_id", f"{GUIDE}: read-only, by participants"),
    Correction("taken", "oauth", "refresh_token", "the guide to OAuth; the file knows the code alone"),
    Correction("taken", "", "POST /oauth/revoke", "RFC 7009, named in the guide to OAuth"),
)  # fmt: skip


def implemented() -> set[str]:
    routes = {f"{route.version} {route.method} {_template(route.path)}" for route in ROUTES}
    return routes | {"v1 GET /oauth/authorize", "v1 POST /oauth/token"}


def _template(path: str) -> str:
    """The route's path as the contract writes it."""
    return path.replace("{code}", "{field_code}")


PIPEDRIVE = Published(
    "pipedrive",
    {version: SPECS / f"pipedrive-{version}.yaml" for version in ("v1", "v2")},
    {
        "/api/v2/": ("v2", ""),
        "/api/v1/": ("v1", ""),
        "/v1/": ("v1", ""),
        "/oauth/": ("v1", "oauth/"),
    },
    CORRECTIONS,
    implemented,
)
