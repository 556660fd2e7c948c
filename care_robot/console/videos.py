"""Videos for the command line: the user's own, or the project's own rendered fall."""

import hashlib
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from care_robot.console.errors import UsageError
from care_robot.perception.pose_model import cache_directory


def check_video(path: Path) -> Path:
    """The path, if a video can be there; the camera node says what is wrong inside the file."""
    if not path.is_file():
        raise UsageError(f"There is no video file {path}; check the path.")
    return path.resolve()


def demo_video(console: Console) -> Path:
    """The project's own video, rendered once for each version of the code that renders it."""
    # Imported late: rendering needs MuJoCo and a GL library, which another video does not.
    from care_robot import simulation  # noqa: PLC0415
    from care_robot.simulation.demo_video import DemoVideoError, render_demo_video  # noqa: PLC0415
    from care_robot.simulation.graphics import RenderingError  # noqa: PLC0415

    code = b"".join(path.read_bytes() for path in sorted(Path(*simulation.__path__).glob("*.py")))
    path = cache_directory() / f"demo-{hashlib.sha256(code).hexdigest()[:12]}.mp4"
    if path.is_file():
        return path
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"The cache folder {path.parent} cannot be made: {error.strerror}; set XDG_CACHE_HOME to another."
        ) from error
    columns = (TextColumn("Rendering a video of a fall (once)"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("render", total=None)
        try:
            render_demo_video(
                path, on_progress=lambda done, n: progress.update(task, completed=done, total=n)
            )
        except (DemoVideoError, RenderingError) as error:
            raise UsageError(f"{error} Or give a video: --video FILE") from error
    return path
