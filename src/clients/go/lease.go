package larder

import (
	"context"
	"errors"
	"time"
)

// defaultTTL is the lease of WithClaim where the request names none.
const defaultTTL = 2 * time.Minute

// WithClaim claims a workspace, waits until it is ready, and runs the block with it. Meanwhile the lease (two minutes
// where the request has no TTL) is renewed each third of it. The claim is released however the block ends, also by a panic;
// where the process is killed, the lease ends it. Where the lease is lost, the context of the block ends with a cause that
// is ErrLeaseLost, and WithClaim comes back with it.
func (c *Client) WithClaim(ctx context.Context, request Request, block func(context.Context, *Claim) error) error {
	if request.TTL == 0 {
		request.TTL = defaultTTL
	}
	claim, err := c.Claim(ctx, request)
	if err != nil {
		return err
	}
	// The claim is released although the caller's context has ended.
	defer c.giveBack(context.WithoutCancel(ctx), claim.ID)

	held, lose := context.WithCancelCause(ctx)
	done := make(chan struct{})
	defer func() { <-done }()
	// Ends the renewals; after a loss it changes nothing.
	defer lose(nil)
	go func() {
		defer close(done)
		// A cold build may take longer than the lease.
		c.keep(held, claim.ID, request.TTL, lose)
	}()

	claim, err = c.WaitUntilReady(held, claim)
	if err == nil {
		err = block(held, claim)
	}
	if lost := context.Cause(held); errors.Is(lost, ErrLeaseLost) && !errors.Is(err, ErrLeaseLost) {
		return errors.Join(lost, err)
	}
	return err
}

// giveBack does not fail: the end of the lease does the same later, and the result of the block is worth more.
func (c *Client) giveBack(ctx context.Context, id string) {
	_ = c.sendFor(ctx, releaseRetry, call{method: "DELETE", path: path(id)}, nil)
}

// keep renews the lease until the context ends, or the lease is lost.
func (c *Client) keep(ctx context.Context, id string, ttl time.Duration, lose context.CancelCauseFunc) {
	heldUntil := time.Now().Add(ttl)
	next := ttl / 3
	for pause(ctx, next) == nil {
		asked := time.Now()
		err := c.sendFor(ctx, 0, renewal(id, ttl), nil)
		switch {
		case ctx.Err() != nil:
			return
		case err == nil, errors.Is(err, ErrLeaseLost) && c.stillWaits(ctx, id):
			heldUntil, next = asked.Add(ttl), ttl/3
		case errors.Is(err, ErrLeaseLost):
			lose(err)
			return
		case !time.Now().Before(heldUntil):
			lose(&Error{Kind: ErrLeaseLost, Code: "expired", Detail: "the lease could not be renewed in time", cause: err})
			return
		default:
			next = min(time.Second, ttl/10)
		}
	}
}

// stillWaits reports whether the claim waits: its lease has not begun.
func (c *Client) stillWaits(ctx context.Context, id string) bool {
	claim, err := c.Get(ctx, id)
	return err == nil && claim.Status == "waiting"
}
