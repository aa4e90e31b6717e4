"""What nobody's listener answered, taken in by a run: how this sync reads a delivery."""

from functools import partial

from pipelines import left_over
from pipelines.mailigen_pipedrive.config import Definition
from pipelines.mailigen_pipedrive.listening import bar_leavers
from pipelines.mailigen_pipedrive.naming import list_id_of
from pipelines.settings import Settings
from state.database import State


def take_in(state: State, definition: Definition, settings: Settings) -> int:
    """Take in what waits; return the last id, 0 for nothing."""
    name = definition.name
    if not left_over.is_nobodys(state, name, settings) or list_id_of(state, definition) is None:
        return 0  # without its list nobody could say which one a delivery is about
    return left_over.take_in(name, settings, partial(bar_leavers, state, definition, settings))
