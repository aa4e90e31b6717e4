"""Python imports this when it starts, in every process that a test on PostgreSQL starts.

Once `state.database` is imported, its states are on PostgreSQL too: see ../redirect.py.
"""

import importlib.util
import sys
from importlib.machinery import PathFinder
from pathlib import Path

MODULE = "state.database"


class Redirected:
    """Finds one module as ever, and changes it once it is loaded."""

    def find_spec(self, name, path=None, target=None):
        if name != MODULE:
            return None
        sys.meta_path.remove(self)
        found = PathFinder.find_spec(name, path, target)
        load = found.loader.exec_module

        def loaded(module):
            load(module)
            module._engine = _redirect().install(module._engine)

        found.loader.exec_module = loaded
        return found


def _redirect():
    file = Path(__file__).parents[1] / "redirect.py"
    found = importlib.util.spec_from_file_location("on_postgresql_redirect", file)
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


sys.meta_path.insert(0, Redirected())
