"""Open the Mailchimp account of a sync, beside its Pipedrive account."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager

from connectors.mailchimp import Mailchimp
from pipelines.accounts import (
    Accounts,
    Engagement,
    Metered,
    credentials_of,
    daily_calls,
    impatiently,
    mailchimp_login,
    naming,
    open_both,
    pick,
)
from pipelines.mailchimp_pipedrive.config import Definition
from pipelines.settings import Connections, MailchimpConnection, Settings
from pipelines.surroundings import REAL, Surroundings
from state import horizons
from state.budgets import Budget
from state.database import State

BURST = (1_000, 1.0)  # the vendor counts what is open at a time, which the client keeps to


def open_accounts(
    settings: Settings, connections: Connections, definition: Definition, state: State,
    around: Surroundings = REAL,
) -> AbstractContextManager[Accounts[Mailchimp]]:  # fmt: skip
    """Connect to Pipedrive and Mailchimp; nothing is sent yet."""
    return open_both(open_engagement, settings, connections, definition, state, around)


@contextmanager
def open_engagement(
    settings: Settings, connections: Connections, account: str, state: State,
    around: Surroundings = REAL,
) -> Iterator[Engagement[Mailchimp]]:  # fmt: skip
    """Connect to a Mailchimp account alone: its webhooks need neither the CRM nor its secret."""
    known = pick(connections, account, MailchimpConnection)
    held = credentials_of(account, known)
    with naming(held), ExitStack() as stack:
        budget = stack.enter_context(
            Budget(
                state, account, day_allowance=int(daily_calls(known).share), burst=BURST,
                share=1.0, sleep=impatiently(around.sleep, "mailchimp"),
            )
        )  # fmt: skip
        client = stack.enter_context(
            Mailchimp(
                known.base_url or "",
                key=mailchimp_login(account, known, settings, state),
                meter=Metered(budget, "mailchimp"),
                http=stack.enter_context(around.open_http()),
                now=around.now,
                sleep=around.sleep,
                most_at_once=known.most_at_once,
            )
        )
        yield Engagement(
            client, budget, horizons.in_use(state, {account: known.horizon.list})[account],
            known.horizon.list, held,
        )  # fmt: skip
