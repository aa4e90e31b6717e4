"""Whether a vendor can reach this machine: asked before a port opens, and of syncs added later."""

import httpx

from connectors.http import is_loopback


def is_out_of_reach(vendor_url: str | None, public_url: str) -> bool:
    """Whether a vendor elsewhere would have to call a loopback address; '' is one. A vendor whose
    address only the credential says is elsewhere."""
    if vendor_url is not None and is_loopback(httpx.URL(vendor_url).host):
        return False
    return not public_url or is_loopback(httpx.URL(public_url).host)
