"""``config/care.yaml``: who is cared for, who is called, and how long to wait. Read strictly."""

import ipaddress
from collections import Counter
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import yaml  # type: ignore[import-untyped, unused-ignore]
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator

from care_robot.care.alarms import MAX_NAME, Priority

MAX_BYTES = 1_000_000


class CareConfigError(Exception):
    """The configuration cannot be used; the message names the file, the key and the remedy."""


def checked_webhook_url(url: str) -> str:
    """`url` where pages may go: https, or http on this machine; ValueError with a sentence otherwise.

    The address itself is never in the sentence: it may hold a secret.
    """
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname, parts.port
    except ValueError:
        parts, host = urlsplit(""), None
    plain = url.isascii() and url.isprintable() and " " not in url
    if not host or parts.scheme not in ("http", "https") or not plain:
        raise ValueError("a webhook needs an address such as https://example.org/page")
    if parts.username or parts.password:
        raise ValueError("a webhook address must not hold a user name or password; use a secret path instead")
    if parts.scheme == "http" and not _on_this_machine(host):
        raise ValueError("a page is personal data: the webhook address must begin with https://")
    return url


def _on_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _checked_secret_url(url: SecretStr) -> SecretStr:
    checked_webhook_url(url.get_secret_value())
    return url


Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,50}$")]
Name = Annotated[str, Field(max_length=MAX_NAME)]
Language = Literal["ko", "en"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)


class Console(_Strict):
    """Pages go to the log."""

    type: Literal["console"]


class Webhook(_Strict):
    """Pages are posted to an address as JSON."""

    type: Literal["webhook"]
    url: Annotated[SecretStr, AfterValidator(_checked_secret_url)]


Channel = Annotated[Console | Webhook, Field(discriminator="type")]


class Contact(_Strict):
    """Somebody who is paged, by the first of `channels` that works."""

    id: Id
    name: Name = ""
    tier: int = Field(default=1, ge=1, le=10)
    channels: tuple[Channel, ...] = Field(min_length=1, strict=False)

    @property
    def label(self) -> str:
        """What people read."""
        return self.name or self.id


class Resident(_Strict):
    """Somebody who is cared for; without rooms, whoever falls in a room that nobody else has."""

    id: Id
    name: Name = ""
    rooms: tuple[Annotated[str, Field(min_length=1, max_length=MAX_NAME)], ...] = Field(
        default=(), strict=False
    )
    language: Language | None = None


class Timeouts(_Strict):
    """How long to wait before the next step, in seconds."""

    answer_s: float = Field(default=15.0, ge=1.0, le=60.0)
    # T + 75 s is the limit; the rest is for sending, and for a first channel that turns out to be dead.
    first_page_s: float = Field(default=60.0, ge=1.0, le=70.0)
    next_tier_s: float | None = Field(default=None, ge=5.0, le=600.0)
    next_tier_medium_s: float = Field(default=300.0, ge=5.0, le=1800.0)
    attend_s: float = Field(default=600.0, ge=5.0, le=3600.0)
    recover_s: float = Field(default=300.0, ge=1.0, le=300.0)

    @model_validator(mode="after")
    def _leaves_time_to_ask(self) -> "Timeouts":
        if self.first_page_s < self.answer_s:
            raise ValueError("first_page_s must be at least answer_s, or the resident could not be asked")
        return self


class CareConfig(_Strict):
    """All of it; the defaults are one resident and one carer, paged in the log."""

    setting: Literal["home", "facility"] = "home"
    language: Language = "ko"
    residents: tuple[Resident, ...] = Field(default=(Resident(id="resident"),), min_length=1, strict=False)
    contacts: tuple[Contact, ...] = Field(
        default=(Contact(id="carer", channels=(Console(type="console"),)),), min_length=1, strict=False
    )
    timeouts: Timeouts = Timeouts()

    @model_validator(mode="after")
    def _fits_together(self) -> "CareConfig":
        for what, ids in (
            ("residents have the id", [r.id for r in self.residents]),
            ("contacts have the id", [c.id for c in self.contacts]),
            ("residents have the room", [room for r in self.residents for room in set(r.rooms)]),
        ):
            twice = [id_ for id_, count in Counter(ids).items() if count > 1]
            if twice:
                raise ValueError(f"two {what} '{twice[0]}'; each must be different")
        tiers = sorted({c.tier for c in self.contacts})
        if tiers != list(range(1, len(tiers) + 1)):
            raise ValueError(f"the contacts' tiers are {tiers}; number them 1, 2, 3 without a gap")
        return self

    @property
    def tiers(self) -> int:
        """Number of escalation tiers."""
        return max(c.tier for c in self.contacts)

    def contacts_of(self, tier: int) -> list[Contact]:
        """Who is paged in one tier."""
        return [c for c in self.contacts if c.tier == tier]

    def contact(self, contact_id: str) -> Contact | None:
        """The contact with this id."""
        return next((c for c in self.contacts if c.id == contact_id), None)

    def next_tier_after_s(self, priority: Priority) -> float:
        """How long a tier has to take an alarm: 60 s in a facility and 120 s at home unless set."""
        if priority is Priority.MEDIUM:
            return self.timeouts.next_tier_medium_s
        return self.timeouts.next_tier_s or (60.0 if self.setting == "facility" else 120.0)

    def resident(self, resident_id: str) -> Resident | None:
        """The resident with this id."""
        return next((r for r in self.residents if r.id == resident_id), None)

    def resident_in(self, room: str) -> Resident:
        """Whose room it is, or else who has no room of their own, or else the first resident."""
        at_home = [r for r in self.residents if room in r.rooms]
        anywhere = [r for r in self.residents if not r.rooms]
        return (at_home or anywhere or list(self.residents))[0]

    def language_of(self, resident_id: str) -> Language:
        """In which a resident is spoken to."""
        resident = self.resident(resident_id)
        return (resident.language if resident else None) or self.language

    def with_webhook(self, url: str) -> "CareConfig":
        """The same with this webhook, tried first, in place of those of tier 1; CareConfigError if bad."""
        try:
            webhook = Webhook(type="webhook", url=SecretStr(checked_webhook_url(url)))
        except ValueError as error:
            raise CareConfigError(f"The parameter webhook_url cannot be used: {error}.") from error

        def paged(contact: Contact) -> Contact:
            others = tuple(c for c in contact.channels if not isinstance(c, Webhook))
            return contact.model_copy(update={"channels": (webhook, *others)})

        contacts = tuple(paged(c) if c.tier == 1 else c for c in self.contacts)
        return self.model_copy(update={"contacts": contacts})

    def speaking(self, language: str) -> "CareConfig":
        """The same with every resident spoken to in `language`."""
        residents = tuple(r.model_copy(update={"language": language}) for r in self.residents)
        return self.model_copy(update={"language": language, "residents": residents})


class _UniqueKeyLoader(yaml.SafeLoader):  # type: ignore[misc, unused-ignore]
    """A second key of the same name would silently replace the first, such as a list of contacts."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            if str(key.value) in seen:
                problem = f"the key '{key.value}' stands twice"
                raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
            seen.add(str(key.value))
        mapping: dict[Any, Any] = super().construct_mapping(node, deep)
        return mapping


def load_config(path: Path) -> CareConfig:
    """Read a configuration; CareConfigError with one sentence for the first thing that is wrong."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise CareConfigError(
            f"The configuration {path} cannot be read ({error.strerror}); check the path and its permissions."
        ) from error
    if len(raw) > MAX_BYTES:
        raise CareConfigError(f"The configuration {path} is over 1 MB; is it the right file?")
    try:
        content = yaml.load(raw.decode("utf-8"), Loader=_UniqueKeyLoader)  # noqa: S506 (a SafeLoader)
    except UnicodeDecodeError as error:
        raise CareConfigError(f"The configuration {path} is not UTF-8 text; save it as UTF-8.") from error
    except (yaml.YAMLError, RecursionError, ValueError, TypeError) as error:
        mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
        where = f", line {mark.line + 1}" if mark else ""
        raise CareConfigError(
            f"The configuration {path}{where} is not valid YAML: {problem or 'it cannot be parsed'}."
        ) from error
    return parse_config(content, str(path))


def parse_config(content: object, name: str) -> CareConfig:
    """The configuration in a parsed YAML document; `name` is for the error's sentence."""
    if not isinstance(content, dict | None):
        kind = type(content).__name__
        raise CareConfigError(f"{name} must hold keys such as contacts and timeouts, but it is a {kind}.")
    try:
        return CareConfig.model_validate(content or {})
    except ValidationError as error:
        # Without the chain: pydantic's own text may show what was typed, such as a secret address.
        raise CareConfigError(f"{name}: {_sentence(error)}") from None


_MODELS: dict[str, type[BaseModel]] = {
    "": CareConfig,
    "residents": Resident,
    "contacts": Contact,
    "timeouts": Timeouts,
    "channels": Webhook,
}


def _sentence(error: ValidationError) -> str:
    """Key path and remedy of the first fault."""
    errors = error.errors(include_url=False, include_input=False)
    # A misspelt key is also a missing one; the misspelling is the cause.
    first = min(errors, key=lambda e: e["type"] != "extra_forbidden")
    # Pydantic names the branch of a union in the path; the reader's file has no such key.
    loc = [p for before, p in zip(("", *first["loc"]), first["loc"], strict=False) if not _is_tag(before, p)]
    path = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in loc).lstrip(".")
    if first["type"] == "extra_forbidden":
        parent = next((str(p) for p in reversed(loc[:-1]) if isinstance(p, str)), "")
        known = ", ".join(_MODELS[parent].model_fields) if parent in _MODELS else ""
        return f"the key {path} is unknown; known here: {known}."
    plain = _PLAIN.get(first["type"])
    problem = plain or first["msg"].removeprefix("Value error, ").replace("Input should be", "must be")
    unit = " (seconds, as a plain number)" if path.endswith("_s") else ""
    between = " " if problem.startswith("must") else ": " if path else ""
    return f"{path}{between}{problem}{unit}."


def _is_tag(before: int | str, part: int | str) -> bool:
    return isinstance(before, int) and part in ("console", "webhook")


_PLAIN = {
    "missing": "must be given",
    "too_short": "must have at least one entry",
    "tuple_type": "must be a list",
    "dict_type": "must hold keys",
    "model_type": "must hold keys",
    "string_pattern_mismatch": "must be letters, digits, - and _, at most 50 of them",
    "union_tag_invalid": "must have the type console or webhook",
    "union_tag_not_found": "must have the type console or webhook",
    "invalid_key": "must be a text",
}
