"""`operator_web` as a process of its own, since NiceGUI serves one page a process."""

import os
import queue
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

START_S = 60.0


@contextmanager
def operator_web(domain_id: int, **parameters: Any) -> Iterator[str]:
    """The address of the page while it runs."""
    command = [sys.executable, "-m", "care_robot.console.operator_web_node", "--ros-args"]
    for name, value in {"port": 0, **parameters}.items():
        command += ["-p", f"{name}:={value}"]
    environment = {**os.environ, "ROS_DOMAIN_ID": str(domain_id)}
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    lines: queue.Queue[str] = queue.Queue()

    def read() -> None:
        assert process.stderr is not None
        for line in process.stderr:
            lines.put(line)
        lines.put("")

    threading.Thread(target=read, daemon=True).start()
    try:
        said = ""
        while not (found := re.search(r"page: (https?://\S+)", said)):
            line = lines.get(timeout=START_S)
            assert line, f"operator_web has ended: {said}"
            said += line
        yield found.group(1)
    finally:
        process.terminate()
        assert process.wait(START_S) == 0
