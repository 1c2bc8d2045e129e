"""The incident book: what went wrong, whom it touched, who knew when, what was decided, who was told, who signed."""

from gateway.incidents.affected import Affected
from gateway.incidents.detection import Detection, Sign, Thresholds, Watcher
from gateway.incidents.model import (
    Act,
    Changed,
    Clock,
    Closed,
    Draft,
    Incident,
    IncidentError,
    NoSuchIncident,
    NotYet,
    Refused,
    Told,
)
from gateway.incidents.record import Incidents

__all__ = [
    "Act",
    "Affected",
    "Changed",
    "Clock",
    "Closed",
    "Detection",
    "Draft",
    "Incident",
    "IncidentError",
    "Incidents",
    "NoSuchIncident",
    "NotYet",
    "Refused",
    "Sign",
    "Thresholds",
    "Told",
    "Watcher",
]
