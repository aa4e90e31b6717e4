"""What each Pipedrive call we make costs, in tokens of the company's daily budget.

The vendor publishes the figures with its contract; they are flat per call,
whatever the page size. Whether refused calls are charged too is not known: we
count them.
"""

from typing import Final

COSTS: Final[dict[str, int]] = {
    "GET /v1/users/me": 2,
    "GET /v1/users": 20,
    "GET /v1/filters": 20,
    "GET /v1/personFields": 20,
    "GET /v1/organizationFields": 20,
    "GET /v1/filters/{id}": 2,
    "POST /v1/filters": 10,
    "GET /v1/activityTypes": 20,
    "GET /v1/notes": 20,
    "GET /v1/notes/{id}": 2,
    "POST /v1/notes": 10,
    "GET /v1/deals/{id}/changelog": 20,
    "GET /v1/webhooks": 10,
    "POST /v1/webhooks": 10,
    "DELETE /v1/webhooks/{id}": 6,
    "GET /api/v2/persons": 10,
    "GET /api/v2/persons/{id}": 1,
    "POST /api/v2/persons": 5,
    "PATCH /api/v2/persons/{id}": 5,
    "GET /api/v2/personFields": 10,
    "GET /api/v2/organizationFields": 10,
    "GET /api/v2/dealFields": 10,
    "POST /api/v2/dealFields": 5,
    "GET /api/v2/pipelines": 5,
    "GET /api/v2/stages": 5,
    "GET /api/v2/organizations": 10,
    "GET /api/v2/activities": 10,
    "GET /api/v2/activities/{id}": 1,
    "POST /api/v2/activities": 5,
    "GET /api/v2/deals": 10,
    "GET /api/v2/deals/{id}": 1,
    "GET /api/v2/deals/archived": 20,
    "POST /api/v2/deals": 5,
}
