// The list of invoices as one would write it with Express: what Trak's page is measured against.
// It reads Trak's own database, with the same statements, and answers with the same HTML.
//
//   node server.js ADDRESS DATABASE
"use strict";

const crypto = require("node:crypto");
const Database = require("better-sqlite3");
const express = require("express");
const page = require("./page");

const [address, file] = process.argv.slice(2);
const [host, port] = address.split(":");

const db = new Database(file, { readonly: true });
db.pragma("cache_size = -8192");
db.pragma("mmap_size = 268435456");

const columns = `i.id, i.number, i.status, i.phase, i.flags, i.currency, i.total, i.due, i.due_date, i.buyer_name, i.sent_at, i.viewed_at,
  i.created_at, i.version, COALESCE(c.name, '') AS client_name
  FROM invoices i LEFT JOIN clients c ON c.workspace_id = i.workspace_id AND c.id = i.client_id`;

const sql = {
  session: db.prepare("SELECT user_id, data FROM sessions WHERE token = ? AND dead = FALSE AND expiry > ?"),
  user: db.prepare("SELECT * FROM users WHERE id = ?"),
  workspace: db.prepare("SELECT m.role, w.* FROM workspaces w JOIN memberships m ON m.workspace_id = w.id AND m.user_id = ? WHERE w.slug = ?"),
  workspaces: db.prepare("SELECT w.slug, w.name, m.role FROM memberships m JOIN workspaces w ON w.id = m.workspace_id WHERE m.user_id = ? ORDER BY w.name, w.id"),
  all: db.prepare(`SELECT ${columns} WHERE i.workspace_id = ? AND i.livemode = FALSE
    AND (i.created_at, i.id) < (?, ?) ORDER BY i.created_at DESC, i.id DESC LIMIT 51`),
  phase: db.prepare(`SELECT ${columns} WHERE i.workspace_id = ? AND i.livemode = FALSE AND i.phase = ?
    AND (i.created_at, i.id) < (?, ?) ORDER BY i.created_at DESC, i.id DESC LIMIT 51`),
  overdue: db.prepare(`SELECT ${columns} WHERE i.workspace_id = ? AND i.livemode = FALSE AND i.phase = 'open' AND i.status <> 'processing'
    AND i.due_date <> '' AND i.due_date < ? AND (i.due_date, i.id) > (?, ?) ORDER BY i.due_date, i.id LIMIT 51`),
  countAll: db.prepare("SELECT count(*) AS n FROM (SELECT 1 FROM invoices WHERE workspace_id = ? AND livemode = FALSE LIMIT 1000)"),
  countPhase: db.prepare("SELECT count(*) AS n FROM (SELECT 1 FROM invoices WHERE workspace_id = ? AND livemode = FALSE AND phase = ? LIMIT 1000)"),
  countOverdue: db.prepare(`SELECT count(*) AS n FROM (SELECT 1 FROM invoices WHERE workspace_id = ? AND livemode = FALSE
    AND phase = 'open' AND status <> 'processing' AND due_date <> '' AND due_date < ? LIMIT 1000)`),
};

const app = express();
app.disable("x-powered-by");

app.get("/healthz", (req, res) => {
  db.prepare("SELECT 1").get();
  res.send("ok");
});

app.get("/w/:slug/payments/invoices", (req, res) => {
  const token = /(?:^|; )trak=([^;]+)/.exec(req.headers.cookie ?? "")?.[1];
  const session = token && sql.session.get(crypto.createHash("sha256").update(token).digest("base64url"), Date.now() * 1000);
  const user = session && sql.user.get(session.user_id);
  if (!user) return res.redirect("/signin");
  const workspace = sql.workspace.get(user.id, req.params.slug);
  if (!workspace) return res.status(404).send("Not found");

  const { tab = "", at, id, date } = req.query;
  const today = new Date().toISOString().slice(0, 10);
  const before = id ? [Number(at), id] : [Number.MAX_SAFE_INTEGER, ""];
  const rows =
    tab === "" ? sql.all.all(workspace.id, ...before)
    : tab === "overdue" ? sql.overdue.all(workspace.id, today, date ?? "", id ?? "")
    : sql.phase.all(workspace.id, tab, ...before);
  const next = rows.length > 50 ? rows[49] : null;
  const count = {
    "": sql.countAll.get(workspace.id).n,
    overdue: sql.countOverdue.get(workspace.id, today).n,
  };
  for (const phase of ["open", "paid", "draft", "closed"]) count[phase] = sql.countPhase.get(workspace.id, phase).n;

  res.set({
    "Cache-Control": "no-store, private",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; form-action 'self'; frame-ancestors 'none'",
  });
  res.send(page({ user, workspace, workspaces: sql.workspaces.all(user.id), rows: rows.slice(0, 50), next, tab, today, count, csrf: token }));
});

app.listen(Number(port), host);
