"""`_links`: what every object carries about itself and what may be done with it."""

from typing import Any

from sandbox.mailchimp.problems import DEFINITIONS

Link = dict[str, Any]


def link(rel: str, href: str, method: str = "GET", schema: str = "") -> Link:
    """`schema` is the vendor's path of a definition, such as `Lists/Response`."""
    told: Link = {"rel": rel, "href": href, "method": method}
    if schema:
        told["targetSchema"] = f"{DEFINITIONS}/{schema}.json"
    return told


def links_of_one(href: str, schema: str, *, update: str = "PATCH") -> list[Link]:
    """self, parent, update and delete of an object; the parent is one step up."""
    return [
        link("self", href, schema=f"{schema}/Response"),
        link("parent", href.rpartition("/")[0], schema=f"{schema}/CollectionResponse"),
        link("update", href, update, f"{schema}/Response"),
        link("delete", href, "DELETE"),
    ]


def links_of_many(href: str, schema: str) -> list[Link]:
    """self, parent and create of a collection."""
    return [
        link("self", href, schema=f"{schema}/CollectionResponse"),
        link("parent", href.rpartition("/")[0]),
        link("create", href, "POST", f"{schema}/Response"),
    ]
