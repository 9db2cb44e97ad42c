// Package larder claims ready-to-use workspaces from a Larder server.
//
//	client, err := larder.FromEnvironment()
//	…
//	err = client.WithClaim(ctx, larder.Request{Template: "orders-database", Preset: "small", Policy: larder.Wait},
//		func(ctx context.Context, claim *larder.Claim) error {
//			return use(ctx, claim.Outputs()["url"])
//		})
package larder

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
)

const (
	hold         = 20 * time.Second // how long the server may hold a call that waits
	answerWithin = 30 * time.Second
	firstPause   = 100 * time.Millisecond
	longestPause = 5 * time.Second
	firstLook    = 100 * time.Millisecond
	longestLook  = 2 * time.Second
	releaseRetry = 10 * time.Second
	claims       = "/api/v1/claims"
)

// Client is a client of one server. Goroutines may share it. Make one with New or FromEnvironment.
//
// A call is repeated while the connection is lost or the server answers 502, 503 or 504, for Retry or until its context
// ends. A repeated claim never takes a second workspace, because each claim has an idempotency key.
type Client struct {
	// Retry is how long a call is repeated: 30 s by default.
	Retry time.Duration
	// HTTP may be replaced before the first call, for proxies or certificates.
	HTTP *http.Client

	server string
	// A function, so that no printed client shows the token.
	token func() string
}

// New makes a client of a server such as https://larder.example.org.
func New(server, token string) (*Client, error) {
	address, err := url.Parse(server)
	if err != nil || address.Host == "" || (address.Scheme != "http" && address.Scheme != "https") {
		return nil, errors.New("larder: the server is no address such as https://larder.example.org")
	}
	if token == "" {
		return nil, errors.New("larder: there is no token: set LARDER_TOKEN")
	}
	return &Client{
		Retry:  30 * time.Second,
		HTTP:   &http.Client{},
		server: strings.TrimRight(server, "/"),
		token:  func() string { return token },
	}, nil
}

// FromEnvironment makes a client of the server and token of LARDER_URL and LARDER_TOKEN.
func FromEnvironment() (*Client, error) {
	// LARDER_SERVER is the former name.
	return New(cmp.Or(os.Getenv("LARDER_URL"), os.Getenv("LARDER_SERVER")), os.Getenv("LARDER_TOKEN"))
}

// Claim claims one workspace. The claim may still wait or be built: see WaitUntilReady. Its errors are ErrNoStock,
// ErrRefused, ErrUnauthorized and ErrUnavailable.
func (c *Client) Claim(ctx context.Context, request Request) (*Claim, error) {
	key := request.Key
	if key == "" {
		key = rand.Text()
	}
	asked := call{method: http.MethodPost, path: claims, body: request.body(), key: key}
	if request.waits() {
		asked.hold = hold
	}
	return c.claim(ctx, asked)
}

// Get shows the claim as it is now.
func (c *Client) Get(ctx context.Context, id string) (*Claim, error) {
	return c.claim(ctx, call{method: http.MethodGet, path: path(id)})
}

// Renew makes the lease end ttl from now. ErrLeaseLost says that the claim has ended or still waits.
func (c *Client) Renew(ctx context.Context, id string, ttl time.Duration) (*Claim, error) {
	return c.claim(ctx, renewal(id, ttl))
}

func renewal(id string, ttl time.Duration) call {
	return call{method: http.MethodPost, path: path(id) + "/renew", body: map[string]string{"ttl": duration(ttl)}}
}

// Release gives the workspace back, or gives up a claim that waits. Once more does no harm.
func (c *Client) Release(ctx context.Context, id string) error {
	return c.send(ctx, call{method: http.MethodDelete, path: path(id)}, nil)
}

// WaitUntilReady comes back with the claim once its workspace can be used. Where the context ends before, the error is
// ErrTimedOut and the claim goes on; ErrNoStock and ErrWorkspaceFailed say that nothing came of it, and ErrLeaseLost that
// the claim has ended.
func (c *Client) WaitUntilReady(ctx context.Context, claim *Claim) (*Claim, error) {
	look := firstLook
	for {
		ready, err := claim.ready()
		if ready || err != nil {
			return claim, err
		}
		asked := time.Now()
		seen, err := c.claim(ctx, call{method: http.MethodGet, path: path(claim.ID), hold: hold})
		if err == nil {
			claim = seen
			if ready, failed := claim.ready(); ready || failed != nil {
				return claim, failed
			}
			if time.Since(asked) < look {
				// The server does not hold the call for a workspace that is being prepared.
				err = pause(ctx, look)
				look = min(2*look, longestLook)
			}
		}
		if err != nil {
			if ctx.Err() != nil {
				err = &Error{Kind: ErrTimedOut, Code: "timed_out", Detail: "the workspace was not ready in time", cause: ctx.Err()}
			}
			return claim, err
		}
	}
}

func (c *Client) claim(ctx context.Context, asked call) (*Claim, error) {
	claim := new(Claim)
	if err := c.send(ctx, asked, claim); err != nil {
		return nil, err
	}
	return claim, nil
}

func path(id string) string { return claims + "/" + url.PathEscape(id) }

// call is one call; it may be sent twice without harm.
type call struct {
	method, path string
	body         any
	key          string
	hold         time.Duration
}

// send sends the call, again while the connection is lost or the server asks for patience, and reads the answer.
func (c *Client) send(ctx context.Context, asked call, answer any) error {
	return c.sendFor(ctx, c.Retry, asked, answer)
}

func (c *Client) sendFor(ctx context.Context, patience time.Duration, asked call, answer any) error {
	var giveUp time.Time
	longest := firstPause
	for {
		failure := c.once(ctx, asked, answer)
		if failure == nil {
			return nil
		}
		if ctx.Err() != nil || !passing(failure) {
			return failure
		}
		if giveUp.IsZero() {
			giveUp = time.Now().Add(patience)
		}
		wanted := max(longest/2+mathrand.N(longest/2), failure.RetryAfter)
		wanted = min(wanted, longestPause)
		if time.Now().Add(wanted).After(giveUp) || pause(ctx, wanted) != nil {
			return failure
		}
		longest = min(2*longest, longestPause)
	}
}

// passing reports whether the same call may succeed soon. With workspace_unreadable the claim has ended, and the same
// key finds no other one.
func passing(failure *Error) bool {
	switch failure.Status {
	case 0, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return failure.Code != "workspace_unreadable"
	}
	return false
}

func (c *Client) once(ctx context.Context, asked call, answer any) *Error {
	ctx, cancel := context.WithTimeout(ctx, asked.hold+answerWithin)
	defer cancel()
	request, err := c.request(ctx, asked)
	if err != nil {
		return &Error{Kind: ErrRefused, Code: "invalid_request", Detail: err.Error(), Status: http.StatusBadRequest}
	}
	response, err := c.HTTP.Do(request)
	if err != nil {
		return c.unreachable(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return c.unreachable(err)
	}
	if response.StatusCode >= 300 {
		return failed(response, text)
	}
	if answer == nil {
		return nil
	}
	if err := json.Unmarshal(text, answer); err != nil {
		return &Error{Kind: ErrUnavailable, Code: "malformed_answer", Detail: err.Error(), Status: response.StatusCode}
	}
	return nil
}

func (c *Client) request(ctx context.Context, asked call) (*http.Request, error) {
	var text io.Reader
	if asked.body != nil {
		encoded, err := json.Marshal(asked.body)
		if err != nil {
			return nil, err
		}
		text = bytes.NewReader(encoded)
	}
	request, err := http.NewRequestWithContext(ctx, asked.method, c.server+asked.path, text)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+c.token())
	request.Header.Set("Accept", "application/json")
	if asked.body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	if asked.key != "" {
		request.Header.Set("Idempotency-Key", asked.key)
	}
	if asked.hold > 0 {
		request.Header.Set("Prefer", fmt.Sprintf("wait=%.0f", asked.hold.Seconds()))
	}
	return request, nil
}

func (c *Client) unreachable(lost error) *Error {
	return &Error{Kind: ErrUnavailable, Code: "unreachable", Detail: lost.Error(), cause: lost}
}

func failed(response *http.Response, text []byte) *Error {
	var said problem
	if json.Unmarshal(text, &said) != nil || said.Code == "" {
		// A proxy may answer with a page.
		said = problem{Code: "http_" + strconv.Itoa(response.StatusCode), Detail: "the server gave no reason"}
	}
	seconds, _ := strconv.Atoi(response.Header.Get("Retry-After"))
	return &Error{
		Kind: said.kind(response.StatusCode), Code: said.Code, Detail: said.Detail, Status: response.StatusCode,
		Violations: said.Errors, RetryAfter: time.Duration(seconds) * time.Second,
	}
}

func pause(ctx context.Context, wait time.Duration) error {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
