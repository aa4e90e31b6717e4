"""What a request shows at Pipedrive's door: a user's API token, or an app's access token.

The client asks for it before each request, since an access token lives an hour and a run may
live longer; where a newer one comes from, and where it is kept, is the credential's own matter.
"""

from typing import NamedTuple, Protocol

from connectors.errors import BadCredentials
from connectors.pipedrive.wire import VENDOR


class Shown(NamedTuple):
    """One request's credential. `secret` is masked in every message; `api` is '' where the
    connection alone says where the API is."""

    header: str
    value: str
    secret: str
    api: str = ""


class Credential(Protocol):
    """A key that may be exchanged while the client is open."""

    def show(self) -> Shown:
        """What the next request carries. TryAgain when it cannot be had just now, and
        BadCredentials when a person has to do something first."""

    def renewed(self, refused: Shown) -> Shown | None:
        """Another one in place of what was answered 401; None when there is none to be had."""


class Fixed:
    """What stays the same while the client is open."""

    def __init__(self, shown: Shown) -> None:
        self._shown = shown

    def show(self) -> Shown:
        return self._shown

    def renewed(self, refused: Shown) -> Shown | None:  # noqa: ARG002  the protocol has it
        return None


def api_token(token: str) -> Shown:
    """What a request of a user carries: the token lives until it is regenerated."""
    if not fits_a_header(token):
        raise BadCredentials(VENDOR, "token", "empty, or with characters no token has")
    return Shown("x-api-token", token, token)


def bearer(access_token: str, api: str) -> Shown:
    """What a request of an app carries."""
    return Shown("authorization", f"Bearer {access_token}", access_token, api)


def fits_a_header(token: str) -> bool:
    """Whether a text can be a token: an illegal header's error would show all of it."""
    return bool(token) and token.isascii() and token.isprintable() and " " not in token
