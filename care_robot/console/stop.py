"""``./care stop``: stops the robot at once, without a question, and says whether that is confirmed."""

import getpass
import json

from rich.console import Console
from rich.markup import escape

from care_robot.console.errors import UsageError

CONFIRM_S = 5.0
UNCONFIRMED = (
    f"Nobody has confirmed the stop within {CONFIRM_S:.0f} s: THE ROBOT MAY STILL MOVE. "
    "Press its e-stop button. / 멈춤이 확인되지 않았습니다. 로봇이 아직 움직일 수 있습니다. "
    "비상정지 버튼을 누르세요."
)


def run_stop(by: str, reason: str, namespace: str, *, as_json: bool, console: Console) -> int:
    """Ask for a stop until it is confirmed; 0, or UsageError where it was not."""
    from care_robot.console.stopper_node import Stopper  # noqa: PLC0415

    with Stopper(namespace) as stopper:
        confirmed = stopper.stop(by or _login(), reason, CONFIRM_S)
    if as_json:
        held = confirmed and {"by": confirmed.by, "after_ms": round(confirmed.after_ms)}
        print(json.dumps({"stopped": confirmed is not None, "confirmed": held}, ensure_ascii=False))
    if confirmed is None:
        raise UsageError(UNCONFIRMED)
    if not as_json:
        console.print(
            f"멈췄습니다 · Stopped: confirmed by {escape(confirmed.by)} after {confirmed.after_ms:.0f} ms. "
            "`./care stop --reset` takes the stop away again.",
            highlight=False,
            soft_wrap=True,
        )
    return 0


def run_reset(by: str, namespace: str, *, as_json: bool, console: Console) -> int:
    """Take the stop away; 0, or UsageError where that is refused."""
    from care_robot.console.stopper_node import Stopper  # noqa: PLC0415

    name = by or _login()
    with Stopper(namespace) as stopper:
        stopper.reset(name)
    if as_json:
        print(json.dumps({"reset": True, "by": name}, ensure_ascii=False))
    else:
        console.print(
            f"멈춤을 해제했습니다 · Reset by {escape(name)}. By itself it goes to an open fall alarm only.",
            highlight=False,
            soft_wrap=True,
        )
    return 0


def _login() -> str:
    """Name of the user of this terminal: a stop must not wait for one to be typed."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user without an entry in the system's list
        return "./care stop"
