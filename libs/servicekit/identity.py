"""Who is calling: the principal, and the signed internal token that carries it from process to process.

The gateway, and every service that acts on its own behalf, signs a token with its own Ed25519 key; the receiver
verifies it with the issuer's public key and keeps the result, so that minting and verifying are cache hits within a
token's life.
"""

import time
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from servicekit.errors import Invalid, Unauthenticated

ALGORITHM = "EdDSA"
AUDIENCE = "mizan-internal"
LIFETIME_SECONDS = 60
REUSE_UNTIL_SECONDS_LEFT = 15
CACHE_LIMIT = 20_000


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller whose credential was checked, with the tenant it acts in and the permissions it holds."""

    kind: str
    subject: str
    restaurant_id: UUID | None = None
    role: str = ""
    permissions: frozenset[str] = field(default_factory=frozenset)
    session_id: str = ""
    name: str = ""
    language: str = "en"
    time_zone: str = "UTC"
    """The restaurant's, known at the edge: there the clock times of requests become instants."""

    @property
    def user_id(self) -> UUID:
        """The person's id. Raises Invalid for a caller that is no person."""
        if self.kind != "USER":
            raise Invalid("This operation is for people.", code="not_a_person")
        return UUID(self.subject)

    @property
    def tenant(self) -> UUID:
        """The restaurant the caller acts in. Raises Invalid for a caller without one."""
        if self.restaurant_id is None:
            raise Invalid("No restaurant associated", code="no_restaurant")
        return self.restaurant_id

    def may(self, permission: str) -> bool:
        """Whether the caller holds the permission."""
        return permission in self.permissions

    def in_restaurant(self, restaurant_id: UUID | None) -> "Principal":
        """The same caller acting in one restaurant, for callers that serve many."""
        return replace(self, restaurant_id=restaurant_id)


ANONYMOUS = Principal(kind="ANONYMOUS", subject="")


def service_principal(name: str, *permissions: str) -> Principal:
    """The principal under which a service acts on its own behalf: jobs, event handlers, questions to neighbours."""
    return Principal(kind="SERVICE", subject=name, permissions=frozenset(permissions), name=name)


class KeyRing:
    """The public keys of every issuer, read from `<issuer>.pub` files; a new key file needs no restart.

    Several keys of one issuer stand one after the other as PEM blocks, which is how a key is rotated.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._keys: dict[str, tuple[float, list[Ed25519PublicKey]]] = {}

    def keys_of(self, issuer: str) -> list[Ed25519PublicKey]:
        """The issuer's public keys. Raises Unauthenticated for an unknown issuer."""
        path = self._folder / f"{issuer}.pub"
        if not issuer.isidentifier() or not path.is_file():
            raise Unauthenticated("The internal token's issuer is unknown.", code="unknown_issuer")
        changed = path.stat().st_mtime
        known = self._keys.get(issuer)
        if known is None or known[0] != changed:
            known = (changed, list(_public_keys(path.read_bytes())))
            self._keys[issuer] = known
        return known[1]


def _public_keys(pem: bytes) -> Iterator[Ed25519PublicKey]:
    end = b"-----END PUBLIC KEY-----"
    for block in pem.split(end)[:-1]:
        key = load_pem_public_key(block.strip() + b"\n" + end + b"\n")
        if isinstance(key, Ed25519PublicKey):
            yield key


class TokenMinter:
    """Signs internal tokens for principals and reuses each until shortly before it expires."""

    def __init__(self, issuer: str, key: Ed25519PrivateKey) -> None:
        self._issuer = issuer
        self._key = key
        self._minted: OrderedDict[Principal, tuple[float, str]] = OrderedDict()

    @classmethod
    def from_folder(cls, issuer: str, folder: Path) -> "TokenMinter":
        """Reads `<issuer>.pem`. Raises OSError when it is missing and ValueError when it is no Ed25519 key."""
        key = load_pem_private_key((folder / f"{issuer}.pem").read_bytes(), password=None)
        if not isinstance(key, Ed25519PrivateKey):
            raise ValueError(f"{issuer}.pem holds no Ed25519 key")
        return cls(issuer, key)

    def token_for(self, principal: Principal) -> str:
        """A signed token for the principal, good for at least `REUSE_UNTIL_SECONDS_LEFT` more seconds."""
        now = time.time()
        minted = self._minted.get(principal)
        if minted and minted[0] - now > REUSE_UNTIL_SECONDS_LEFT:
            return minted[1]
        expires = now + LIFETIME_SECONDS
        token = jwt.encode(_claims(principal, self._issuer, now, expires), self._key, ALGORITHM)
        self._minted[principal] = (expires, token)
        self._minted.move_to_end(principal)
        if len(self._minted) > CACHE_LIMIT:
            self._minted.popitem(last=False)
        return token

    def forget(self, principal: Principal) -> None:
        """Drops the token kept for a principal whose session ended or whose rights changed."""
        self._minted.pop(principal, None)


class TokenVerifier:
    """Turns internal tokens back into principals; the signature of each token is checked once."""

    def __init__(self, keys: KeyRing) -> None:
        self._keys = keys
        self._verified: OrderedDict[str, tuple[float, Principal]] = OrderedDict()

    def principal_of(self, token: str) -> Principal:
        """Who the token speaks for. Raises Unauthenticated when it is forged, foreign or expired."""
        verified = self._verified.get(token)
        if verified is not None:
            if verified[0] > time.time():
                return verified[1]
            del self._verified[token]
        claims = self._verify(token)
        principal = _principal(claims)
        self._verified[token] = (float(claims["exp"]), principal)
        if len(self._verified) > CACHE_LIMIT:
            self._verified.popitem(last=False)
        return principal

    def _verify(self, token: str) -> dict[str, Any]:
        try:
            issuer = jwt.decode(token, options={"verify_signature": False}).get("iss", "")
        except jwt.PyJWTError as error:
            raise Unauthenticated("The internal token is malformed.", code="token_not_valid") from error
        failure: jwt.PyJWTError | None = None
        for key in self._keys.keys_of(issuer):
            try:
                claims: dict[str, Any] = jwt.decode(
                    token, key, [ALGORITHM], audience=AUDIENCE, options={"require": ["exp", "iss", "sub", "knd"]}
                )
            except jwt.PyJWTError as error:
                failure = error
            else:
                if claims["knd"] == "SERVICE" and claims["sub"] != issuer:
                    raise Unauthenticated("A service may speak for itself only.", code="token_not_valid")
                return claims
        raise Unauthenticated("The internal token is not valid.", code="token_not_valid") from failure


def _claims(principal: Principal, issuer: str, now: float, expires: float) -> dict[str, Any]:
    return {
        "iss": issuer,
        "aud": AUDIENCE,
        "iat": int(now),
        "exp": int(expires),
        "knd": principal.kind,
        "sub": principal.subject,
        "rid": str(principal.restaurant_id) if principal.restaurant_id else "",
        "rol": principal.role,
        "prm": " ".join(sorted(principal.permissions)),
        "sid": principal.session_id,
        "nam": principal.name,
        "lng": principal.language,
    }


def _principal(claims: Mapping[str, Any]) -> Principal:
    return Principal(
        kind=claims["knd"],
        subject=claims["sub"],
        restaurant_id=UUID(claims["rid"]) if claims["rid"] else None,
        role=claims["rol"],
        permissions=frozenset(claims["prm"].split()),
        session_id=claims["sid"],
        name=claims["nam"],
        language=claims["lng"],
    )
