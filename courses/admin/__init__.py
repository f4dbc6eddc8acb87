"""Learn's side of the admin. One file a page; importing a page registers it."""

from courses.admin.columns import GradeColumnAdmin
from courses.admin.courses import CourseAdmin
from courses.admin.metadata import EnrolmentMetadataAdmin
from courses.admin.runs import ProvisioningRunAdmin, ProvisioningStepAdmin
from courses.admin.schemas import GradeSchemaAdmin

__all__ = [
    "CourseAdmin",
    "EnrolmentMetadataAdmin",
    "GradeColumnAdmin",
    "GradeSchemaAdmin",
    "ProvisioningRunAdmin",
    "ProvisioningStepAdmin",
]
