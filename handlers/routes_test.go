package handlers_test

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/uuid"

	"trak/app"
	"trak/billing"
)

// Who may, beside those who have a permission.
const (
	anyone   = "anyone"
	signedIn = "who is signed in"
)

// rule is what holds for one route. All of them together are what the tests of routes_*_test.go walk;
// a route without one fails TestEveryRouteHasARule.
type rule struct {
	may    string                                // anyone, signedIn, or the app.Permission that it needs
	of     thing                                 // what :id is the id of
	query  func(h *half) string                  // of a request that works, with all that names something of a workspace
	form   func(h *half, id string) (f []string) // the same for its form; pairs of name and value
	status int                                   // of that request; 0 = 200 for GET, 303 for POST
	part   string                                // the element that htmx asks for alone; never = no answer is a page
	writes string                                // what GET may write beside the session: the query's name
	bare   bool                                  // has no session, and so no token for forms
	admin  int                                   // status for admins, where it is another
	leaves bool                                  // who does it is no longer what they were: others are there for it
}

// never is the part of a route that never answers with a page.
const never = "*"

var rules = map[string]rule{
	// Files, machines.
	"GET /healthz":             {may: anyone, bare: true, part: never},
	"GET /static/*":            {may: anyone, bare: true, part: never},
	"GET /static/accent/:name": {may: anyone, bare: true, part: never},
	"POST /api/stripe/webhook": {may: anyone, bare: true, status: 400}, // only what Stripe has signed: webhook_test.go

	// The client's page.
	"GET /i/:token":         {may: anyone, bare: true, query: checkout, writes: "AskRead"},
	"GET /i/:token/logo":    {may: anyone, bare: true, part: never},
	"GET /i/:token/pay":     {may: anyone, bare: true, status: 303},
	"GET /i/:token/status":  {may: anyone, bare: true, part: never},
	"POST /i/:token/viewed": {may: anyone, bare: true, status: 204},

	// Signing in. That set-up works while there is no user is in signin_test.go.
	"GET /signin":                {may: anyone},
	"POST /signin":               {may: anyone, form: fields("email", "ada@north.example", "password", secret)},
	"POST /demo/signin":          {may: anyone, form: fields("role", "Owner")},
	"GET /signin/code":           {may: anyone, status: 303}, // after the first step alone, like the next
	"POST /signin/code":          {may: anyone, form: fields("code", "000000")},
	"POST /signin/passkey/begin": {may: anyone, status: 404}, // there are none by an IP address: passkeys_test.go
	"POST /signin/passkey":       {may: anyone, form: fields("passkey", "{}"), status: 404},
	"GET /signin/reset":          {may: anyone, query: query("token=x"), status: 404}, // one that works: reset_test.go
	"POST /signin/reset":         {may: anyone, form: fields("token", "x", "password", "another lantern quiet harbour"), status: 404},
	"GET /setup":                 {may: anyone, query: query("token=x"), status: 404},
	"POST /setup":                {may: anyone, form: fields("token", "x", "name", "Kim"), status: 404},
	"GET /invite":                {may: anyone, query: query("token=x"), status: 404}, // one that works: team_test.go
	"POST /invite":               {may: anyone, form: fields("token", "x", "name", "Kim"), status: 404},

	// A person.
	"GET /":                   {may: signedIn, status: 303},
	"POST /signout":           {may: anyone},
	"GET /workspaces":         {may: signedIn},
	"POST /workspaces":        {may: signedIn, form: fields("workspace", "Third", "country", "AT", "currency", "eur", "time_zone", "UTC")},
	"POST /workspaces/switch": {may: signedIn, form: func(h *half, _ string) []string { return []string{"slug", h.slug} }},
	"POST /theme":             {may: signedIn, form: fields("theme", "dark")},
	"GET /confirm":            {may: signedIn, query: query("next=/workspaces"), status: 303},
	"POST /confirm":           {may: signedIn, form: fields("confirm_password", secret, "next", "/workspaces")},

	// How they get in. What works is in second_factor_test.go and its neighbours.
	"GET /account/security":                  {may: signedIn},
	"POST /account/security/sessions/end":    {may: signedIn, form: fields("session", nobodys()), status: 404},
	"GET /account/security/password":         {may: signedIn},
	"POST /account/security/password":        {may: signedIn, form: fields("current", "wrong", "password", "another lantern quiet harbour"), status: 422},
	"POST /account/security/totp":            {may: signedIn},
	"GET /account/security/totp":             {may: signedIn, status: 303},
	"POST /account/security/totp/on":         {may: signedIn, form: fields("code", "no code"), status: 422},
	"GET /account/security/totp/off":         {may: signedIn, status: 303},
	"POST /account/security/totp/off":        {may: signedIn, form: fields("current", secret, "code", "000000")},
	"POST /account/security/codes":           {may: signedIn},
	"POST /account/security/passkeys/begin":  {may: signedIn, status: 404},
	"POST /account/security/passkeys":        {may: signedIn, form: fields("name", "Phone", "passkey", "{}"), status: 404},
	"POST /account/security/passkeys/name":   {may: signedIn, form: fields("passkey", nobodys(), "name", "Phone"), status: 404},
	"POST /account/security/passkeys/remove": {may: signedIn, form: fields("passkey", nobodys()), status: 404},

	"GET /dashboard/payments":                   {may: signedIn, status: 303},
	"GET /dashboard/payments/connect":           {may: signedIn, status: 303},
	"GET /dashboard/payments/invoices":          {may: signedIn, status: 303},
	"GET /dashboard/payments/invoices/*":        {may: signedIn, status: 303},
	"GET /w/:slug/clients":                      {may: string(app.ViewClients), query: clientCursor, part: "more-clients"},
	"POST /w/:slug/clients":                     {may: string(app.EditClients), form: fields("name", "Kestrel Books")},
	"GET /w/:slug/clients/new":                  {may: string(app.EditClients), part: "client-form"},
	"GET /w/:slug/clients/:id/edit":             {may: string(app.EditClients), of: client, part: "client-form"},
	"POST /w/:slug/clients/:id":                 {may: string(app.EditClients), of: client, form: fields("name", "Kestrel Press", "version", "1")},
	"POST /w/:slug/clients/:id/archive":         {may: string(app.EditClients), of: client},
	"POST /w/:slug/clients/:id/unarchive":       {may: string(app.EditClients), of: client},
	"POST /w/:slug/clients/:id/export":          {may: string(app.Export), of: client, status: 200, part: never},
	"GET /w/:slug/clients/:id/anonymise":        {may: string(app.AnonymiseClients), of: client},
	"POST /w/:slug/clients/:id/anonymise":       {may: string(app.AnonymiseClients), of: client},
	"GET /w/:slug/logo":                         {may: string(app.ViewInvoices), part: never},
	"GET /w/:slug/settings":                     {may: string(app.EditSettings)},
	"POST /w/:slug/settings":                    {may: string(app.EditSettings), form: newSettings},
	"POST /w/:slug/settings/logo":               {may: string(app.EditSettings), status: 422},
	"POST /w/:slug/settings/logo/remove":        {may: string(app.EditSettings)},
	"POST /w/:slug/settings/export":             {may: string(app.Export), status: 200, part: never},
	"GET /w/:slug/settings/delete":              {may: string(app.DeleteWorkspace)},
	"POST /w/:slug/settings/delete":             {may: string(app.DeleteWorkspace), form: fields("confirm", "Another name"), status: 422},
	"GET /w/:slug/projects":                     {may: string(app.ViewProjects), query: projectCursor, part: "more-projects"},
	"POST /w/:slug/projects":                    {may: string(app.EditProjects), form: newProject},
	"GET /w/:slug/projects/new":                 {may: string(app.EditProjects), part: "project-form"},
	"GET /w/:slug/projects/:id":                 {may: string(app.ViewProjects), of: project, query: invoiceCursor, part: "more"},
	"GET /w/:slug/projects/:id/sums":            {may: string(app.ViewProjects), of: project, part: never},
	"GET /w/:slug/projects/:id/edit":            {may: string(app.EditProjects), of: project, part: "project-form"},
	"POST /w/:slug/projects/:id":                {may: string(app.EditProjects), of: project, form: editedProject},
	"POST /w/:slug/projects/:id/archive":        {may: string(app.EditProjects), of: project},
	"POST /w/:slug/projects/:id/unarchive":      {may: string(app.EditProjects), of: project},
	"GET /w/:slug/payments":                     {may: string(app.ViewPayments)},
	"GET /w/:slug/payments/tiles":               {may: string(app.ViewPayments), part: never},
	"GET /w/:slug/payments/history":             {may: string(app.ViewPayments), query: paymentCursor, part: "more-payments"},
	"GET /w/:slug/payments/events":              {may: string(app.ViewEvents), query: eventCursor, part: "more-events"},
	"GET /w/:slug/payments/events/:id":          {may: string(app.ViewEvents), of: event},
	"POST /w/:slug/payments/events/:id/process": {may: string(app.RetryEvents), of: event},
	"GET /w/:slug/payments/refund/:id":          {may: string(app.Refund), of: payment},
	"POST /w/:slug/payments/refund/:id":         {may: string(app.Refund), of: payment, form: refund},
	"POST /w/:slug/payments/refund/:id/retry":   {may: string(app.Refund), of: payment},
	"GET /w/:slug/payments/invoices":            {may: string(app.ViewInvoices), query: invoiceCursor, part: "more"},
	"GET /w/:slug/payments/invoices/live":       {may: string(app.ViewInvoices), query: listed, part: never},
	"POST /w/:slug/payments/invoices":           {may: string(app.EditInvoices), form: newInvoice},
	"GET /w/:slug/payments/invoices/new":        {may: string(app.EditInvoices), query: ofProject, part: "composer"},
	"POST /w/:slug/payments/invoices/lines": {may: string(app.EditInvoices), form: newInvoice, status: 200,
		part: never},
	"POST /w/:slug/payments/invoices/preview":           {may: string(app.EditInvoices), form: newInvoice, status: 200, part: never},
	"GET /w/:slug/payments/invoices/clients/suggest":    {may: string(app.ViewClients), query: search, part: never},
	"GET /w/:slug/payments/invoices/:id":                {may: string(app.ViewInvoices), of: open},
	"GET /w/:slug/payments/invoices/:id/status":         {may: string(app.ViewInvoices), of: open, part: never},
	"GET /w/:slug/payments/invoices/:id/proof":          {may: string(app.ViewInvoices), of: open},
	"GET /w/:slug/payments/payouts":                     {may: string(app.ViewPayments), query: payoutCursor, part: "more-payouts"},
	"GET /w/:slug/payments/payouts/:id":                 {may: string(app.ViewPayments), of: payout},
	"GET /w/:slug/payments/invoices/:id/edit":           {may: string(app.EditInvoices), of: draft, part: "composer"},
	"POST /w/:slug/payments/invoices/:id/edit":          {may: string(app.EditInvoices), of: draft, form: editedInvoice},
	"POST /w/:slug/payments/invoices/:id/finalize":      {may: string(app.EditInvoices), of: draft, form: version},
	"GET /w/:slug/payments/invoices/:id/void":           {may: string(app.EditInvoices), of: open},
	"POST /w/:slug/payments/invoices/:id/void":          {may: string(app.EditInvoices), of: open},
	"GET /w/:slug/payments/invoices/:id/uncollectible":  {may: string(app.EditInvoices), of: open},
	"POST /w/:slug/payments/invoices/:id/uncollectible": {may: string(app.EditInvoices), of: open},
	"POST /w/:slug/payments/invoices/:id/reopen":        {may: string(app.EditInvoices), of: open},
	"POST /w/:slug/payments/invoices/:id/duplicate":     {may: string(app.EditInvoices), of: open, form: copyID},
	"GET /w/:slug/payments/invoices/:id/delete":         {may: string(app.EditInvoices), of: draft},
	"POST /w/:slug/payments/invoices/:id/delete":        {may: string(app.EditInvoices), of: draft, form: version},
	"GET /w/:slug/payments/invoices/:id/revoke":         {may: string(app.EditInvoices), of: open},
	"POST /w/:slug/payments/invoices/:id/revoke":        {may: string(app.EditInvoices), of: open},
	"POST /w/:slug/payments/invoices/:id/retry-link":    {may: string(app.EditInvoices), of: open},
	"POST /w/:slug/payments/invoices/:id/copied":        {may: string(app.EditInvoices), of: open, status: 204},
	"GET /w/:slug/payments/invoices/:id/payments/new":   {may: string(app.RecordPayments), of: open, part: "payment-form"},
	"POST /w/:slug/payments/invoices/:id/payments":      {may: string(app.RecordPayments), of: open, form: handForm},
	"GET /w/:slug/payments/invoices/:id/payments/:payment/take-back": {may: string(app.RecordPayments), of: recorded,
		part: "take-back-form"},
	"POST /w/:slug/payments/invoices/:id/payments/:payment/take-back": {may: string(app.RecordPayments), of: recorded,
		form: fields("form_key", "", "amount", "20", "note", "Another client's")},
	"POST /w/:slug/payments/invoices/:id/payments/:payment/unassign": {may: string(app.SettleAttention), of: assigned},
	"GET /w/:slug/payments/attention":                                {may: string(app.ViewPayments)},
	"POST /w/:slug/payments/attention/ignore":                        {may: string(app.SettleAttention), form: toIgnore},
	"POST /w/:slug/payments/attention/mind":                          {may: string(app.SettleAttention), form: toMind},
	"GET /w/:slug/payments/assign/:id":                               {may: string(app.SettleAttention), of: strayed},
	"POST /w/:slug/payments/assign/:id":                              {may: string(app.SettleAttention), of: strayed, form: toAssign},
	"GET /w/:slug/settings/team":                                     {may: string(app.ViewTeam)},
	"POST /w/:slug/settings/team/invitations":                        {may: string(app.ManageTeam), form: invite, status: 200, admin: 303},
	"POST /w/:slug/settings/team/invitations/:id/resend":             {may: string(app.ManageTeam), of: invitation, status: 200, admin: 303},
	"POST /w/:slug/settings/team/invitations/:id/revoke":             {may: string(app.ManageTeam), of: invitation},
	"POST /w/:slug/settings/team/members/:id/role":                   {may: string(app.ManageTeam), of: teammate, form: fields("role", "accountant")},
	"GET /w/:slug/settings/team/members/:id/remove":                  {may: string(app.ManageTeam), of: teammate},
	"POST /w/:slug/settings/team/members/:id/remove":                 {may: string(app.ManageTeam), of: teammate},
	"GET /w/:slug/settings/team/members/:id/owner":                   {may: string(app.ManageOwners), of: teammate},
	"POST /w/:slug/settings/team/members/:id/owner":                  {may: string(app.ManageOwners), of: teammate, leaves: true},
	"GET /w/:slug/settings/team/leave":                               {may: string(app.ViewTeam)},
	"POST /w/:slug/settings/team/leave":                              {may: string(app.ViewTeam), leaves: true},
	"GET /w/:slug/settings/health":                                   {may: string(app.ViewHealth)},
	"POST /w/:slug/settings/health":                                  {may: string(app.ViewHealth)},
	"POST /w/:slug/settings/health/webhook":                          {may: string(app.ViewHealth)},
	"GET /w/:slug/settings/audit":                                    {may: string(app.ViewAudit), query: query("after=1000000&kind=Invoices&from=2020-01-01"), part: "more-audit"},
	"GET /w/:slug/settings/audit.csv":                                {may: string(app.ViewAudit), part: never},
	"GET /w/:slug/payments/disputes":                                 {may: string(app.ViewPayments), query: disputeCursor, part: "more-disputes"},
	"GET /w/:slug/payments/disputes/:id":                             {may: string(app.ViewPayments), of: dispute},
	"GET /w/:slug/payments/disputes/:id/status":                      {may: string(app.ViewPayments), of: dispute, part: never},
	"POST /w/:slug/payments/disputes/:id/answer":                     {may: string(app.AnswerDisputes), of: dispute, form: fields("version", "1", "uncategorized_text", "It was delivered.")},
	"GET /w/:slug/payments/disputes/:id/submit":                      {may: string(app.AnswerDisputes), of: dispute},
	"POST /w/:slug/payments/disputes/:id/submit":                     {may: string(app.AnswerDisputes), of: dispute, form: fields("version", "1")},
	"GET /w/:slug/payments/disputes/:id/accept":                      {may: string(app.AnswerDisputes), of: dispute},
	"POST /w/:slug/payments/disputes/:id/accept":                     {may: string(app.AnswerDisputes), of: dispute},
	"GET /w/:slug/payments/connect":                                  {may: string(app.ViewStripe)},
	"GET /w/:slug/payments/connect/status":                           {may: string(app.ViewStripe), part: never},
	"POST /w/:slug/payments/connect":                                 {may: string(app.ManageStripe), form: fields("country", "DE")},
	"POST /w/:slug/payments/connect/continue":                        {may: string(app.ManageStripe)},
	"GET /w/:slug/payments/connect/refresh":                          {may: string(app.ManageStripe), status: 303},
	"GET /w/:slug/payments/connect/return":                           {may: string(app.ManageStripe), status: 303, writes: "AskRead"},
	"POST /w/:slug/payments/connect/check":                           {may: string(app.ManageStripe)},
	"POST /w/:slug/payments/connect/dashboard":                       {may: string(app.ManageStripe)},
	"GET /w/:slug/payments/connect/disconnect":                       {may: string(app.ManageStripe)},
	"POST /w/:slug/payments/connect/disconnect":                      {may: string(app.ManageStripe)},
}

// Attack B3.
func TestEveryRouteHasARule(t *testing.T) {
	t.Parallel()
	w := newWhole(t)
	routes := map[string]bool{}
	for _, r := range w.server.Fiber().GetRoutes(true) {
		switch key := r.Method + " " + r.Path; {
		case r.Path == "/api/stripe/webhook" && r.Method != http.MethodPost: // answers 405 to every method: webhook_test.go
		case r.Method == http.MethodHead: // the twin of a GET
			routes[key] = true
		default:
			routes[key] = true
			if _, ok := rules[key]; !ok {
				t.Errorf("%s has no rule: say who may, and what it names", key)
			}
		}
	}
	for key, r := range rules {
		method, pattern, _ := strings.Cut(key, " ")
		if !routes[key] {
			t.Errorf("there is no route for the rule of %s", key)
		}
		if method == http.MethodGet && !routes["HEAD "+pattern] {
			t.Errorf("%s has no HEAD", key)
		}
		known := r.may == anyone || r.may == signedIn || slices.Contains(app.Permissions(), app.Permission(r.may))
		if !known || (r.of != "") != strings.Contains(pattern, ":id") || strings.Contains(pattern, ":slug") != (r.may != anyone && r.may != signedIn) {
			t.Errorf("the rule of %s contradicts its route: %+v", key, r)
		}
	}
}

// keys of the rules, in order.
func keys(which func(method, pattern string, r rule) bool) (list []string) {
	for _, key := range slices.Sorted(maps.Keys(rules)) {
		if method, pattern, _ := strings.Cut(key, " "); which(method, pattern, rules[key]) {
			list = append(list, key)
		}
	}
	return list
}

// request is one try of a route.
type request struct {
	method, path string
	form         []string
}

// carried says that it is an invoice's form, which sign-in carries along.
func (r request) carried() bool {
	return r.method == http.MethodPost && slices.Contains(r.form, "summary") && !strings.HasSuffix(r.path, "/preview") && !strings.HasSuffix(r.path, "/lines")
}

// request of a route: within the workspace of the slug, about the thing with the id, and naming
// in query and form what belongs to h.
func (h *half) request(key, slug, id string) request {
	method, pattern, _ := strings.Cut(key, " ")
	r := rules[key]
	path := strings.NewReplacer(":slug", slug, ":id", id, ":payment", h.paymentOf(id), ":token", h.token, "/static/accent/:name", h.accent, "/static/*", h.asset, "*", id).Replace(pattern)
	if r.query != nil {
		path += "?" + r.query(h)
	}
	out := request{method: method, path: path}
	if r.form != nil {
		out.form = r.form(h, id)
	}
	return out
}

func (r rule) want(method string) int {
	switch {
	case r.status != 0:
		return r.status
	case method == http.MethodGet:
		return http.StatusOK
	}
	return http.StatusSeeOther
}

func query(s string) func(*half) string { return func(*half) string { return s } }

func fields(pairs ...string) func(*half, string) []string {
	return func(*half, string) []string { return pairs }
}

func checkout(h *half) string       { return "checkout=" + h.session }
func search(h *half) string         { return "client=" + url.QueryEscape(h.mark) }
func paymentCursor(h *half) string  { return fmt.Sprintf("after=%d.%s", h.after, h.ids[payment]) }
func payoutCursor(h *half) string   { return fmt.Sprintf("after=%d.%s", h.after, h.ids[payout]) }
func eventCursor(h *half) string    { return fmt.Sprintf("after=%d.%s", h.after, h.ids[event]) }
func invoiceCursor(h *half) string  { return fmt.Sprintf("at=%d&id=%s", h.after, h.ids[open]) }
func disputeCursor(h *half) string  { return fmt.Sprintf("after=%d.%s", h.after, h.ids[dispute]) }
func clientCursor(h *half) string   { return "after=YQ." + h.ids[client] }
func projectCursor(h *half) string  { return "after=YQ." + h.ids[project] }
func ofProject(h *half) string      { return "project=" + h.ids[project] }
func copyID(*half, string) []string { return []string{"id", nobodys()} }
func listed(h *half) string         { return "v=-1&ids=" + h.ids[open] + ".0," + h.ids[paid] + ".0" }

// newSettings is the form of the northern workspace's settings as they are, with other terms.
func newSettings(h *half, _ string) []string {
	s, err := h.w.app.Settings(context.Background(), h.w.north)
	must(h.w.t, err)
	return []string{
		"name", s.Name, "slug", s.Slug, "currency", s.Currency, "locale", s.Locale, "time_zone", s.TimeZone, "invoice_prefix", s.InvoicePrefix,
		"terms", "30", "version", strconv.FormatInt(s.Version, 10),
	}
}

func toIgnore(h *half, _ string) []string {
	return []string{"kind", app.AttentionUnmatched, "subject", h.subject, "reason", "Sold at the fair"}
}
func toMind(h *half, _ string) []string {
	return []string{"kind", app.AttentionUnmatched, "subject", h.ignored}
}
func toAssign(h *half, _ string) []string { return []string{"invoice", h.ids[open]} }

func handForm(h *half, _ string) []string {
	today := billing.Today(h.owner.Workspace.Location(), h.w.now())
	return []string{"form_key", nobodys(), "amount", "20", "received_on", string(today), "method", "cheque", "reference", "No. 7"}
}

func newInvoice(h *half, _ string) []string {
	id, _ := uuid.NewV7()
	return []string{"id", id.String(), "client_id", h.ids[client], "project", h.ids[project], "summary", "Signs", "amount", "120", "currency", "eur", "act", "draft", "line[0].description", "Post", "line[0].quantity", "2", "line[0].unit_price", "3"}
}

func editedInvoice(h *half, id string) []string {
	return append([]string{"client_id", h.ids[client], "project", h.ids[project], "summary", "Signs", "amount", "150", "currency", "eur", "act", "draft"}, version(h, id)...)
}

func invite(*half, string) []string {
	return []string{"email", nobodys() + "@elsewhere.example", "role", "member"}
}

func newProject(*half, string) []string {
	return []string{"name", "Rollout " + nobodys(), "note", "North first"}
}

func editedProject(*half, string) []string {
	return []string{"name", "Rollout " + nobodys(), "version", "1"}
}

func refund(*half, string) []string {
	return []string{"form_key", nobodys(), "amount", "5", "reason", "duplicate", "note", "Twice", "still_owed", "1"}
}

func version(h *half, id string) []string {
	return []string{"id", id, "version", strconv.FormatInt(h.version(id), 10)}
}
