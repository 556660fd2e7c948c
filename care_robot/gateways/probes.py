"""Whether servers would take a message, seen without sending one."""

import smtplib
import socket
import ssl

import requests  # type: ignore[import-untyped, unused-ignore]

from care_robot.gateways.channel import ChannelError

TIMEOUT_S = 5.0
_DEAD = (407, 502, 503, 504)
"""HTTP statuses that a proxy gives in place of the service."""
_BAD_TLS = "its certificate does not hold, or it speaks no TLS; check the address"


def reach(host: str, port: int | None, secure: bool) -> None:
    """Ask a web server for the head of its first page; ChannelError where there is no server.

    The request goes the way of the messages: through a proxy where there is one, trusting whom they trust.
    """
    place = (f"[{host}]" if ":" in host else host) + (f":{port}" if port else "")
    url = f"{'https' if secure else 'http'}://{place}/"
    try:
        status = requests.head(url, timeout=TIMEOUT_S, allow_redirects=False).status_code
    except requests.exceptions.SSLError:
        raise ChannelError(_BAD_TLS) from None
    except (requests.RequestException, OSError, ValueError) as error:
        raise ChannelError(_unreachable(error)) from None
    if status in _DEAD:
        raise ChannelError(f"it is out of order (HTTP status {status}); look at its status page")


def reach_tls(host: str, port: int) -> None:
    """Connect with TLS and hang up; ChannelError where nobody answers, or a certificate does not hold."""
    try:
        with socket.create_connection((host, port), TIMEOUT_S) as plain:
            ssl.create_default_context().wrap_socket(plain, server_hostname=host).close()
    except ssl.SSLError:
        raise ChannelError(_BAD_TLS) from None
    except (OSError, ValueError) as error:
        raise ChannelError(_unreachable(error)) from None


def _unreachable(error: Exception) -> str:
    return f"it cannot be reached ({type(error).__name__}); check the network and the address"


def log_in(host: str, port: int, mode: str, user: str, password: str) -> None:
    """Do all of a mail delivery but the mail: connect, greet, encrypt, log in, NOOP; or ChannelError.

    Parameters
    ----------
    host, port
        Mail server.
    mode
        ``starttls``, ``ssl`` or ``insecure``.
    user, password
        Empty where the server asks for none.
    """
    try:
        _log_in(host, port, mode, user, password)
    except ssl.SSLCertVerificationError as error:
        raise ChannelError(
            f"the mail server's certificate does not hold ({error.verify_message}); "
            "give the name that it is issued for, or have this machine trust its issuer"
        ) from None
    except smtplib.SMTPAuthenticationError as error:
        problem = f"the mail server refuses the user name or password (SMTP {error.smtp_code}); check them"
        raise ChannelError(problem) from None
    except smtplib.SMTPNotSupportedError:
        problem = "the mail server offers no STARTTLS or no login; check its port and security"
        raise ChannelError(problem) from None
    except smtplib.SMTPResponseException as error:
        problem = f"the mail server refuses (SMTP {error.smtp_code}); look at its log"
        raise ChannelError(problem) from None
    except (smtplib.SMTPException, OSError, ValueError) as error:
        problem = f"the mail server cannot be reached ({type(error).__name__}); check host, port and security"
        raise ChannelError(problem) from None


def _log_in(host: str, port: int, mode: str, user: str, password: str) -> None:
    context = ssl.create_default_context()
    server = (
        smtplib.SMTP_SSL(host, port, timeout=TIMEOUT_S, context=context)
        if mode == "ssl"
        else smtplib.SMTP(host, port, timeout=TIMEOUT_S)
    )
    try:
        server.ehlo_or_helo_if_needed()
        if mode == "starttls":
            server.starttls(context=context)
        if user and password:
            server.login(user, password)
        code, _ = server.noop()
        if code >= 400:
            raise smtplib.SMTPResponseException(code, b"")
        server.quit()
    finally:
        server.close()
