"""What a request shows at Mailchimp's door: an API key, or the token an app was given.

Neither ends by itself. Which datacenter the account lives in is the last part of a key; of a
token only OAuth's metadata tells (oauth.py).
"""

import base64
import re
from dataclasses import dataclass, field

from connectors.errors import BadCredentials
from connectors.mailchimp.wire import VENDOR

# A name of the vendor's, and no way out of its domain: it becomes part of a host.
_DATACENTER = re.compile(r"-([a-z]{2,4}\d{1,3})$")


@dataclass(frozen=True)
class Login:
    """One account's credential. `secrets` are masked in every message; `api` is '' where only
    the connection's base_url says where the API is."""

    header: str = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False)
    api: str = ""


def api_key(key: str) -> Login:
    """What a request with an API key carries: HTTP Basic, whatever the user's name is.

    >>> api_key("0123456789abcdef0123456789abcdef-us6").api
    'https://us6.api.mailchimp.com'
    """
    _must_fit_a_header(key, "key")
    pair = base64.b64encode(f"syncline:{key}".encode()).decode()
    found = _DATACENTER.search(key)
    api = f"https://{found[1]}.api.mailchimp.com" if found else ""
    return Login(f"Basic {pair}", (key, pair), api)


def oauth_token(token: str, api: str) -> Login:
    """What a request of an app carries; `api` is the metadata's `api_endpoint`."""
    _must_fit_a_header(token, "token")
    return Login(f"Bearer {token}", (token,), api)


def fits_a_header(text: str) -> bool:
    """Whether a text can be a credential: an illegal header's error would show all of it."""
    return bool(text) and text.isascii() and text.isprintable() and " " not in text


def _must_fit_a_header(text: str, name: str) -> None:
    if not fits_a_header(text):
        raise BadCredentials(VENDOR, name, f"empty, or with characters no {name} has")
