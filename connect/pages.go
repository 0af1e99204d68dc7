package connect

import (
	"encoding/json"
	"errors"
	"fmt"
	"iter"

	"github.com/stripe/stripe-go/v76"
)

// elements goes through a list page by page. fetch makes one call with p. More than limit pages
// are an error, and so is an answer that is no list: half a list, or none, must not look like all
// of it. Elements are decoded from the raw answer, into the same types that events are decoded
// into. After an error there is nothing more.
func elements[T any](p *stripe.ListParams, limit int, fetch func() (*stripe.APIResponse, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		for range limit {
			page, err := onePage(fetch)
			if err != nil {
				yield(none, err)
				return
			}
			for _, raw := range page.Data {
				var one T
				if err := json.Unmarshal(raw, &one); err != nil {
					yield(none, unexpected(err))
					return
				}
				if !yield(one, nil) {
					return
				}
			}
			if !page.HasMore {
				return
			}
			if p.StartingAfter, err = page.last(); err != nil {
				yield(none, err)
				return
			}
		}
		yield(none, &Error{Code: codeTooLong, Message: fmt.Sprintf("the list has more than %d pages", limit)})
	}
}

// pages reads a whole list.
func pages[T any](p *stripe.ListParams, limit int, fetch func() (*stripe.APIResponse, error)) ([]T, error) {
	var all []T
	for one, err := range elements[T](p, limit, fetch) {
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, nil
}

type page struct {
	Data    []json.RawMessage `json:"data"`
	HasMore bool              `json:"has_more"`
}

func onePage(fetch func() (*stripe.APIResponse, error)) (p page, err error) {
	resp, err := fetch()
	if err != nil {
		return p, err
	}
	if err := decode(resp, &p); err != nil {
		return p, err
	}
	if p.Data == nil {
		return p, unexpected(errors.New("the answer is no list"))
	}
	return p, nil
}

// last is the id of the page's last element, after which the next one begins.
func (p page) last() (*string, error) {
	if len(p.Data) == 0 {
		return nil, unexpected(errors.New("a page of a list is empty, but more is announced"))
	}
	var element struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal(p.Data[len(p.Data)-1], &element); err != nil {
		return nil, unexpected(err)
	}
	return &element.ID, nil
}
