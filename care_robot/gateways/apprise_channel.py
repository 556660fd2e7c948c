"""Pages by e-mail, SMS and messengers, through Apprise.

Apprise is forgiving where an alarm must not be: it follows redirections, can be told to skip certificates or
to call a failure a success, waits between messages, and has schemes without encryption. Here it may do none
of it.
"""

import contextlib
import difflib
import logging
import re
import sys
import threading
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote

from apprise import (
    Apprise,
    AppriseAsset,
    NotifyBase,
    NotifyFormat,
    NotifyType,
    OverflowMode,
    PersistentStoreMode,
)
from apprise.manager_plugins import NotificationManager
from apprise.plugins.email import NotifyEmail

from care_robot.care.channels import Apprise as AppriseAddress
from care_robot.care.channels import Email, on_this_machine
from care_robot.gateways.channel import ChannelError, Message, body_of, subject_of
from care_robot.gateways.probes import TIMEOUT_S, log_in, reach, reach_tls

_MODES = {"starttls": "starttls", "tls": "ssl", "none": "insecure"}
_RADIO = ("aprs", "dapnet")
_TLS_PORTS = {"ircs": 6697, "mqtts": 8883, "amqps": 5671}
"""Services that do not speak HTTP, with their usual ports."""
_TYPES = {"high": NotifyType.FAILURE, "medium": NotifyType.WARNING}

# Their records may hold addresses, tokens and names, and nobody reads them; `_Status` takes what is safe.
for _name in ("apprise", "urllib3", "requests"):
    logging.getLogger(_name).addHandler(logging.NullHandler())
    logging.getLogger(_name).propagate = False


class ApprisedChannel:
    """One service that Apprise knows.

    Parameters
    ----------
    channel
        An Apprise address, or a mailbox and its mail server.
    folder
        Where services such as KakaoTalk keep a token that they have renewed; None to forget it.

    Raises
    ------
    ChannelError
        Apprise does not know the service, the address is not complete, or pages would not be encrypted.
    """

    def __init__(self, channel: AppriseAddress | Email, folder: Path | None = None) -> None:
        self._channel = channel
        self._folder = folder
        if folder:
            with contextlib.suppress(OSError):  # then tokens are forgotten, and pages go all the same
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        service = self._service()
        self._scheme = _scheme(_address(channel)) if isinstance(channel, AppriseAddress) else service.schema
        _refuse_plain(service, self._scheme)
        if not service.verify_certificate:
            raise ChannelError(
                "verify=no would send pages to anybody who answers; take it out of the address"
            )
        self._is_email = isinstance(service, NotifyEmail)
        self._host = "" if self._is_email else _host_of(service)

    @property
    def proof(self) -> str:
        """What is known once `test` has returned."""
        if self._is_email:
            return "the mail server answers and lets us in; whether it delivers to the mailbox is not known"
        if self._host:
            return f"{self._host} answers; whether it knows the account and the receiver is not known"
        return "the address has the right form; nothing more is known before a message is sent"

    def send(self, message: Message) -> None:
        """Send once; a title is left out where the service has none, since the text says it all."""
        service = self._service()
        title = subject_of(message) if service.title_maxlen > 0 else ""
        kind = NotifyType.INFO if message["drill"] or message["test"] else _TYPES.get(message["priority"])
        status = _Status()
        logger = logging.getLogger("apprise")
        logger.addHandler(status)
        try:
            taken = service.notify(
                body=body_of(message),
                title=title,
                notify_type=kind or NotifyType.INFO,
                body_format=NotifyFormat.TEXT,
            )
        finally:
            logger.removeHandler(status)
        if not taken:
            raise ChannelError(f"it did not take the page ({status.problem})")

    def test(self) -> None:
        """Log in to the mail server, or connect to the service; nothing is sent."""
        service = self._service()
        host, port = self._host, service.port
        if isinstance(service, NotifyEmail):
            mode, user, password = str(service.secure_mode), service.user or "", service.password or ""
            log_in(service.smtp_host, port or 0, mode, user, password)
        elif host and service.schema in _TLS_PORTS:
            reach_tls(host, port or _TLS_PORTS[service.schema])
        elif host:
            own = host == service.host
            reach(host, port if own else None, bool(service.secure or not own))

    def _service(self) -> NotifyBase:
        """Anew for each page: Apprise makes later messages of one object wait for the earlier ones."""
        asset = AppriseAsset(
            app_id="care_robot",
            app_desc="care_robot",
            app_url="",
            image_url_mask="",
            image_url_logo="",
            storage_path=str(self._folder) if self._folder else None,
            storage_mode=PersistentStoreMode.FLUSH if self._folder else PersistentStoreMode.MEMORY,
        )
        try:
            address = _mail(self._channel) if isinstance(self._channel, Email) else _address(self._channel)
        except ValueError as error:  # the file with the password is gone
            raise ChannelError(str(error)) from None
        service = Apprise.instantiate(address, asset=asset)
        if service is None:
            raise ChannelError(_refusal(address))
        service.redirects = False
        service.optional = False
        service.retry = 0
        service.request_rate_per_sec = 0
        service.overflow_mode = OverflowMode.SPLIT
        service.socket_connect_timeout = service.socket_read_timeout = TIMEOUT_S
        return service


class _Status(logging.Handler):
    """Takes from this thread's records what says why a message was not taken, and no other word."""

    _CODE: ClassVar = re.compile(r"error=(\d{3})\b")

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.problem = "no reason given"
        self._thread = threading.get_ident()

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the HTTP status, or that there was no connection."""
        if record.thread != self._thread:
            return
        text = record.getMessage()
        if code := self._CODE.search(text):
            self.problem = f"HTTP status {code[1]}"
        elif "onnection error" in text:
            self.problem = "it cannot be reached, or hung up"


def _address(channel: AppriseAddress) -> str:
    return channel.url.get_secret_value()


def _scheme(address: str) -> str:
    return address.split("://", maxsplit=1)[0].lower()


def _refusal(address: str | dict[str, Any]) -> str:
    """Why Apprise makes no service of an address; nothing of it is shown but its scheme."""
    if isinstance(address, dict):
        return "Apprise does not take the mail address or the server; check to, sender and smtp"
    scheme = _scheme(address)
    services: Any = NotificationManager
    kinds: Any = {name: kind for kind in services().plugins() for name in _schemes(kind)}
    if scheme in ("http", "https"):
        return "Apprise does not know the service at this address; for JSON to a server, use type: webhook"
    if scheme not in kinds:
        close = difflib.get_close_matches(scheme, kinds, n=1)
        return f"Apprise knows no service {scheme}://" + (f"; did you mean '{close[0]}'" if close else "")
    if not kinds[scheme].enabled:
        return f"{scheme}:// needs a program or Python package that is not installed on this machine"
    return f"the address after {scheme}:// is not complete; compare it with Apprise's page on {scheme}"


def _mail(email: Email) -> dict[str, Any]:
    """What Apprise's mail service is made of; it decodes user and password as parts of an address."""
    smtp = email.smtp
    return {
        "schema": "mailto" if smtp.security == "none" else "mailtos",
        "host": smtp.host,
        "smtp_host": smtp.host,
        "port": smtp.server_port,
        "secure_mode": _MODES[smtp.security],
        "user": quote(smtp.user, safe="") or None,
        "password": quote(smtp.login_password(), safe="") or None,
        "from_addr": f"care_robot <{email.from_address}>",
        "targets": [email.to],
    }


def _refuse_plain(service: NotifyBase, scheme: str) -> None:
    """ChannelError where a page would leave this machine unencrypted: it is personal data."""
    if scheme in _RADIO:
        raise ChannelError(f"{scheme}:// is sent by radio for everybody to hear; use another service")
    secure = _names(service.secure_protocol)
    plain, host, remedy = True, service.host or "", f"use {secure[0]}://" if secure else "use another service"
    if isinstance(service, NotifyEmail):
        plain, host = service.secure_mode == "insecure", service.smtp_host
        remedy = "use mailtos:// without mode=insecure"
    elif scheme in ("https", *secure) or not (secure or "host" in service.template_tokens):
        plain, host = any(url.startswith("http://") for url in _urls(service)), ""
        remedy = "use another service"
    if plain and not on_this_machine(host):
        raise ChannelError(f"a page is personal data, and {scheme}:// would send it unencrypted; {remedy}")


def _schemes(service: Any) -> tuple[str, ...]:
    return _names(service.protocol) + _names(service.secure_protocol)


def _names(protocol: Any) -> tuple[str, ...]:
    return (protocol,) if isinstance(protocol, str) else tuple(protocol or ())


def _urls(service: NotifyBase) -> list[str]:
    """Addresses that a service of Apprise is known to call, the one that takes messages first."""
    found = {
        name: value
        for kind in reversed(type(service).__mro__)
        for name, value in vars(kind).items()
        if isinstance(value, str) and re.match(r"https?://", value)
    }
    other = ("setup", "service", "xsd", "asset", "image", "attach", "media", "scope", "link", "user", "key")
    names = [name for name in found if not any(word in name for word in other)]
    return [found[name] for name in sorted(names, key=lambda name: "notify" not in name)]


def _host_of(service: NotifyBase) -> str:
    """The server that a service speaks to; empty where that does not show.

    `host` of many services is a token: looked up by mistake, it would be told to every name server.
    """
    hosts = [
        match[1]
        for url in _urls(service)
        if (match := re.match(r"https?://([A-Za-z0-9.-]+)(?=[/:?]|$)", url))
    ]
    has_own, mode = "host" in service.template_tokens, getattr(service, "mode", "")
    if hosts and (not has_own or mode == "cloud"):
        return hosts[0]
    known = service.schema in _TLS_PORTS or _speaks_http(service)
    return (service.host or "") if known and has_own and (not hosts or mode == "private") else ""


def _speaks_http(service: NotifyBase) -> bool:
    package = ".".join(type(service).__module__.split(".")[:3])
    return any(hasattr(m, "requests") for name, m in list(sys.modules.items()) if name.startswith(package))
