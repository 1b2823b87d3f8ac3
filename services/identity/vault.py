"""Everything that touches a secret: hashing, keyed digests, signed tokens, encryption at rest."""

import asyncio
import base64
import hashlib
import hmac
import json
import secrets
import string
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import jwt
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from servicekit.cipher import Cipher
from servicekit.errors import TooMany, Unauthenticated
from services.identity.settings import Settings

ISSUER = "mizan"
ALGORITHM = "EdDSA"
ACCESS = "access"
REFRESH = "refresh"
HASHES_AT_ONCE = 4
HASHES_WAITING = 64


@dataclass(frozen=True, slots=True)
class SigningKey:
    """One key of the access tokens; the id names it to verifiers."""

    key_id: str
    private: Ed25519PrivateKey


@dataclass(frozen=True, slots=True)
class RefreshClaims:
    """What a refresh token says: which session, and how many exchanges it has behind it."""

    session_id: UUID
    generation: int


class Vault:
    """Holds the service's keys; nothing else in identity sees them."""

    def __init__(
        self,
        *,
        signing_keys: list[SigningKey],
        pepper: bytes,
        encryption_keys: list[str],
        access_lifetime: timedelta,
        refresh_lifetime: timedelta,
    ) -> None:
        if not signing_keys:
            raise ValueError("at least one signing key is needed")
        self._signing_keys = signing_keys
        self._pepper = pepper
        self._cipher = Cipher(encryption_keys)
        self.access_lifetime = access_lifetime
        self.refresh_lifetime = refresh_lifetime
        self._hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
        self._threads = ThreadPoolExecutor(HASHES_AT_ONCE, thread_name_prefix="argon2")
        self._under_way = 0
        self._nobody = self._hasher.hash(secrets.token_urlsafe())

    async def hash(self, secret: str) -> str:
        """The Argon2id hash of a password or PIN. Raises TooMany when hashing is overloaded."""
        hashed: str = await self._in_thread(self._hasher.hash, secret)
        return hashed

    async def verify(self, stored: str | None, secret: str) -> bool:
        """Whether the secret matches; takes as long when there is nothing to match. Raises TooMany on overload."""
        matches = await self._in_thread(self._matches, stored or self._nobody, secret)
        return matches and stored is not None

    def _matches(self, stored: str, secret: str) -> bool:
        try:
            return self._hasher.verify(stored, secret)
        except (VerificationError, InvalidHashError):
            return False

    async def _in_thread(self, work: Any, *arguments: str) -> Any:
        if self._under_way >= HASHES_WAITING:
            raise TooMany("Too many logins at this moment. Please try again.", retry_after=1)
        self._under_way += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work, *arguments)
        finally:
            self._under_way -= 1

    def digest(self, purpose: str, text: str) -> bytes:
        """A keyed digest by which a secret is found and never read; each purpose has its own."""
        return hmac.digest(self._pepper, f"{purpose}\0{text}".encode(), hashlib.sha256)

    def encrypt(self, text: str) -> bytes:
        """The text for storage."""
        return self._cipher.encrypt(text)

    def decrypt(self, stored: bytes) -> str:
        """The text back. Raises ValueError when it was encrypted with a key that is gone."""
        return self._cipher.decrypt(stored)

    def access_token(
        self, *, session_id: UUID, user_id: UUID, restaurant_id: UUID | None, role: str, now: datetime
    ) -> str:
        """A signed access token of one session."""
        claims = {
            "token_type": ACCESS,
            "jti": uuid4().hex,
            "sid": str(session_id),
            "user_id": str(user_id),
            "rid": str(restaurant_id) if restaurant_id else None,
            "role": role,
        }
        return self._sign(claims, str(user_id), now, self.access_lifetime)

    def refresh_token(self, *, session_id: UUID, user_id: UUID, generation: int, now: datetime) -> str:
        """The refresh token of one generation of a session."""
        claims = {"token_type": REFRESH, "sid": str(session_id), "gen": generation}
        return self._sign(claims, str(user_id), now, self.refresh_lifetime)

    def _sign(self, claims: dict[str, Any], subject: str, now: datetime, lifetime: timedelta) -> str:
        key = self._signing_keys[0]
        standard = {"iss": ISSUER, "sub": subject, "iat": now, "exp": now + lifetime}
        return jwt.encode({**standard, **claims}, key.private, ALGORITHM, headers={"kid": key.key_id})

    def read_refresh(self, token: str, now: datetime) -> RefreshClaims:
        """What a refresh token says. Raises Unauthenticated when it is forged, foreign or expired."""
        claims = self._read(token, REFRESH, now)
        return RefreshClaims(UUID(claims["sid"]), int(claims["gen"]))

    def read_access(self, token: str, now: datetime) -> UUID:
        """The session that an access token is of. Raises Unauthenticated when it is forged, foreign or expired."""
        return UUID(self._read(token, ACCESS, now)["sid"])

    def _read(self, token: str, token_type: str, now: datetime) -> dict[str, Any]:
        try:
            key_id = jwt.get_unverified_header(token).get("kid")
            key = next(key for key in self._signing_keys if key.key_id == key_id)
            claims: dict[str, Any] = jwt.decode(
                token,
                key.private.public_key(),
                [ALGORITHM],
                issuer=ISSUER,
                # The service's own clock decides about time, so that the library's is left out.
                options={"verify_exp": False, "verify_iat": False},
            )
            if claims["token_type"] != token_type or claims["exp"] <= now.timestamp():
                raise jwt.InvalidTokenError(f"no {token_type} token, or an expired one")
        except (jwt.PyJWTError, StopIteration, KeyError, ValueError) as error:
            raise Unauthenticated("Token is invalid", code="token_not_valid") from error
        return claims

    def jwks(self) -> str:
        """The public half of every signing key as an RFC 7517 key set."""
        return json.dumps(
            {
                "keys": [
                    {
                        "kty": "OKP",
                        "crv": "Ed25519",
                        "alg": ALGORITHM,
                        "use": "sig",
                        "kid": key.key_id,
                        "x": _base64url(_public_bytes(key.private)),
                    }
                    for key in self._signing_keys
                ]
            }
        )

    def reference(self, purpose: str, identifier: UUID, generation: int) -> str:
        """A text that names a thing and proves that we wrote it, so that nothing about it needs storing."""
        body = identifier.bytes + generation.to_bytes(2, "big")
        return _base64url(body + self._reference_proof(purpose, body))

    def read_reference(self, purpose: str, reference: str) -> tuple[UUID, int] | None:
        """The id and generation that a reference names, or None when we did not write it."""
        try:
            raw = base64.urlsafe_b64decode(reference + "=" * (-len(reference) % 4))
        except ValueError:
            return None
        body, proof = raw[:18], raw[18:]
        if len(body) != 18 or not hmac.compare_digest(proof, self._reference_proof(purpose, body)):
            return None
        return UUID(bytes=body[:16]), int.from_bytes(body[16:], "big")

    def _reference_proof(self, purpose: str, body: bytes) -> bytes:
        return hmac.digest(self._pepper, purpose.encode() + b"\0" + body, hashlib.sha256)[:24]


def load_signing_keys(folder: Path) -> list[SigningKey]:
    """Every Ed25519 key in the folder, the newest file first: that one signs, the others still verify."""
    keys = []
    for path in sorted(folder.glob("*.pem"), key=lambda path: (path.stat().st_mtime, path.name), reverse=True):
        private = serialization.load_pem_private_key(path.read_bytes(), password=None)
        if not isinstance(private, Ed25519PrivateKey):
            raise ValueError(f"{path.name} holds no Ed25519 key")
        keys.append(SigningKey(hashlib.sha256(_public_bytes(private)).hexdigest()[:16], private))
    return keys


def build_vault(settings: Settings) -> Vault:
    """The keys that identity holds, from their files and variables."""
    return Vault(
        signing_keys=load_signing_keys(settings.jwt_keys_dir),
        pepper=settings.pin_pepper.get_secret_value().encode(),
        encryption_keys=settings.encryption_keys.get_secret_value().split(","),
        access_lifetime=settings.access_lifetime,
        refresh_lifetime=settings.refresh_lifetime,
    )


def random_password() -> str:
    """A password nobody can guess that satisfies every rule about passwords."""
    kinds = (string.ascii_uppercase, string.ascii_lowercase, string.digits, "!@#$%&*")
    characters = [secrets.choice(kind) for kind in kinds] + [secrets.choice("".join(kinds)) for _ in range(12)]
    secrets.SystemRandom().shuffle(characters)
    return "".join(characters)


def random_pin() -> str:
    """A PIN of six digits."""
    return f"{secrets.randbelow(1_000_000):06}"


def random_token() -> str:
    """A token nobody can guess: 43 characters that are safe in a link."""
    return secrets.token_urlsafe(32)


def _public_bytes(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
