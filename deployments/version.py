"""Which version this is: of the installed package, else of the checkout it runs from."""

import tomllib
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed_version
from pathlib import Path

PROJECT = Path(__file__).absolute().parent.parent / "pyproject.toml"


def version() -> str:
    """
    >>> version().count(".")
    2
    """
    try:
        return installed_version("syncline")
    except PackageNotFoundError:
        return str(tomllib.loads(PROJECT.read_text())["project"]["version"])
