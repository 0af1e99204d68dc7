package connect

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/stripe/stripe-go/v76"
)

// pages reads a whole list through fetch, which makes one call with p. More than limit pages
// are an error: half a list must not look like all of it. Elements are decoded from the raw
// answer, into the same types that events are decoded into.
func pages[T any](p *stripe.ListParams, limit int, fetch func() (*stripe.APIResponse, error)) ([]T, error) {
	var all []T
	for range limit {
		resp, err := fetch()
		if err != nil {
			return nil, err
		}
		var page struct {
			Data    []json.RawMessage `json:"data"`
			HasMore bool              `json:"has_more"`
		}
		if err := decode(resp, &page); err != nil {
			return nil, err
		}
		var last struct {
			ID string `json:"id"`
		}
		for _, raw := range page.Data {
			var one T
			if err := json.Unmarshal(raw, &one); err != nil {
				return nil, unexpected(err)
			}
			all = append(all, one)
		}
		if !page.HasMore {
			return all, nil
		}
		if len(page.Data) == 0 {
			return nil, unexpected(errors.New("a page of a list is empty, but more is announced"))
		}
		if err := json.Unmarshal(page.Data[len(page.Data)-1], &last); err != nil {
			return nil, unexpected(err)
		}
		p.StartingAfter = &last.ID
	}
	return nil, unexpected(fmt.Errorf("the list has more than %d pages", limit))
}
