"""Pipedrive: what we read from it and write to it. Oddities are in README.md."""

from connectors.pipedrive.client import LAST_CONTACT, Pipedrive
from connectors.pipedrive.costs import COSTS
from connectors.pipedrive.credential import Credential, Fixed, Shown, bearer
from connectors.pipedrive.grant import Grant
from connectors.pipedrive.oauth import App
from connectors.pipedrive.written import Written

__all__ = [
    "COSTS",
    "LAST_CONTACT",
    "App",
    "Credential",
    "Fixed",
    "Grant",
    "Pipedrive",
    "Shown",
    "Written",
    "bearer",
]
