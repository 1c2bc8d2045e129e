"""What a school chose for its people, as its administrators set it and as other rooms ask for it."""

from gateway.schools.formats import DEFAULTS, FORMATS, MEDIA_TYPES, by_media_type
from gateway.schools.settings import NotOffered, SchoolChoices, SchoolSettings, WrongVersion

__all__ = [
    "DEFAULTS",
    "FORMATS",
    "MEDIA_TYPES",
    "NotOffered",
    "SchoolChoices",
    "SchoolSettings",
    "WrongVersion",
    "by_media_type",
]
