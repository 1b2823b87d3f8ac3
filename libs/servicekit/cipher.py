"""Encryption of what a database must not show: tokens and keys of third parties."""

from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet


class Cipher:
    """Encrypts with the newest of its Fernet keys and decrypts with any, which is how a key is rotated."""

    def __init__(self, keys: Sequence[str]) -> None:
        """Takes the keys, newest first. Raises ValueError for none, or for what is no key."""
        self._fernet = MultiFernet([Fernet(key) for key in keys])

    def encrypt(self, text: str) -> bytes:
        """The text for storage."""
        return self._fernet.encrypt(text.encode())

    def decrypt(self, stored: bytes) -> str:
        """The text back. Raises ValueError when it was encrypted with a key that is gone."""
        try:
            return self._fernet.decrypt(stored).decode()
        except InvalidToken as error:
            raise ValueError("encrypted with an unknown key") from error
