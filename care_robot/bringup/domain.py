"""One running system to a ROS domain and namespace, as far as this machine's own commands go.

Nodes of two systems with the same names answer to each other's services: neither would watch reliably.
"""

import fcntl
import os
import random
import re
import tempfile
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from pathlib import Path

DOMAINS = range(1, 102)
"""Domain ids whose ports lie below the ephemeral ones on Linux."""


class DomainError(Exception):
    """The ROS domain cannot be used; the message says why and what to do."""


def domain_id(environment: Mapping[str, str]) -> int:
    """ROS_DOMAIN_ID of an environment; DomainError where it is no such number."""
    given = environment.get("ROS_DOMAIN_ID", "") or "0"
    if not given.isdecimal() or int(given) not in range(233):
        raise DomainError(f"ROS_DOMAIN_ID is '{given}'; set it to a number from 0 to 232, or unset it.")
    return int(given)


def check_namespace(namespace: str) -> None:
    """DomainError where a robot's namespace is neither empty nor names such as robot1 or home/robot1."""
    if namespace and not re.fullmatch(r"[A-Za-z]\w*(/[A-Za-z]\w*)*", namespace, re.ASCII):
        raise DomainError(
            f"The namespace '{namespace}' must be a name such as robot1, without a / around it."
        )


@contextmanager
def claimed(domain: int, namespace: str = "") -> Iterator[None]:
    """Hold a domain and namespace while the block lasts; DomainError where another process holds it."""
    name = f"care_robot_domain_{domain}_{namespace.replace('/', '.')}_{os.getuid()}.lock"
    with (Path(tempfile.gettempdir()) / name).open("a", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise DomainError(
                f"A care_robot runs already in ROS domain {domain}: end it, or give this one another "
                "ROS_DOMAIN_ID or namespace."
            ) from None
        yield


@contextmanager
def own_domain(environment: MutableMapping[str, str]) -> Iterator[int]:
    """A domain that nothing of ours uses, held and set in `environment` while the block lasts."""
    candidates = [domain for domain in DOMAINS if domain != domain_id(environment)]
    random.shuffle(candidates)
    for candidate in candidates:
        try:
            claim = claimed(candidate)
            claim.__enter__()
        except DomainError:
            continue
        environment["ROS_DOMAIN_ID"] = str(candidate)
        try:
            yield candidate
        finally:
            claim.__exit__(None, None, None)
        return
    raise DomainError("Every ROS domain is in use by a care_robot; end one of them.")
