"""Whether a vendor can reach this machine: asked before a port opens, and of syncs added later."""

from ipaddress import ip_address

import httpx


def is_loopback(host: str) -> bool:
    """Whether only this machine itself can call that host.

    >>> is_loopback("[::1]"), is_loopback("localhost"), is_loopback("0.0.0.0")
    (True, True, False)
    """
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def is_out_of_reach(vendor_url: str, public_url: str) -> bool:
    """Whether a vendor elsewhere would have to call a loopback address; '' is one."""
    if is_loopback(httpx.URL(vendor_url).host):
        return False
    return not public_url or is_loopback(httpx.URL(public_url).host)
