"""OneDrive and SharePoint libraries over Microsoft Graph v1.0; aiohttp moves every byte.

`OneDrive(outbound, tokens, graph_root=…)` is made once for each connected account, `PersonalOneDrive` where it is known
to be a personal one.
"""

from providers.onedrive.drive import OneDrive, PersonalOneDrive
from providers.onedrive.errors import translate
from providers.onedrive.traits import PERSONAL, TRAITS, of

PERSONAL_TRAITS = of(PERSONAL)

__all__ = ["PERSONAL_TRAITS", "TRAITS", "OneDrive", "PersonalOneDrive", "translate"]
