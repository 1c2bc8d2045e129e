"""One deployment serves one region: where everything lies, what of it can be checked, and who vouches for the rest."""

from gateway.residency.attesting import ACTION, Attesting, statement
from gateway.residency.checking import Misplaced, located
from gateway.residency.places import Spot, places
from gateway.residency.required import missing

__all__ = ["ACTION", "Attesting", "Misplaced", "Spot", "located", "missing", "places", "statement"]
