"""The embedded launcher reads the subset of launch files that design.md names, and refuses the rest."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from care_robot.bringup.launch_elements import _TAGS, LaunchFileError
from care_robot.bringup.launch_plan import LaunchPlan
from care_robot.bringup.launch_xml import declared_arguments, load_plan
from care_robot.bringup.substitutions import Scope, SubstitutionError, parse, perform, substitute

Loader = Callable[..., LaunchPlan]

NODE = '<node pkg="p" exec="e" name="n">{}</node>'


@pytest.fixture
def plan(tmp_path: Path) -> Loader:
    def load(body: str, environment: dict[str, str] | None = None, **arguments: str) -> LaunchPlan:
        path = tmp_path / "test.launch.xml"
        path.write_text(f"<launch>\n{body}\n</launch>", encoding="utf-8")
        return load_plan(path, arguments, environment or {})

    return load


def error(plan: Loader, body: str, **arguments: str) -> str:
    with pytest.raises(LaunchFileError) as caught:
        plan(body, **arguments)
    return str(caught.value)


# Nodes -----------------------------------------------------------------------------------------------------


def test_a_node_has_everything_that_the_file_says(plan: Loader) -> None:
    loaded = plan(
        """
        <arg name="room" default="living room" description="Room of the camera"/>
        <push_ros_namespace namespace="robot"/>
        <node pkg="care_robot" exec="speech" name="voice" namespace="head" args="--room $(var room) --quick"
              output="screen" on_exit="shutdown">
          <param name="language" value="ko"/>
          <remap from="say" to="/all/say"/>
          <env name="VOLUME" value="3"/>
        </node>
        """
    )
    (node,) = loaded.processes
    assert (node.package, node.node_name, node.namespace) == ("care_robot", "voice", "/robot/head")
    assert node.cmd == ("speech", "--room", "living room", "--quick")
    assert node.parameters == ({"language": "ko"},)
    assert node.remappings == (("say", "/all/say"),)
    assert node.env == {"VOLUME": "3"}
    assert node.ends_launch
    assert not node.respawn


def test_respawn_has_a_delay(plan: Loader) -> None:
    (node,) = plan('<node pkg="p" exec="e" respawn="true" respawn_delay="1.5"/>').processes
    assert (node.respawn, node.respawn_delay_s) == (True, 1.5)


def test_an_executable_is_split_as_a_shell_would(plan: Loader) -> None:
    body = """<let name="x" value="a b"/><executable cmd="echo 'one word' $(var x) pre$(var x)post"/>"""
    (process,) = plan(body).processes
    assert process.cmd == ("echo", "one word", "a b", "prea bpost")


@pytest.mark.parametrize(
    ("pushed", "own", "result"),
    [
        ([], None, None),
        ([], "a", "/a"),
        (["r"], None, "/r"),
        (["r", "s"], "a", "/r/s/a"),
        (["r"], "/a", "/a"),
        (["r", "/s"], None, "/s"),
        ([""], None, "/"),
        (["r"], "", "/r"),
        (["r/"], "a/b", "/r/a/b"),
    ],
)
def test_namespaces_add_up_unless_absolute(
    plan: Loader, pushed: list[str], own: str | None, result: str | None
) -> None:
    body = "".join(f'<push_ros_namespace namespace="{name}"/>' for name in pushed)
    attribute = "" if own is None else f'namespace="{own}"'
    (node,) = plan(f'{body}<node pkg="p" exec="e" {attribute}/>').processes
    assert node.namespace == result


def test_processes_are_marked_by_name_and_told_apart(plan: Loader) -> None:
    loaded = plan(
        """
        <node pkg="p" exec="e" name="speech"/>
        <node pkg="p" exec="e" name="camera" namespace="kitchen"/>
        <node pkg="p" exec="e" name="camera" namespace="bedroom"/>
        <executable cmd="/bin/echo a"/><executable cmd="echo b"/>
        """
    )
    assert loaded.labels() == ["speech", "kitchen/camera", "bedroom/camera", "echo", "echo-2"]


# Parameters ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("1", "", 1),
        ("1.0", "", 1.0),
        ("true", "", True),
        ("&quot;true&quot;", "", "true"),
        ("ko", "", "ko"),
        ("", "", ""),
        ("[1, 2]", "", [1, 2]),
        ("[a, b]", "", ["a", "b"]),
        ("[$(var number), 4]", "", [7, 4]),
        ("$(var number)", "", 7),
        ("$(var number)", "str", "7"),
        ("$(var number)", "float", 7.0),
        ("$(var list)", "", ["x", "y"]),
        ("0", "str", "0"),
        ("1", "bool", True),
        ("yes", "bool", True),
        ("[a, '2']", "list_of_str", ["a", "2"]),
    ],
)
def test_parameters_are_typed_as_yaml_unless_told(plan: Loader, text: str, kind: str, value: object) -> None:
    of_type = f'type="{kind}"' if kind else ""
    lets = '<let name="number" value="7"/><let name="list" value="[x, y]"/>'
    (node,) = plan(lets + NODE.format(f'<param name="p" value="{text}" {of_type}/>')).processes
    ((result),) = node.parameters
    assert result == {"p": value}
    assert type(result["p"]) is type(value)


@pytest.mark.parametrize(
    ("text", "kind"),
    [("[]", ""), ("[1, a]", ""), ("[1, true]", ""), ("{a: 1}", ""), ("~", ""), ("2024-01-01", ""),
     ("a", "int"), ("1.5", "int"), ("maybe", "bool"), ("x", "number"), ("a", "list_of_str"),
     ("[1]", "list_of_str"), ("&amp;a [*a]", ""), ("!!bool x", "bool"), ("$(var bad)", "")],
)  # fmt: skip
def test_values_that_no_parameter_can_have_are_refused(plan: Loader, text: str, kind: str) -> None:
    of_type = f'type="{kind}"' if kind else ""
    body = '<let name="bad" value="a: b: c"/>' + NODE.format(f'<param name="p" value="{text}" {of_type}/>')
    assert "test.launch.xml:2: <param>: " in error(plan, body)


def test_parameter_files_keep_their_place_among_the_values(plan: Loader, tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("/**:\n  ros__parameters:\n    a: 1\n", encoding="utf-8")
    body = NODE.format(f'<param name="a" value="0"/><param from="{file}"/><param name="a" value="2"/>')
    (node,) = plan(body).processes
    assert node.parameters == ({"a": 0}, file, {"a": 2})


@pytest.mark.parametrize(
    "content", ["a: [", "just text", "node:\n  a: 1\n", "node: {ros__parameters: 3}", "", "\0"]
)
def test_a_broken_parameter_file_is_refused_before_anything_starts(
    plan: Loader, tmp_path: Path, content: str
) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(content, encoding="utf-8")
    assert str(file) in error(plan, NODE.format(f'<param from="{file}"/>'))


def test_a_missing_parameter_file_is_named(plan: Loader) -> None:
    assert "/no/such.yaml cannot be read" in error(plan, NODE.format('<param from="/no/such.yaml"/>'))


# Scopes ----------------------------------------------------------------------------------------------------


def test_a_group_closes_over_lets_environment_and_namespace(plan: Loader) -> None:
    loaded = plan(
        """
        <let name="a" value="1"/>
        <group>
          <let name="a" value="2"/><set_env name="E" value="2"/><push_ros_namespace namespace="g"/>
          <executable cmd="in $(var a)"/><node pkg="p" exec="e"/>
        </group>
        <executable cmd="out $(var a)"/><node pkg="p" exec="e"/>
        """
    )
    inside, node_inside, outside, node_outside = loaded.processes
    assert (inside.cmd, outside.cmd) == (("in", "2"), ("out", "1"))
    assert (inside.env, outside.env) == ({"E": "2"}, {})
    assert (node_inside.namespace, node_outside.namespace) == ("/g", None)


def test_an_open_group_passes_everything_on(plan: Loader) -> None:
    body = '<group scoped="false"><let name="a" value="2"/></group><executable cmd="out $(var a)"/>'
    assert plan(body).processes[0].cmd == ("out", "2")


def test_an_included_file_shares_the_scope_and_takes_arguments(plan: Loader, tmp_path: Path) -> None:
    (tmp_path / "other.xml").write_text(
        '<launch><arg name="a" default="0"/><arg name="b" default="1"/>'
        '<executable cmd="x $(var a) $(var b) $(var c)"/></launch>',
        encoding="utf-8",
    )
    body = f"""
        <let name="c" value="3"/>
        <include file="{tmp_path}/other.xml"><arg name="a" value="5"/></include>
        <executable cmd="y $(var a) $(var b)"/>
        """
    assert [p.cmd for p in plan(body).processes] == [("x", "5", "1", "3"), ("y", "5", "1")]


def test_what_an_included_file_requires_must_be_given_to_it(plan: Loader, tmp_path: Path) -> None:
    (tmp_path / "other.xml").write_text('<launch><arg name="a"/></launch>', encoding="utf-8")
    assert "requires 'a'" in error(plan, f'<let name="a" value="1"/><include file="{tmp_path}/other.xml"/>')


def test_a_file_that_includes_itself_ends(plan: Loader, tmp_path: Path) -> None:
    assert "include itself" in error(plan, f'<include file="{tmp_path}/test.launch.xml"/>')


@pytest.mark.parametrize(
    ("word", "runs"), [("true", 1), ("True", 1), ("1", 1), ("false", 0), ("0", 0), (" FALSE ", 0)]
)
def test_conditions_know_four_words(plan: Loader, word: str, runs: int) -> None:
    assert len(plan(f'<executable cmd="x" if="{word}"/>').processes) == runs
    assert len(plan(f'<executable cmd="x" unless="{word}"/>').processes) == 1 - runs


def test_conditions_know_no_other_words(plan: Loader) -> None:
    for word in ("yes", "", "2", "None"):
        assert "neither true nor false" in error(plan, f'<executable cmd="x" if="{word}"/>')


def test_a_branch_not_taken_is_checked_all_the_same(plan: Loader) -> None:
    assert "<nod>" in error(plan, '<group if="false"><nod/></group>')
    assert "not known here" in error(plan, '<group if="false"><let name="a" value="$(anon b)"/></group>')


# Arguments -------------------------------------------------------------------------------------------------


def test_arguments_have_defaults_and_choices(plan: Loader) -> None:
    body = """<arg name="l" default="ko"><choice value="ko"/><choice value="en"/></arg>
        <executable cmd="x $(var l)"/>"""
    assert plan(body).processes[0].cmd == ("x", "ko")
    assert plan(body, l="en").processes[0].cmd == ("x", "en")
    assert "l is 'de', but must be one of ko, en" in error(plan, body, l="de")


def test_a_value_is_taken_as_it_is(plan: Loader) -> None:
    (process,) = plan('<arg name="v"/><executable cmd="x $(var v)"/>', v="$(env HOME) \\ 'a").processes
    assert process.cmd == ("x", "$(env HOME) \\ 'a")


def test_a_required_argument_is_asked_for(plan: Loader) -> None:
    message = error(plan, '<arg name="source" description="video"/>')
    assert "'source' is required (video)" in message
    assert "source:=VALUE" in message


def test_an_unknown_argument_is_refused_with_the_likely_one(plan: Loader) -> None:
    assert "do you mean 'source'?" in error(plan, '<arg name="source" default=""/>', sorce="a.mp4")


def test_the_arguments_can_be_listed(tmp_path: Path) -> None:
    path = tmp_path / "a.launch.xml"
    path.write_text(
        '<launch><arg name="a" default="$(env HOME)" description="d"><choice value="x"/></arg></launch>'
    )
    (argument,) = declared_arguments(path)
    assert (argument.name, argument.default, argument.choices) == ("a", "$(env HOME)", ("x",))


def test_messages_are_kept_in_order(plan: Loader) -> None:
    body = '<arg name="r" default="SUBNET"/><log if="$(equals $(var r) SUBNET)" message="open: $(var r)"/>'
    assert plan(body).messages == ("open: SUBNET",)
    assert plan(body, r="LOCALHOST").messages == ()


# Errors ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("<nod/>", "do you mean 'node'?"),
        ('<node pkg="p" exec="e" nmae="n"/>', "do you mean 'name'?"),
        ('<node exec="e"/>', "'pkg' is missing"),
        ('<node pkg="p" exec="e"><choice value="a"/></node>', "not supported inside <node>"),
        ('<node pkg="p" exec="e" on_exit="restart"/>', "must be shutdown"),
        ('<node pkg="p" exec="e" output="log"/>', "must be screen"),
        ('<node pkg="p" exec="e" respawn="true" on_exit="shutdown"/>', "exclude each other"),
        ('<node pkg="p" exec="e" respawn_delay="-1"/>', "number of seconds"),
        ('<node pkg="p" exec="e" name="9a"/>', "not a node name"),
        ('<node pkg="p" exec="e" namespace="a//b"/>', "not a namespace"),
        ('<executable cmd="a" if="true" unless="true"/>', "exclude each other"),
        ('<executable cmd=""/>', "empty"),
        ('<executable cmd=" $(env X y)"/>', "empty"),
        ('<executable cmd="  $(env X y)"/>', "empty"),
        ('<executable cmd="a &apos;b"/>', "cannot be split"),
        ('<executable cmd="a $(var missing)"/>', "no launch argument 'missing'"),
        ('<executable cmd="a $(env MISSING)"/>', "has no MISSING"),
        ('<executable cmd="a $(find-pkg-share nothing)"/>', "source install/setup.bash"),
        ('<executable cmd="a $(anon x)"/>', "not known here"),
        ('<executable cmd="a $(var  x)"/>', "argument is missing"),
        ('<executable cmd="a $(equals $(var x) &apos;&apos;)"/>', "cannot compare with"),
        ('<executable cmd="a\\ b"/>', "backslash"),
        ('<group scoped="$(var x)"/>', "scoped"),
        ('<set_env name="a=b" value=""/>', "not the name of an environment variable"),
        ('<include file="/no/such.xml"/>', "there is no file '/no/such.xml'"),
        (NODE.format('<param name="a"/>'), "name and value"),
        (NODE.format('<param name="a" from="b"/>'), "name and value"),
        ("\ntext", "has no meaning"),
        ("<group>" * 30 + "</group>" * 30, "nested more than"),
    ],
)
def test_what_is_not_in_the_subset_is_an_error_with_its_place(plan: Loader, body: str, words: str) -> None:
    message = error(plan, body)
    assert words in message
    assert "test.launch.xml:" in message


@pytest.mark.parametrize("data", [b"", b"<launch>", b"\xff\xfe\x00", b"<launch/><launch/>", b"<robot/>",
                                  b'<!DOCTYPE launch [<!ENTITY a "b">]><launch/>',
                                  b'<?xml version="1.0" encoding="klingon"?><launch/>'])  # fmt: skip
def test_a_file_that_is_no_launch_file_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "bad.launch.xml"
    path.write_bytes(data)
    with pytest.raises(LaunchFileError, match="bad"):
        load_plan(path, {}, {})


@pytest.mark.parametrize("path", ["/no/such.launch.xml", "/", "a\0b"])
def test_a_file_that_cannot_be_read_is_named(path: str) -> None:
    with pytest.raises(LaunchFileError, match="cannot be read"):
        load_plan(Path(path), {}, {})


# Properties ------------------------------------------------------------------------------------------------

CALLS = ["$(var a)", "$(env A)", "$(env A 'b c')", "$(var $(var a))", "$(equals a $(var b d))", "$("]
WORDS = st.sampled_from(
    [*CALLS, "'", "\\", "", "a", "b", "true", "0", "x y", "/a", "[1, 2]", "키", "{a: 1}", ": :"]
)
XML_TEXT = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"), max_size=8
)
TEXTS = st.one_of(WORDS, st.lists(WORDS, max_size=3).map("".join), XML_TEXT)
LIKELY = {name: ["true", "false"] for name in ("if", "scoped", "shell", "respawn")}
LIKELY |= {"on_exit": ["shutdown"], "output": ["screen"], "respawn_delay": ["0.5"], "type": ["str", "yaml"]}
ESCAPES = {"&": "&amp;", "<": "&lt;", '"': "&quot;"}


def _xml(tag: str, attributes: dict[str, str], inner: str) -> str:
    pairs = "".join(f' {k}="{"".join(ESCAPES.get(c, c) for c in v)}"' for k, v in attributes.items())
    return f"<{tag}{pairs}>{inner}</{tag}>"


@st.composite
def bodies(draw: st.DrawFn, parent: str = "launch", depth: int = 3) -> str:
    """Elements where they may stand, with all that they require and any of what they may have."""
    parts = []
    for _ in range(draw(st.integers(0, 3))):
        tag = draw(st.sampled_from(sorted(_TAGS[parent].children)))
        optional = sorted(_TAGS[tag].optional - {"unless"})  # as `if`, which excludes it
        chosen = draw(st.lists(st.sampled_from(optional), unique=True, max_size=3)) if optional else []
        attributes = {}
        for name in [*sorted(_TAGS[tag].required), *chosen]:
            likely = st.sampled_from(LIKELY.get(name, ["a", "b", "$(var a)"]))
            attributes[name] = draw(st.one_of(likely, likely, likely, TEXTS))
        inner = draw(bodies(tag, depth - 1)) if depth and _TAGS[tag].children else ""
        parts.append(_xml(tag.rpartition("/")[2], attributes, inner))
    return "".join(parts)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.one_of(bodies(), bodies(), st.text(max_size=30)))
def test_any_file_gives_a_plan_or_a_sentence(tmp_path: Path, body: str) -> None:
    path = tmp_path / "any.launch.xml"
    text = f'<launch><let name="a" value="b"/>{body}</launch>'
    path.write_bytes(text.encode(errors="surrogatepass"))
    try:
        loaded = load_plan(path, {}, {"A": "x"})
    except LaunchFileError:
        return
    assert len(set(loaded.labels())) == len(loaded.processes)


PLAIN = st.text(
    st.characters(exclude_characters="\\$'\"() ", exclude_categories=["Cs"]), min_size=1, max_size=6
)


def _nested(inner: st.SearchStrategy[tuple[str, str]]) -> st.SearchStrategy[tuple[str, str]]:
    """Calls of $(var missing DEFAULT): each comes to its default."""
    joined = st.lists(inner, min_size=1, max_size=3).map(
        lambda pairs: tuple(map("".join, zip(*pairs, strict=True)))
    )
    return joined.map(lambda pair: (f"$(var missing {pair[0]})", pair[1]))


@given(st.recursive(PLAIN.map(lambda text: (text, text)), _nested, max_leaves=15))
def test_substitutions_nest(pair: tuple[str, str]) -> None:
    text, expected = pair
    assert substitute(text, Scope()) == expected


@given(st.text(max_size=40))
def test_any_text_is_substituted_or_refused(text: str) -> None:
    try:
        template = parse(text)
    except SubstitutionError:
        return
    if "$(" not in text:
        assert perform(template, Scope()) == text


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("$5 (a) $(var a)", "$5 (a) 1"),
        ("$(env HOME)", "/home/kim"),
        ("$(env NONE '')", ""),
        ("$(env NONE 'two words')", "two words"),
        ('$(env NONE "$(var a) $(var a)")', "1 1"),
        ("$(var $(env NAME))", "1"),
        ("$(equals $(var a) 1.0)", "true"),
        ("$(equals true 1)", "true"),
        ("$(equals a b)", "false"),
    ],
)
def test_substitutions_have_the_values_that_launch_gives(text: str, value: str) -> None:
    assert substitute(text, Scope({"a": "1"}, {"HOME": "/home/kim", "NAME": "a"})) == value


def test_a_package_is_found_in_the_first_prefix_that_has_it(tmp_path: Path) -> None:
    for name in ("under", "over"):
        index = tmp_path / name / "share/ament_index/resource_index/packages"
        index.mkdir(parents=True)
        (index / "robot").touch()
    scope = Scope(
        environment={"AMENT_PREFIX_PATH": os.pathsep.join([f"{tmp_path}/over", f"{tmp_path}/under"])}
    )
    assert substitute("$(find-pkg-share robot)", scope) == f"{tmp_path}/over/share/robot"
    with pytest.raises(SubstitutionError, match="not found"):
        substitute("$(find-pkg-share ../robot)", scope)
