"""What the pictures of reports have in common."""

from pathlib import Path
from typing import Any

INK, FAINT, FIRST, SECOND, THIRD, LIMIT = "#22303c", "#c9d1d9", "#5fa8d3", "#d98324", "#b9a9d6", "#c22f2f"
GOOD, BAD = "#1a7f4b", "#c22f2f"


def new_figure(width_in: float, height_in: float) -> Any:
    """A figure of its own: pyplot keeps a global state."""
    # Imported late: it takes most of a second.
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    figure = Figure(figsize=(width_in, height_in), dpi=80, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def tidy(axes: Any, x: str = "", y: str = "") -> None:
    """Name the axes, and take away what carries nothing."""
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.grid(color=FAINT, linewidth=0.5)
    axes.set_axisbelow(True)
    axes.tick_params(colors=INK)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def save(figure: Any, path: Path) -> None:
    """Write a figure as PNG, without the time and program that would make two runs differ."""
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, format="png", metadata={"Software": None})


def plain(text: str) -> str:
    """Text that the font at hand can show, and in which matplotlib finds no formula."""
    return "".join(c if ord(c) < 0x1100 or 0x2000 <= ord(c) < 0x2800 else "·" for c in text).replace("$", "")
