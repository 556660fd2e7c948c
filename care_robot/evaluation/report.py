"""Reports: one JSON form for every measurement, so that runs can be compared."""

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from care_robot import __version__


@dataclass(frozen=True)
class Report:
    """One measurement: flat metrics, and the trials behind them with the reason of each failure."""

    command: str
    seed: int
    metrics: Mapping[str, float]
    trials: Sequence[Mapping[str, Any]]

    def write(self, path: Path) -> None:
        """Write the report, whole or not at all."""
        content = {"version": __version__, "machine": machine(), **asdict(self)}
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(path.name + ".part")
        unfinished.write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
        unfinished.replace(path)


def machine() -> dict[str, str | int | float]:
    """What the figures were measured on."""
    return {
        "processor": platform.processor() or platform.machine(),
        "cores": os.cpu_count() or 0,
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "system": platform.platform(),
        "python": platform.python_version(),
    }


def percentiles_ms(durations_s: Sequence[float], prefix: str) -> dict[str, float]:
    """Metrics `<prefix>_p50_ms` and `<prefix>_p95_ms` of durations in seconds; NaN where there are none."""
    p50, p95 = np.percentile(durations_s, [50, 95]) if durations_s else (np.nan, np.nan)
    return {f"{prefix}_p50_ms": round(float(p50) * 1e3, 1), f"{prefix}_p95_ms": round(float(p95) * 1e3, 1)}
