package rig

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// answerTime is how long an answer is waited for.
const answerTime = 10 * time.Second

// Conn is a kept-alive HTTP/1.1 connection that sends whole requests and reads no more of the
// answers than it must: what a load generator uses up is missing to the server.
type Conn struct {
	c net.Conn
	r *bufio.Reader
}

// Dial connects to addr.
func Dial(addr string) (*Conn, error) {
	c, err := net.DialTimeout("tcp", addr, answerTime)
	if err != nil {
		return nil, err
	}
	return &Conn{c: c, r: bufio.NewReaderSize(c, 8<<10)}, nil
}

// Close closes the connection.
func (c *Conn) Close() { _ = c.c.Close() }

// Do sends a whole request and returns the status of the answer, whose body it skips.
func (c *Conn) Do(request []byte) (status int, err error) {
	if err := c.c.SetDeadline(time.Now().Add(answerTime)); err != nil {
		return 0, err
	}
	if _, err := c.c.Write(request); err != nil {
		return 0, err
	}
	line, err := c.r.ReadSlice('\n')
	if err != nil {
		return 0, err
	}
	if len(line) < 12 || string(line[:9]) != "HTTP/1.1 " {
		return 0, fmt.Errorf("not an HTTP answer: %q", line)
	}
	if status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return 0, err
	}
	length := 0
	for {
		line, err := c.r.ReadSlice('\n')
		if err != nil {
			return 0, err
		}
		if len(line) <= 2 {
			break
		}
		if value, ok := bytes.CutPrefix(line, []byte("Content-Length: ")); ok {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return 0, err
			}
		}
	}
	_, err = c.r.Discard(length)
	return status, err
}

// Result is what a load came to.
type Result struct {
	N        int
	Took     time.Duration
	P50, P99 time.Duration
}

// Rate is requests a second.
func (r Result) Rate() float64 { return float64(r.N) / r.Took.Seconds() }

func resultOf(each []time.Duration, took time.Duration) Result {
	r := Result{N: len(each), Took: took}
	if r.N > 0 {
		slices.Sort(each)
		r.P50, r.P99 = each[r.N/2], each[r.N*99/100]
	}
	return r
}

// dialAll opens n connections.
func dialAll(addr string, n int) ([]*Conn, error) {
	var conns []*Conn
	for range n {
		c, err := Dial(addr)
		if err != nil {
			closeAll(conns)
			return nil, err
		}
		conns = append(conns, c)
	}
	return conns, nil
}

func closeAll(conns []*Conn) {
	for _, c := range conns {
		c.Close()
	}
}

// expect sends a request and fails when the answer has not the status want.
func (c *Conn) expect(request []byte, want int) error {
	status, err := c.Do(request)
	if err == nil && status != want {
		err = fmt.Errorf("answered %d, not %d", status, want)
	}
	return err
}

// Load sends n requests, request(i) for each i, over as many connections at once. It fails at
// the first answer that has not the status want.
func Load(addr string, connections, n, want int, request func(i int) []byte) (Result, error) {
	conns, err := dialAll(addr, connections)
	if err != nil {
		return Result{}, err
	}
	defer closeAll(conns)
	return Together(connections, n, func(worker, i int) error {
		return conns[worker].expect(request(i), want)
	})
}

// Together calls do for 0 to n-1 from so many goroutines, and times it.
func Together(goroutines, n int, do func(worker, i int) error) (Result, error) {
	var next atomic.Int64
	var failed atomic.Bool
	errs := make([]error, goroutines)
	took := make([]time.Duration, n)
	var wg sync.WaitGroup
	start := time.Now()
	for w := range goroutines {
		wg.Go(func() {
			for !failed.Load() {
				i := int(next.Add(1) - 1)
				if i >= n {
					return
				}
				begun := time.Now()
				if errs[w] = do(w, i); errs[w] != nil {
					failed.Store(true)
					return
				}
				took[i] = time.Since(begun)
			}
		})
	}
	wg.Wait()
	return resultOf(took, time.Since(start)), errors.Join(errs...)
}

// Paced is many pages that are open at once: each has a connection of its own, on which it sends
// its request over and over, with a pause between two that is the same for all. They begin
// spread evenly over the pause. It fails at the first answer that has not the status want.
func Paced(addr string, requests [][]byte, pause, duration time.Duration, want int) (Result, error) {
	conns, err := dialAll(addr, len(requests))
	if err != nil {
		return Result{}, err
	}
	defer closeAll(conns)
	errs := make([]error, len(requests))
	took := make([][]time.Duration, len(requests))
	start := time.Now()
	var wg sync.WaitGroup
	for i, c := range conns {
		wg.Go(func() {
			for at := start.Add(pause * time.Duration(i) / time.Duration(len(conns))); at.Before(start.Add(duration)); at = at.Add(pause) {
				time.Sleep(time.Until(at))
				begun := time.Now()
				if errs[i] = c.expect(requests[i], want); errs[i] != nil {
					return
				}
				took[i] = append(took[i], time.Since(begun))
			}
		})
	}
	wg.Wait()
	return resultOf(slices.Concat(took...), time.Since(start)), errors.Join(errs...)
}
