"""The flows the laboratory attacks: how each one's world begins, how it runs, how it is read.

A flow joins by its entries in FLOWS, one a story. `begin` may run the flow itself, to arrive at
the moment of which the story tells; it does so with the desk's own surroundings. The stories are
told in `stories/`.
"""

from tests.lab.stories import audiences, lists, on_call, windows
from tests.lab.stories.books import flow_books, list_books
from tests.lab.stories.story import Flow, LabFlowDesk, run

FLOWS = (
    Flow("mailigen_pipedrive/first run", lists.first_run, run, list_books),
    Flow("mailigen_pipedrive/approved run", lists.approved_run, run, list_books),
    Flow("mailigen_pipedrive/later run", lists.later_run, run, list_books),
    Flow("audit/a doubled note", lists.doubled_run, lists.audit, list_books, ends="open"),
    Flow("adopt/the state is lost", lists.state_lost, lists.adopt_and_run, list_books),
    Flow("mailchimp_pipedrive/first run", audiences.first_flows, run, flow_books, desk=LabFlowDesk),
    Flow("mailchimp_pipedrive/later run", audiences.later_flows, run, flow_books, desk=LabFlowDesk),
    Flow(
        "audit/a doubled person",
        audiences.doubled_flows,
        audiences.audit_flows,
        flow_books,
        ends="open",
        desk=LabFlowDesk,
    ),
    Flow("mailigen_pipedrive/new subscribers", lists.new_subscribers, run, list_books),
    Flow("mailigen_pipedrive/a filter to make", lists.described_filter, run, list_books),
    Flow(
        "mailchimp_pipedrive/a filter to make", audiences.described_filter, run, flow_books,
        desk=LabFlowDesk,
    ),
    Flow(
        "mailchimp_pipedrive/a batch", audiences.many_updates, audiences.run_in_batches,
        flow_books, desk=LabFlowDesk,
    ),
    Flow(
        "adopt/the state of flows is lost", audiences.state_of_flows_lost,
        audiences.adopt_flows_and_run, flow_books, desk=LabFlowDesk,
    ),
    Flow(
        "window/then a sweep", windows.rung, windows.window, flow_books, desk=LabFlowDesk,
        recover=windows.sweeps,
    ),
    Flow(
        "window/rung for again", windows.rung, windows.window, flow_books, desk=LabFlowDesk,
        recover=windows.window_and_sweeps,
    ),
    Flow(
        "window/after a killed sweep", windows.rung, run, flow_books, desk=LabFlowDesk,
        recover=windows.window_and_sweeps,
    ),
    Flow(
        "on call/settle", on_call.in_doubt, on_call.settle, list_books,
        desk=on_call.OnCallDesk, recover=on_call.settle_and_run,
    ),
    Flow(
        "on call/forget", on_call.known_by_two_addresses, on_call.forget,
        on_call.books_and_traces, desk=on_call.OnCallDesk, recover=on_call.forget_and_run,
    ),
)  # fmt: skip


def flow_named(name: str) -> Flow:
    """The entry of that name; KeyError names those there are."""
    found = {flow.name: flow for flow in FLOWS}
    if name not in found:
        raise KeyError(f"no flow {name!r}; there are {sorted(found)}")
    return found[name]
