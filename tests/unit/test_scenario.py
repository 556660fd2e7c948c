"""sim/scenarios/*.yaml: what is read, and what is refused with the file, the key and the remedy."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from care_robot.care.alarms import AlarmKind, AlarmState
from care_robot.care.strict_yaml import Strict, YamlError, read_yaml
from care_robot.evaluation import conditions, scenario
from care_robot.evaluation.scenario import (
    Scenario,
    ScenarioError,
    find_scenario,
    load_scenario,
    scenario_names,
    scenarios_folder,
)

DOCS = Path(__file__).parents[2] / "docs" / "scenarios.md"


def story() -> dict[str, Any]:
    """A scenario with one of everything that the checks speak of."""
    return {
        "name": "x",
        "title": {"ko": "넘어짐", "en": "A fall"},
        "duration": 60,
        "people": [{"id": "resident", "place": "living_room"}],
        "timeline": [
            {"at": 1, "resident": {"who": "resident", "act": "walk", "place": "sofa_side"}},
            {"label": "breaks", "at": 2, "fault": {"kind": "camera_black", "target": "living_room_camera"}},
            {
                "label": "falls",
                "after": {"step": "breaks", "delay": 3},
                "resident": {"who": "resident", "act": "fall", "heading_deg": 90},
            },
            {"after": {"paged": {}}, "operator": {"acknowledge": {"alarm": "fall", "by": "carer"}}},
        ],
        "expect": [
            {"alarm": {"kind": "fall"}, "within": 10, "of": "falls"},
            {"never": {"paged": {}, "more_than": 1}},
            {"person": {"who": "resident", "posture": "lying"}},
        ],
    }


def changed(path: str, value: Any) -> dict[str, Any]:
    """The story with one thing otherwise; a path such as timeline.0.at, and None to leave it out."""
    content = story()
    *parents, last = [int(p) if p.isdecimal() else p for p in path.split(".")]
    here: Any = content
    for part in parents:
        here = here[part]
    if value is None:
        del here[last]
    elif isinstance(here, list) and last == len(here):
        here.append(value)
    else:
        here[last] = value
    return content


def load(folder: Path, content: Any) -> Scenario:
    path = folder / "x.yaml"
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content), encoding="utf-8")
    return load_scenario(path)


def test_what_is_left_out_has_its_default(tmp_path: Path) -> None:
    read = load(tmp_path, story())
    assert (read.world, read.profile, read.camera, read.language) == (
        "apartment",
        "kinematic",
        "living_room_camera",
        "ko",
    )
    assert read.expect[0].at_least == 1


@pytest.mark.parametrize("name", scenario_names())
def test_the_projects_own_scenarios_can_be_run(name: str) -> None:
    assert load_scenario(find_scenario(name)).name == name


def test_there_are_the_six_first_scenarios() -> None:
    assert {
        "fall_unanswered",
        "sits_down_quickly",
        "lies_down_on_bed",
        "picks_up_from_floor",
        "visitor_present",
        "camera_freezes_during_fall",
    } <= set(scenario_names())


WALK = {"who": "resident", "act": "walk"}
BAD = [
    ("wrold", "apartment", ["wrold: unknown key; did you mean 'world'?"]),
    ("timeline.1.fault.targt", "x", ["timeline[1].fault.targt: unknown key; did you mean 'target'?"]),
    ("timeline.0.resident.plce", "x", ["timeline[0].resident.plce: unknown key; did you mean 'place'?"]),
    ("expect.0.alarm.zone", "x", ["expect[0].alarm.zone: unknown key", "kind"]),
    ("expect.1.never.paged.by", "x", ["expect[1].never.paged.by: unknown key", "to"]),
    ("people", [], ["people: must have at least one entry"]),
    ("people", "resident", ["people: must be a list"]),
    ("expect", [], ["expect: must have at least one entry"]),
    ("title.ko", None, ["title.ko: must be given"]),
    ("duration", None, ["duration: must be given"]),
    ("duration", 0, ["duration", "greater than 0"]),
    ("duration", float("nan"), ["duration: must be a finite number"]),
    ("duration", "60 s", ["duration", "number"]),
    ("seed", -1, ["seed", "greater than or equal to 0"]),
    ("name", "y", ["name: must be 'x', like the file"]),
    ("world", "apartmant", ["world", "apartmant", "apartment"]),
    ("world", "../x", ["world"]),
    ("camera", "livingroom_camera", ["camera", "did you mean 'living_room_camera'?"]),
    ("profile", "gazebo", ["profile", "physics", "kinematic"]),
    ("people.0.place", "sofa_sid", ["people[0].place", "no place 'sofa_sid'", "did you mean 'sofa_side'?"]),
    ("people.0.id", "der bewohner", ["people[0].id"]),
    ("people.1", {"id": "resident", "place": "sofa"}, ["people: two have the id 'resident'"]),
    ("timeline.0.at", -1, ["timeline[0].at", "greater than or equal to 0"]),
    ("timeline.0.at", 61, ["timeline[0].at: 61 s is after the end at 60 s"]),
    ("timeline.0.at", True, ["timeline[0].at"]),
    ("timeline.0.at", None, ["timeline[0]: must have exactly one of at, after"]),
    (
        "timeline.0.after",
        {"paged": {}},
        ["timeline[0]: must have exactly one of at, after, not at and after"],
    ),
    ("timeline.0.fault", {"kind": "moved"}, ["timeline[0]", "exactly one of resident, fault"]),
    ("timeline.0.resident", None, ["timeline[0]", "exactly one of resident, fault"]),
    ("timeline.0.resident.place", "moon", ["timeline[0].resident.place", "apartment has no place 'moon'"]),
    (
        "timeline.0.resident.act",
        "sit",
        ["timeline[0].resident.place", "no seat or bed of the name 'sofa_side'", "sofa"],
    ),
    (
        "timeline.0.resident",
        {"who": "resident", "act": "pick_up", "place": "sofa"},
        ["timeline[0].resident: pick_up needs a target"],
    ),
    ("timeline.0.resident", WALK | {"target": [99, 0, 0]}, ["timeline[0].resident.target", "in no room"]),
    ("timeline.0.resident", WALK | {"target": [1, 2]}, ["timeline[0].resident.target"]),
    ("timeline.0.resident", WALK | {"target": [1, 2, float("inf")]}, ["timeline[0].resident.target[2]"]),
    ("timeline.0.resident", WALK, ["timeline[0].resident: walk needs a place"]),
    ("timeline.0.resident.target", [5.0, 2.0, 0.0], ["give a place or a target, not both"]),
    (
        "timeline.0.resident.who",
        "nobody",
        ["timeline[0].resident.who: nobody is called 'nobody'", "resident"],
    ),
    ("timeline.0.resident.act", "wlk", ["timeline[0].resident.act", "walk"]),
    ("timeline.0.resident.speed", 0, ["timeline[0].resident.speed"]),
    ("timeline.0.resident.text", "hi", ["say, and nothing else, needs a text"]),
    ("timeline.2.resident.heading_deg", float("nan"), ["timeline[2].resident.heading_deg", "finite"]),
    ("timeline.2.resident.heading_deg", 999, ["timeline[2].resident.heading_deg", "360"]),
    ("timeline.2.resident.heading_deg", None, ["fall needs heading_deg"]),
    ("timeline.2.after.step", "later", ["timeline[2].after.step", "'later'", "there is breaks"]),
    ("timeline.2.after", {}, ["timeline[2].after: must have exactly one of alarm"]),
    ("timeline.2.label", "breaks", ["timeline[2].label: 'breaks' stands twice"]),
    ("timeline.1.fault.target", "x_camera", ["timeline[1].fault.target", "no camera 'x_camera'"]),
    ("timeline.1.fault", {"kind": "camera_black"}, ["timeline[1].fault: camera_black needs a target"]),
    ("timeline.1.fault", {"kind": "moved", "target": "x"}, ["moved has no target"]),
    (
        "timeline.1.fault",
        {"kind": "door_shut", "target": "gate"},
        ["timeline[1].fault.target", "no door 'gate'"],
    ),
    ("timeline.3.operator", {}, ["timeline[3].operator: must have exactly one of acknowledge"]),
    (
        "timeline.4",
        {"at": 1, "spawn": {"model": "cup", "name": "c", "at": [50, 0, 0]}},
        ["spawn.at", "no room"],
    ),
    ("expect.0.of", "fals", ["expect[0].of", "did you mean 'falls'?"]),
    ("expect.0.of", "breaks", []),
    ("expect.0.within", 0, ["expect[0].within"]),
    ("expect.0.within", -3, ["expect[0].within"]),
    ("expect.0.paged", {}, ["expect[0]: must have exactly one of"]),
    ("expect.0.alarm.kind", "falling", ["expect[0].alarm.kind", "fall"]),
    ("expect.0.at_least", 0, ["expect[0].at_least"]),
    ("expect.1.at_least", 2, ["never has more_than, not at_least"]),
    ("expect.1.never", {}, ["expect[1].never: must have exactly one of"]),
    ("expect.2.within", 61, ["expect[2].within: ends at 61 s, after the end at 60 s"]),
    ("expect.2.person.who", "cat", ["expect[2]: nobody is called 'cat'"]),
    ("expect.2.person.posture", None, ["expect[2].person: give a posture, an act, or both"]),
]


@pytest.mark.parametrize(("path", "value", "words"), [b for b in BAD if b[2]], ids=lambda v: str(v)[:40])
def test_a_fault_is_named_in_one_sentence_with_file_and_key(
    tmp_path: Path, path: str, value: Any, words: list[str]
) -> None:
    with pytest.raises(ScenarioError) as refusal:
        load(tmp_path, changed(path, value))
    for word in [str(tmp_path / "x.yaml"), *words]:
        assert word in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_an_expectation_may_count_from_any_label(tmp_path: Path) -> None:
    assert load(tmp_path, changed("expect.0.of", "breaks")).expect[0].of == "breaks"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", ["must hold keys such as name"]),
        (b"- 1", ["must hold keys"]),
        (b"name: [", ["line 1", "not valid YAML"]),
        (b"name: a\nname: b", ["line 2", "'name' stands twice"]),
        (b"a: &a [*a]", ["a: unknown key"]),
        (b"name: !!python/object/apply:os.system [id]", ["not valid YAML"]),
        (b"name: \xff", ["UTF-8"]),
        (b"#" * 1_000_001, ["over 1 MB"]),
        (b"[" * 5000, ["not valid YAML"]),
        (b"{1: 2}", ["must be a text"]),
    ],
)
def test_what_is_no_scenario_at_all_is_a_sentence(tmp_path: Path, content: bytes, words: list[str]) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(content)
    with pytest.raises(ScenarioError) as refusal:
        load_scenario(path)
    for word in ["x.yaml", *words]:
        assert word in str(refusal.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    for path in (tmp_path / "none.yaml", tmp_path):
        with pytest.raises(ScenarioError, match="cannot be read"):
            load_scenario(path)


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(max_size=8) | st.integers(),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from([*Scenario.model_fields, "at", "fault", ""]), inner, max_size=4)
        ),
        max_leaves=12,
    )
)
def test_no_document_ends_in_a_traceback(tmp_path_factory: pytest.TempPathFactory, content: Any) -> None:
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    with pytest.raises(YamlError, match=r"any\.yaml"):
        read_yaml(path, Scenario)


def test_an_unknown_name_gives_the_nearest() -> None:
    with pytest.raises(ScenarioError, match="did you mean 'fall_unanswered'"):
        find_scenario("fall_unansered")
    with pytest.raises(ScenarioError, match="there is answered_fine"):
        find_scenario("zzz")


def test_a_scenario_of_ones_own_is_given_as_a_file() -> None:
    assert find_scenario("my/own") == Path("my/own")
    assert find_scenario("own.yaml") == Path("own.yaml")
    assert find_scenario("fall_unanswered").parent == scenarios_folder()


def test_the_words_for_alarms_are_those_of_the_care_layer() -> None:
    assert {kind.name.lower() for kind in AlarmKind} == set(conditions.Kind.__args__)  # type: ignore[attr-defined]
    assert {state.name.lower() for state in AlarmState} == set(conditions.State.__args__)  # type: ignore[attr-defined]


def test_the_documentation_has_every_key_and_no_other() -> None:
    text = DOCS.read_text(encoding="utf-8")
    documented = {line.split("`")[1] for line in text.splitlines() if line.startswith("| `")}
    models = [
        m
        for m in (vars(conditions) | vars(scenario)).values()
        if isinstance(m, type) and issubclass(m, Strict)
    ]
    assert documented == {key for model in models for key in model.model_fields}


def test_the_example_in_the_documentation_is_a_scenario(tmp_path: Path) -> None:
    text = DOCS.read_text(encoding="utf-8")
    example = text.split("```yaml\n")[1].split("```")[0]
    path = tmp_path / "tea_time.yaml"
    path.write_text(example, encoding="utf-8")
    assert load_scenario(path).title.en
