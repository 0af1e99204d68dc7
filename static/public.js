// The client's page: prints, and follows its own status. data-live holds the address of
// the next look; the answer is the same section again, or 204 when nothing changed. A
// section without data-live is final and ends the looking.
(() => {
  const live = document.querySelector('[data-live]');
  let timer;

  async function look() {
    clearTimeout(timer);
    if (document.hidden || !live.dataset.live) return;
    try {
      const response = await fetch(live.dataset.live, { headers: { 'HX-Request-Type': 'partial', 'HX-Target': live.tagName.toLowerCase() + '#' + live.id } });
      if (response.status === 200) show(await response.text());
      if (response.status === 404) return location.reload(); // the link was replaced
    } catch {} // offline for a moment: the next look tells
    timer = setTimeout(look, live.dataset.every ?? 2000);
  }

  // The status line stays in its place and only its words change, so that they are read out.
  function show(html) {
    const next = new DOMParser().parseFromString(html, 'text/html').getElementById(live.id);
    if (!next) return;
    const line = live.querySelector('[role=status]'), said = next.querySelector('[role=status]');
    if (line.textContent !== said.textContent) line.textContent = said.textContent;
    line.className = said.className;
    const parts = next.querySelectorAll('[data-part]');
    live.querySelectorAll('[data-part]').forEach((part, i) => part.replaceWith(parts[i]));
    delete live.dataset.live;
    Object.assign(live.dataset, next.dataset);
  }

  if (live) {
    timer = setTimeout(look, live.dataset.every ?? 2000);
    document.addEventListener('visibilitychange', look);
  }
  document.addEventListener('click', e => e.target.closest('[data-print]') && print());

  // A person looks at the page: it is in view for two seconds, or touched. Scanners of mail do neither.
  const seen = document.querySelector('[data-viewed]');
  function tell() {
    if (document.hidden || !seen.dataset.viewed) return;
    fetch(seen.dataset.viewed, { method: 'POST', keepalive: true });
    seen.dataset.viewed = '';
  }
  if (seen) {
    const wait = () => setTimeout(tell, 2000);
    wait();
    document.addEventListener('visibilitychange', wait);
    for (const act of ['pointerdown', 'keydown', 'scroll']) document.addEventListener(act, tell, { once: true, passive: true });
  }
})();
