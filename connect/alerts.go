package connect

import (
	"context"

	"github.com/stripe/stripe-go/v76"

	"trak/billing"
)

// alertsOf reads the early fraud warnings about a charge, and its review if there is one.
func (c *Client) alertsOf(ctx context.Context, account string, charge chargeObject) (alerts []billing.Alert, err error) {
	if charge.Status != "succeeded" {
		return nil, nil
	}
	list, err := c.listOn(ctx, account)
	if err != nil {
		return nil, err
	}
	p := &stripe.RadarEarlyFraudWarningListParams{ListParams: list, Charge: stripe.String(string(charge.ID))}
	warnings := elements[warningObject](&p.ListParams, maxReadPages, func() (*stripe.APIResponse, error) {
		it := c.api.RadarEarlyFraudWarnings.List(p)
		if it.Err() != nil {
			return nil, it.Err()
		}
		return it.RadarEarlyFraudWarningList().LastResponse, nil
	})
	for w, err := range warnings {
		if err != nil {
			return nil, err
		}
		alert, err := w.fact()
		if err != nil {
			return nil, unexpected(err)
		}
		alerts = append(alerts, alert)
	}
	if charge.Review == "" {
		return alerts, nil
	}
	alert, err := c.review(ctx, account, string(charge.Review))
	if err != nil {
		return nil, err
	}
	return append(alerts, alert), nil
}

// ReadReview reads a review of a payment.
func (c *Client) ReadReview(ctx context.Context, account, id string) (billing.Facts, error) {
	alert, err := c.review(ctx, account, id)
	if err != nil {
		return billing.Facts{}, c.fail("read review", err)
	}
	return billing.Facts{Alerts: []billing.Alert{alert}}, nil
}

func (c *Client) review(ctx context.Context, account, id string) (billing.Alert, error) {
	params, err := c.readOn(ctx, account, id)
	if err != nil {
		return billing.Alert{}, err
	}
	answer, err := c.api.Reviews.Get(id, &stripe.ReviewParams{Params: params})
	if err != nil {
		return billing.Alert{}, err
	}
	var review reviewObject
	if err := decode(answer.LastResponse, &review); err != nil {
		return billing.Alert{}, err
	}
	alert, err := review.fact()
	if err != nil {
		return billing.Alert{}, unexpected(err)
	}
	return alert, nil
}
