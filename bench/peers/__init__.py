"""The same job, the same faults, the same vendor: ours and the closest open-source peers.

    job.py           forty rows, each of which shall become one note
    faults.py        what happens meanwhile
    contestants.py   how each tool is set up and started, as its own pages advise
    trial.py         one of them through one fault, then the same command again
    members.py       another job: each row one member of a list, a hundred a request
    speed.py         both jobs with nothing in anybody's way: rows a second
    books.py         the judge: reads the vendor's journal and books, and nothing else

`python -m bench.peers` prints both tables; `rows()` is the first for others.
"""

from bench.peers.series import HEADINGS, rows

__all__ = ["HEADINGS", "rows"]
