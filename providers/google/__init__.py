"""Google Drive (API v3): Google's client library builds the requests, aiohttp moves every byte.

`GoogleApi(root)` is made once; `GoogleDrive(api, outbound, tokens)` once for each connected account.
"""

from providers.google.api import GOOGLE_ROOT, GoogleApi
from providers.google.drive import GoogleDrive
from providers.google.errors import translate
from providers.google.traits import TRAITS

__all__ = ["GOOGLE_ROOT", "TRAITS", "GoogleApi", "GoogleDrive", "translate"]
