"""What WISEflow sends, and what became of it."""

from exports.grades.states import ExportState
from exports.models.api_client import ApiClient
from exports.models.attempt import ExportAttempt
from exports.models.correction import Correction
from exports.models.decision import Decision
from exports.models.delivery import Delivery
from exports.models.event import Event, Subscription
from exports.models.evidence import Evidence
from exports.models.exemption import Exemption
from exports.models.flow import ColumnMapping, Flow
from exports.models.grade_in_learn import GradeInLearn
from exports.models.heartbeat import Heartbeat
from exports.models.hold import Hold
from exports.models.in_wiseflow import FlowInWiseflow, PersonInWiseflow
from exports.models.learn_check import LearnCheck
from exports.models.outgoing import Digest
from exports.models.participant import Participant
from exports.models.proof import Proof, ProofState
from exports.models.purge_run import PurgeRun
from exports.models.refused_request import RefusedRequest
from exports.models.request_profile import RequestProfile
from exports.models.retry_run import RetryRun
from exports.models.translation import TranslatedGrade, Translation
from exports.models.webhook import Webhook, WebhookMessage

__all__ = [
    "ApiClient",
    "ColumnMapping",
    "Correction",
    "Decision",
    "Delivery",
    "Digest",
    "Event",
    "Evidence",
    "Exemption",
    "ExportAttempt",
    "ExportState",
    "Flow",
    "FlowInWiseflow",
    "GradeInLearn",
    "Heartbeat",
    "Hold",
    "LearnCheck",
    "Participant",
    "PersonInWiseflow",
    "Proof",
    "ProofState",
    "PurgeRun",
    "RefusedRequest",
    "RequestProfile",
    "RetryRun",
    "Subscription",
    "TranslatedGrade",
    "Translation",
    "Webhook",
    "WebhookMessage",
]
