"""One alarm on the operator's page, and the elements that the page is made of."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import partial
from typing import Protocol

from nicegui import ui

from care_robot.care.alarms import AlarmState
from care_robot.care.text import Text
from care_robot.console.web import PRIORITIES, ShownAlarm, Step, TwoTaps, elapsed

SHOWN_STEPS = 3
TAKE, TAKE_NOW = Text("제가 갈게요", "I take it"), Text("한 번 더 누르세요", "Tap again: I take it")
HERE, HERE_NOW = Text("곁에 있습니다", "I am with them"), Text("한 번 더 누르세요", "Tap again: I am there")


class Both:
    """A text in Korean with its English beneath; shown as it is, never as markup."""

    def __init__(self, classes: str = "", *, tag: str = "div", props: str = "") -> None:
        with ui.element(tag).classes(classes).props(props) as self.element:
            self._ko = ui.label().classes("ko").props("lang=ko")
            self._en = ui.label().classes("en").props("lang=en")

    def set(self, text: Text) -> None:
        """Show another text."""
        self._ko.set_text(text.ko)
        self._en.set_text(text.en)

    def show(self, visible: bool) -> None:
        """Show it, or hide it."""
        self.element.set_visibility(visible)

    def mark(self, classes: str, on: bool) -> None:
        """Give it these classes, or take them away."""
        self.element.classes(add=classes) if on else self.element.classes(remove=classes)


class Button(Both):
    """A big button."""

    def __init__(
        self,
        text: Text,
        act: Callable[[], Awaitable[None] | None] | None,
        classes: str = "",
        *,
        kind: str = "button",
    ) -> None:
        super().__init__(f"btn {classes}", tag="button", props=f"type={kind}")
        self.set(text)
        if act is not None:
            self.element.on("click", act, args=[])


class Acts(Protocol):
    """What can be done about an alarm."""

    def steady_s(self) -> float:
        """Time of the steady clock."""

    async def take(self, alarm_id: str, attended: bool) -> None:
        """Acknowledge it."""

    async def pause(self, alarm_id: str) -> None:
        """Silence it for a while."""

    def ask_resolve(self, alarm: ShownAlarm) -> None:
        """End it, after asking why."""


class Card:
    """An alarm with its buttons; made within the element that shows it."""

    def __init__(self, alarm: ShownAlarm, acts: Acts) -> None:
        self._alarm, self._acts, self._taps = alarm, acts, TwoTaps()
        self._steps: tuple[Step, ...] = ()
        self._all_steps = False
        self._classes = ""
        with ui.element("article").classes("alarm") as self.root:
            with ui.element("div").classes("row"):
                chips = [Both(f"chip {kind}", tag="span") for kind in ("priority", "drill", "unstored")]
                self._priority, self._drill, self._unstored = chips
            self._drill.set(Text("훈련", "DRILL"))
            self._unstored.set(Text("저장 안 됨", "NOT STORED"))
            with ui.element("h2"):
                self._title = Both()
            self._where = ui.label().classes("where")
            self._when, self._state = Both(), Both()
            with ui.element("div").classes("row"):
                self._take = Button(TAKE, partial(self._tap, "take"), "main")
                self._here = Button(HERE, partial(self._tap, "here"))
            with ui.element("div").classes("row"):
                self._pause = Button(Text("소리 2분 멈춤", "Pause sound, 2 min"), self._hush, "small")
                Button(Text("경보 끝내기…", "Resolve…"), self._resolve, "small")
            self._list = ui.element("ol").classes("steps")
            self._more = Button(Text("전체 기록 보기", "Show everything"), self._show_all, "small")

    def show(self, alarm: ShownAlarm, now: datetime) -> None:
        """Show how it is now."""
        self._alarm = alarm
        self._priority.set(PRIORITIES[alarm.priority])
        self._drill.show(alarm.drill)
        self._unstored.show(not alarm.stored)
        times = f" ×{alarm.occurrences}" if alarm.occurrences > 1 else ""
        self._title.set(Text(alarm.title.ko + times, alarm.title.en + times))
        self._where.set_text(alarm.who_and_where())
        since, clock = elapsed(alarm.event_at, now), alarm.event_at.astimezone().strftime("%H:%M:%S")
        self._when.set(Text(f"{clock} · {since.ko}", since.en))
        self._state.set(self._handled(now))
        attended = alarm.state is AlarmState.ATTENDED
        self._take.show(not alarm.taken)
        self._here.show(not attended)
        self._here.mark("main", alarm.taken)
        self._pause.show(alarm.sounds(now))
        self._arm(self._take, "take", TAKE, TAKE_NOW)
        self._arm(self._here, "here", HERE, HERE_NOW)
        classes = f"{alarm.priority.name.lower()} {'' if alarm.taken else 'untaken'}"
        if classes != self._classes:
            self.root.classes(remove=self._classes, add=classes)
            self._classes = classes
        if alarm.steps != self._steps:
            self._steps = alarm.steps
            self._show_steps()

    def _handled(self, now: datetime) -> Text:
        alarm = self._alarm
        state = alarm.handled()
        if alarm.paused_until is None or now >= alarm.paused_until:
            return state
        until = alarm.paused_until.astimezone().strftime("%H:%M:%S")
        return Text(f"{state.ko} · 소리 {until}까지 멈춤", f"{state.en} · sound paused until {until}")

    def _arm(self, pressed: Button, which: str, text: Text, again: Text) -> None:
        armed = self._taps.is_armed(which, self._acts.steady_s())
        pressed.set(again if armed else text)
        pressed.mark("armed", armed)

    def _show_steps(self) -> None:
        steps = self._steps[::-1]
        self._list.clear()
        with self._list:
            for step in steps if self._all_steps else steps[:SHOWN_STEPS]:
                with ui.element("li"):
                    ui.label(step.at.astimezone().strftime("%H:%M:%S")).classes("at")
                    by = f" — {step.by}" if step.by else ""
                    Both().set(Text(step.reason.ko + by, step.reason.en))
        self._more.show(not self._all_steps and len(steps) > SHOWN_STEPS)

    def _show_all(self) -> None:
        self._all_steps = True
        self._show_steps()

    async def _tap(self, which: str) -> None:
        counts = self._taps.tap(which, self._acts.steady_s())
        self._arm(self._take, "take", TAKE, TAKE_NOW)
        self._arm(self._here, "here", HERE, HERE_NOW)
        if counts:
            await self._acts.take(self._alarm.id, which == "here")

    async def _hush(self) -> None:
        await self._acts.pause(self._alarm.id)

    def _resolve(self) -> None:
        self._acts.ask_resolve(self._alarm)
