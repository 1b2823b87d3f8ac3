"""What outside credentials are worth, for every process that the outside talks to: the gateway, and notify's sockets.

Access tokens are verified with identity's published keys and resolved by asking identity whose session they name;
identity's events say when an answer is no longer true.
"""

from credentials.access import Access, IdentityAccess, principal_from
from credentials.keys import InvalidToken, KeySet
from credentials.revocations import Holder, Revocations

__all__ = ["Access", "Holder", "IdentityAccess", "InvalidToken", "KeySet", "Revocations", "principal_from"]
