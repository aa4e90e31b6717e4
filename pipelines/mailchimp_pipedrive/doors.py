"""Where deployments/ comes in: everything that can be asked of this sync."""

from pipelines.doors import Doors
from pipelines.mailchimp_pipedrive.adopt import adopt_sync
from pipelines.mailchimp_pipedrive.audit import audit_sync
from pipelines.mailchimp_pipedrive.check import check_sync
from pipelines.mailchimp_pipedrive.explaining import EXPLAINING
from pipelines.mailchimp_pipedrive.listening import BELLS
from pipelines.mailchimp_pipedrive.preview import preview_flow
from pipelines.mailchimp_pipedrive.run import plan_sync, run_sync
from pipelines.mailchimp_pipedrive.warm import Warm

DOORS = Doors(
    run=run_sync,
    plan=plan_sync,
    check=check_sync,
    explaining=EXPLAINING,
    audit=audit_sync,
    adopt=adopt_sync,
    preview=preview_flow,
    warm=Warm,
    bells=BELLS,
)
