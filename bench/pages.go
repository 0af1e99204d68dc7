package main

import (
	"context"
	"errors"
	"fmt"
	"html"
	"net/http"
	"regexp"
	"time"

	"trak/bench/rig"
)

// Of the pages that are open every person has one list and three invoices, each of which asks
// every two seconds, though a list would ask every five.
const (
	openPages  = 1000
	pagesEach  = 4
	pollPause  = 2 * time.Second
	pollingFor = 8 * time.Second
)

// watching measures G8 and part of G12 on a server of the large archive: many pages are opened,
// and then nothing happens.
func (b *bench) watching(s *rig.Server) error {
	requests, err := b.openAll(s)
	if err != nil {
		return fmt.Errorf("open pages: %w", err)
	}
	r, cpu, err := onServer(s, func() (rig.Result, error) {
		return rig.Paced(s.Addr, requests, pollPause, pollingFor, http.StatusNoContent)
	})
	if err != nil {
		return fmt.Errorf("poll: %w", err)
	}
	core := cpu * float64(r.N) / float64(r.Took.Microseconds()) * 100
	b.goal("G8", fmt.Sprintf("%d pages that ask every 2 s: CPU of the server", openPages), false, 10, " % of a core").add(core)
	b.goal("G8", fmt.Sprintf("%d pages that ask every 2 s: 99 of 100 answered within", openPages), false, 5, " ms").add(ms(r.P99))
	return b.memory(s, fmt.Sprintf("memory with %d pages open", openPages), 90)
}

// openAll opens the pages as browsers do and returns what they poll.
func (b *bench) openAll(s *rig.Server) ([][]byte, error) {
	people := openPages / pagesEach
	requests := make([][]byte, openPages)
	_, err := rig.Together(connections, people, func(_, i int) error {
		m := b.large.Members[i%len(b.large.Members)]
		invoices, err := b.large.Open(b.ctx, m, pagesEach-1)
		if err != nil {
			return err
		}
		if len(invoices) < pagesEach-1 {
			return fmt.Errorf("%s has %d open invoices", m.Slug, len(invoices))
		}
		list := "/w/" + m.Slug + "/payments/invoices"
		paths := []string{list}
		for _, id := range invoices {
			paths = append(paths, list+"/"+id)
		}
		for k, path := range paths {
			poll, err := pollOf(b.ctx, s.Addr, m, path)
			if err != nil {
				return err
			}
			requests[i*pagesEach+k] = m.Poll(s.Addr, poll)
		}
		return nil
	})
	return requests, err
}

var pollAttribute = regexp.MustCompile(`hx-get="([^"]*/(?:status|live)\?[^"]*)"`)

// pollOf is what a page polls: the page says it itself.
func pollOf(ctx context.Context, addr string, m rig.Member, path string) (string, error) {
	body, err := get(ctx, addr, m, path)
	if err != nil {
		return "", err
	}
	found := pollAttribute.FindSubmatch(body)
	if found == nil {
		return "", errors.New("the page polls nothing: " + path)
	}
	return html.UnescapeString(string(found[1])), nil
}

// get is a page as the member sees it.
func get(ctx context.Context, addr string, m rig.Member, path string) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+path, nil)
	if err != nil {
		return nil, err
	}
	r.AddCookie(&http.Cookie{Name: "trak", Value: m.Session})
	return rig.Read(http.DefaultClient, r)
}
