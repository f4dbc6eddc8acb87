"""Where grades land: what Learn holds, as GradeBridge knows it, and what GradeBridge did to it."""

from common.spelled import Spelled
from courses.models.column_reading import ColumnReading
from courses.models.course import NAME_LENGTH, Course
from courses.models.enrolment_metadata import EnrolmentMetadata
from courses.models.grade_column import GradeColumn
from courses.models.grade_schema import GradeSchema
from courses.models.provisioned import Provisioned, mark_as_in_learn, mark_as_not_in_learn, not_known_to_be_gone
from courses.models.provisioning import ProvisioningRun, ProvisioningStep
from courses.models.service_call import ServiceCall

__all__ = [
    "NAME_LENGTH",
    "ColumnReading",
    "Course",
    "EnrolmentMetadata",
    "GradeColumn",
    "GradeSchema",
    "Provisioned",
    "ProvisioningRun",
    "ProvisioningStep",
    "ServiceCall",
    "Spelled",
    "mark_as_in_learn",
    "mark_as_not_in_learn",
    "not_known_to_be_gone",
]
