"""The envelopes of v1 and v2, good and bad."""

from collections.abc import Mapping
from typing import Any

import orjson

from sandbox.vendor import Answer

JSON = {"content-type": "application/json; charset=utf-8"}
INFO_V1 = "Please check developers.pipedrive.com for more information about Pipedrive API."
UNAUTHORIZED = {"success": False, "error": "unauthorized access", "errorCode": 401}


class RefusalError(Exception):
    """The call ends here. What it says takes the shape of the API version it was made on."""

    def __init__(self, status: int, said: str, code: str = "", told: str = INFO_V1) -> None:
        super().__init__(said)
        self.status, self.said, self.code, self.told = status, said, code, told

    def body(self, version: str) -> dict[str, Any]:
        if self.status == 401:
            return UNAUTHORIZED
        body: dict[str, Any] = {"success": False, "error": self.said}
        if version == "v2":
            body["code"] = self.code or CODES.get(self.status, "ERR_UNKNOWN")
            return body
        body |= {"error_info": self.told, "data": None, "additional_data": None}
        return body | ({"code": self.code} if self.code else {})


CODES = {400: "ERR_BAD_REQUEST", 403: "ERR_FORBIDDEN", 404: "ERR_NOT_FOUND", 410: "ERR_GONE"}


class WholeAnswerError(Exception):
    """An answer that is not one of the envelopes (webhooks, OAuth)."""

    def __init__(self, status: int, body: Mapping[str, Any]) -> None:
        super().__init__(status)
        self.status, self.body = status, body


def invalid(problems: Mapping[str, str]) -> RefusalError:
    """v2's refusal of a body or query, each member named with what is wrong with it."""
    listed = "; ".join(f"{key}: {said}" for key, said in problems.items())
    return RefusalError(400, f"Validation failed: {listed}", "ERR_SCHEMA_VALIDATION_FAILED")


def not_found() -> RefusalError:
    return RefusalError(404, "Entity was not found", told="Object was not found.")


def forbidden(said: str = "You do not have permissions to perform this action.") -> RefusalError:
    return RefusalError(403, said)


def dump(body: Any, status: int = 200) -> Answer:
    return Answer(status, JSON, orjson.dumps(body))


def ok(data: Any, **more: Any) -> Answer:
    return dump({"success": True, "data": data, **more})


def page(rows: list[bytes], next_cursor: str | None) -> Answer:
    """A v2 page of records that are serialised already."""
    tail = orjson.dumps({"next_cursor": next_cursor})
    body = b'{"success":true,"data":[%b],"additional_data":%b}' % (b",".join(rows), tail)
    return Answer(200, JSON, body)


def one(row: bytes) -> Answer:
    return Answer(200, JSON, b'{"success":true,"data":%b}' % row)
