"""Secrets at rest."""

import pytest
from cryptography.fernet import Fernet

from servicekit.cipher import Cipher


def test_it_rotates_keys_and_knows_what_is_not_its_own() -> None:
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    stored = Cipher([old]).encrypt("sesame")
    assert b"sesame" not in stored
    rotated = Cipher([new, old])
    assert rotated.decrypt(stored) == "sesame"
    with pytest.raises(ValueError, match="unknown key"):
        Cipher([old]).decrypt(rotated.encrypt("sesame"))
    with pytest.raises(ValueError, match="at least one"):
        Cipher([])
