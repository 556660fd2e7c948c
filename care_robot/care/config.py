"""``config/care.yaml``: who is cared for, who is called, and how long to wait. Read strictly."""

import re
from collections import Counter
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr, model_validator

from care_robot.care.alarms import MAX_NAME, Priority
from care_robot.care.channels import Channel, Console, Webhook, checked_webhook_url
from care_robot.care.staff import Staff, same_name
from care_robot.care.strict_yaml import Strict, YamlError, near, read_document, read_yaml


def _checked(pattern: str, what: str) -> AfterValidator:
    def check(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(f"must be {what}")
        return text

    return AfterValidator(check)


Id = Annotated[str, _checked(r"[A-Za-z0-9_-]{1,50}", "letters, digits, - and _, at most 50 of them")]
Name = Annotated[str, Field(max_length=MAX_NAME)]
RoomName = Annotated[str, Field(min_length=1, max_length=MAX_NAME)]
Namespace = Annotated[
    str,
    Field(max_length=MAX_NAME),
    _checked(
        r"[A-Za-z][A-Za-z0-9_]*(/[A-Za-z][A-Za-z0-9_]*)*",
        "the namespace of a speech node, such as bedroom_speaker",
    ),
]
Language = Literal["ko", "en"]


class CareConfigError(Exception):
    """The configuration cannot be used; the message names the file, the key and the remedy."""


class Contact(Strict):
    """Somebody who is paged, by the first of `channels` that works."""

    id: Id
    name: Name = ""
    tier: int = Field(default=1, ge=0, le=10)
    """0: in no tier, for technical alarms alone."""
    residents: tuple[Id, ...] = Field(default=(), strict=False)
    """For whom; empty for everybody."""
    technical: bool = False
    channels: tuple[Channel, ...] = Field(min_length=1, strict=False)

    @model_validator(mode="after")
    def _is_called_for_something(self) -> "Contact":
        if self.tier == 0 and not self.technical:
            raise ValueError("tier 0 is never called for a person; give a tier from 1, or technical: true")
        return self

    @property
    def label(self) -> str:
        """What people read."""
        return self.name or self.id


class Resident(Strict):
    """Somebody who is cared for; without rooms, whoever falls in a room that nobody else has."""

    id: Id
    name: Name = ""
    rooms: tuple[RoomName, ...] = Field(default=(), strict=False)
    language: Language | None = None


class Room(Strict):
    """What stands in a room."""

    speaker: Namespace
    """Namespace of the speech node there."""


class Timeouts(Strict):
    """How long to wait before the next step, in seconds."""

    answer_s: float = Field(default=15.0, ge=1.0, le=60.0)
    # T + 75 s is the limit; the rest is for sending, and for a first channel that turns out to be dead.
    first_page_s: float = Field(default=60.0, ge=1.0, le=70.0)
    next_tier_s: float | None = Field(default=None, ge=5.0, le=600.0)
    next_tier_medium_s: float = Field(default=300.0, ge=5.0, le=1800.0)
    attend_s: float = Field(default=600.0, ge=5.0, le=3600.0)
    recover_s: float = Field(default=300.0, ge=1.0, le=300.0)
    presence_page_s: float = Field(default=60.0, ge=1.0, le=60.0)
    audio_repeat_s: float = Field(default=30.0, ge=5.0, le=120.0)
    self_test_s: float | None = Field(default=None, ge=10.0, le=86400.0)

    @model_validator(mode="after")
    def _leaves_time_to_ask(self) -> "Timeouts":
        if self.first_page_s < self.answer_s:
            raise ValueError("first_page_s must be at least answer_s, or the resident could not be asked")
        return self


class CareConfig(Strict):
    """All of it; the defaults are one resident and one carer, paged in the log."""

    setting: Literal["home", "facility"] = "home"
    language: Language = "ko"
    residents: tuple[Resident, ...] = Field(default=(Resident(id="resident"),), min_length=1, strict=False)
    contacts: tuple[Contact, ...] = Field(
        default=(Contact(id="carer", channels=(Console(type="console"),)),), min_length=1, strict=False
    )
    staff: tuple[Staff, ...] = Field(default=(), strict=False)
    rooms: dict[RoomName, Room] = Field(default_factory=dict)
    timeouts: Timeouts = Timeouts()

    @model_validator(mode="after")
    def _fits_together(self) -> "CareConfig":
        known = [r.id for r in self.residents]
        for what, ids in (
            ("residents have the id", known),
            ("contacts have the id", [c.id for c in self.contacts]),
            ("residents have the room", [room for r in self.residents for room in set(r.rooms)]),
        ):
            twice = [id_ for id_, count in Counter(ids).items() if count > 1]
            if twice:
                raise ValueError(f"two {what} '{twice[0]}'; each must be different")
        for i, member in enumerate(self.staff):
            if any(same_name(member.name, other.name) for other in self.staff[:i]):
                raise ValueError(f"two staff have the name '{member.name}'; each must be different")
        for contact in self.contacts:
            for unknown in set(contact.residents) - set(known):
                who = f"contact '{contact.id}' is for resident '{unknown}', whom nobody knows"
                raise ValueError(who + near(unknown, known))
        for resident in self.residents:
            tiers = self.tiers_for(resident.id)
            missing = next(n for n in range(1, len(tiers) + 2) if n not in tiers)
            if missing == 1 or missing < max(tiers):
                raise ValueError(
                    f"resident '{resident.id}' has contacts in the tiers {tiers}, but nobody in tier "
                    f"{missing}; number them 1, 2, 3 without a gap, or make a contact one for everybody"
                )
        return self

    @property
    def tiers(self) -> int:
        """Number of escalation tiers."""
        return max(c.tier for c in self.contacts)

    def contacts_of(self, tier: int) -> list[Contact]:
        """Who is in one tier, for whomever."""
        return [c for c in self.contacts if c.tier == tier]

    def tiers_for(self, resident_id: str) -> list[int]:
        """Tiers in which there is somebody to call for a resident, in order."""
        return sorted({c.tier for c in self._callable_for(resident_id) if c.tier})

    def contacts_for(self, resident_id: str, tier: int) -> list[Contact]:
        """Who is paged for a resident in one tier.

        For nobody in particular, or somebody unknown: who is there for everybody; where nobody is, all.
        """
        return [c for c in self._callable_for(resident_id) if c.tier == tier]

    def _callable_for(self, resident_id: str) -> list[Contact]:
        if self.resident(resident_id):
            return [c for c in self.contacts if not c.residents or resident_id in c.residents]
        shared = [c for c in self.contacts if not c.residents]
        tiers = {c.tier for c in shared} - {0}
        # Relatives of one resident are not called for another while the staff's own tiers are complete.
        complete = tiers and tiers == set(range(1, max(tiers) + 1))
        return shared if complete else list(self.contacts)

    def technical_contacts(self) -> list[Contact]:
        """Who gets technical alarms: who is marked so, then tier 1."""
        marked = [c for c in self.contacts if c.technical]
        return marked + [c for c in self.contacts_of(1) if not c.technical]

    def all_channels(self) -> list[tuple[str, int]]:
        """Every channel, by its contact and its place there."""
        return [(c.id, place) for c in self.contacts for place in range(len(c.channels))]

    def contact(self, contact_id: str) -> Contact | None:
        """The contact with this id."""
        return next((c for c in self.contacts if c.id == contact_id), None)

    def staff_named(self, name: str) -> Staff | None:
        """The member of staff with this name."""
        return next((member for member in self.staff if same_name(member.name, name)), None)

    def speaker_in(self, room: str) -> str:
        """Namespace of the speech node in a room; empty for the robot's own."""
        return self.rooms[room].speaker if room in self.rooms else ""

    def next_tier_after_s(self, priority: Priority) -> float:
        """How long a tier has to take an alarm: 60 s in a facility and 120 s at home unless set."""
        if priority is Priority.MEDIUM:
            return self.timeouts.next_tier_medium_s
        return self.timeouts.next_tier_s or (60.0 if self.setting == "facility" else 120.0)

    def self_test_every_s(self) -> float:
        """How often each channel tests itself: every 60 s in a facility and every hour at home unless set."""
        return self.timeouts.self_test_s or (60.0 if self.setting == "facility" else 3600.0)

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


def load_config(path: Path) -> CareConfig:
    """Read a configuration; CareConfigError with one sentence for the first thing that is wrong."""
    try:
        return read_yaml(path, CareConfig)
    except YamlError as error:
        raise CareConfigError(f"The configuration {error}") from None


def parse_config(content: object, name: str) -> CareConfig:
    """The configuration in a parsed YAML document; `name` is for the error's sentence."""
    try:
        return read_document(content, name, CareConfig)
    except YamlError as error:
        raise CareConfigError(str(error)) from None
