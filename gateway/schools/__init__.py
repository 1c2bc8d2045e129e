"""What a school chose for its people, as its administrators set it and as other rooms ask for it."""

from gateway.schools.formats import DEFAULTS, FORMATS, MEDIA_TYPES, by_media_type
from gateway.schools.retention import BOUNDS, DAY, OutOfBounds, Retention, Usual, usual
from gateway.schools.retentions import Retentions
from gateway.schools.settings import NotOffered, SchoolChoices, SchoolSettings, WrongVersion

__all__ = [
    "BOUNDS",
    "DAY",
    "DEFAULTS",
    "FORMATS",
    "MEDIA_TYPES",
    "NotOffered",
    "OutOfBounds",
    "Retention",
    "Retentions",
    "SchoolChoices",
    "SchoolSettings",
    "Usual",
    "WrongVersion",
    "by_media_type",
    "usual",
]
