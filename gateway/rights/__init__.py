"""What people may demand: to see, correct, and take with them what is held about them; by themselves or a guardian."""

from gateway.rights.acting import Acting, How
from gateway.rights.correction import BadValue, Correction, CorrectionRefused
from gateway.rights.exporting import Wanted
from gateway.rights.exports import Export, NoExport
from gateway.rights.guardians import RIGHTS, Link, LinkRefused, NoLink, Right
from gateway.rights.notices import NotAcceptable, Notice, Standing
from gateway.rights.sections import SECTIONS, section
from gateway.rights.service import Rights, rights

__all__ = [
    "RIGHTS",
    "SECTIONS",
    "Acting",
    "BadValue",
    "Correction",
    "CorrectionRefused",
    "Export",
    "How",
    "Link",
    "LinkRefused",
    "NoExport",
    "NoLink",
    "NotAcceptable",
    "Notice",
    "Right",
    "Rights",
    "Standing",
    "Wanted",
    "rights",
    "section",
]
