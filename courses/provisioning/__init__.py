"""Schemas, columns, external grades and enrolment metadata -> Learn.

    run, plan = request(ProvisioningRequest(columns=...), by=user)    planning.py: recorded before anything is sent
    carry_out(run)                                                    execution.py: in batches, by a worker or a command

Every row of a run has a step that says what became of it. Steps go stage by stage: a schema before the columns that use
it, a column before those that count it and before it becomes the external grade. Nothing is sent again by itself.
"""

from courses.provisioning.execution import carry_out, preview
from courses.provisioning.outcomes import column_deleted, columns_locking, sweep
from courses.provisioning.planning import Plan, ProvisioningRequest, plan, request, request_deletion

__all__ = [
    "Plan",
    "ProvisioningRequest",
    "carry_out",
    "column_deleted",
    "columns_locking",
    "plan",
    "preview",
    "request",
    "request_deletion",
    "sweep",
]
