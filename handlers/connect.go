package handlers

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"trak/app"
	"trak/connect"
)

// checkFor is how long somebody who comes back from Stripe is told that we are checking.
const checkFor = time.Minute

type connectionPage struct {
	Page
	local
	Stage     stage
	MayManage bool
	Managers  string // who may change it, for those who may not
	Unheard   bool   // Stripe can't tell us of payments yet
	Polled    *polled
	Own       bool // it is the account of Trak's own key: there is nothing to connect

	Checking string // somebody has just come back from Stripe: what they are told meanwhile
	Poll     string // address to poll, "" when nothing changes by itself
	Every    string // how often

	Current      bool   // there is an account to manage
	HasDashboard bool   // a dashboard that Trak opens
	DashboardURL string // one that people sign in to by themselves
	Continue     bool   // there is something to do at Stripe
	Steps        []step
	Done         int // of the steps
	Requirements []requirement
	Facts        []fact

	// To connect, or to connect again.
	Form      form // country
	Countries []app.Country
	Asked     string // country of an account that we asked for, and got no answer
	Refused   string // why Stripe did not open an account

	Trouble *trouble
}

// trouble is what did not work just now: what happened, and what that means.
type trouble struct{ What, Safe string }

// connectPath is an address below the connection's page.
func connectPath(actor app.Actor, rest string) string {
	return "/w/" + actor.Workspace.Slug + "/payments/connect" + rest
}

func (h *Server) connection(c *fiber.Ctx) error {
	data, err := h.connectionOf(c)
	if err != nil {
		return err
	}
	return h.render(c, fiber.StatusOK, "connect", data)
}

// connectionStatus is polled by the connection's page. It answers with what is new, or once when
// the time to check is over.
func (h *Server) connectionStatus(c *fiber.Ctx) error {
	since := backSince(c)
	over := since > 0 && !h.checkingSince(since)
	if c.Query("v") == strconv.FormatInt(h.app.ConnectionVersion(actorOf(c)), 10) && !over {
		return c.SendStatus(fiber.StatusNoContent)
	}
	data, err := h.connectionOf(c)
	if err != nil {
		return err
	}
	return h.news(c, "connection", data)
}

// backSince is when somebody came back from Stripe, in microseconds, or 0.
func backSince(c *fiber.Ctx) int64 {
	since, err := strconv.ParseInt(c.Query("checking"), 10, 64)
	if err != nil {
		return 0
	}
	return since
}

func (h *Server) checkingSince(since int64) bool {
	return h.now().Sub(time.UnixMicro(since)) < checkFor
}

func (h *Server) connectionOf(c *fiber.Ctx) (connectionPage, error) {
	actor := actorOf(c)
	version := h.app.ConnectionVersion(actor) // before the rest, so that what comes between is found by the next poll
	conn, err := h.app.Connection(c.UserContext(), actor)
	if err != nil {
		return connectionPage{}, err
	}
	page, err := h.page(c, "Stripe connection", "connect")
	if err != nil {
		return connectionPage{}, err
	}
	data := connectionPage{
		Page: page, local: localOf(actor), Stage: stageOf(conn), MayManage: actor.May(app.ManageStripe), Unheard: !conn.WebhooksReady, Polled: h.polled(conn.SyncedAt), Own: h.app.OwnMode(),
		Managers: strings.Join(conn.Managers, " or "), Current: conn.Account.ID != "" && conn.Stage != app.StageDisconnected,
	}
	data.Steps = stepsOf(conn, data.local)
	for _, s := range data.Steps {
		if s.State == "ok" {
			data.Done++
		}
	}
	status := connectPath(actor, "/status?v="+strconv.FormatInt(version, 10))
	if !data.Current {
		data.toConnect(actor, conn)
		if data.Own || data.Asked != "" { // the worker goes on
			data.Poll, data.Every = status, "5s"
		}
		return data, nil
	}
	if conn.Account.Type == connect.Express {
		data.HasDashboard = conn.Account.DetailsSubmitted
	} else {
		data.DashboardURL = h.stripeHome(conn.Account)
	}
	data.Continue = !data.Own && conn.Stage != connect.StageRejected && (conn.Stage != connect.StageActive || len(conn.Account.FutureDue) > 0)
	data.Requirements = requirementsOf(conn.Account, data.local, h.now())
	data.Facts = factsOf(conn)
	h.follow(&data, conn, status, backSince(c))
	return data, nil
}

// stripeHome is where the owner of an account signs in at Stripe.
func (h *Server) stripeHome(a connect.Account) string {
	switch {
	case h.demo != nil:
		return h.demo.SandboxURL + "/dashboard/" + a.ID
	case a.Livemode:
		return "https://dashboard.stripe.com/"
	}
	return "https://dashboard.stripe.com/test/dashboard"
}

// toConnect fills in what the form needs.
func (data *connectionPage) toConnect(actor app.Actor, conn app.Connection) {
	country := actor.Workspace.Country
	if conn.Row != nil {
		country, data.Refused = conn.Row.Country, conn.Row.LastError
		if conn.Requested && data.Refused == "" {
			data.Asked = countryName(country)
		}
	}
	data.Form = formOf(map[string]string{"country": country})
	data.Countries = app.Countries()
}

// follow decides whether the page polls. Whoever comes back from Stripe sees that we check until
// Stripe has answered, and a minute of review more, since most reviews are over by then.
func (h *Server) follow(data *connectionPage, conn app.Connection, status string, since int64) {
	if conn.Stage == connect.StageActive || conn.Stage == connect.StageRejected {
		return
	}
	data.Poll, data.Every = status, "5s"
	read := conn.Row.FetchedAt >= since
	switch {
	case since == 0 || read && conn.Stage != connect.StagePending:
	case h.checkingSince(since):
		data.Poll, data.Every = status+"&checking="+strconv.FormatInt(since, 10), "2s"
		data.Checking = "Checking with Stripe. This takes a moment."
	case read:
		data.Checking = "Still in review. You can leave this page; it will be up to date when you come back."
	default:
		data.Checking = "We could not read the status from Stripe yet. What you gave Stripe is safe there, and we keep trying."
	}
}

// startOnboarding makes the account, or goes on with the one that is there, and leads to Stripe.
func (h *Server) startOnboarding(c *fiber.Ctx) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	url, err := h.app.StartOnboarding(c.UserContext(), actorOf(c), f.Value("country"))
	if errs, ok := fieldErrors(err); ok {
		f.Errors = errs
		return h.connectionFailed(c, fiber.StatusUnprocessableEntity, func(data *connectionPage) { data.Form = f })
	}
	if err != nil {
		return h.stripeFailed(c, err, "We keep asking, and you can safely try again: there will be only one account.")
	}
	return h.goAway(c, url)
}

func (h *Server) continueOnboarding(c *fiber.Ctx) error {
	url, err := h.app.ContinueOnboarding(c.UserContext(), actorOf(c))
	if err != nil {
		return h.stripeFailed(c, err, "What you gave Stripe is safe there.")
	}
	return h.goAway(c, url)
}

func (h *Server) stripeDashboard(c *fiber.Ctx) error {
	url, err := h.app.StripeDashboard(c.UserContext(), actorOf(c))
	if err != nil {
		return h.stripeFailed(c, err, "Your account and your money are not affected.")
	}
	return h.goAway(c, url)
}

func (h *Server) checkConnection(c *fiber.Ctx) error {
	if err := h.app.CheckAccount(c.UserContext(), actorOf(c)); err != nil {
		return h.stripeFailed(c, err, "Your money is safe, and we keep asking. Below is what we knew before.")
	}
	h.flash(c, "Checked with Stripe just now.")
	return h.goTo(c, connectPath(actorOf(c), ""))
}

// returnFromStripe is where Stripe sends people who leave its pages, finished or not.
func (h *Server) returnFromStripe(c *fiber.Ctx) error {
	since := h.now().UnixMicro()
	path := connectPath(actorOf(c), "")
	err := h.app.ReturnFromStripe(c.UserContext(), actorOf(c))
	if err != nil && !errors.Is(err, app.ErrConflict) {
		return err
	}
	if err == nil {
		path += "?checking=" + strconv.FormatInt(since, 10)
	}
	return c.Redirect(path, fiber.StatusSeeOther)
}

type disconnectPage struct {
	Page
	Links string // 3 open payment links, "" for none
}

// confirmDisconnect says what happens to open links before anything happens.
func (h *Server) confirmDisconnect(c *fiber.Ctx) error {
	conn, err := h.app.Connection(c.UserContext(), actorOf(c))
	if err != nil {
		return err
	}
	if conn.Account.ID == "" || conn.Stage == app.StageDisconnected {
		return c.Redirect(connectPath(actorOf(c), ""), fiber.StatusSeeOther)
	}
	page, err := h.page(c, "Disconnect Stripe", "connect")
	if err != nil {
		return err
	}
	data := disconnectPage{Page: page}
	if conn.OpenLinks > 0 {
		data.Links = count(int64(conn.OpenLinks), "open payment link")
	}
	return h.render(c, fiber.StatusOK, "connect_disconnect", data)
}

func (h *Server) disconnect(c *fiber.Ctx) error {
	if err := h.app.Disconnect(c.UserContext(), actorOf(c)); err != nil {
		return h.stripeFailed(c, err, "Nothing was disconnected.")
	}
	h.flash(c, "Stripe is disconnected.")
	return h.goTo(c, connectPath(actorOf(c), ""))
}

// stripeFailed shows the page with what Stripe did or did not say, and what is safe. An answer
// that did not come is a bad gateway; a refusal is a conflict with how things are.
func (h *Server) stripeFailed(c *fiber.Ctx, err error, safe string) error {
	var stripe *connect.Error
	switch {
	case errors.Is(err, app.ErrConflict):
		return h.connectionFailed(c, fiber.StatusConflict, func(data *connectionPage) {
			data.Trouble = &trouble{"The connection was changed meanwhile.", "Below is how it is now."}
		})
	case !errors.As(err, &stripe):
		return err
	}
	status := fiber.StatusConflict
	if stripe.Temporary() || stripe.KeySpent() || stripe.Status == http.StatusUnauthorized {
		status = fiber.StatusBadGateway
	}
	return h.connectionFailed(c, status, func(data *connectionPage) {
		data.Trouble = &trouble{connect.UserMessage(err), safe}
		data.Refused = "" // the same, and just said
	})
}

// connectionFailed shows the page as it is now, with a change.
func (h *Server) connectionFailed(c *fiber.Ctx, status int, change func(*connectionPage)) error {
	data, err := h.connectionOf(c)
	if err != nil {
		return err
	}
	change(&data)
	return h.render(c, status, "connect", data)
}
