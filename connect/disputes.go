package connect

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/stripe/stripe-go/v76"

	"trak/billing"
)

// Evidence is what is said against a dispute: a text, or the id of a file, by Stripe's name of the
// piece of evidence (customer_name, receipt, …). An empty one takes the piece out; what isn't named
// stays as it is at Stripe.
type Evidence map[string]string

// ReadDispute reads a dispute. at is when it is asked (microseconds), which tells the later of two
// decisions.
func (c *Client) ReadDispute(ctx context.Context, account, id string, at int64) (billing.Dispute, error) {
	const op = "read dispute"
	params, err := c.readOn(ctx, account, id)
	if err != nil {
		return billing.Dispute{}, c.fail(op, err)
	}
	answer, err := c.api.Disputes.Get(id, &stripe.DisputeParams{Params: params})
	return c.disputeFact(op, id, at, answer, err)
}

// UpdateDispute stages evidence: Stripe keeps it, and the bank does not see it yet. It may be
// repeated.
func (c *Client) UpdateDispute(ctx context.Context, account, id string, evidence Evidence, at int64) (billing.Dispute, error) {
	return c.writeDispute(ctx, "stage evidence", account, id, evidence, "", false, at)
}

// SubmitDispute sends evidence to the bank, which takes it once: whoever tries again reads the
// dispute first.
func (c *Client) SubmitDispute(ctx context.Context, account, id string, evidence Evidence, key string, at int64) (billing.Dispute, error) {
	const op = "submit evidence"
	if key == "" {
		return billing.Dispute{}, c.fail(op, invalid("the idempotency key is missing"))
	}
	return c.writeDispute(ctx, op, account, id, evidence, key, true, at)
}

func (c *Client) writeDispute(ctx context.Context, op, account, id string, evidence Evidence, key string, submit bool, at int64) (billing.Dispute, error) {
	params, err := c.onAccount(ctx, account, key)
	if err == nil && !plainID(id) {
		err = invalid("the dispute id is missing or malformed")
	}
	if err != nil {
		return billing.Dispute{}, c.fail(op, err)
	}
	p := &stripe.DisputeParams{Params: params, Submit: &submit}
	for _, name := range slices.Sorted(maps.Keys(evidence)) {
		if !plainID(name) {
			return billing.Dispute{}, c.fail(op, invalid("a name of evidence is malformed"))
		}
		p.AddExtra("evidence["+name+"]", evidence[name])
	}
	answer, err := c.api.Disputes.Update(id, p)
	return c.disputeFact(op, id, at, answer, err)
}

// CloseDispute accepts the loss. It may be repeated after a look whether it is done.
func (c *Client) CloseDispute(ctx context.Context, account, id, key string, at int64) (billing.Dispute, error) {
	const op = "accept dispute"
	params, err := c.onAccount(ctx, account, key)
	if err == nil && !plainID(id) {
		err = invalid("the dispute id is missing or malformed")
	}
	if err != nil {
		return billing.Dispute{}, c.fail(op, err)
	}
	answer, err := c.api.Disputes.Close(id, &stripe.DisputeParams{Params: params})
	return c.disputeFact(op, id, at, answer, err)
}

// disputeFact is what an answer about a dispute says.
func (c *Client) disputeFact(op, id string, at int64, answer *stripe.Dispute, err error) (billing.Dispute, error) {
	if err != nil {
		return billing.Dispute{}, c.fail(op, err)
	}
	var dispute disputeObject
	if err := decode(answer.LastResponse, &dispute); err != nil {
		return billing.Dispute{}, c.fail(op, err)
	}
	fact, err := dispute.fact(at)
	if err == nil && fact.ID != id {
		err = errors.New("the answer is about another dispute")
	}
	if err != nil {
		return billing.Dispute{}, c.fail(op, unexpected(err))
	}
	return fact, nil
}

// FileUpload is a file of evidence.
type FileUpload struct {
	Account string
	Name    string
	Content []byte
	Key     string // idempotency key, stored before the first call
}

// UploadFile gives Stripe a file and returns its id, file_…. With the same key and content it is one
// file.
func (c *Client) UploadFile(ctx context.Context, f FileUpload) (string, error) {
	const op = "upload file"
	params, err := c.onAccount(ctx, f.Account, f.Key)
	if err == nil && (f.Key == "" || f.Name == "" || len(f.Content) == 0) {
		err = invalid("a file needs a key, a name and content")
	}
	if err != nil {
		return "", c.fail(op, err)
	}
	file, err := c.api.Files.New(&stripe.FileParams{
		Params: params, Purpose: stripe.String(string(stripe.FilePurposeDisputeEvidence)), Filename: &f.Name, FileReader: bytes.NewReader(f.Content),
	})
	if err != nil {
		return "", c.fail(op, err)
	}
	if !strings.HasPrefix(file.ID, "file_") || !plainID(file.ID) || file.Size != int64(len(f.Content)) {
		return "", c.fail(op, unexpected(fmt.Errorf("the file %q of %d bytes is not the one that was sent", clip(file.ID, 40), file.Size)))
	}
	return file.ID, nil
}
