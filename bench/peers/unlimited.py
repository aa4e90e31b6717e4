"""The sandbox without Pipedrive's burst limit: sixty requests a second would hide every tool."""

from sandbox.__main__ import main
from sandbox.pipedrive import limits

if __name__ == "__main__":
    limits.BURST_API_TOKEN.update(dict.fromkeys(limits.BURST_API_TOKEN, 10**9))
    main()
