package larder

import (
	"errors"
	"fmt"
	"net/http"
	"time"
)

// What went wrong, for errors.Is. An error from the server is an *Error too, and has its stable code.
var (
	// ErrNoStock says that no workspace is ready, or none was ready in time.
	ErrNoStock = errors.New("no stock")
	// ErrRefused says that the server does not accept the request. The same request will be refused again.
	ErrRefused = errors.New("refused")
	// ErrUnauthorized says that the token is missing, unknown, expired or revoked.
	ErrUnauthorized = errors.New("unauthorized")
	// ErrTimedOut says that the workspace was not ready within the time that the caller gave. The claim goes on.
	ErrTimedOut = errors.New("timed out")
	// ErrWorkspaceFailed says that the workspace of the claim could not be built or prepared.
	ErrWorkspaceFailed = errors.New("workspace failed")
	// ErrLeaseLost says that the claim has ended: its lease is over, it was released, or its workspace was deleted.
	ErrLeaseLost = errors.New("lease lost")
	// ErrUnavailable says that the server could not be reached or could not answer, also after retries.
	ErrUnavailable = errors.New("unavailable")
)

// Error is what the server said. Decide by errors.Is or by Code; Detail is for people.
type Error struct {
	Kind       error  // one of the errors above
	Code       string // stable
	Detail     string
	Status     int // the HTTP status; 0 where the client found out by itself
	Violations []Violation
	RetryAfter time.Duration // after which a retry may succeed; 0 where the server does not say
	cause      error
}

// Violation is what is wrong with one field of a request.
type Violation struct {
	Code   string `json:"code"`
	Field  string `json:"field"`
	Detail string `json:"detail"`
}

func (e *Error) Error() string { return fmt.Sprintf("larder: %s: %s", e.Code, e.Detail) }

// Unwrap makes errors.Is find the kind, and the lost connection behind it.
func (e *Error) Unwrap() []error {
	if e.cause == nil {
		return []error{e.Kind}
	}
	return []error{e.Kind, e.cause}
}

// problem is an answer that says what is wrong (RFC 9457).
type problem struct {
	Code   string      `json:"code"`
	Detail string      `json:"detail"`
	Errors []Violation `json:"errors"`
}

func (p problem) kind(status int) error {
	switch p.Code {
	case "no_claimable_workspace", "creation_stopped", "connections_full", "verification_failed":
		return ErrNoStock
	case "claim_ended", "claim_not_found", "expired", "workspace_deleted", "generation_mismatch":
		return ErrLeaseLost
	}
	switch {
	case status == http.StatusUnauthorized:
		return ErrUnauthorized
	case status >= 500 || status == http.StatusTooManyRequests:
		return ErrUnavailable
	}
	return ErrRefused
}
