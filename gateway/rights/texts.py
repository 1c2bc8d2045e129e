"""The texts of the notices, every version that ever held. A published text never changes: a test holds its hash.

A new text is a new version, with what changes in it, and with ``material=True`` where it changes what is held about
people, what for, for how long, or who sees it. The page /privacy, which is made of the inventory, belongs to the
notice: `TOLD` holds a hash of what it tells, so that neither changes without the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from types import MappingProxyType
from typing import Final

from gateway.rights.notices import Notice
from gateway.sentences import sentence

NOTICES: Final = (
    Notice(
        "privacy",
        1,
        date(2026, 12, 1),
        sentence("Privacy notice"),
        (
            sentence(
                "Your school decides what your data is used for, and this service works for your school. It helps you "
                "to open your files, to move them between drives, and to keep files in a drive of your own."
            ),
            sentence(
                "It knows you by what your school's sign-in says: your name, your e-mail address, your role, your age "
                "group and your language. Nothing else is taken from there."
            ),
            sentence(
                "Files that you open are kept for a short time, locked with a key of your own, so that they open "
                "faster the next time. Files in your own drive stay until you delete them."
            ),
            sentence(
                "What is done with your files, and on whose word, is written down. You can see it. Nobody uses your "
                "files or your data for advertising, for profiles or to train machines."
            ),
            sentence(
                "You can see everything that is held about you, have it corrected, take a copy of it with you and have "
                "all of it forgotten. A guardian whom your school has named can do so for a child."
            ),
            sentence("If something is wrong, ask your school. You can also complain to the data protection authority."),
        ),
    ),
    Notice(
        "terms",
        1,
        date(2026, 12, 1),
        sentence("Terms of use"),
        (
            sentence(
                "You use this service for school. Its rules about files, names and images of others hold here, too."
            ),
            sentence("Open, move and share only what is yours or what you may use. Respect who made it."),
            sentence("Keep your sign-in to yourself, and sign out on a computer that others use."),
            sentence("The service may end a transfer that would harm others, and says so in its report."),
        ),
    ),
)

TOLD: Final[Mapping[int, str]] = MappingProxyType(
    {
        1: "c9b998748e8ce85edbdd7589d201d221b38c7ae318b9645a87fbbf63bd3296f6",
    }
)
"""By version of the privacy notice that it belongs to: the hash of what /privacy tells. A test makes and holds it."""
