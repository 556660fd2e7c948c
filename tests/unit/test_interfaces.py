"""The interfaces: standard ones equal the real packages, our own say topic, QoS and units."""

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OURS = ROOT / "care_robot_msgs"
RECORDED: dict[str, dict[str, str]] = json.loads(
    (ROOT / "interfaces" / "type_hashes.json").read_text(encoding="utf-8")
)
PACKAGES = sorted(RECORDED)

Constant = tuple[str, str, str]


# Type hashes ---------------------------------------------------------------------------------------------


def prefixes_with(package: str) -> list[Path]:
    """Install prefixes that hold `package`, from AMENT_PREFIX_PATH and the usual place of a full install."""
    candidates = [*os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep), "/opt/ros/jazzy"]
    found = {Path(c).resolve(): None for c in candidates if c and (Path(c) / "share" / package).is_dir()}
    return list(found)


def in_workspace(prefix: Path) -> bool:
    return prefix.is_relative_to((ROOT / "install").resolve())


def built_hashes(prefix: Path, package: str) -> dict[str, str]:
    """Type name → RIHS01 hash of every type of `package` that the build wrote under `prefix`."""
    hashes: dict[str, str] = {}
    for path in sorted((prefix / "share" / package).rglob("*.json")):
        for entry in json.loads(path.read_text(encoding="utf-8")).get("type_hashes", []):
            if entry["type_name"].startswith(f"{package}/"):
                hashes[entry["type_name"]] = entry["hash_string"]
    return hashes


@pytest.mark.parametrize("package", PACKAGES)
def test_our_standard_interfaces_have_exactly_the_recorded_hashes(package: str) -> None:
    built = [p for p in prefixes_with(package) if in_workspace(p)]
    if not built and (ROOT / "install" / package).is_dir():
        built = [ROOT / "install" / package]
    if not built:
        pytest.skip(f"{package} is not built in this workspace (a full install brings its own)")
    for prefix in built:
        assert built_hashes(prefix, package) == RECORDED[package]


@pytest.mark.parametrize("package", PACKAGES)
def test_a_full_install_has_the_recorded_hashes_and_constants(package: str) -> None:
    full = [p for p in prefixes_with(package) if not in_workspace(p)]
    if not full:
        pytest.skip(f"no full install of {package} found")
    for prefix in full:
        theirs = built_hashes(prefix, package)
        assert {name: theirs.get(name) for name in RECORDED[package]} == RECORDED[package]
        for ours in definitions(ROOT / "interfaces" / package):  # hashes do not cover constants
            real = prefix / "share" / package / ours.path.parent.name / ours.path.name
            assert Definition.read(real).constants == ours.constants, real


def test_every_standard_definition_is_recorded() -> None:
    for package in PACKAGES:
        found = definitions(ROOT / "interfaces" / package)
        names = {f"{package}/{d.path.parent.name}/{d.path.stem}" for d in found}
        assert names
        assert names <= set(RECORDED[package])
    written = {p.parent.name for p in (ROOT / "interfaces").glob("*/package.xml")}
    assert written == set(PACKAGES)


# Rules of our own definitions ----------------------------------------------------------------------------

LINE = re.compile(r"^(?P<type>[\w/]+(?:\[[<=\d]*\])?)\s+(?P<name>\w+)(?:\s*=\s*(?P<value>.+))?$")
UNIT = re.compile(r"(?<![\w/'])(m|m²|rad|s|m/s|rad/s|0 to 1|in `unit`|fractions of (the )?image)(?![\w/²])")
QOS = {
    "SENSOR": "best effort, depth 5",
    "COMMAND": "reliable, depth 1",
    "STATE": "reliable, depth 10",
    "LATCHED": "reliable, transient local, depth 1",
}
RESULT = {("uint16", "error_code"), ("string", "error_msg")}
STRUCTURE_IN_A_STRING = re.compile(r"(^|_)(data|json|yaml|xml|payload|params|parameters|args|kwargs)(_|$)")


@dataclass(frozen=True)
class Definition:
    """One .msg, .srv or .action file, read line by line."""

    path: Path
    header: str
    fields: tuple[tuple[str, str, str], ...]  # type, name, comment on its line and on the lines right above
    constants: tuple[Constant, ...]

    @staticmethod
    def read(path: Path) -> "Definition":
        return Definition.parse(path, path.read_text(encoding="utf-8"))

    @staticmethod
    def parse(path: Path, text: str) -> "Definition":
        lines = text.splitlines()
        header: list[str] = []
        for line in lines:
            if not line.startswith("#"):
                break
            header.append(line.lstrip("# "))
        fields: list[tuple[str, str, str]] = []
        constants: list[Constant] = []
        block = ""  # comment above a group of fields, up to an empty line
        for line in lines:
            code, _, comment = line.partition("#")
            code = code.strip()
            if not code or code == "---":
                block = f"{block} {comment}" if comment and not code else ""
                continue
            match = LINE.match(code)
            assert match, f"{path}: cannot read {line!r}"
            if match["value"] is None:
                fields.append((match["type"], match["name"], f"{block} {comment}"))
            else:
                constants.append((match["type"], match["name"], match["value"].strip()))
        return Definition(path, " ".join(header), tuple(fields), tuple(constants))


def definitions(package: Path) -> list[Definition]:
    paths = sorted(p for kind in ("msg", "srv", "action") for p in package.glob(f"{kind}/*.{kind}"))
    return [Definition.read(p) for p in paths]


def broken_rules(d: Definition, all_types: frozenset[str]) -> list[str]:
    """Sentences on what `d` leaves out."""
    rules = {".msg": message_faults, ".srv": call_faults, ".action": call_faults}[d.path.suffix]
    return [*rules(d, all_types), *field_faults(d)]


def message_faults(d: Definition, all_types: frozenset[str]) -> Iterator[str]:
    within = [
        name.strip() for part in re.findall(r"\bWithin ([^.]+)\.", d.header) for name in part.split(",")
    ]
    for name in within:
        if name not in all_types:
            yield f"it claims to lie within {name}, which does not exist"
    if re.search(r"\bTopic \S+", d.header) is None:
        if not within:
            yield "the comment at its top names neither its topic nor the type around it"
        return
    if not any(f"QoS {name} ({meaning})" in d.header for name, meaning in QOS.items()):
        yield "its topic has no QoS of ros/qos.py"
    if ("std_msgs/Header", "header") not in [f[:2] for f in d.fields]:
        yield "its topic has no header"


def call_faults(d: Definition, _: frozenset[str]) -> Iterator[str]:
    word = {".srv": "Service", ".action": "Action"}[d.path.suffix]
    if not re.search(rf"\b{word} [a-z]\S+", d.header):
        yield f"the comment at its top does not name its {word.lower()}"
    if not {f[:2] for f in d.fields} >= RESULT:
        yield "its result has no error_code and error_msg"


def field_faults(d: Definition) -> Iterator[str]:
    for type_, name, comment in d.fields:
        if type_.startswith("float") and not UNIT.search(comment):
            yield f"{name} has no unit"
        if type_.startswith("string") and STRUCTURE_IN_A_STRING.search(name):
            yield f"{name} carries structure in a string"
        if type_.startswith("std_msgs/String"):
            yield f"{name} is a std_msgs/String"


ALL_TYPES = frozenset(p.stem for p in OURS.glob("*/*"))


@pytest.mark.parametrize("definition", definitions(OURS), ids=lambda d: d.path.name)
def test_our_definitions_name_topic_qos_units_and_errors(definition: Definition) -> None:
    assert broken_rules(definition, ALL_TYPES) == []


def test_the_page_of_interfaces_lists_every_topic_service_and_action() -> None:
    page = (ROOT / "docs" / "interfaces.md").read_text(encoding="utf-8")
    offered = {
        d.path.stem for d in definitions(OURS) if re.search(r"\b(Topic|Service|Action) [a-z<]", d.header)
    }
    assert offered
    assert [name for name in sorted(offered) if not re.search(rf"\b{name}\b", page)] == []


GOOD = """# Speed of a thing.
# Topic speed. QoS SENSOR (best effort, depth 5), at 10 Hz.
std_msgs/Header header
float32 speed   # m/s
string name
"""


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (("", ""), None),
        (("# Topic speed. QoS SENSOR (best effort, depth 5), at 10 Hz.\n", ""), "neither its topic"),
        (("QoS SENSOR (best effort, depth 5)", "QoS SENSOR (reliable, depth 5)"), "no QoS"),
        (("QoS SENSOR (best effort, depth 5)", "QoS FAST"), "no QoS"),
        (("std_msgs/Header header\n", ""), "no header"),
        (("   # m/s", ""), "speed has no unit"),
        (("   # m/s", "   # how fast, more or less"), "speed has no unit"),
        (("   # m/s", "   # the robot's"), "speed has no unit"),
        (("string name", "string name_json"), "carries structure"),
        (("string name", "string data"), "carries structure"),
        (("string name", "std_msgs/String name"), "is a std_msgs/String"),
        (("# Speed of a thing.", "# Speed of a thing. Within Nowhere."), "Nowhere, which does not exist"),
    ],
)
def test_the_rules_notice_what_a_message_lacks(change: tuple[str, str], complaint: str | None) -> None:
    found = broken_rules(Definition.parse(Path("Speed.msg"), GOOD.replace(*change)), ALL_TYPES)
    assert not found if complaint is None else complaint in " ".join(found)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("# Service do/it.\n---\nuint16 error_code\nstring error_msg\n", None),
        ("# Does it.\n---\nuint16 error_code\nstring error_msg\n", "does not name its service"),
        ("# Service do/it.\n---\nbool success\n", "no error_code"),
    ],
)
def test_the_rules_notice_what_a_service_lacks(text: str, complaint: str | None) -> None:
    found = broken_rules(Definition.parse(Path("DoIt.srv"), text), ALL_TYPES)
    assert not found if complaint is None else complaint in " ".join(found)


ERROR_RANGES = {"Say": range(101, 200), "Ask": range(201, 300), "ExecuteTask": range(301, 400)}


@pytest.mark.parametrize("action", [p.stem for p in sorted(OURS.glob("action/*.action"))])
def test_every_action_has_an_error_range_of_its_own(action: str) -> None:
    constants = Definition.read(OURS / "action" / f"{action}.action").constants
    codes = [int(value) for type_, _, value in constants if type_ == "uint16"]
    assert codes[0] == 0
    assert len(set(codes)) == len(codes) > 1
    assert all(code in ERROR_RANGES[action] for code in codes[1:])


@pytest.mark.parametrize("definition", definitions(OURS), ids=lambda d: d.path.name)
def test_constants_of_one_family_differ(definition: Definition) -> None:
    families: dict[str, list[str]] = {}
    for type_, name, value in definition.constants:
        families.setdefault(type_ if type_ == "uint16" else name.split("_")[0], []).append(value)
    for values in families.values():
        assert len(set(values)) == len(values)
