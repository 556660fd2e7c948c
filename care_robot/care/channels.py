"""Ways to a contact, as ``care.yaml`` names them; addresses and passwords are secrets and never shown."""

import ipaddress
import re
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, model_validator

from care_robot.care.strict_yaml import Strict

MAX_ADDRESS = 2000
MAX_PASSWORD = 500
_SMTP_PORTS = {"starttls": 587, "tls": 465, "none": 25}


def on_this_machine(host: str) -> bool:
    """Whether a host name or address never leaves this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def checked_webhook_url(url: str) -> str:
    """`url` where pages may go: https, or http on this machine; ValueError with a sentence otherwise.

    The address itself is never in the sentence: it may hold a secret.
    """
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname, parts.port
    except ValueError:
        parts, host = urlsplit(""), None
    if not host or parts.scheme not in ("http", "https") or not _is_plain(url):
        raise ValueError("a webhook needs an address such as https://example.org/page")
    if parts.username or parts.password:
        raise ValueError("a webhook address must not hold a user name or password; use a secret path instead")
    if parts.scheme == "http" and not on_this_machine(host):
        raise ValueError("a page is personal data: the webhook address must begin with https://")
    return url


def _is_plain(text: str) -> bool:
    return text.isascii() and text.isprintable() and " " not in text and len(text) <= MAX_ADDRESS


def _checked_secret_url(url: SecretStr) -> SecretStr:
    checked_webhook_url(url.get_secret_value())
    return url


def _checked_apprise_url(url: SecretStr) -> SecretStr:
    text = url.get_secret_value()
    if not _is_plain(text) or not re.match(r"[A-Za-z0-9]+://[^/]", text):
        raise ValueError(
            "an Apprise address has the form scheme://…, such as mailtos:// or tgram://, without spaces and "
            "with other letters than ASCII as %XX (docs/contacts.md)"
        )
    return url


def _checked_email(address: str) -> str:
    if len(address) > 254 or not re.fullmatch(r"[A-Za-z0-9.!#$%&'*+/=?^_{|}~-]+@[A-Za-z0-9.-]+", address):
        raise ValueError("must be one e-mail address, such as name@example.org")
    return address


def _checked_host(host: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|[0-9A-Fa-f:]{2,45}", host):
        raise ValueError("must be the name or address of a server, such as smtp.example.org")
    return host


EmailAddress = Annotated[str, AfterValidator(_checked_email)]


class Console(Strict):
    """Pages go to the log."""

    type: Literal["console"]

    @property
    def label(self) -> str:
        """What it is called where secrets must not be read."""
        return self.type


class Webhook(Strict):
    """Pages are posted to an address as JSON."""

    type: Literal["webhook"]
    url: Annotated[SecretStr, AfterValidator(_checked_secret_url)]

    @property
    def label(self) -> str:
        """What it is called where secrets must not be read."""
        return self.type


class Apprise(Strict):
    """Pages go to a service that Apprise knows: SMS gateways, messengers, e-mail and others."""

    type: Literal["apprise"]
    url: Annotated[SecretStr, AfterValidator(_checked_apprise_url)]

    @property
    def label(self) -> str:
        """What it is called where secrets must not be read."""
        return f"apprise {self.url.get_secret_value().split('://')[0].lower()}"


class Smtp(Strict):
    """The mail server that takes the pages; encrypted, unless it runs on this machine."""

    host: Annotated[str, AfterValidator(_checked_host)]
    port: int | None = Field(default=None, ge=1, le=65535)
    security: Literal["starttls", "tls", "none"] = "starttls"
    user: str = Field(default="", max_length=254)
    password: SecretStr | None = None
    password_file: str | None = Field(default=None, min_length=1, max_length=MAX_ADDRESS)

    @model_validator(mode="after")
    def _fits_together(self) -> "Smtp":
        if self.security == "none" and not on_this_machine(self.host):
            raise ValueError(
                "a page is personal data: security: none is for a mail server on this machine; "
                "use starttls or tls"
            )
        if self.password is not None and self.password_file is not None:
            raise ValueError("give either password or password_file, not both")
        if bool(self.user) != bool(self.login_password()):
            raise ValueError("give user together with password or password_file, or neither")
        return self

    @property
    def server_port(self) -> int:
        """`port`, or the usual one for `security`."""
        return self.port or _SMTP_PORTS[self.security]

    def login_password(self) -> str:
        """The password, from its file where it stands in one; ValueError where that cannot be read."""
        if self.password_file is None:
            return self.password.get_secret_value() if self.password else ""
        path = Path(self.password_file).expanduser()
        try:
            with path.open(encoding="utf-8") as file:
                text = file.read(MAX_PASSWORD + 2)
        except (OSError, ValueError, RuntimeError) as error:
            problem = getattr(error, "strerror", None) or type(error).__name__
            raise ValueError(
                f"the password_file {path} cannot be read ({problem}); check its path and permissions"
            ) from None
        password = text.rstrip("\r\n")
        if not password or len(password) > MAX_PASSWORD or not password.isprintable():
            raise ValueError(f"the password_file {path} must hold the password alone, in one line")
        return password


class Email(Strict):
    """Pages go to a mail address through a mail server of one's own."""

    type: Literal["email"]
    to: EmailAddress
    sender: EmailAddress | None = None
    smtp: Smtp

    @model_validator(mode="after")
    def _has_a_sender(self) -> "Email":
        try:
            _checked_email(self.from_address)
        except ValueError:
            raise ValueError(
                "give sender, the address that the mails come from; smtp.user is not one"
            ) from None
        return self

    @property
    def from_address(self) -> str:
        """The address that the mails come from."""
        return self.sender or self.smtp.user

    @property
    def label(self) -> str:
        """What it is called where secrets must not be read."""
        return self.type


Channel = Annotated[Console | Webhook | Apprise | Email, Field(discriminator="type")]
