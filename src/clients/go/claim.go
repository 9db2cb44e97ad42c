package larder

import (
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Policy says what happens where nothing is in stock.
type Policy string

const (
	Fail         Policy = "fail" // the server's default
	Wait         Policy = "wait"
	Cold         Policy = "cold"
	WaitThenCold Policy = "wait_then_cold"
)

// Request is what is claimed, and on which terms. Name a Preset, Presets, Parameters or a PresetID.
type Request struct {
	Organization string // not needed where the token's user belongs to one organization
	Template     string
	Preset       string
	Presets      []string // the first of these that has stock
	Parameters   map[string]string
	PresetID     string
	Policy       Policy
	Timeout      time.Duration // how long the claim waits for stock, under a policy that waits
	TTL          time.Duration // makes the claim a lease that ends by itself; 0: it lasts until it is released
	Labels       map[string]string
	Key          string // the idempotency key; by default each call has one of its own
}

type body struct {
	Organization string            `json:"organization,omitempty"`
	Template     string            `json:"template,omitempty"`
	Preset       string            `json:"preset,omitempty"`
	Presets      []string          `json:"presets,omitempty"`
	Parameters   map[string]string `json:"parameters,omitempty"`
	PresetID     string            `json:"presetId,omitempty"`
	Policy       Policy            `json:"policy,omitempty"`
	Timeout      string            `json:"timeout,omitempty"`
	TTL          string            `json:"ttl,omitempty"`
	Labels       map[string]string `json:"labels,omitempty"`
}

func (r Request) body() body {
	return body{
		Organization: r.Organization, Template: r.Template, Preset: r.Preset, Presets: r.Presets,
		Parameters: r.Parameters, PresetID: r.PresetID, Policy: r.Policy,
		Timeout: duration(r.Timeout), TTL: duration(r.TTL), Labels: r.Labels,
	}
}

func (r Request) waits() bool { return r.Policy == Wait || r.Policy == WaitThenCold }

func duration(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return "PT" + strconv.FormatFloat(d.Seconds(), 'f', -1, 64) + "S"
}

// Claim is a claim as the server showed it last.
type Claim struct {
	ID        string            `json:"id"`
	Status    string            `json:"status"` // active, waiting, or why the claim has ended
	Path      string            `json:"path"`   // warm (from stock), waited, or cold (built for this claim)
	Labels    map[string]string `json:"labels"`
	ExpiresAt *time.Time        `json:"expiresAt"` // nil where it lasts until it is released, and while it waits
	Code      string            `json:"code"`      // why it failed, stable
	Reason    string            `json:"reason"`
	Waiting   *Waiting          `json:"waiting"`
	Workspace *Workspace        `json:"workspace"` // nil while the claim waits
	Step      *Step             `json:"step"`
}

// Waiting is where a claim stands in the waiting line.
type Waiting struct {
	Position   int64  `json:"position"`   // from 1; 0 while the workspace that was found is verified
	ETASeconds *int64 `json:"etaSeconds"` // nil where nothing is going to be built as things stand
}

// Workspace is the workspace of a claim.
type Workspace struct {
	ID           string  `json:"id"`
	Name         string  `json:"name"`
	Organization string  `json:"organization"`
	Template     string  `json:"template"`
	Preset       string  `json:"preset"`
	Status       string  `json:"status"` // ready when it can be used
	Outputs      Outputs `json:"outputs"`
}

// Step is the preparation of a workspace for its claimer.
type Step struct {
	Status    string `json:"status"`
	ErrorCode string `json:"errorCode"`
}

// Outputs is what is needed to use a workspace. Printed or logged, it shows the names alone.
type Outputs map[string]string

func (o Outputs) String() string {
	return "[" + strings.Join(slices.Sorted(maps.Keys(o)), " ") + "]"
}

// GoString is for %#v.
func (o Outputs) GoString() string { return "larder.Outputs" + o.String() }

// LogValue is for log/slog.
func (o Outputs) LogValue() slog.Value { return slog.StringValue(o.String()) }

// Outputs is what is needed to use the workspace; empty until it is ready.
func (c *Claim) Outputs() Outputs {
	if c.Workspace == nil {
		return nil
	}
	return c.Workspace.Outputs
}

// Format prints the claim without its outputs, whatever the verb.
func (c *Claim) Format(out fmt.State, _ rune) {
	fmt.Fprintf(out, "larder.Claim{%s %s outputs=%s}", c.ID, c.Status, c.Outputs())
}

// LogValue is for log/slog, also in JSON.
func (c *Claim) LogValue() slog.Value {
	return slog.GroupValue(slog.String("id", c.ID), slog.String("status", c.Status))
}

// ready reports whether the workspace can be used, and an error where it never will.
func (c *Claim) ready() (bool, error) {
	failed := func(kind error, code, detail string) (bool, error) {
		return false, &Error{Kind: kind, Code: first(code, c.Status), Detail: first(detail, "its status is "+c.Status)}
	}
	status := ""
	if c.Workspace != nil {
		status = c.Workspace.Status
	}
	switch {
	case c.Status == "active" && status == "ready":
		return true, nil
	case c.Status == "timed_out", c.Status == "preset_not_active", c.Code == "verification_failed":
		return failed(ErrNoStock, c.Code, c.Reason)
	case c.Status == "failed":
		return failed(ErrWorkspaceFailed, c.Code, c.Reason)
	case c.Status != "active" && c.Status != "waiting":
		return failed(ErrLeaseLost, c.Code, c.Reason)
	case strings.HasSuffix(status, "failed"), strings.HasSuffix(status, "canceled"):
		code := status
		if c.Step != nil {
			code = first(c.Step.ErrorCode, status)
		}
		return failed(ErrWorkspaceFailed, code, "the workspace could not be prepared")
	}
	return false, nil
}

func first(text, otherwise string) string {
	if text != "" {
		return text
	}
	return otherwise
}
