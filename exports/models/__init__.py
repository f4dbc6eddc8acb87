"""What WISEflow sends, and what became of it."""

from exports.grades.states import ExportState
from exports.models.api_client import ApiClient
from exports.models.attempt import Delivery, ExportAttempt
from exports.models.correction import Correction
from exports.models.flow import ColumnMapping, Flow
from exports.models.grade_in_learn import GradeInLearn
from exports.models.participant import Participant
from exports.models.request_profile import RequestProfile
from exports.models.translation import TranslatedGrade, Translation

__all__ = [
    "ApiClient",
    "ColumnMapping",
    "Correction",
    "Delivery",
    "ExportAttempt",
    "ExportState",
    "Flow",
    "GradeInLearn",
    "Participant",
    "RequestProfile",
    "TranslatedGrade",
    "Translation",
]
