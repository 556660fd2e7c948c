"""The operator's page in a real browser, as wide as a phone: what people see, press and hear."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from care_robot_msgs.msg import Alarm, AlarmArray, AlarmTransition, AuditRecord, Heartbeat
from care_robot_msgs.srv import AcknowledgeAlarm, AppendAudit, DrillAlarm, PauseAlarmAudio, ResolveAlarm
from lifecycle_msgs.msg import State

from care_robot.actuation.safety_supervisor_node import SafetySupervisorNode
from care_robot.care.staff import hash_pin
from care_robot.ros import qos
from care_robot.ros.conversions import to_stamp

from chromium import PROGRAM, Tab, tab  # isort: skip
from web_process import operator_web  # isort: skip

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="needs Chromium (apt-get install chromium)")

HOSTILE = "<script>document.title='stolen'</script><img src=x onerror=\"document.title='stolen'\">"


class Manager:
    """Stands where the care manager stands, and notes what it is asked."""

    def __init__(self, ros: Any, *, audits: bool = True) -> None:
        self.ros, self.alive, self.refusal = ros, True, ""
        self.asked: list[Any] = []
        self._alarms = ros.tester.create_publisher(AlarmArray, "alarms", qos.LATCHED)
        beat = ros.tester.create_publisher(Heartbeat, "care_manager/heartbeat", qos.SENSOR)
        alive = Heartbeat(state=State.PRIMARY_STATE_ACTIVE)
        ros.tester.create_timer(0.1, lambda: beat.publish(alive) if self.alive else None)
        for kind, name in (
            (AcknowledgeAlarm, "alarms/acknowledge"),
            (ResolveAlarm, "alarms/resolve"),
            (PauseAlarmAudio, "alarms/pause_audio"),
            (DrillAlarm, "alarms/drill"),
        ):
            ros.tester.create_service(kind, name, self._note)
        if audits:
            self.audit()
        self.show()

    def audit(self) -> None:
        self.ros.tester.create_service(AppendAudit, "audit/append", self._note)

    def _note(self, request: Any, response: Any) -> Any:
        self.asked.append(request)
        response.success, response.error_msg = not self.refusal, self.refusal
        return response

    def show(self, *alarms: Alarm) -> None:
        self._alarms.publish(AlarmArray(alarms=list(alarms)))

    def alarm(self, id_: str = "a", **fields: Any) -> Alarm:
        now_s = self.ros.tester.get_clock().now().nanoseconds * 1e-9
        message = Alarm(id=id_, kind=Alarm.KIND_FALL, priority=Alarm.PRIORITY_HIGH, stored=True, tier=1)
        message.state, message.occurrences = Alarm.STATE_NOTIFIED, 1
        message.resident_id, message.resident_name, message.room = "r", "김영희", "거실"
        message.event_at = message.raised_at = to_stamp(now_s - 95.0)
        step = {"reason_ko": "대답이 없어 호출했습니다.", "reason_en": "No answer: called."}
        message.history = [AlarmTransition(stamp=to_stamp(now_s - 35.0 + i), **step) for i in range(5)]
        for name, value in fields.items():
            setattr(message, name, value)
        return message

    def asked_for(self, kind: type) -> list[Any]:
        return [request for request in self.asked if isinstance(request, kind.Request)]  # type: ignore[attr-defined]

    def await_asked(self, kind: type) -> Any:
        self.ros.wait_until(lambda: bool(self.asked_for(kind)), f"a {kind.__name__}")
        return self.asked_for(kind)[-1]


@pytest.fixture
def manager(ros: Any) -> Manager:
    return Manager(ros)


Enter = Callable[..., Tab]


@pytest.fixture
def page(ros: Any, manager: Manager) -> Iterator[Tab]:
    """The page, with Kim before it."""
    with operator_web(ros.domain_id) as url, tab() as phone:
        phone.open(url)
        enter(phone, "Kim")
        phone.wait_text("열린 경보가 없습니다")
        yield phone


def enter(phone: Tab, name: str, pin: str = "") -> None:
    phone.wait_text("누구신가요")
    phone.type("input[maxlength='100']", name)
    if pin:
        phone.type("input[type='password']", pin)
    phone.press("들어가기")


def signal(phone: Tab, name: str, value: str) -> None:
    phone.wait(f"document.getElementById('care-signal').dataset.{name} === '{value}'")


def test_two_taps_take_an_alarm_and_it_ends_with_a_reason(manager: Manager, page: Tab) -> None:
    signal(page, "sound", "none")
    manager.show(manager.alarm())
    page.wait_text("김영희 · 거실")
    for words in ("긴급", "낙상", "아직 아무도 맡지 않음 (1단계)", "대답이 없어 호출했습니다.", "1분 전"):
        page.wait_text(words)
    signal(page, "sound", "high")
    seen = manager.await_asked(AppendAudit).record
    assert (seen.action, seen.actor, seen.resident_id) == (AuditRecord.ACTION_READ, "Kim", "r")
    page.press("제가 갈게요")
    page.wait_text("한 번 더 누르세요")
    assert not manager.asked_for(AcknowledgeAlarm)
    page.press("한 번 더 누르세요")
    taken = manager.await_asked(AcknowledgeAlarm)
    assert (taken.alarm_id, taken.by, taken.attended) == ("a", "Kim", False)

    manager.show(manager.alarm(state=Alarm.STATE_ACKNOWLEDGED, acknowledged_by="Kim"))
    page.wait_text("Kim · 맡음")
    signal(page, "sound", "none")
    page.press("곁에 있습니다")
    page.press("한 번 더 누르세요")
    manager.ros.wait_until(lambda: len(manager.asked_for(AcknowledgeAlarm)) == 2, "the second request")
    assert manager.asked_for(AcknowledgeAlarm)[1].attended

    page.press("경보 끝내기")
    page.press("경보를 끝냅니다")
    page.wait_text("Please give a reason")
    page.press("도와 드렸음")
    manager.refusal = "The alarm a is resolved already."
    page.press("경보를 끝냅니다")
    page.wait_text("resolved already")  # a refusal is told, and the dialog stays
    manager.refusal = ""
    page.press("경보를 끝냅니다")
    page.wait("!document.body.innerText.includes('무슨 일이었나요')")
    ended = manager.asked_for(ResolveAlarm)[-1]
    assert (ended.alarm_id, ended.by, ended.reason) == ("a", "Kim", "도와 드렸음 · Was helped")
    manager.show(manager.alarm(state=Alarm.STATE_RESOLVED))
    page.wait_text("열린 경보가 없습니다")
    assert len(manager.asked_for(AppendAudit)) == 1  # once for each alarm that she saw


def test_a_tap_alone_is_forgotten(manager: Manager, page: Tab) -> None:
    manager.show(manager.alarm())
    page.press("제가 갈게요")
    page.wait_text("한 번 더 누르세요")
    page.wait("!document.body.innerText.includes('한 번 더 누르세요')")
    assert not manager.asked_for(AcknowledgeAlarm)


def test_hostile_and_special_alarms_are_shown_as_they_are(manager: Manager, page: Tab) -> None:
    paused = to_stamp(manager.ros.tester.get_clock().now().nanoseconds * 1e-9 + 100.0)
    manager.show(
        manager.alarm("drill", drill=True, audio_paused_until=paused),
        manager.alarm("hostile", resident_name=HOSTILE, room=HOSTILE, kind=77, occurrences=3),
        manager.alarm(
            "technical", kind=Alarm.KIND_TECHNICAL, priority=Alarm.PRIORITY_TECHNICAL, stored=False
        ),
    )
    for words in ("훈련 · 낙상", "DRILL", "<script>", "Unknown alarm ×3", "저장 안 됨", "까지 멈춤"):
        page.wait_text(words)
    assert page.run("document.title") != "stolen"
    colours = "[...document.querySelectorAll('.alarm')].map(a => getComputedStyle(a).borderLeftColor)"
    assert page.run(colours) == ["rgb(193, 18, 31)"] * 2 + ["rgb(107, 127, 149)"]
    assert page.run("document.documentElement.scrollWidth") <= 360
    page.press("전체 기록 보기")
    page.wait("[...document.querySelectorAll('ol.steps')].some(o => o.children.length === 5)")
    page.press("소리 2분 멈춤")
    pause = manager.await_asked(PauseAlarmAudio)
    assert (pause.alarm_id, pause.by, pause.duration) == ("hostile", "Kim", 120.0)


def test_a_view_that_nobody_could_record_is_recorded_later(ros: Any) -> None:
    manager = Manager(ros, audits=False)
    manager.show(manager.alarm())
    with operator_web(ros.domain_id) as url, tab() as phone:
        phone.open(url)
        enter(phone, "Kim")
        phone.wait_text("김영희 · 거실")
        manager.audit()
        assert manager.await_asked(AppendAudit).record.actor == "Kim"


def test_stop_is_one_press_and_the_reset_is_not(manager: Manager, page: Tab, tmp_path: Path) -> None:
    manager.ros.node(SafetySupervisorNode, state_dir=str(tmp_path))
    signal(page, "stop", "clear")
    page.press("STOP")
    page.wait_text("멈췄습니다.")
    page.wait_text("Kim의 요청으로 멈췄습니다")
    page.press("멈춤 해제…")
    page.wait_text("안전한가요")
    signal(page, "stop", "latched")
    page.press("취소")
    page.wait("!document.body.innerText.includes('안전한가요')")
    signal(page, "stop", "latched")
    page.press("멈춤 해제…")
    page.press("확인했습니다")
    signal(page, "stop", "clear")
    page.wait("!document.body.innerText.includes('멈췄습니다')")


def test_without_a_name_stop_works_and_no_alarm_is_shown(ros: Any, manager: Manager, tmp_path: Path) -> None:
    manager.show(manager.alarm())
    ros.node(SafetySupervisorNode, state_dir=str(tmp_path))
    with operator_web(ros.domain_id) as url, tab() as phone:
        phone.open(url)
        phone.wait_text("누구신가요")
        signal(phone, "sound", "high")
        phone.press("STOP")
        phone.wait_text("멈췄습니다.")
        assert "김영희" not in phone.text()
        assert not manager.asked_for(AppendAudit)


def test_old_alarms_are_never_shown_as_new(ros: Any, manager: Manager) -> None:
    with tab() as phone:
        with operator_web(ros.domain_id) as url:
            phone.open(url)
            enter(phone, "Kim")
            manager.show(manager.alarm())
            phone.wait_text("김영희")
            assert "최신이 아닙니다" not in phone.text()
            manager.alive = False
            phone.wait_text("경보 시스템과 연결이 끊겼습니다")
            signal(phone, "sound", "none")
            manager.alive = True
            phone.wait("!document.body.innerText.includes('경보 시스템과 연결이 끊겼습니다')")
            assert phone.run("document.getElementById('care-lost').hidden")
        phone.wait_text(
            "연결이 끊겼습니다 — 이 화면의 경보는 최신이 아닙니다"
        )  # the page's own server has gone
        phone.press("STOP")
        phone.wait_text("멈춤 요청을 보내지 못했습니다. 비상정지 버튼을 누르세요!")


def test_a_stop_that_nobody_confirms_asks_for_the_button(page: Tab) -> None:
    page.press("STOP")
    page.wait_text("멈춤 요청됨")
    page.wait_text("멈춤이 확인되지 않았습니다. 비상정지 버튼을 누르세요!")


def test_staff_shows_a_pin_and_a_drill_is_behind_the_menu(ros: Any, manager: Manager, tmp_path: Path) -> None:
    care = tmp_path / "care.yaml"
    care.write_text(
        f"staff:\n  - name: Kim\n    pin: {hash_pin('123456')}\nresidents:\n  - id: r1\n    name: 김영희\n",
        encoding="utf-8",
    )
    with operator_web(ros.domain_id, config_file=care) as url, tab() as phone:
        phone.open(url)
        enter(phone, "Kim", "000000")
        phone.wait_text("PIN이 틀렸습니다")
        phone.type("input[type='password']", "123456")
        phone.press("들어가기")
        phone.wait_text("열린 경보가 없습니다")
        phone.press("메뉴")
        phone.press("훈련 경보 올리기")
        phone.wait_text("실제로 호출하며")
        phone.press("낙상 훈련 시작")
        drill = manager.await_asked(DrillAlarm)
        assert (drill.kind, drill.resident_id, drill.by) == (Alarm.KIND_FALL, "r1", "Kim")
        phone.press("메뉴")
        phone.press("다른 사람이 사용")
        phone.wait_text("누구신가요")


def test_sound_needs_a_touch_and_says_so(manager: Manager, page: Tab) -> None:
    page.wait_text("경보 소리 켜짐")  # she has touched the page to enter
    page.press("경보 소리 켜짐")
    page.wait_text("경보 소리 꺼짐 — 눌러서 켜기")
    page.press("경보 소리 꺼짐")
    page.wait_text("경보 소리 켜짐")
    del manager


def test_two_carers_see_the_same_at_once(ros: Any, manager: Manager) -> None:
    with operator_web(ros.domain_id) as url, tab() as one, tab(1280, 800) as other:
        for phone, name in ((one, "Kim"), (other, "Lee")):
            phone.open(url)
            enter(phone, name)
            phone.wait_text("열린 경보가 없습니다")
        manager.show(manager.alarm())
        for phone in (one, other):
            phone.wait_text("김영희")
        readers = lambda: {r.record.actor for r in manager.asked_for(AppendAudit)}  # noqa: E731
        ros.wait_until(lambda: readers() == {"Kim", "Lee"}, "both views on record")
        assert threading.active_count() < 100
