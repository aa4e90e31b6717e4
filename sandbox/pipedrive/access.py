"""Who may call: API tokens of users, and apps that were let in (oauth.py).

An API token is one user's and lives until it is revoked. The header `x-api-token` and the older
query `api_token` carry it; an app sends `Authorization: Bearer`.
"""

from sandbox.pipedrive.answers import INFO_V1, RefusalError, WholeAnswerError
from sandbox.pipedrive.assumptions import Assumptions
from sandbox.pipedrive.oauth import OAuth
from sandbox.vendor import Request


class Access:
    """The doors of one company account."""

    def __init__(self, seed: int, api_tokens: dict[str, int], assume: Assumptions) -> None:
        self.api_tokens = dict(api_tokens)
        self.revoked: set[str] = set()
        self.oauth = OAuth(seed, sorted(api_tokens.values()), assume)

    def who(self, request: Request) -> tuple[str, int]:
        """The token as limits count it and its user; 401 when there is no such door."""
        query = dict(request.query)
        token = request.headers.get("x-api-token") or query.get("api_token") or ""
        if token in self.api_tokens and token not in self.revoked:
            return token, self.api_tokens[token]
        bearer = request.headers.get("authorization", "")
        if token or not bearer:
            raise RefusalError(401, "unauthorized access")
        return bearer, self._app(request, bearer)

    def _app(self, request: Request, bearer: str) -> int:
        kind, _, token = bearer.partition(" ")
        if kind != "Bearer" or not token or " " in token:
            raise _refusal(400, "Invalid request: malformed authorization header")
        user_id = self.oauth.user_of(token, request.at)
        if user_id is None:
            raise _refusal(401, "Invalid token: access token is invalid")
        return user_id


def _refusal(status: int, said: str) -> WholeAnswerError:
    """The gateway before both versions of the API says it, in one shape."""
    body = {"success": False, "error": said, "errorCode": status, "error_info": INFO_V1}
    return WholeAnswerError(status, body)
