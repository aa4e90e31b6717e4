"""What Pipedrive sends by itself: is it really Pipedrive.

Pipedrive signs nothing. A webhook is given a user and a password when it is made, and every
delivery carries them as HTTP Basic; nothing proves that its body is Pipedrive's as well, so a
delivery is a doorbell, and what happened is read.
"""

import base64
import binascii
import hmac

AUTHORIZATION = "authorization"


def is_authorized(header: str | None, user: str, password: str) -> bool:
    """Whether a delivery carries this user and password; the same time for every wrong one.

    Never, where there is no password: anybody could send none.

    >>> is_authorized("Basic c3luY2xpbmU6czNjcmV0", "syncline", "s3cret")
    True
    """
    if not password or header is None:
        return False
    scheme, _, told = header.strip().partition(" ")
    try:
        carried = base64.b64decode(told.strip(), validate=True)
    except (binascii.Error, ValueError):
        carried = b""
    is_same = hmac.compare_digest(carried, f"{user}:{password}".encode())
    return is_same and scheme.lower() == "basic"
