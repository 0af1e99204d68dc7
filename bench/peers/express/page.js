// The page as template literals. Its markup follows that of Trak's own views.
"use strict";

const escapes = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&#34;", "'": "&#39;" };
const esc = (s) => String(s).replace(/[&<>"']/g, (c) => escapes[c]);

const icon = (paths) => `<svg class="i" viewBox="0 0 24 24" aria-hidden="true">${paths}</svg>`;
const icons = {
  menu: icon('<path d="M4 5h16"/> <path d="M4 12h16"/> <path d="M4 19h16"/>'),
  switcher: icon('<path d="m7 15 5 5 5-5"/> <path d="m7 9 5-5 5 5"/>'),
  check: icon('<path d="M20 6 9 17l-5-5"/>'),
  building: icon('<path d="M10 12h4"/> <path d="M10 8h4"/> <path d="M14 21v-3a2 2 0 0 0-4 0v3"/> <path d="M6 10H4a2 2 0 0 0-2 2v7a2 2 0 0 0 2 2h16a2 2 0 0 0 2-2V9a2 2 0 0 0-2-2h-2"/> <path d="M6 21V5a2 2 0 0 1 2-2h8a2 2 0 0 1 2 2v16"/>'),
  users: icon('<path d="M16 21v-2a4 4 0 0 0-4-4H6a4 4 0 0 0-4 4v2"/> <path d="M16 3.128a4 4 0 0 1 0 7.744"/> <path d="M22 21v-2a4 4 0 0 0-3-3.87"/> <circle cx="9" cy="7" r="4"/>'),
  overview: icon('<rect width="7" height="9" x="3" y="3" rx="1"/> <rect width="7" height="5" x="14" y="3" rx="1"/> <rect width="7" height="9" x="14" y="12" rx="1"/> <rect width="7" height="5" x="3" y="16" rx="1"/>'),
  receipt: icon('<path d="M13 16H8"/> <path d="M14 8H8"/> <path d="M16 12H8"/> <path d="M4 3a1 1 0 0 1 1-1 1.3 1.3 0 0 1 .7.2l.933.6a1.3 1.3 0 0 0 1.4 0l.934-.6a1.3 1.3 0 0 1 1.4 0l.933.6a1.3 1.3 0 0 0 1.4 0l.933-.6a1.3 1.3 0 0 1 1.4 0l.934.6a1.3 1.3 0 0 0 1.4 0l.933-.6A1.3 1.3 0 0 1 19 2a1 1 0 0 1 1 1v18a1 1 0 0 1-1 1 1.3 1.3 0 0 1-.7-.2l-.933-.6a1.3 1.3 0 0 0-1.4 0l-.934.6a1.3 1.3 0 0 1-1.4 0l-.933-.6a1.3 1.3 0 0 0-1.4 0l-.933.6a1.3 1.3 0 0 1-1.4 0l-.934-.6a1.3 1.3 0 0 0-1.4 0l-.933.6a1.3 1.3 0 0 1-.7.2 1 1 0 0 1-1-1z"/>'),
  history: icon('<path d="M3 12a9 9 0 1 0 9-9 9.75 9.75 0 0 0-6.74 2.74L3 8"/> <path d="M3 3v5h5"/> <path d="M12 7v5l4 2"/>'),
  plug: icon('<path d="M12 22v-5"/> <path d="M15 8V2"/> <path d="M17 8a1 1 0 0 1 1 1v4a4 4 0 0 1-4 4h-4a4 4 0 0 1-4-4V9a1 1 0 0 1 1-1z"/> <path d="M9 8V2"/>'),
  person: icon('<circle cx="12" cy="8" r="5"/> <path d="M20 21a8 8 0 0 0-16 0"/>'),
  dots: icon('<circle cx="12" cy="12" r="1"/> <circle cx="19" cy="12" r="1"/> <circle cx="5" cy="12" r="1"/>'),
  out: icon('<path d="m16 17 5-5-5-5"/> <path d="M21 12H9"/> <path d="M9 21H5a2 2 0 0 1-2-2V5a2 2 0 0 1 2-2h4"/>'),
  plus: icon('<path d="M5 12h14"/> <path d="M12 5v14"/>'),
};

const money = new Intl.NumberFormat("en", { minimumFractionDigits: 2 });
const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const day = (date) => `${Number(date.slice(8))} ${months[Number(date.slice(5, 7)) - 1]} ${date.slice(0, 4)}`;
const upTo = (n) => (n >= 1000 ? "999&#43;" : n);

// label is the word, its key and its tone.
function label(r, late) {
  switch (r.status) {
    case "draft": return ["Draft", "draft", "neutral"];
    case "void": return ["Void", "void", "neutral"];
    case "paid": return ["Paid", "paid", "ok"];
  }
  return late > 0 ? ["Overdue", "overdue", "bad"] : ["Open", "open", "info"];
}

function row(r, base, today) {
  const late = r.phase === "open" && r.due_date !== "" && r.due_date < today ? Math.round((Date.parse(today) - Date.parse(r.due_date)) / 864e5) : 0;
  const [word, key, tone] = label(r, late);
  const client = r.buyer_name || r.client_name;
  return `
<tr id="row-${esc(r.id)}"><td class="lead"><a class="name" href="${base}/${esc(r.id)}">${esc(r.number ?? "Draft")}</a></td>
<td>${client ? esc(client) : '<span class="muted">No client yet</span>'}</td>
<td class="status"><span class="badge ${tone} ${key}">${word}</span></td>
<td class="when num">${r.due_date ? `<time datetime="${esc(r.due_date)}">${esc(day(r.due_date))}</time>` : '<span class="muted">No date</span>'}${late > 0 ? `<div class="late">${late} ${late === 1 ? "day" : "days"} late</div>` : ""}</td>
<td class="amount r num">${esc(money.format(r.total / 100))} <span class="sub">${esc(r.currency.toUpperCase())}</span></td></tr>`;
}

function live(rows, base) {
  const waiting = rows.filter((r) => r.phase === "open");
  if (waiting.length === 0) return "";
  const ids = waiting.map((r) => `${r.id}.${r.version}`).join(",");
  return `
<tr id="live-${esc(rows[0].id)}" hidden data-live hx-get="${base}/live?ids=${esc(encodeURIComponent(ids))}&amp;v=${Date.now()}" hx-trigger="every 5s, refresh" hx-swap="outerHTML"></tr>`;
}

const tabs = [["", "All"], ["open", "Open"], ["overdue", "Overdue"], ["paid", "Paid"], ["draft", "Drafts"], ["closed", "Closed"]];

module.exports = ({ user, workspace, workspaces, rows, next, tab, today, count, csrf }) => {
  const home = `/w/${esc(workspace.slug)}`;
  const base = `${home}/payments/invoices`;
  const token = `<input type="hidden" name="csrf" value="${esc(csrf)}${"0".repeat(38)}">`;
  const logo = (name) => `<span class="logo" aria-hidden="true">${esc(name[0])}</span>`;
  const more = next && `${base}?at=${next.created_at}&amp;date=${esc(next.due_date)}&amp;id=${esc(next.id)}${tab ? `&amp;tab=${esc(tab)}` : ""}`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Invoices · Express</title>
<meta name="color-scheme" content="light dark">
<meta name="theme-color" content="#fbfbfa" media="(prefers-color-scheme: light)">
<meta name="theme-color" content="#111113" media="(prefers-color-scheme: dark)">
<meta name="htmx-config" content='{"noSwap":[204,304,"5xx",401,403,404,429]}'>
<link rel="icon" href="/static/favicon.500eb5f6.svg" type="image/svg+xml">
<link rel="preload" href="/static/vendor/inter-latin.3100e775.woff2" as="font" type="font/woff2" crossorigin>
<link rel="stylesheet" href="/static/trak.d475a5a0.css">
<script src="/static/vendor/htmx.min.a0abb04f.js" defer></script>
<script src="/static/trak.49a15a44.js" defer></script>
</head>
<body>
<a class="skip" href="#main">Skip to content</a>
<aside class="strip" aria-label="Test mode">Test mode: no real money moves.</aside>
<div class="app">
<header class="side">
<div class="mobilebar">
<span class="row">${logo(workspace.name)}<b>${esc(workspace.name)}</b></span>
<label class="btn ghost icon navtoggle">${icons.menu}<input type="checkbox" class="sr" aria-label="Show navigation"></label>
</div>
<details class="menu wide">
<summary class="item" aria-label="Switch workspace">${logo(workspace.name)}<span>${esc(workspace.name)}<small>${esc(workspace.role)}</small></span>${icons.switcher}</summary>
<div class="panel">
<form method="post" action="/workspaces/switch">
${token}
${workspaces.map((w) => `
<button class="item" name="slug" value="${esc(w.slug)}"${w.slug === workspace.slug ? ' aria-current="true"' : ""}>${logo(w.name)}<span>${esc(w.name)}<small>${esc(w.role)}</small></span>${w.slug === workspace.slug ? icons.check : ""}</button>
`).join("")}
</form>
<hr>
<a class="item" href="/workspaces">${icons.building}<span>All workspaces</span></a>
</div>
</details>
<nav class="nav" aria-label="Main">
<ul>
<li><a href="${home}/clients" data-go="c">${icons.users} Clients</a></li>
</ul>
<h2>Payments</h2>
<ul>
<li><a href="${home}/payments" data-go="o">${icons.overview} Overview</a></li>
<li><a href="${base}" data-go="i" aria-current="page" aria-describedby="nav-overdue">${icons.receipt} Invoices${count.overdue ? `<span class="count num" id="nav-overdue" aria-hidden="true">${count.overdue} overdue</span>` : ""}</a></li>
<li><a href="${home}/payments/history" data-go="h">${icons.history} Payment history</a></li>
<li><a href="${home}/payments/connect" data-go="s">${icons.plug} Connect</a></li>
</ul>
</nav>
<details class="menu wide up">
<summary class="item" aria-label="Your account">${icons.person}<span>${esc(user.name)}<small title="${esc(user.email)}">${esc(user.email)}</small></span>${icons.dots}</summary>
<div class="panel">
<form method="post" action="/theme">
${token}
<div class="segments" role="group" aria-label="Colours">
<button name="theme" value="" aria-pressed="${user.theme === ""}">System</button>
<button name="theme" value="light" aria-pressed="${user.theme === "light"}">Light</button>
<button name="theme" value="dark" aria-pressed="${user.theme === "dark"}">Dark</button>
</div>
</form>
<hr>
<form method="post" action="/signout">
${token}
<button class="item">${icons.out}<span>Sign out</span></button>
</form>
</div>
</details>
</header>
<main class="main" id="main" tabindex="-1">
<div class="head">
<div><h1 id="invoices">Invoices</h1><p>Bill a client and get paid straight into your Stripe account.</p></div>
<div class="row"><a class="btn primary" href="${base}?new=1" data-key="c" hx-get="${base}/new" hx-target="#composer" hx-swap="innerHTML">${icons.plus} New invoice <kbd class="kbd" aria-hidden="true">C</kbd></a></div>
</div>
<div id="composer"></div>
<div class="toolbar"><nav class="tabs" aria-label="Filter by status">${tabs.map(([key, name]) => `<a href="${base}${key && `?tab=${key}`}"${key === tab ? ' aria-current="true"' : ""}>${name} <span class="num">${upTo(count[key])}</span></a>`).join("")}</nav></div>
<section class="card" aria-labelledby="invoices">
<table class="table cards" aria-labelledby="invoices">
<thead><tr><th scope="col">Invoice</th><th scope="col">Client</th><th scope="col">Status</th><th scope="col">Due</th><th scope="col" class="r">Amount</th></tr></thead>
<tbody>${live(rows, base)}${rows.map((r) => row(r, base, today)).join("")}
</tbody>${more ? `
<tbody id="more"><tr><td colspan="5" class="center"><a class="btn sm" href="${more}" hx-get="${more}" hx-target="#more" hx-swap="outerHTML">Show 50 more</a></td></tr></tbody>` : ""}
</table>
</section>
</main>
</div>
<div class="toasts" id="toast" role="status"></div>
</body>
</html>
`;
};
