"""Windows in Prefect: shown once they are over, and never waited for."""

import httpx
from prefect_server import PrefectServer, prefect_server, wait_until

from deployments.windows_told import WindowsTold, is_worth_it
from pipelines.report import Ending, Outcome

__all__ = ["prefect_server"]


def window(number: int, ending: Ending = "done", **counts: int) -> Outcome:
    outcome = Outcome(f"window-{number}", "acme", outcome=ending, counts=counts)
    outcome.said = f"{counts.get('done', 0)} writes for 2 records"
    return outcome


def shown(server: PrefectServer) -> list[dict[str, object]]:
    asked = {"flow_runs": {"tags": {"all_": ["window", "acme"]}}, "sort": "NAME_ASC"}
    answer = httpx.post(f"{server.api_url}/flow_runs/filter", json=asked, trust_env=False)
    found: list[dict[str, object]] = answer.raise_for_status().json()
    return found


def logged(server: PrefectServer, run: dict[str, object]) -> list[str]:
    asked = {"logs": {"flow_run_id": {"any_": [run["id"]]}}}
    answer = httpx.post(f"{server.api_url}/logs/filter", json=asked, trust_env=False)
    return [str(one["message"]) for one in answer.raise_for_status().json()]


def test_windows_that_wrote_or_failed_are_flow_runs_that_have_ended(
    prefect_server: PrefectServer,
) -> None:
    """ALL-10, MC-02"""
    said: list[str] = []
    told = WindowsTold(prefect_server.api_url, said.append)
    told.tell("mailchimp_pipedrive", window(1, done=3))
    told.tell("mailchimp_pipedrive", window(2))
    told.tell("mailchimp_pipedrive", window(3, "failed"))
    told.close()
    wait_until(lambda: len(shown(prefect_server)) == 2, seconds=60, what="two windows are shown")
    first, second = shown(prefect_server)
    assert (first["name"], first["state_type"]) == ("acme window-1", "COMPLETED")
    assert (second["name"], second["state_type"]) == ("acme window-3", "FAILED")
    assert first["parameters"] == {"sync": "acme"}
    wait_until(lambda: len(logged(prefect_server, first)) == 1, seconds=60, what="its log is there")
    (line,) = logged(prefect_server, first)
    assert line.startswith("done in 0.0 s: 3 writes for 2 records")
    assert "history.writes where run_id = 'window-1'" in line
    assert not said


def test_a_server_that_is_down_is_said_once_and_holds_nothing_up() -> None:
    """ALL-12"""
    said: list[str] = []
    told = WindowsTold("http://127.0.0.1:9/api", said.append)
    for number in range(3):
        told.tell("mailchimp_pipedrive", window(number, done=1))
    wait_until(lambda: bool(said), seconds=60, what="the trouble is said")
    told.close()
    assert len(said) == 1
    assert said[0].startswith("Prefect cannot be told of windows (ConnectError)")


def test_a_window_that_found_nothing_to_do_is_of_no_interest() -> None:
    """ALL-12"""
    assert not is_worth_it(window(1))
    assert not is_worth_it(window(1, "skipped"))
    assert is_worth_it(window(1, "open", open=1))
    assert is_worth_it(window(1, adopted=1))
