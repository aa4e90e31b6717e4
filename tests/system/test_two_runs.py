"""Two processes want the same sync: one works, the other says who does."""

from tests.pipelines.mailigen_pipedrive.desk import QUIET, Desk
from tests.system.processes import running, wait_for_fault


def test_a_second_run_ends_skipped_and_names_the_holder(desk: Desk) -> None:
    """ALL-13"""
    desk.start(QUIET, people=30)
    desk.fault("delay", "mailigen", "/1.8/listMembers", delay_s=3)
    with running(desk) as process:
        assert wait_for_fault(desk, process)

        second = desk.run()

        assert (second.outcome, second.exit_code) == ("skipped", 0)
        assert f"process {process.pid}" in second.said
        process.join()
        assert process.exitcode == 0
    assert desk.run().counts["intents"] == 0, "the first one did all of it"


def test_a_sync_held_by_a_dead_process_is_taken_over_at_once(desk: Desk) -> None:
    """ALL-04, ALL-13: nobody waits for a lease to run out."""
    desk.start(QUIET, people=30)
    desk.fault("delay", "mailigen", "/1.8/listMembers", delay_s=30)
    with running(desk) as process:
        assert wait_for_fault(desk, process)
        process.kill()
    desk.clear_faults()

    outcome = desk.run()

    assert outcome.outcome == "done", outcome.said
    assert outcome.sweep == 2
