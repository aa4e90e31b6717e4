"""What each kind of Pipedrive record must have for us to go on with it; all else may be odd."""

from typing import Final

from connectors.shapes import Shape, is_number, is_objects, is_options, is_plain, is_text, maybe

_NUMBERED: Shape = {"id": is_number}
_NAMED: Shape = {"id": is_number, "name": maybe(is_plain)}
_FIELD: Shape = {
    "field_code": is_text, "field_name": is_plain, "field_type": is_text, "options": is_options,
}  # fmt: skip
_FIELD_V1: Shape = {"key": is_text, "id": is_number}
# An address list that is no list would make somebody without an address of everybody.
_PERSON: Shape = {"id": is_number, "emails": is_objects, "phones": is_objects}
_ACTIVITY: Shape = {"id": is_number, "participants": is_objects}

SHAPES: Final[dict[str, Shape]] = {
    "GET /v1/users/me": {"id": is_number, "company_id": maybe(is_number)},
    "GET /v1/users": {"id": is_number, "email": maybe(is_text)},
    "GET /v1/filters": _NAMED,
    "GET /v1/filters/{id}": _NUMBERED,
    "GET /v1/activityTypes": {"key_string": is_text, "name": is_plain},
    "GET /v1/personFields": _FIELD_V1,
    "GET /v1/organizationFields": _FIELD_V1,
    "GET /api/v2/personFields": _FIELD,
    "GET /api/v2/organizationFields": _FIELD,
    "GET /api/v2/dealFields": _FIELD,
    "GET /api/v2/pipelines": _NAMED,
    "GET /api/v2/stages": {**_NAMED, "pipeline_id": is_number},
    "GET /api/v2/persons": _PERSON,
    "GET /api/v2/persons/{id}": _PERSON,
    "GET /api/v2/organizations": _NUMBERED,
    "GET /api/v2/activities": _ACTIVITY,
    "GET /api/v2/activities/{id}": _ACTIVITY,
    "GET /api/v2/deals": _NUMBERED,
    "GET /api/v2/deals/{id}": _NUMBERED,
    "GET /api/v2/deals/archived": _NUMBERED,
    "GET /v1/deals/{id}/changelog": {"field_key": is_text, "time": is_text},
    "GET /v1/webhooks": {"id": is_number, "subscription_url": is_text},
    "GET /v1/notes": _NUMBERED,
    "GET /v1/notes/{id}": _NUMBERED,
}  # by the name of the call that reads them
