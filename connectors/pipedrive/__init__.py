"""Pipedrive: what we read from it and write to it. Oddities are in README.md."""

from connectors.pipedrive.client import Pipedrive
from connectors.pipedrive.costs import COSTS
from connectors.pipedrive.credential import Credential, Fixed, Shown, bearer
from connectors.pipedrive.grant import Grant
from connectors.pipedrive.oauth import App

__all__ = ["COSTS", "App", "Credential", "Fixed", "Grant", "Pipedrive", "Shown", "bearer"]
