"""The operator's page: open alarms to take and to end, and STOP; for a phone of 360 px and up.

Everything is plain elements with texts that the browser shows as they are: no name of a resident is markup.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial

from nicegui import app, core, run, ui
from nicegui.events import GenericEventArguments

from care_robot.actuation.safety import StopState
from care_robot.care.alarms import AlarmKind, clean_text
from care_robot.care.text import Text
from care_robot.console.web import MAX_PAUSE_S, REASONS, Board, LogInError, Session, ShownAlarm, in_order
from care_robot.console.web_actions import Actions
from care_robot.console.web_card import Both, Button, Card

TICK_S = 1.0
LOST = Text(
    "경보 시스템과 연결이 끊겼습니다 — 이 화면의 경보는 최신이 아닙니다",
    "The alarm system is not heard: the alarms on this page are old",
)
SAFE_STOP = {
    StopState.CLEAR: "clear",
    StopState.STOPPED: "stopped",
    StopState.LATCHED: "latched",
    None: "unknown",
}
HEAD = '<link rel="stylesheet" href="/assets/web_page.css"><script src="/assets/web_page.js" defer></script>'
# Outside of what NiceGUI draws: it is there before its scripts are, and when they have failed.
BAR = """
<div id="care-bar">
  <div id="care-lost" role="alert" hidden>
    <div class="ko" lang="ko">연결이 끊겼습니다 — 이 화면의 경보는 최신이 아닙니다</div>
    <div class="en" lang="en">Connection lost: the alarms on this page are old</div>
  </div>
  <div id="care-status" role="status" aria-live="assertive"></div>
  <button id="care-sound" type="button" class="off"></button>
  <button id="care-stop" type="button"><span lang="ko">로봇 멈춤</span> <span lang="en">STOP</span></button>
</div>
"""


SUBMITTED = "(event) => emit([...event.target.querySelectorAll('input')].map((input) => input.value))"
"""What is seen in the fields is what is sent: on a slow machine a field's own message may come later."""


class Pages:
    """All pages that are open; `poke` has them show what is new."""

    def __init__(self, actions: Actions) -> None:
        self._actions = actions
        self._open: set[OperatorPage] = set()

    def register(self) -> None:
        """Say under which address the page is found."""
        ui.page("/")(self._build)

    def poke(self) -> None:
        """Something has changed; may be called from any thread."""
        loop = core.loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._refresh)

    def _refresh(self) -> None:
        for page in list(self._open):
            page.refresh()

    def _build(self) -> None:
        ui.add_head_html(HEAD)
        ui.add_body_html(BAR)
        session = self._actions.sessions.of(app.storage.browser["id"], self._actions.steady_s())
        page = OperatorPage(self._actions, session)
        self._open.add(page)
        page.client.on_delete(lambda: self._open.discard(page))


class OperatorPage:
    """One page in one browser tab."""

    def __init__(self, actions: Actions, session: Session) -> None:
        self._actions, self._session = actions, session
        self.client = ui.context.client
        self._cards: dict[str, Card] = {}
        self._beat = 0
        self._signal = ui.element("div").props('id=care-signal hidden=""')
        with ui.element("header"):
            with ui.element("div").classes("who"):
                self._who = Both("who")
            self._clock = ui.label().classes("clock")
            self._menu_button = Button(Text("메뉴", "Menu"), self._open_menu, "small")
        with ui.element("div").classes("page"):
            self._lost = Both("banner bad", props="role=alert")
            self._lost.set(LOST)
            with ui.element("div").classes("box stopped") as self._stopped:
                self._stop_text = Both(props="role=status")
                self._reset = Button(Text("멈춤 해제…", "Reset the stop…"), self._ask_reset)
            with ui.element("form").classes("box") as self._log_in_box:
                self._log_in_form()
            self._log_in_box.on("submit.prevent", self._log_in, js_handler=SUBMITTED)
            self._list = ui.element("section").props('aria-live=polite aria-label="경보 Alarms"')
            self._list.style("display:flex;flex-direction:column;gap:.7rem")
            self._none = Both("box none")
            self._none.set(Text("열린 경보가 없습니다", "No open alarms"))
        self.refresh()
        ui.timer(TICK_S, self.refresh)

    # Show -------------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Show what is so now."""
        if self.client.is_deleted:
            return
        with self.client:
            now_s, now = self._actions.steady_s(), self._actions.now()
            board, name = self._actions.board(), self._session.who(self._actions.steady_s())
            lost = board.alarms_lost(now_s)
            alarms = in_order(board.alarms or ()) if name else []
            self._clock.set_text(now.astimezone().strftime("%H:%M:%S"))
            self._who.set(Text(name or "돌봄 로봇", "돌봄 로봇 · Care robot" if name else "Care robot"))
            self._menu_button.show(bool(name))
            self._log_in_box.set_visibility(not name)
            self._lost.show(lost)
            self._list.classes(add="old") if lost else self._list.classes(remove="old")
            self._none.show(bool(name) and not alarms and not lost)
            self._show_stop(board, now_s)
            self._show_alarms(alarms, now, name)
            self._beat += 1
            sounds = not lost and any(alarm.sounds(now) for alarm in board.alarms or ())
            stop = SAFE_STOP[board.stop_shown(now_s)[0]]
            self._signal.props(
                f"data-beat={self._beat} data-sound={'high' if sounds else 'none'} data-stop={stop}"
            )

    def _show_stop(self, board: Board, now_s: float) -> None:
        state, text = board.stop_shown(now_s)
        if state in (StopState.LATCHED, StopState.STOPPED):
            text = Text(f"로봇이 멈춰 있습니다. {text.ko}", f"The robot is stopped. {text.en}")
        self._stop_text.set(text)
        self._stopped.set_visibility(state is not StopState.CLEAR)
        self._reset.show(state is StopState.LATCHED)

    def _show_alarms(self, alarms: list[ShownAlarm], now: datetime, name: str) -> None:
        shown = {alarm.id: alarm for alarm in alarms}
        for gone in [id_ for id_ in self._cards if id_ not in shown]:
            self._cards.pop(gone).root.delete()
        with self._list:
            for place, alarm in enumerate(alarms):
                card = self._cards.get(alarm.id)
                if card is None:
                    card = self._cards[alarm.id] = Card(alarm, self)
                if self._list.default_slot.children.index(card.root) != place:
                    card.root.move(target_index=place)
                card.show(alarm, now)
                if self._session.unseen(alarm.id) and self._actions.viewed(name, alarm):
                    self._session.viewed.add(alarm.id)

    # Act --------------------------------------------------------------------------------------------------

    def steady_s(self) -> float:
        """Time of the steady clock."""
        return self._actions.steady_s()

    async def take(self, alarm_id: str, attended: bool) -> None:
        """Acknowledge an alarm in the name of who is here."""
        if name := self._name():
            await self._told(self._actions.acknowledge(alarm_id, name, attended))

    async def pause(self, alarm_id: str) -> None:
        """Silence an alarm for a while."""
        if name := self._name():
            await self._told(self._actions.pause_audio(alarm_id, name, MAX_PAUSE_S))

    def ask_resolve(self, alarm: ShownAlarm) -> None:
        """Ask for the reason, and whether it really is over."""
        with self._dialog(Text("경보 끝내기", "End the alarm")) as dialog:
            ui.label(f"{alarm.title.ko} · {alarm.who_and_where()}").classes("where")
            reason = ui.textarea("무슨 일이었나요? · What happened?").props(
                "outlined autogrow maxlength=1000"
            )

            def choose(text: Text) -> None:
                reason.set_value(f"{text.ko} · {text.en}")

            with ui.element("div").classes("row"):
                for choice in REASONS:
                    Button(choice, partial(choose, choice), "small")

            async def resolve() -> None:
                name, words = self._name(), clean_text(reason.value or "", 1000)
                if not words:
                    _warn("이유를 골라 주세요. · Please give a reason.")
                elif name and await self._told(self._actions.resolve(alarm.id, name, words)):
                    dialog.close()

            self._confirm(dialog, Text("경보를 끝냅니다", "End it"), resolve)

    def _ask_reset(self) -> None:
        name = self._name()
        if not name:
            return
        with self._dialog(Text("멈춤 해제", "Reset the stop")) as dialog:
            Both().set(
                Text(
                    f"{name} 님, 로봇 주위가 안전한가요? 해제하면 열린 낙상 경보가 있을 때만 스스로 갑니다.",
                    f"{name}: is it safe around the robot? By itself it goes to an open fall alarm only.",
                )
            )

            async def reset() -> None:
                if await self._told(self._actions.reset_stop(name)):
                    dialog.close()

            self._confirm(dialog, Text("확인했습니다, 해제", "I have looked: reset"), reset)

    def _open_menu(self) -> None:
        with self._dialog(Text("메뉴", "Menu")) as dialog:

            def drill() -> None:
                dialog.close()
                self._ask_drill()

            def log_out() -> None:
                dialog.close()
                self._actions.sessions.log_out(self._session)
                self.refresh()

            Button(Text("훈련 경보 올리기…", "Raise a drill…"), drill)
            Button(Text("다른 사람이 사용", "Somebody else"), log_out)
            Button(Text("닫기", "Close"), dialog.close)

    def _ask_drill(self) -> None:
        with self._dialog(Text("훈련 경보", "Drill")) as dialog:
            Both().set(
                Text(
                    "훈련 경보도 사람들을 실제로 호출하며, 어디에서나 ‘훈련’으로 표시됩니다.",
                    "A drill really calls people; it is marked DRILL everywhere.",
                )
            )
            residents = self._actions.residents if self._name() else ()
            names = {id_: name or id_ for id_, name in residents}
            resident = ui.select(names, value=next(iter(names), None), label="누구 · Who").props("outlined")

            async def drill() -> None:
                who = self._name()
                if who and await self._told(self._actions.drill(AlarmKind.FALL, resident.value or "", who)):
                    dialog.close()

            self._confirm(dialog, Text("낙상 훈련 시작", "Start a fall drill"), drill)

    def _log_in_form(self) -> None:
        pin = self._actions.sessions.need_pin
        Both().set(
            Text(
                "누구신가요? 경보를 보려면 이름이 필요합니다.",
                "Who are you? Alarms are shown to named people.",
            )
        )
        self._name_field = ui.input("이름 · Name").props('outlined maxlength=100 autocomplete="username"')
        self._pin_field = ui.input("PIN", password=True).props(
            'outlined maxlength=12 inputmode=numeric autocomplete="current-password"'
        )
        self._pin_field.set_visibility(pin)
        Button(Text("들어가기", "Enter"), None, "main", kind="submit")

    async def _log_in(self, event: GenericEventArguments) -> None:
        name, pin = submitted(event.args)
        self._forget(self._pin_field)
        try:
            await run.io_bound(
                self._actions.sessions.log_in, self._session, name, pin, self._actions.steady_s()
            )
        except LogInError as error:
            _warn(str(error))
            return
        self._forget(self._name_field)
        self.refresh()

    @staticmethod
    def _forget(field: ui.input) -> None:
        field.set_value("")
        field.update()  # also where the browser knows a value that has not arrived here

    def _name(self) -> str:
        name = self._session.who(self._actions.steady_s())
        if not name:
            self.refresh()
            _warn("이름을 먼저 알려 주세요. · Please say who you are first.")
        return name

    async def _told(self, doing: Awaitable[str]) -> bool:
        """Whether it was done; where not, the person is told why."""
        refusal = await doing
        if refusal:
            with self.client:
                _warn(refusal)
        return not refusal

    @contextmanager
    def _dialog(self, title: Text) -> Iterator[ui.dialog]:
        """Fill a dialog, which then opens."""
        with self.client, ui.dialog().props("persistent") as dialog, ui.element("div").classes("box"):
            with ui.element("h2"):
                Both().set(title)
            yield dialog
        dialog.on("hide", dialog.delete)
        dialog.open()

    def _confirm(self, dialog: ui.dialog, yes: Text, act: Callable[[], Awaitable[None]]) -> None:
        with ui.element("div").classes("row"):
            Button(Text("취소", "Cancel"), dialog.close)
            Button(yes, act, "main")


def submitted(args: object) -> tuple[str, str]:
    """Name and PIN as the form sent them; empty where a browser sent something else."""
    texts = args if isinstance(args, list) else []
    name, pin, *_ = [text if isinstance(text, str) else "" for text in texts] + ["", ""]
    return name, pin


def _warn(sentence: str) -> None:
    ui.notify(sentence, type="warning", position="bottom", multi_line=True, timeout=6000)
