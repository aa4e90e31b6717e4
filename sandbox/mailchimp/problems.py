"""problem+json: how Mailchimp says no.

The texts are those of recorded answers; where none was recorded, the README of assumptions says
so (`schema_texts`).
"""

from collections.abc import Iterable
from typing import Any

TYPE = "https://mailchimp.com/developer/marketing/docs/errors/"
DEFINITIONS = "https://us6.api.mailchimp.com/schema/3.0/Definitions"
DESCRIBED_BY = f'<{DEFINITIONS}/ProblemDetailDocument.json>; rel="describedBy"'
VALIDATION = (
    "The resource submitted could not be validated. "
    "For field-specific details, see the 'errors' array."
)
NOT_REMOVABLE = (
    "This list member cannot be removed. "
    "Can not archive a contact that is bounced, pending or archived"
)
# Newer captures of these carry no `type`.
WITHOUT_TYPE = ("Member Exists", "Member In Compliance State", "Forgotten Email Not Subscribed")

FieldError = tuple[str, str]


class ProblemError(Exception):
    """The call ends here with this status, title and detail."""

    def __init__(
        self, status: int, title: str, detail: str, errors: Iterable[FieldError] = ()
    ) -> None:
        super().__init__(detail)
        self.status, self.title, self.detail, self.errors = status, title, detail, tuple(errors)
        self.headers: dict[str, str] = {}

    def body(self, instance: str, *, has_type: bool) -> dict[str, Any]:
        told: dict[str, Any] = {"type": TYPE} if has_type or self.title not in WITHOUT_TYPE else {}
        told |= {"title": self.title, "status": self.status, "detail": self.detail}
        told["instance"] = instance
        if self.errors:
            told["errors"] = [{"field": field, "message": said} for field, said in self.errors]
        return told


def not_found() -> ProblemError:
    return ProblemError(404, "Resource Not Found", "The requested resource could not be found.")


def invalid(*errors: FieldError, detail: str = VALIDATION) -> ProblemError:
    """Each error is the field's name and what is wrong with it."""
    return ProblemError(400, "Invalid Resource", detail, errors)


def bad_address(said: str) -> ProblemError:
    """An address is refused by the detail alone, without a list of fields."""
    return ProblemError(400, "Invalid Resource", said)


def bad_merge_fields(*errors: FieldError) -> ProblemError:
    return invalid(*errors, detail="Your merge fields were invalid.")


def bad_request(detail: str) -> ProblemError:
    return ProblemError(400, "Bad Request", detail)


def member_exists(email: str) -> ProblemError:
    said = f"{email} is already a list member. Use PUT to insert or update list members."
    return ProblemError(400, "Member Exists", said)


def in_compliance_state(email: str) -> ProblemError:
    said = (
        f"{email} is in a compliance state due to unsubscribe, bounce, or compliance review "
        "and cannot be subscribed."
    )
    return ProblemError(400, "Member In Compliance State", said)


def forgotten_email(email: str) -> ProblemError:
    said = (
        f"{email} was permanently deleted and cannot be re-imported. "
        "The contact must re-subscribe to get back on the list."
    )
    return ProblemError(400, "Forgotten Email Not Subscribed", said)


def not_removable() -> ProblemError:
    return ProblemError(405, "Method Not Allowed", NOT_REMOVABLE)


def wrong_method(allowed: Iterable[str]) -> ProblemError:
    problem = ProblemError(
        405,
        "Method Not Allowed",
        "The requested method and resource are not compatible. "
        "See the Allow header for this resource's available methods.",
    )
    problem.headers["allow"] = ", ".join(allowed)
    return problem


def wrong_key(said: str = "") -> ProblemError:
    wrong = "Your API key may be invalid, or you've attempted to access the wrong datacenter."
    return ProblemError(401, "API Key Invalid", said or wrong)


def forbidden(said: str = "You don't have permission to access this resource.") -> ProblemError:
    return ProblemError(403, "Forbidden", said)


def too_many() -> ProblemError:
    said = "You have exceeded the limit of 10 simultaneous connections."
    return ProblemError(429, "Too Many Requests", said)
