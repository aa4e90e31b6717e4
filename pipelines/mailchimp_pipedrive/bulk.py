"""Many updates at once: a batch of PATCHes that carry no status, each an effect of its own.

    claimed (one commit) --POST /batches--> the vendor works on them --file--> settled one by one
                               '-- no answer: each is in doubt, and looked up when no batch goes on

An operation is named by its place in the batch; what became of it is told by that name.
"""

from collections.abc import Callable, Sequence

from connectors.errors import ReadFailed
from connectors.mailchimp import Mailchimp, MemberUpdate, Outcome
from pipelines.mailchimp_pipedrive import bodies
from state.settings import Setting

MOST = 500  # operations a batch
FEWEST = 100  # for fewer, single requests are over sooner
FIRST_LOOK, LONGEST_PAUSE = 1.0, 15.0  # seconds
PATIENCE = 1_800.0  # seconds; a batch that is not over by then leaves its rows in doubt


class NotOverError(Exception):
    """The vendor is still at work on a batch: nobody knows yet what became of its operations."""


def update(
    engagement: Mailchimp, window: Sequence[Setting], sleep: Callable[[float], None]
) -> dict[str, Outcome]:
    """Hand a window over and wait for its end; what became of each, by its place in the window.

    NotOverError when it takes too long. What starting it raises is about all of them.
    """
    operations = [
        MemberUpdate(str(place), wanted["list"], wanted["member"], bodies.of_member(wanted))
        for place, wanted in enumerate(one.desired for one in window)
    ]
    batch_id = engagement.start_batch(operations)
    waited, pause = 0.0, FIRST_LOOK
    while True:
        try:
            found = engagement.batch_results(batch_id, operations)
        except ReadFailed:
            found = None  # the address of the file is good for minutes: it is asked for again
        if found is not None:
            return found
        if waited >= PATIENCE:
            raise NotOverError(f"batch {batch_id} is not over after {PATIENCE:.0f} s")
        sleep(pause)
        waited, pause = waited + pause, min(2 * pause, LONGEST_PAUSE)


def is_at_work(engagement: Mailchimp) -> bool:
    """Whether a batch of anybody's goes on in the account: an old body may still be written."""
    return bool(engagement.unfinished_batches())
