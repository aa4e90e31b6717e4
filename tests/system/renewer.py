"""A process that needs a newer access token; run by the tests as `python renewer.py URL STATE`.

It says `ready`, waits for a line, asks for the credential as a run would, calls users/me with it,
and says what was answered and which token it was (by its end).
"""

import sys
import time

import httpx

from connectors.pipedrive import App
from pipelines.granted import StoredGrant
from state.database import open_state


def main(url: str, state_url: str, key: str) -> None:
    state = open_state(state_url)
    with httpx.Client(trust_env=False, timeout=60) as http:
        app = App(url, client_id="sandbox-app", client_secret="sandbox-app-secret", http=http)
        credential = StoredGrant(state, "crm", app, key=key, sleep=time.sleep)
        stale = credential.show()
        print("ready", flush=True)
        sys.stdin.readline()
        shown = credential.renewed(stale)
        assert shown is not None
        headers = {shown.header: shown.value}
        answer = http.get(f"{shown.api}/v1/users/me", headers=headers)
        print(answer.status_code, shown.secret[-8:], flush=True)
    state.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
