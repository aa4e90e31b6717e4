"""How much of an account a sync may use, and what it says when that is used up."""

from collections.abc import Iterator

import pytest
from state_clock import Clock

from connectors.errors import QuotaExhausted
from pipelines.accounts import Metered, daily_tokens
from pipelines.settings import PipedriveConnection
from state.budgets import Budget
from state.database import State, open_state


@pytest.fixture
def state() -> Iterator[State]:
    opened = open_state("sqlite://", now=Clock())
    yield opened
    opened.close()


@pytest.mark.parametrize(("plan", "seats", "tokens"), [("lite", 1, 30_000), ("growth", 3, 180_000)])
def test_a_companys_tokens_grow_with_its_plan_and_its_seats(
    plan: str, seats: int, tokens: int
) -> None:
    wanted = {"vendor": "pipedrive", "secret": {"token": "T"}, "plan": plan, "seats": seats}

    assert daily_tokens(PipedriveConnection.model_validate(wanted)) == tokens


def test_a_budget_that_is_used_up_stops_the_sync_and_says_what_helps(state: State) -> None:
    """A good guest: the share is the most a sync may take, whatever it still wants to do."""
    naps: list[float] = []
    with Budget(
        state, "crm", day_allowance=20, burst=(1000, 2.0), share=0.5, sleep=naps.append
    ) as budget:
        meter = Metered(budget, "pipedrive")
        meter.spend(10, "read")

        with pytest.raises(QuotaExhausted) as stopped:
            meter.spend(1, "read")

    assert "quota_share" in stopped.value.next_step
