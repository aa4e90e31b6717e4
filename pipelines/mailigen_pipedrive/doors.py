"""Where deployments/ comes in: everything that can be asked of this sync."""

from pipelines.doors import Doors
from pipelines.mailigen_pipedrive.adopt import adopt_sync
from pipelines.mailigen_pipedrive.audit import audit_sync
from pipelines.mailigen_pipedrive.check import check_sync
from pipelines.mailigen_pipedrive.explaining import EXPLAINING
from pipelines.mailigen_pipedrive.listening import BELL
from pipelines.mailigen_pipedrive.preview import preview_bot
from pipelines.mailigen_pipedrive.run import plan_sync, run_sync

DOORS = Doors(
    run=run_sync,
    plan=plan_sync,
    check=check_sync,
    explaining=EXPLAINING,
    audit=audit_sync,
    adopt=adopt_sync,
    preview=preview_bot,
    bells=(BELL,),
)
