"""Elements of SDF and URDF files with their places; numbers, poses and sensors in them.

What is not in the supported subset is an error that names file, line, element and remedy; it is never
skipped.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from xml.parsers import expat

from care_robot.description import Camera, ContactSensor, DescriptionError, Imu, Lidar, Sensor, Vector
from care_robot.geometry import Pose

MAX_BYTES = 5_000_000
MAX_DEPTH = 50
MAX_NUMBER = 1e9
MAX_COUNT = 10_000  # pixels along a side, rays of a lidar
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
# Names become names of topics, frames and MuJoCo bodies, in which "/" and "::" part models from links.
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)


@dataclass(eq=False)
class Element:
    """An element with its place in the file."""

    tag: str
    attributes: dict[str, str]
    file: Path
    line: int
    parent: Element | None = None
    children: list[Element] = field(default_factory=list)
    text: str = ""

    def where(self) -> str:
        """Way from the root's child to here, such as ``world 'apartment' > model 'bed' > link > pose``."""
        steps: list[str] = []
        element: Element | None = self
        while element is not None and (element.parent is not None or not steps):
            name = element.attributes.get("name")
            steps.append(f"{element.tag} '{name}'" if name else element.tag)
            element = element.parent
        return " > ".join(reversed(steps))

    def error(self, sentence: str) -> DescriptionError:
        """An error at this place."""
        return DescriptionError(f"{self.file}:{self.line}: {self.where()}: {sentence.rstrip('.')}.")

    def check(self, children: str = "", attributes: str = "", *, skipped: str = "") -> Element:
        """Refuse what is not known here, and return the element.

        Parameters
        ----------
        children, attributes
            Known names, parted by spaces.
        skipped
            Known children that other programs need, whatever is in them.
        """
        for name in self.attributes:
            if name not in attributes.split():
                raise self.error(f"the attribute '{name}' is not known here{_choices(name, attributes)}")
        known = f"{children} {skipped}"
        for child in self.children:
            if child.tag not in known.split():
                raise child.error(f"this element is not known here{_choices(child.tag, known)}")
        if self.text.strip():
            raise self.error(f"the text {_short(self.text)} is out of place; put elements or attributes here")
        return self

    def all(self, tag: str) -> list[Element]:
        """Children of that tag."""
        return [child for child in self.children if child.tag == tag]

    def find(self, tag: str) -> Element | None:
        """The only child of that tag, or None; several are an error."""
        found = self.all(tag)
        if len(found) > 1:
            raise found[1].error(f"there is already a <{tag}> in line {found[0].line}; keep one of them")
        return found[0] if found else None

    def need(self, tag: str) -> Element:
        """The only child of that tag; its absence is an error."""
        found = self.find(tag)
        if found is None:
            raise self.error(f"the element <{tag}> is missing; add it")
        return found

    def attribute(self, name: str) -> str:
        """A required attribute."""
        if name not in self.attributes:
            raise self.error(f"the attribute '{name}' is missing; add it")
        return self.attributes[name]

    def name(self) -> str:
        """The attribute `name`: letters, digits and underscores."""
        return self._checked_name(self.attribute("name"))

    def leaf(self, attributes: str = "") -> str:
        """Text of an element without children."""
        text, self.text = self.text.strip(), ""
        self.check("", attributes)
        self.text = text
        if not text:
            raise self.error("there is nothing in this element; write its value")
        return text

    def name_in_text(self) -> str:
        """Text that is a name."""
        return self._checked_name(self.leaf())

    def choice(self, choices: Sequence[str]) -> str:
        """Text that is one of `choices`."""
        text = self.leaf()
        if text not in choices:
            raise self.error(f"{_short(text)} is not one of {', '.join(choices)}")
        return text

    def _checked_name(self, name: str) -> str:
        if not _NAME.fullmatch(name):
            raise self.error(f"{_short(name)} is no name; use letters, digits and underscores only")
        return name

    def parse_numbers(self, text: str, count: int | None = None) -> tuple[float, ...]:
        """Finite numbers parted by spaces, `count` of them; errors are at this element."""
        numbers = []
        for word in text.split():
            number = float(word) if _NUMBER.fullmatch(word) else math.nan
            if not abs(number) <= MAX_NUMBER:
                raise self.error(f"{_short(word)} is not a finite number; write one below {MAX_NUMBER:g}")
            numbers.append(number)
        if count is not None and len(numbers) != count:
            raise self.error(f"there are {len(numbers)} numbers, but {count} are needed here")
        return tuple(numbers)

    def numbers(self, count: int | None = None) -> tuple[float, ...]:
        """Numbers in the text of an element without children."""
        return self.parse_numbers(self.leaf(), count)

    def number(self, minimum: float = -MAX_NUMBER, *, above: float | None = None) -> float:
        """The number in the text, not below `minimum`, or greater than `above`."""
        (number,) = self.numbers(1)
        if above is not None and number <= above:
            raise self.error(f"{number:g} is too small; it must be above {above:g}")
        if number < minimum:
            raise self.error(f"{number:g} is too small; it must be {minimum:g} or more")
        return number

    def count(self) -> int:
        """The whole number from 1 to MAX_COUNT in the text."""
        number = self.number(1.0)
        if number != int(number) or number > MAX_COUNT:
            raise self.error(f"{number:g} is not a whole number from 1 to {MAX_COUNT}")
        return int(number)

    def vector(self) -> Vector:
        """Three numbers in the text."""
        x, y, z = self.numbers(3)
        return x, y, z

    def flag(self) -> bool:
        """True or false in the text."""
        return self.choice(("true", "false", "1", "0")) in ("true", "1")

    def number_of(self, tag: str, default: float | None = None, **limits: float) -> float:
        """The number in a child, `default` where there is no such child; without a default it is required."""
        child = self.find(tag)
        if child is None and default is not None:
            return default
        return self.need(tag).number(**limits)

    def pose(self) -> Pose:
        """The pose in the child <pose>, or the identity."""
        child = self.find("pose")
        return read_pose(child) if child is not None else Pose.identity()

    def named(self, *tags: str) -> list[Element]:
        """Children of these tags, each with a name of its own."""
        found = [child for child in self.children if child.tag in tags]
        unique(((child, child.name()) for child in found), " or ".join(tags))
        return found


def read_xml(path: Path, root: str) -> Element:
    """Read a file.

    Parameters
    ----------
    path
        The file.
    root
        Tag of its root element.

    Raises
    ------
    DescriptionError
        It cannot be read, is not well-formed XML, is too large, has a DOCTYPE or another root.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise DescriptionError(f"{path}: the file has more than {MAX_BYTES} bytes; is it the right one?")
        data = path.read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DescriptionError(f"The file {str(path)!r} cannot be read: {reason}.") from None
    return parse_xml(data, path, root)


def parse_xml(data: bytes, path: Path, root: str) -> Element:
    """Like `read_xml`, of a file's contents; `path` is for errors."""
    reader = _Reader(path)
    try:
        reader.parser.Parse(data, True)
    except (expat.ExpatError, LookupError, ValueError) as error:
        line = reader.parser.CurrentLineNumber
        raise DescriptionError(f"{path}:{line}: this is not well-formed XML: {error}.") from None
    found = reader.root
    if found is None or found.tag != root:
        raise DescriptionError(f"{path}: the file must have <{root}> as its root element.")
    return found


def read_pose(element: Element) -> Pose:
    """The pose x y z roll pitch yaw in m and rad, or degrees with ``degrees="true"``, as in SDF."""
    if "relative_to" in element.attributes:
        raise element.error("'relative_to' is not supported; give the pose in the frame of what is around it")
    degrees = element.attributes.get("degrees", "false")
    if degrees not in ("true", "false"):
        raise element.error("the attribute 'degrees' is true or false")
    x, y, z, *rpy = element.parse_numbers(element.leaf("degrees"), 6)
    roll, pitch, yaw = (math.radians(angle) if degrees == "true" else angle for angle in rpy)
    return Pose.from_rpy(x, y, z, roll=roll, pitch=pitch, yaw=yaw)


def read_sensor(element: Element) -> Sensor:
    """Read an SDF <sensor> of type camera, rgbd_camera, gpu_lidar, imu or contact.

    Names of topics and frames in it are Gazebo's; here they follow from the sensor's name.
    """
    kind = element.attribute("type")
    if kind not in _SENSORS:
        raise element.error(
            f"the sensor type {_short(kind)} is not known{_choices(kind, ' '.join(_SENSORS))}"
        )
    part, read = _SENSORS[kind]
    element.check(
        f"pose update_rate {part}",
        "name type",
        skipped="topic gz_frame_id always_on visualize enable_metrics plugin",
    )
    return read(element, element.need(part))


def _camera(sensor: Element, camera: Element) -> Camera:
    camera.check(
        "horizontal_fov image clip noise depth_camera", "name", skipped="camera_info_topic optical_frame_id"
    )
    image = camera.need("image").check("width height format")
    clip = camera.need("clip").check("near far")
    fov = camera.need("horizontal_fov")
    fov_rad = fov.number(above=0.0)
    if fov_rad >= math.pi:
        raise fov.error(f"a camera's field of view of {fov_rad:g} rad is too wide; it must be below pi")
    near = clip.need("near").number(above=0.0)
    return Camera(
        name=sensor.name(),
        pose=sensor.pose(),
        rate_hz=sensor.number_of("update_rate", above=0.0),
        width_px=image.need("width").count(),
        height_px=image.need("height").count(),
        horizontal_fov_rad=fov_rad,
        near_m=near,
        far_m=clip.need("far").number(above=near),
        noise_std=_noise(camera),
        depth=sensor.attributes["type"] == "rgbd_camera",
    )


def _lidar(sensor: Element, lidar: Element) -> Lidar:
    lidar.check("scan range noise")
    horizontal = lidar.need("scan").check("horizontal", skipped="vertical").need("horizontal")
    horizontal.check("samples resolution min_angle max_angle")
    span = lidar.need("range").check("min max resolution")
    lowest = horizontal.need("min_angle").number()
    nearest = span.need("min").number(0.0)
    return Lidar(
        name=sensor.name(),
        pose=sensor.pose(),
        rate_hz=sensor.number_of("update_rate", above=0.0),
        samples=horizontal.need("samples").count(),
        min_angle_rad=lowest,
        max_angle_rad=horizontal.need("max_angle").number(above=lowest),
        min_range_m=nearest,
        max_range_m=span.need("max").number(above=nearest),
        noise_std_m=_noise(lidar),
    )


def _imu(sensor: Element, imu: Element) -> Imu:
    imu.check(
        "angular_velocity linear_acceleration", skipped="orientation_reference_frame enable_orientation"
    )

    def std(tag: str) -> float:
        axes = imu.need(tag).check("x y z")
        stds = {_noise(axes.need(axis).check("noise")) for axis in "xyz"}
        if len(stds) > 1:
            raise axes.error("the noise differs from axis to axis; give all three the same")
        return stds.pop()

    return Imu(
        name=sensor.name(),
        pose=sensor.pose(),
        rate_hz=sensor.number_of("update_rate", above=0.0),
        angular_velocity_std_rad_s=std("angular_velocity"),
        linear_acceleration_std_m_s2=std("linear_acceleration"),
    )


def _contact(sensor: Element, contact: Element) -> ContactSensor:
    contact.check("collision", skipped="topic")
    return ContactSensor(
        name=sensor.name(),
        rate_hz=sensor.number_of("update_rate", above=0.0),
        collision=contact.need("collision").name_in_text(),
    )


_SENSORS: dict[str, tuple[str, Callable[[Element, Element], Sensor]]] = {
    "camera": ("camera", _camera),
    "rgbd_camera": ("camera", _camera),
    "gpu_lidar": ("lidar", _lidar),
    "imu": ("imu", _imu),
    "contact": ("contact", _contact),
}


def _noise(parent: Element) -> float:
    """Standard deviation of the Gaussian noise, 0 where there is none."""
    noise = parent.find("noise")
    if noise is None:
        return 0.0
    noise.check("type mean stddev", "type")
    kind = noise.find("type")
    if (kind.leaf() if kind is not None else noise.attribute("type")) != "gaussian":
        raise noise.error("noise is of type gaussian only")
    if noise.number_of("mean", 0.0) != 0.0:
        raise noise.error("noise has a mean of 0 only")
    return noise.need("stddev").number(0.0)


def _choices(word: str, known: str) -> str:
    """Hint at the word that was probably meant, or at all that there are."""
    words = sorted(set(known.split()))
    matches = difflib.get_close_matches(word, words, n=1)
    if matches:
        return f"; do you mean '{matches[0]}'?"
    return f"; known are {', '.join(words)}" if words else "; remove it"


def _short(text: str) -> str:
    text = text.strip()
    return repr(text if len(text) <= 40 else f"{text[:40]}…")


def unique(elements: Iterable[tuple[Element, str]], what: str) -> None:
    """Refuse a second element of the same name among (element, name)."""
    seen: set[str] = set()
    for element, name in elements:
        if name in seen:
            raise element.error(f"there is already a {what} named '{name}'; rename one of them")
        seen.add(name)


class _Reader:
    """Builds elements with their line numbers, which ElementTree does not keep."""

    def __init__(self, path: Path) -> None:
        self.root: Element | None = None
        self._path = path
        self._open: list[Element] = []
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = lambda _: self._open.pop()
        self.parser.CharacterDataHandler = self._text
        self.parser.StartDoctypeDeclHandler = self._doctype

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        parent = self._open[-1] if self._open else None
        line = self.parser.CurrentLineNumber
        if len(self._open) >= MAX_DEPTH:
            raise DescriptionError(f"{self._path}:{line}: elements are nested more than {MAX_DEPTH} deep.")
        element = Element(tag, attributes, self._path, line, parent)
        if parent is None:
            self.root = element
        else:
            parent.children.append(element)
        self._open.append(element)

    def _text(self, text: str) -> None:
        self._open[-1].text += text

    def _doctype(self, *_: object) -> None:
        line = self.parser.CurrentLineNumber
        raise DescriptionError(f"{self._path}:{line}: a DOCTYPE with its entities is not allowed; remove it.")
