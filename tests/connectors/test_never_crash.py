"""Whatever a vendor answers ends in a value or in one of the four families, at every reader.

The targets are those of `make fuzz`, which goes on for minutes.
"""

import inspect

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from connectors.mailchimp import Mailchimp
from connectors.mailigen import Mailigen
from connectors.pipedrive import Pipedrive
from tests.connectors.mailchimp_answers import AUDIENCE_CALLS
from tests.connectors.targets import CRM_CALLS, LIST_CALLS, TARGETS, Target, check

QUICK = settings(
    max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True,
    phases=[Phase.generate], database=None,  # `make fuzz` makes what it finds small
)  # fmt: skip
NO_CALLS = {"clock_offset", "vendor_now"}


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_whatever_is_answered_ends_in_a_value_or_in_one_of_the_four_families(
    target: Target,
) -> None:
    """ALL-04"""

    @QUICK
    @given(st.data())
    def tried(data: st.DataObject) -> None:
        check(target, data.draw(target.cases))

    tried()


@pytest.mark.parametrize(
    ("client", "calls"),
    [(Pipedrive, CRM_CALLS), (Mailigen, LIST_CALLS), (Mailchimp, AUDIENCE_CALLS)],
)
def test_every_call_of_a_client_is_a_target(client: type, calls: dict[str, object]) -> None:
    """ALL-04: whoever adds a call adds its target"""
    public = {name for name, _ in inspect.getmembers(client, inspect.isfunction) if name[0] != "_"}
    assert public - NO_CALLS == set(calls)
