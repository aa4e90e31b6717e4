"""Protections that can be switched off, one at a time, to see whether the lab turns red.

Nothing in the product is edited: some protections are the lab's own (a marker in the text, the
horizon it configures), the others are wrapped while a `without` block lasts.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from unittest.mock import patch

from sqlalchemy import false

from state import claims, machine, settings
from state import lease as leases
from tests.lab.level_a.planner import Protections
from tests.lab.level_a.story import Regime

NO_TIME = timedelta(0)
EVERYTHING = Protections()

# Name -> what the lab leaves out, and the weather in which the protection matters.
SWITCHES: dict[str, tuple[Protections, Regime]] = {
    "intent before send": (Protections(has_intent=False), "inside"),
    "marker": (Protections(has_marker=False), "inside"),
    "read-back": (Protections(has_read_back=False), "inside"),
    "horizon": (Protections(horizon=NO_TIME), "inside"),
    "lease and fence": (Protections(has_lease=False), "inside"),
    "fence": (EVERYTHING, "frozen"),
    "late bodies": (EVERYTHING, "inside"),
    "withdrawn bodies": (EVERYTHING, "inside"),
    "generations": (Protections(has_generations=False), "inside"),
    "consent": (Protections(has_consent=False), "inside"),
    "key from facts": (Protections(has_key_from_facts=False), "inside"),
    "row claim": (EVERYTHING, "inside"),
}


@contextmanager
def without(protection: str) -> Iterator[Protections]:
    """Give what the stage is to be built with; an empty name switches nothing off."""
    if protection in ("lease and fence", "fence"):
        with patch.object(leases, "check_fence", lambda _db, _lease: None):
            yield SWITCHES[protection][0]
    elif protection == "row claim":
        with patch.object(claims, "take", lambda _db, _lease, _claims: {}):
            yield EVERYTHING
    elif protection == "late bodies":
        with (
            patch.object(settings, "planned", _without_horizon(settings.planned)),
            patch.object(settings, "claim", _claim_at_once),
        ):
            yield EVERYTHING
    elif protection == "withdrawn bodies":
        with (
            patch.object(settings, "_PUT_OFF", settings._PUT_OFF.where(false())),
            patch.object(settings, "_WITHDRAW", _WITHDRAW_ALL),
        ):
            yield EVERYTHING
    else:
        yield SWITCHES[protection][0] if protection else EVERYTHING


def _without_horizon(planned: Callable[..., Any]) -> Callable[..., Any]:
    return lambda lease, account, **given: planned(lease, account, **{**given, "horizon": NO_TIME})


_claim = settings.claim
_WITHDRAW_ALL = settings._UNWANTED.values(state=machine.WITHDRAWN)


def _claim_at_once(lease: Any, wanted: Any, sending_at: Any, _horizon: timedelta) -> Any:
    return _claim(lease, wanted, sending_at, NO_TIME)
