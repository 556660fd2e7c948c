"""Members of staff, who prove by a PIN that it is they who say something."""

import hashlib
import hmac
import re
import secrets
import unicodedata
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from care_robot.care.alarms import MAX_NAME
from care_robot.care.strict_yaml import Strict

MIN_DIGITS, MAX_DIGITS = 4, 12
# N, r and p of RFC 7914: 16 MiB and some 50 ms for each attempt.
_COST = {"n": 2**14, "r": 8, "p": 1}
_HASHED = re.compile(r"scrypt\$([0-9a-f]{32})\$([0-9a-f]{64})")


class PinError(ValueError):
    """A PIN that nobody may have; the message says why."""


def hash_pin(pin: str) -> str:
    """A PIN as it stands in ``care.yaml``, salted; PinError where it is no number of 4 to 12 digits."""
    if not (pin.isascii() and pin.isdigit() and MIN_DIGITS <= len(pin) <= MAX_DIGITS):
        raise PinError(f"A PIN is a number of {MIN_DIGITS} to {MAX_DIGITS} digits.")
    salt = secrets.token_bytes(16)
    return f"scrypt${salt.hex()}${_scrypt(pin, salt).hex()}"


def _scrypt(pin: str, salt: bytes) -> bytes:
    return hashlib.scrypt(pin.encode(), salt=salt, dklen=32, **_COST)


def _checked_hash(pin: SecretStr) -> SecretStr:
    if not _HASHED.fullmatch(pin.get_secret_value()):
        raise ValueError("must be what `./care contacts pin NAME` prints; a PIN itself must not stand here")
    return pin


class Staff(Strict):
    """One member of staff; `pin` is salted and hashed, never the PIN itself."""

    name: str = Field(min_length=1, max_length=MAX_NAME)
    pin: Annotated[SecretStr, AfterValidator(_checked_hash)]

    def check(self, pin: str) -> bool:
        """Whether `pin` is theirs; takes some 50 ms for each that could be one."""
        hashed = _HASHED.fullmatch(self.pin.get_secret_value())
        if hashed is None or not (pin.isascii() and pin.isdigit() and len(pin) <= MAX_DIGITS):
            return False
        salt, expected = map(bytes.fromhex, hashed.groups())
        return hmac.compare_digest(_scrypt(pin, salt), expected)


def same_name(one: str, other: str) -> bool:
    """Whether two spellings are one name: some keyboards send Hangul as single letters, some as syllables."""
    return _plain(one) == _plain(other)


def _plain(name: str) -> str:
    return unicodedata.normalize("NFC", " ".join(name.split()))
