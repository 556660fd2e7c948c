"use strict";
// What must work without the page's web socket: STOP, the warning that the page is old, and the sound.
(() => {
  const BEAT_S = 4, START_S = 10, STOP_WAIT_MS = 8000, BURST_S = 5;
  const by = (id) => document.getElementById(id);

  function say(element, ko, en) {
    const parts = [["ko", ko], ["en", en]].map(([lang, text]) => {
      const part = document.createElement("span");
      part.lang = part.className = lang;
      part.textContent = lang === "ko" ? text + " " : text;
      return part;
    });
    element.replaceChildren(...parts);
  }

  // STOP ---------------------------------------------------------------------------------------------
  let stopping = 0;
  let latched = false;

  function status(ko, en, bad) {
    by("care-status").classList.toggle("bad", bad);
    say(by("care-status"), ko, en);
  }

  async function stop() {
    const mine = ++stopping;
    status("멈춤 요청됨 …", "Stop requested …", false);
    let answer = null;
    try {
      const response = await fetch("/stop", {
        method: "POST", keepalive: true, signal: AbortSignal.timeout(STOP_WAIT_MS),
      });
      answer = response.ok ? await response.json() : null;
    } catch { /* said below */ }
    if (mine !== stopping) return;
    if (answer && answer.confirmed) {
      // With the time: the robot may have been reset since, and the page not have heard of it.
      const at = new Date().toTimeString().slice(0, 8);
      status(`${at} 멈췄습니다.`, `Stopped at ${at}, confirmed after ${answer.after_ms} ms.`, false);
    } else if (answer) {
      status("멈춤이 확인되지 않았습니다. 비상정지 버튼을 누르세요!",
        "Not confirmed: it may still move. Press the e-stop button!", true);
    } else {
      status("멈춤 요청을 보내지 못했습니다. 비상정지 버튼을 누르세요!",
        "The stop could not be sent. Press the e-stop button!", true);
    }
  }

  // Sound ----------------------------------------------------------------------------------------------
  let audio = null;
  let muted = false;
  let burst_s = 0;

  function turnSound(on) {
    muted = !on;
    if (on) {
      audio = audio || new AudioContext();
      audio.resume();
    }
  }

  function showSound() {
    const on = !muted && audio !== null && audio.state === "running";
    by("care-sound").classList.toggle("off", !on);
    by("care-sound").setAttribute("aria-pressed", String(on));
    if (on) say(by("care-sound"), "경보 소리 켜짐", "Sound is on");
    else say(by("care-sound"), "경보 소리 꺼짐 — 눌러서 켜기", "Sound is off: tap to turn it on");
    return on;
  }

  function pulses() { // five pulses, as the burst of a high priority alarm in IEC 60601-1-8
    [0, 0.25, 0.5, 0.95, 1.2].forEach((start) => {
      const tone = audio.createOscillator();
      const loud = audio.createGain();
      const at = audio.currentTime + start;
      tone.frequency.value = 880;
      loud.gain.setValueAtTime(0, at);
      loud.gain.linearRampToValueAtTime(0.4, at + 0.02);
      loud.gain.setValueAtTime(0.4, at + 0.13);
      loud.gain.linearRampToValueAtTime(0, at + 0.15);
      tone.connect(loud).connect(audio.destination);
      tone.start(at);
      tone.stop(at + 0.2);
    });
  }

  // Whether all this is still so ---------------------------------------------------------------------
  let beat = null;
  let beat_s = performance.now() / 1000 + START_S - BEAT_S;

  function look() {
    const now_s = performance.now() / 1000;
    const signal = by("care-signal");
    const told = signal ? signal.dataset : {};
    if (told.beat !== undefined && told.beat !== beat) {
      beat = told.beat;
      beat_s = now_s;
    }
    const lost = now_s - beat_s > BEAT_S;
    by("care-lost").hidden = !lost;
    document.body.classList.toggle("care-lost", lost);
    if (latched && told.stop === "clear") by("care-status").replaceChildren();
    latched = told.stop === "latched";
    if (showSound() && told.sound === "high" && !lost && now_s - burst_s >= BURST_S) {
      burst_s = now_s;
      pulses();
    }
  }

  document.addEventListener("click", (event) => {
    const target = event.target instanceof Element ? event.target : null;
    if (target && target.closest("#care-stop")) stop();
    if (target && target.closest("#care-sound")) turnSound(by("care-sound").classList.contains("off"));
    else if (!muted) turnSound(true); // browsers give no sound before somebody has touched the page
    showSound();
  }, true);
  window.addEventListener("load", () => {
    setInterval(look, 500);
    look();
  });
})();
