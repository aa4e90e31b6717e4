"""The state database's history, as Alembic migrations run from code.

There is no alembic.ini: `state.database.open_state` upgrades whatever it opens.
"""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

HERE = Path(__file__).parent


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(HERE).replace("%", "%%"))
    return config


def known_versions() -> set[str]:
    return {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}


def upgrade(db: Connection, to: str = "head") -> None:
    """Bring the tables to the newest version, or up to one, inside the caller's transaction."""
    config = _config()
    config.attributes["connection"] = db
    command.upgrade(config, to)
