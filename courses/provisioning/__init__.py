"""Schemas, columns, external grades and enrolment metadata -> Learn.

    run, choice = request(Wanted(columns=...), by=user)    choosing.py: recorded before anything is sent
    carry_out(run)                                         carrying_out.py: in batches, by a task worker or a command

Every row of a run has a step that says what became of it. Steps go stage by stage: a schema before the columns that use
it, a column before those that count it and before it becomes the external grade. Nothing is sent again by itself.
"""

from courses.provisioning.carrying_out import carry_out, foresee
from courses.provisioning.choosing import Choice, Wanted, choose, request, request_deletion
from courses.provisioning.settling import column_deleted, columns_locking, sweep

__all__ = [
    "Choice",
    "Wanted",
    "carry_out",
    "choose",
    "column_deleted",
    "columns_locking",
    "foresee",
    "request",
    "request_deletion",
    "sweep",
]
