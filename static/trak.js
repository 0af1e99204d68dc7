// All works without it: it only makes things quicker.
// No eval and no inline handlers: elements say what they want in data attributes.
(() => {
  const $ = (selector, root = document) => root.querySelector(selector);
  const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
  const on = (type, handler) => document.addEventListener(type, handler);

  function make(tag, props, ...children) {
    const el = Object.assign(document.createElement(tag), props);
    el.append(...children);
    return el;
  }
  const button = (textContent, onclick, className = '') => make('button', { type: 'button', textContent, onclick, className });

  // ---- Toast: one short sentence, read out politely.

  let toastTimer;
  function toast(text, ...buttons) {
    const region = $('#toast'), hide = () => region.replaceChildren();
    clearTimeout(toastTimer);
    region.replaceChildren(make('div', { className: 'toast' }, make('span', {}, text), ...buttons));
    if (buttons[0]) region.firstChild.append(button('Dismiss', hide)); // what can be pressed stays
    else toastTimer = setTimeout(hide, 6000);
  }
  on('toast', e => toast(e.detail.value ?? e.detail.text)); // from HX-Trigger

  // ---- Copy: data-copy="#field".

  async function copy(field) {
    try {
      await navigator.clipboard.writeText(field.value);
    } catch { // there is no clipboard on plain http
      field.select();
      document.execCommand('copy');
    }
    toast('Copied');
  }

  // ---- Dialogs: a data-dialog link shows the .confirm part of its page here.

  function show(content, opener) {
    const dialog = make('dialog', { onclose() { dialog.remove(); opener.focus(); } }, content);
    $('h1, h2', dialog).id = 'dialog-title';
    dialog.setAttribute('aria-labelledby', 'dialog-title');
    document.body.append(dialog);
    dialog.showModal();
    return dialog;
  }

  async function openDialog(link) {
    try {
      const response = await fetch(link.href);
      const page = new DOMParser().parseFromString(await response.text(), 'text/html');
      htmx.process(show(document.adoptNode($('main .confirm', page)), link));
    } catch {
      location.href = link.href;
    }
  }

  // ---- Drafts: what is typed into a form with data-draft="name" outlives a reload.

  // Fields by name, with rows counted anew, as some may have been removed.
  function fieldsOf(form) {
    const rows = $$('[data-row]', form);
    return new Map($$('input:not([type=hidden], [type=password]), textarea, select, [data-combobox] input', form)
      .map(el => [rows.indexOf(el.closest('[data-row]')) + el.name.replace(/\d+/, ''), el]));
  }
  const isDirty = form => form.dataset.typed || [...fieldsOf(form).values()].some(el => el.value !== (el.defaultValue ?? el.value));
  const draftKey = form => 'draft:' + form.dataset.draft;
  const dropDraft = form => sessionStorage.removeItem(draftKey(form));
  const saveDraft = form => sessionStorage.setItem(draftKey(form), JSON.stringify([...fieldsOf(form)].map(([name, el]) => [name, el.value])));

  // A missing row is asked for, and brings us here again. The focus, which it takes, goes back.
  function restoreDraft(form) {
    form.pendingDraft ??= new Map(JSON.parse(sessionStorage.getItem(draftKey(form))));
    const before = form.pendingDraft.size;
    for (const [name, el] of fieldsOf(form)) {
      if (form.pendingDraft.has(name)) el.value = form.pendingDraft.get(name);
      if (form.pendingDraft.delete(name) && el.value) el.closest('details')?.setAttribute('open', '');
    }
    if (form.pendingDraft.size && form.pendingDraft.size < before) {
      form.focusedField ??= document.activeElement;
      $('[data-add-row]', form)?.click();
    } else if (form.focusedField) {
      form.focusedField.focus();
      form.focusedField = null;
    }
  }

  // ---- Composer: closing it asks before typed text is lost.

  function closeComposer(composer) {
    const close = () => {
      const back = $('[data-close]', composer).href;
      dropDraft(composer);
      if (composer.matches('[data-alone]')) return location.assign(back); // there is nothing else on its page
      history.replaceState(null, '', back);
      composer.remove();
      $('[data-key=c]')?.focus();
    };
    if (!isDirty(composer)) return close();
    const dialog = show(make('div', { className: 'confirm' },
      make('h2', {}, 'Discard this invoice?'),
      make('p', {}, 'What you typed will be lost.'),
      make('footer', {},
        button('Keep writing', () => dialog.close(), 'btn'),
        button('Discard', () => { dialog.close(); close(); }, 'btn danger'))), document.activeElement);
  }

  function removeRow(row) {
    const form = row.closest('form'), next = row.nextElementSibling ?? row.previousElementSibling;
    row.remove();
    $('input', next ?? form).focus();
    form.dispatchEvent(new Event('input', { bubbles: true })); // sums and draft follow
  }

  // ---- Combobox (WAI-ARIA list autocomplete): the text filters the options, and a chosen
  // one puts its data-value into the hidden field. A name that isn't listed stays as typed.

  const fold = text => text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase().trim();
  const boxOf = el => el.closest('[data-combobox]');
  const inputOf = box => $('[role=combobox]', box);
  const idOf = box => $('[type=hidden]', box);
  const optionsOf = box => $$('[role=option]:not([hidden])', box);

  function expand(box, open) {
    $('[role=listbox]', box).hidden = !open;
    inputOf(box).ariaExpanded = open;
    if (!open) mark(box);
  }

  function mark(box, option) {
    optionsOf(box).forEach(o => o.ariaSelected = o === option);
    inputOf(box).setAttribute('aria-activedescendant', option?.id ?? '');
    option?.scrollIntoView({ block: 'nearest' });
  }

  function filter(box) {
    const text = fold(inputOf(box).value);
    $$('[role=option]', box).forEach(option => option.hidden = !fold(option.textContent).includes(text));
    const same = optionsOf(box).filter(option => fold(option.dataset.label) === text);
    idOf(box).value = same.length === 1 ? same[0].dataset.value : ''; // two of one name: choose
    expand(box, !(same.length === 1 && optionsOf(box).length === 1)); // all is said: nothing to choose
    mark(box, optionsOf(box).find(option => text && fold(option.dataset.label).startsWith(text)));
    showNew(box);
  }

  function choose(box, option) {
    inputOf(box).value = option.dataset.label;
    idOf(box).value = option.dataset.value;
    expand(box, false);
    showNew(box);
    inputOf(box).dispatchEvent(new Event('change', { bubbles: true }));
  }

  // What only a new name needs, such as its email, is marked data-new.
  function showNew(box) {
    const known = idOf(box).value || !inputOf(box).value.trim();
    $$('[data-new]', box.closest('form')).forEach(el => el.hidden = known && !$('[aria-invalid]', el));
  }

  function comboboxKey(e, box) {
    const open = inputOf(box).ariaExpanded === 'true';
    if (open && e.key === 'Tab' && !$('[aria-selected=true]', box)) filter(box); // the options are new, just now
    const options = optionsOf(box);
    const current = options.findIndex(option => option.ariaSelected === 'true');
    const step = { ArrowDown: 1, ArrowUp: -1 }[e.key];
    if (step) {
      e.preventDefault();
      expand(box, true);
      mark(box, options.at(current < 0 ? Math.min(step - 1, 0) + (step < 0) : (current + step) % options.length));
    } else if (open && e.key === 'Escape') {
      e.preventDefault();
      expand(box, false);
    } else if (options[current] && (e.key === 'Tab' || e.key === 'Enter' && !e.ctrlKey && !e.metaKey)) {
      if (e.key === 'Enter') e.preventDefault();
      choose(box, options[current]);
    }
  }

  on('input', e => {
    if (e.target.role === 'combobox') filter(boxOf(e.target));
    const form = e.target.closest('[data-draft]');
    if (form) saveDraft(form);
  });
  on('focusout', e => e.target.role === 'combobox' && expand(boxOf(e.target), false));
  on('pointerdown', e => e.target.closest('[role=option]') && e.preventDefault()); // keeps the focus

  // ---- Clicks and keys: data-key="c" outside of fields, data-go="i" after g.

  on('click', e => {
    const hit = selector => e.target.closest(selector);
    $$('details.menu[open]').forEach(menu => menu.open = menu.contains(e.target));
    let el;
    if (el = hit('[data-copy]')) copy($(el.dataset.copy));
    else if (el = hit('[role=option]')) choose(boxOf(el), el);
    else if (el = hit('[role=combobox]')) expand(boxOf(el), true);
    else if (hit('[data-print]')) print();
    else if (el = hit('[data-remove]')) { e.preventDefault(); removeRow(el.closest('[data-row]')); }
    else if (e.ctrlKey || e.metaKey || e.shiftKey) return; // a new tab is wanted
    else if (el = hit('[data-dialog]')) { e.preventDefault(); openDialog(el); }
    else if ((el = hit('[data-close]')?.closest('dialog, .composer'))) {
      e.preventDefault();
      el.close ? el.close() : closeComposer(el);
    }
  });

  let gPressed = -900;
  on('keydown', e => {
    if (e.target.role === 'combobox') comboboxKey(e, boxOf(e.target));
    if (e.defaultPrevented || e.isComposing || $('dialog[open]')) return;
    if (e.key === 'Escape') {
      const menu = $('details.menu[open]'), composer = $('.composer');
      if (menu) { menu.open = false; $('summary', menu).focus(); }
      else if (composer) { e.preventDefault(); closeComposer(composer); }
    } else if (e.altKey) {
      e.target.closest('[data-row]')?.querySelector(`[value^=move-${{ ArrowDown: 'down', ArrowUp: 'up' }[e.key]}]`)?.click();
    } else if (e.key === 'Enter' && (e.metaKey || e.ctrlKey)) {
      const form = e.target.closest('form');
      form?.requestSubmit($('[data-primary]', form));
    } else if (!e.metaKey && !e.ctrlKey && !e.target.closest('input, textarea, select')) {
      const el = $(`[data-${e.timeStamp - gPressed < 900 ? 'go' : 'key'}="${CSS.escape(e.key)}"]`);
      gPressed = e.key === 'g' ? e.timeStamp : -900;
      if (!el) return;
      e.preventDefault();
      el.matches('input') ? el.focus() : el.click();
    }
  });

  // ---- Requests: polls rest in hidden tabs; a failure is said, with a way on.

  const isPoll = ctx => /every|refresh/.test(ctx.sourceEvent?.type);
  on('htmx:before:request', e => document.hidden && isPoll(e.detail.ctx) && e.preventDefault());
  on('visibilitychange', () => document.hidden || $$('[data-live]').forEach(el => htmx.trigger(el, 'refresh')));

  let failedPolls = 0;
  function polled(ok) {
    failedPolls = ok ? 0 : failedPolls + 1;
    const stale = failedPolls > 2;
    $$('.live').forEach(el => {
      if (el.classList.contains('stale') === stale) return;
      el.classList.toggle('stale', stale);
      el.textContent = stale ? 'Reconnecting' : 'Live';
    });
  }

  const reasons = {
    0: 'Trak could not be reached.',
    403: 'You may not do that.',
    404: 'That is no longer here. Reload the page.',
    429: 'That was a little too fast. Wait a moment.',
  };

  function failed({ detail: { ctx } }) {
    if (!ctx) return; // a mistake in a page, which the console tells
    const status = ctx.response?.status ?? 0, source = ctx.sourceElement;
    if (isPoll(ctx)) return polled(false);
    if ([401, 409, 422].includes(status)) return; // htmx goes to sign-in; or the form comes back and says why
    const id = ctx.response?.headers.get('X-Request-Id');
    const retry = button('Retry', () => source.matches('form') ? source.requestSubmit(ctx.request.submitter) : htmx.trigger(source, ctx.sourceEvent.type));
    toast((reasons[status] ?? 'That did not work.') + (id ? ` Reference: ${id}` : ''), retry);
  }
  on('htmx:response:error', failed);
  on('htmx:error', failed);

  on('htmx:after:request', ({ detail: { ctx } }) => {
    if (ctx.response.status > 399) return;
    if (isPoll(ctx)) polled(true);
    if (ctx.sourceElement.matches('form[data-draft]')) dropDraft(ctx.sourceElement);
  });
  on('submit', e => e.target.matches('[action="/signout"]') && sessionStorage.clear());

  // ---- New content: the page at its start, and after each swap.

  function arrived() {
    $$('[data-draft]').forEach(form => form.dataset.typed ? saveDraft(form) : restoreDraft(form));
    $$('[data-combobox]').forEach(showNew);
  }
  function pageArrived() {
    arrived();
    const flash = $('#toast .toast')?.textContent;
    if (flash) toast(flash); // put there again, so that it is read out
  }
  setTimeout(pageArrived); // after htmx, which starts in the same way
  on('htmx:after:swap', ({ detail: { ctx } }) => {
    if (ctx.target.role === 'listbox') { // other options for what is being typed
      const box = boxOf(ctx.target);
      return inputOf(box).ariaExpanded === 'true' && filter(box);
    }
    if (ctx.target !== document.body) return arrived();
    pageArrived();
    if (document.activeElement === document.body) $('#main')?.focus({ preventScroll: true });
    const created = $('[data-copy][autofocus]'); // by "Create and copy link"
    if (created && navigator.userActivation?.isActive) copy($(created.dataset.copy));
  });
})();
