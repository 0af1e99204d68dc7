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
})();
