"""HTML as a reader sees it: what a vendor cleaned compares with what we sent."""

import re
from html import unescape

TAG = re.compile(r"<[^>]*>")
BLANKS = re.compile(r"\s+")


def plain_text(html: str) -> str:
    """Return the words alone, one blank between them.

    >>> plain_text("<p>Opened&nbsp;3 &amp; more</p><p>ref SL-7F3KQ234</p>")
    'Opened 3 & more ref SL-7F3KQ234'
    """
    return BLANKS.sub(" ", unescape(TAG.sub(" ", html))).strip()
