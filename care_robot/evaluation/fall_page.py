"""A page that shows an evaluation of falls: its figures, and every clip with the worst errors on top."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

from care_robot.evaluation.fall_eval import Result, picture_name, scored_of
from care_robot.evaluation.fall_scoring import by, worst_first

STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; color: #22303c; margin: 2rem auto; max-width: 62rem;
  padding: 0 1rem; }
td, th { text-align: left; padding: .1rem 1.2rem .1rem 0; } img { max-width: 100%; }
details { border-top: 1px solid #c9d1d9; padding: .4rem 0; } summary { cursor: pointer; }
.wrong { color: #b02525; } .right { color: #1a7f4b; } p { margin: .3rem 0; }
"""


def write_page(results: Sequence[Result], metrics: Mapping[str, float], path: Path) -> None:
    """Write the page; its pictures lie beside it. It needs nothing from elsewhere."""
    scored = scored_of(results)
    worst = [s.clip.line for s in worst_first(scored)]
    order = {line: n for n, line in enumerate(worst)}
    ordered = sorted(results, key=lambda r: (not r.failure, order.get(r.clip.line, len(worst)), r.clip.line))
    figures = "".join(f"<tr><td>{escape(name)}<td>{value:g}" for name, value in metrics.items())
    path.write_text(
        f"""<!doctype html><html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>eval falls</title><style>{STYLE}</style>
<h1>Falls</h1><p>{len(worst)} clips with an error, the worst first; then the others.</p>
<table>{figures}</table>
<img src="confusion.png" alt="Clips by what they show and what was confirmed">
<img src="reliability.png" alt="Share of falls by score">
{_table("Activity", by(lambda clip: clip.activity, scored))}
{_table("Group", by(lambda clip: clip.group, scored))}
<h2>Clips</h2>{"".join(map(_clip, ordered))}</html>
""",
        encoding="utf-8",
    )


def _table(title: str, parts: Mapping[str, Mapping[str, float]]) -> str:
    rows = "".join(
        f"<tr><td>{escape(name)}<td>{part['right']:g} of {part['clips']:g}"
        f"<td>{part['low']:.2f} to {part['high']:.2f}"
        for name, part in parts.items()
    )
    return f"<table><tr><th>{title}<th>Right<th>95 % interval{rows}</table>"


def _clip(result: Result) -> str:
    clip, scored = result.clip, result.scored
    right = scored is not None and not scored.reason
    words = f"{clip.file} · {clip.label.value} · {clip.activity} · {clip.group}"
    score = "" if scored is None else f" · score {scored.score:.2f}"
    mark = "right" if right else "wrong"
    reason = result.failure if scored is None else scored.reason
    said = "".join(f"<p>{escape(text)}</p>" for text in (reason, result.remark) if text)
    picture = "" if scored is None else f'<img loading="lazy" src="{picture_name(clip)}" alt="Timeline">'
    return (
        f'<details{"" if right else " open"}><summary><b class="{mark}">{mark}</b> {escape(words + score)}'
        f"</summary>{said}{picture}</details>\n"
    )
