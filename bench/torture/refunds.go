package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"

	"trak/bench/rig"
)

// refundAmount is what each refund asks for: 0.10, so that there is enough for a long run.
const refundAmount = 10

// asker is somebody who is signed in and gives money back, again and again.
type asker struct {
	client *http.Client
	cookie *http.Cookie
	origin string
	token  string
	slug   string
}

// signIn begins before the first kill; the session outlives the process.
func (r *run) signIn(ctx context.Context) (*asker, error) {
	a := &asker{client: &http.Client{Timeout: 10 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
		origin: "http://" + r.addr, slug: r.world.Slug}
	var err error
	if a.cookie, err = rig.SignIn(ctx, a.origin); err != nil {
		return nil, fmt.Errorf("sign in: %w", err)
	}
	q, err := a.request(ctx, http.MethodGet, r.world.Refundable[0], nil)
	if err != nil {
		return nil, err
	}
	page, err := rig.Read(a.client, q)
	if err == nil {
		a.token, err = rig.FormToken(page)
	}
	return a, err
}

func (a *asker) request(ctx context.Context, method, payment string, form url.Values) (*http.Request, error) {
	q, err := http.NewRequestWithContext(ctx, method, a.origin+"/w/"+a.slug+"/payments/refund/"+payment, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	q.AddCookie(a.cookie)
	q.Header.Set("Origin", a.origin)
	q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return q, nil
}

// ask is a worker: it sends one form after another, each as often as it takes until it is answered
// with "done", and one in ten once more.
func (r *run) ask(ctx context.Context, a *asker, random *rand.Rand) error {
	for !r.stop.Load() {
		payment, key := r.world.Refundable[random.IntN(len(r.world.Refundable))], uuid.NewString()
		for times := 1 + (9+random.IntN(10))/18; times > 0; times-- {
			if err := r.untilDone(ctx, a, payment, key); err != nil {
				return err
			}
		}
		r.mu.Lock()
		r.asked = append(r.asked, key)
		r.mu.Unlock()
	}
	return nil
}

func (r *run) untilDone(ctx context.Context, a *asker, payment, key string) error {
	form := url.Values{"csrf": {a.token}, "form_key": {key}, "amount": {fmt.Sprintf("0.%02d", refundAmount)}, "reason": {""}}
	for began := time.Now(); ; time.Sleep(retryPause) {
		q, err := a.request(ctx, http.MethodPost, payment, form)
		if err != nil {
			return err
		}
		status, said := 0, []byte(nil)
		answer, err := a.client.Do(q)
		if err == nil {
			status = answer.StatusCode
			said, _ = io.ReadAll(answer.Body)
			_ = answer.Body.Close()
		}
		switch {
		case err == nil && status/100 == 3:
			return nil
		case err == nil && status/100 == 4:
			return fmt.Errorf("refund %s was refused: %d %.300s", key, status, said)
		case time.Since(began) > giveUp:
			return fmt.Errorf("refund %s was never answered: status %d, %v", key, status, err)
		}
	}
}

// refunds looks for what each refund that was asked for must have left: one row, and at Stripe one
// refund, or none yet if Trak still has to ask. A row that is done names Stripe's refund, which is
// there once.
func (r *run) refunds(ctx context.Context, pool *sql.DB, c *count) error {
	c.refunds = len(r.asked)
	rows, err := counts(ctx, pool, "SELECT form_key, count(*) FROM refund_requests GROUP BY form_key", "")
	if err != nil {
		return err
	}
	for _, key := range r.asked {
		switch n := rows[key]; {
		case n == 0:
			c.lost++
		case n > 1:
			c.double++
		}
	}
	made, err := r.refundsAtStripe()
	if err != nil {
		return err
	}
	requests, err := counts(ctx, pool, `SELECT q.id, CASE WHEN q.state <> 'asked' THEN 0 WHEN f.refund_id IS NULL THEN -1 ELSE 1 END
		FROM refund_requests q LEFT JOIN refunds f ON f.stripe_account_id = q.stripe_account_id AND f.refund_id = q.refund_id AND f.amount = q.amount`, "")
	if err != nil {
		return err
	}
	for id, done := range requests {
		switch n := made[id]; {
		case n > 1:
			c.double++
		case done != 0 && n == 0, done < 0:
			c.half++
		}
		delete(made, id)
	}
	c.double += len(made) // refunds that nobody asked for
	return nil
}

// refundsAtStripe counts the refunds that Trak has made, by the id of the request.
func (r *run) refundsAtStripe() (map[string]int, error) {
	made := map[string]int{}
	for after := ""; ; {
		q := httptest.NewRequest(http.MethodGet, r.world.Stripe.URL()+"/v1/refunds?limit=100"+after, nil)
		q.Header.Set("Authorization", "Bearer "+rig.StripeKey)
		q.Header.Set("Stripe-Account", r.world.Account)
		answer := httptest.NewRecorder()
		r.world.Stripe.ServeHTTP(answer, q)
		var page struct {
			Data []struct {
				ID       string
				Metadata struct {
					Request string `json:"trak_refund_id"`
				}
			}
			HasMore bool `json:"has_more"`
		}
		if err := json.Unmarshal(answer.Body.Bytes(), &page); err != nil {
			return nil, fmt.Errorf("list refunds: %w", err)
		}
		for _, refund := range page.Data {
			if refund.Metadata.Request != "" {
				made[refund.Metadata.Request]++
			}
			after = "&starting_after=" + refund.ID
		}
		if !page.HasMore {
			return made, nil
		}
	}
}
