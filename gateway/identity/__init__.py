"""Who somebody is: schools, people, sign-in at the school's provider, sessions, the extension's tokens, accounts."""

from gateway.identity.accounts import Account, Accounts, Consent
from gateway.identity.client_tokens import CLIENT_ID, ClientGrant, ClientTokens, TokenPair
from gateway.identity.errors import (
    ConnectRefused,
    IdentityError,
    NoSuchAccount,
    NotActive,
    SignInRefused,
    Suspended,
    TokenRefused,
    WrongState,
)
from gateway.identity.grants import AccountGrant
from gateway.identity.oidc import Provider
from gateway.identity.people import Claims, People, Person
from gateway.identity.schools import School, Schools
from gateway.identity.sessions import NewSession, Sessions
from gateway.identity.sign_in import Begun, Finished, SignIn

__all__ = [
    "CLIENT_ID",
    "Account",
    "AccountGrant",
    "Accounts",
    "Begun",
    "Claims",
    "ClientGrant",
    "ClientTokens",
    "ConnectRefused",
    "Consent",
    "Finished",
    "IdentityError",
    "NewSession",
    "NoSuchAccount",
    "NotActive",
    "People",
    "Person",
    "Provider",
    "School",
    "Schools",
    "Sessions",
    "SignIn",
    "SignInRefused",
    "Suspended",
    "TokenPair",
    "TokenRefused",
    "WrongState",
]
