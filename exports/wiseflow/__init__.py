"""The client of WISEflow's own API. It only reads. It knows HTTP and OAuth2; it knows no Django."""

from exports.wiseflow.client import Wiseflow
from exports.wiseflow.errors import (
    CredentialsRefused,
    Fault,
    ModuleMissing,
    NotOnLicence,
    NotReached,
    TooManyCalls,
    Unreadable,
    WiseflowError,
)
from exports.wiseflow.holdings import Assessment, Dates, FlowHead, FoundFlow, Person, Scale, Source, TrailEvent

__all__ = [
    "Assessment",
    "CredentialsRefused",
    "Dates",
    "Fault",
    "FlowHead",
    "FoundFlow",
    "ModuleMissing",
    "NotOnLicence",
    "NotReached",
    "Person",
    "Scale",
    "Source",
    "TooManyCalls",
    "TrailEvent",
    "Unreadable",
    "Wiseflow",
    "WiseflowError",
]
