package larder_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	larder "larder.dev/client"
)

const organization = "clients"

func client(t *testing.T) *larder.Client {
	t.Helper()
	client, err := larder.FromEnvironment()
	must(t, err)
	return client
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func of(template, preset string) larder.Request {
	return larder.Request{
		Organization: organization, Template: template, Preset: preset, TTL: time.Minute,
		Labels: map[string]string{"run": rand.Text()},
	}
}

func box() larder.Request {
	request := of("box", "one")
	request.Policy = larder.Wait
	return request
}

// claimed counts the claims with this label, as the server knows them.
func claimed(t *testing.T, label string) (ids []string) {
	t.Helper()
	request, _ := http.NewRequest(http.MethodGet, os.Getenv("LARDER_URL")+"/api/v1/claims?label=run="+label, nil)
	request.Header.Set("Authorization", "Bearer "+os.Getenv("LARDER_TEST_ADMIN_TOKEN"))
	response, err := http.DefaultClient.Do(request)
	must(t, err)
	defer response.Body.Close()
	var page struct{ Items []struct{ ID string } }
	must(t, json.NewDecoder(response.Body).Decode(&page))
	for _, item := range page.Items {
		ids = append(ids, item.ID)
	}
	return ids
}

// between loses answers to method and refuses requests, as networks and load balancers do.
func between(t *testing.T, method string, lose, busy int32) (server *httptest.Server, asked *atomic.Int32, cut *atomic.Bool) {
	var lost, refused atomic.Int32
	asked, cut = new(atomic.Int32), new(atomic.Bool)
	server = httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, in *http.Request) {
		asked.Add(1)
		if cut.Load() {
			hangUp(out)
			return
		}
		if in.Method == method && refused.Add(1) <= busy {
			out.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		body, _ := io.ReadAll(in.Body)
		onward, _ := http.NewRequestWithContext(in.Context(), in.Method, os.Getenv("LARDER_URL")+in.URL.String(), bytes.NewReader(body))
		onward.Header = in.Header.Clone()
		answer, err := http.DefaultClient.Do(onward)
		if err != nil || in.Method == method && lost.Add(1) <= lose {
			hangUp(out)
			return
		}
		defer answer.Body.Close()
		maps.Copy(out.Header(), answer.Header)
		out.WriteHeader(answer.StatusCode)
		_, _ = io.Copy(out, answer.Body)
	}))
	t.Cleanup(server.Close)
	return server, asked, cut
}

func hangUp(out http.ResponseWriter) {
	connection, _, err := out.(http.Hijacker).Hijack()
	if err == nil {
		connection.Close()
	}
}

func through(t *testing.T, server *httptest.Server) *larder.Client {
	client, err := larder.New(server.URL, os.Getenv("LARDER_TOKEN"))
	must(t, err)
	return client
}

func TestAClaimedDatabaseIsWaitedForRenewedUsedAndReleased(t *testing.T) {
	t.Parallel()
	ctx, client := t.Context(), client(t)
	request := of("orders", "small")
	request.Policy = larder.Wait
	claim, err := client.Claim(ctx, request)
	must(t, err)
	claim, err = client.WaitUntilReady(ctx, claim)
	must(t, err)

	renewed, err := client.Renew(ctx, claim.ID, 10*time.Minute)
	must(t, err)
	connection, err := net.Dial("tcp", net.JoinHostPort(claim.Outputs()["host"], claim.Outputs()["port"]))
	must(t, err)
	connection.Close()
	must(t, client.Release(ctx, claim.ID))
	must(t, client.Release(ctx, claim.ID))

	if !renewed.ExpiresAt.After(*claim.ExpiresAt) {
		t.Errorf("renewed until %v, before until %v", renewed.ExpiresAt, claim.ExpiresAt)
	}
	if now, _ := client.Get(ctx, claim.ID); now.Status != "released" {
		t.Errorf("status %s", now.Status)
	}
}

func TestAClaimWhoseAnswerIsLostTakesOneWorkspace(t *testing.T) {
	t.Parallel()
	for _, fault := range []struct{ lose, busy int32 }{{1, 0}, {0, 2}, {1, 1}} {
		t.Run(fmt.Sprintf("lose%dbusy%d", fault.lose, fault.busy), func(t *testing.T) {
			t.Parallel()
			server, asked, _ := between(t, http.MethodPost, fault.lose, fault.busy)
			request := box()

			claim, err := through(t, server).Claim(t.Context(), request)
			must(t, err)
			defer func() { must(t, client(t).Release(t.Context(), claim.ID)) }()

			if ids := claimed(t, request.Labels["run"]); len(ids) != 1 || ids[0] != claim.ID {
				t.Errorf("claims %v, wanted %s alone", ids, claim.ID)
			}
			if asked.Load() != 1+fault.lose+fault.busy {
				t.Errorf("asked %d times", asked.Load())
			}
		})
	}
}

func TestParametersChooseThePreset(t *testing.T) {
	t.Parallel()
	request := larder.Request{
		Organization: organization, Template: "orders", Parameters: map[string]string{"region": "zurich"}, Policy: larder.Wait,
	}
	must(t, client(t).WithClaim(t.Context(), request, func(_ context.Context, claim *larder.Claim) error {
		if claim.Workspace.Preset != "zurich" {
			t.Errorf("preset %s", claim.Workspace.Preset)
		}
		return nil
	}))
}

func TestErrorsHaveAKindAndTheServersCode(t *testing.T) {
	t.Parallel()
	stranger, err := larder.New(os.Getenv("LARDER_URL"), "larder_not-a-token-at-all")
	must(t, err)
	nowhere, err := larder.New("http://127.0.0.1:9", "a-token")
	must(t, err)
	nowhere.Retry = 500 * time.Millisecond
	waits := of("box", "cold")
	waits.Policy, waits.Timeout = larder.Wait, time.Second
	tooLong := box()
	tooLong.TTL = 99 * 24 * time.Hour
	for name, situation := range map[string]struct {
		client  *larder.Client
		request larder.Request
		kind    error
		codes   string
	}{
		"nothing in stock":                {client(t), of("box", "cold"), larder.ErrNoStock, "no_claimable_workspace creation_stopped"},
		"no stock in time":                {client(t), waits, larder.ErrNoStock, "no_claimable_workspace creation_stopped"},
		"an unknown template":             {client(t), of("no-such-template", "one"), larder.ErrRefused, "template_not_found"},
		"a lease that is too long":        {client(t), tooLong, larder.ErrRefused, "out_of_range"},
		"a wrong token":                   {stranger, box(), larder.ErrUnauthorized, "invalid_token"},
		"a server that cannot be reached": {nowhere, box(), larder.ErrUnavailable, "unreachable"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := situation.client.Claim(t.Context(), situation.request)
			var said *larder.Error
			if !errors.Is(err, situation.kind) || !errors.As(err, &said) || !strings.Contains(situation.codes, said.Code) {
				t.Errorf("%v", err)
			}
			if strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, situation.client), "not-a-token") {
				t.Error("the token is shown")
			}
		})
	}
}

func TestTheFormerNameOfTheServersAddressIsReadWhereTheNameIsNotSet(t *testing.T) {
	t.Setenv("LARDER_URL", "")
	if _, err := larder.FromEnvironment(); err == nil {
		t.Fatal("a client without an address")
	}
	t.Setenv("LARDER_SERVER", "http://127.0.0.1:9")
	_, err := larder.FromEnvironment()
	must(t, err)
}

func TestABuildThatFailsIsAFailedWorkspace(t *testing.T) {
	t.Parallel()
	request := of("broken", "cold")
	request.Policy = larder.Cold

	err := client(t).WithClaim(t.Context(), request, func(context.Context, *larder.Claim) error { return nil })

	if !errors.Is(err, larder.ErrWorkspaceFailed) {
		t.Errorf("%v", err)
	}
}

func TestAWaitThatIsTooShortTimesOutAndTheClaimGoesOn(t *testing.T) {
	t.Parallel()
	client, request := client(t), of("slow", "cold")
	request.Policy = larder.Cold
	claim, err := client.Claim(t.Context(), request)
	must(t, err)
	short, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()

	_, err = client.WaitUntilReady(short, claim)

	if now, _ := client.Get(t.Context(), claim.ID); !errors.Is(err, larder.ErrTimedOut) || now.Status != "active" {
		t.Errorf("%v, status %s", err, now.Status)
	}
	must(t, client.Release(t.Context(), claim.ID))
}

func TestALeaseIsRenewedWhileTheBlockRunsAndWhileAColdBuildTakesLonger(t *testing.T) {
	t.Parallel()
	client, request := client(t), of("slow", "cold")
	request.Policy, request.TTL = larder.Cold, 2*time.Second
	var id string

	must(t, client.WithClaim(t.Context(), request, func(ctx context.Context, claim *larder.Claim) error {
		id = claim.ID
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(3 * time.Second):
			return nil
		}
	}))

	if now, _ := client.Get(t.Context(), id); now.Status != "released" {
		t.Errorf("status %s", now.Status)
	}
}

func TestABlockThatPanicsOrWhoseContextEndsReleases(t *testing.T) {
	t.Parallel()
	client := client(t)
	var panicked, canceled string
	func() {
		defer func() { _ = recover() }()
		_ = client.WithClaim(t.Context(), box(), func(_ context.Context, claim *larder.Claim) error {
			panicked = claim.ID
			panic("mine")
		})
	}()
	ctx, cancel := context.WithCancel(t.Context())
	err := client.WithClaim(ctx, box(), func(ctx context.Context, claim *larder.Claim) error {
		canceled = claim.ID
		cancel()
		return ctx.Err()
	})

	if !errors.Is(err, context.Canceled) || errors.Is(err, larder.ErrLeaseLost) {
		t.Errorf("%v", err)
	}
	for _, id := range []string{panicked, canceled} {
		if now, err := client.Get(t.Context(), id); err != nil || now.Status != "released" {
			t.Errorf("%v %v", now, err)
		}
	}
}

func TestALostLeaseEndsTheContextOfTheBlock(t *testing.T) {
	t.Parallel()
	client, request := client(t), box()
	request.TTL = 2 * time.Second

	err := client.WithClaim(t.Context(), request, func(ctx context.Context, claim *larder.Claim) error {
		must(t, client.Release(ctx, claim.ID))
		<-ctx.Done()
		return nil
	})

	if !errors.Is(err, larder.ErrLeaseLost) {
		t.Errorf("%v", err)
	}
}

func TestALeaseThatCannotBeRenewedIsLostWhenItsTimeIsOver(t *testing.T) {
	t.Parallel()
	server, _, cut := between(t, http.MethodPost, 0, 0)
	request := box()
	request.TTL = 2 * time.Second

	err := through(t, server).WithClaim(t.Context(), request, func(ctx context.Context, _ *larder.Claim) error {
		cut.Store(true)
		<-ctx.Done()
		cut.Store(false)
		return nil
	})

	var said *larder.Error
	if !errors.As(err, &said) || said.Code != "expired" {
		t.Errorf("%v", err)
	}
}

func TestNoSecretIsPrintedOrLogged(t *testing.T) {
	t.Parallel()
	client, request := client(t), of("orders", "small")
	request.Policy = larder.Wait
	must(t, client.WithClaim(t.Context(), request, func(_ context.Context, claim *larder.Claim) error {
		var log bytes.Buffer
		for _, logger := range []*slog.Logger{slog.New(slog.NewJSONHandler(&log, nil)), slog.New(slog.NewTextHandler(&log, nil))} {
			logger.Info("claimed", "claim", claim, "outputs", claim.Outputs(), "client", fmt.Sprint(client))
		}
		for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
			fmt.Fprintf(&log, verb+verb+verb+verb, claim, *claim.Workspace, claim.Outputs(), client)
		}
		for _, secret := range []string{claim.Outputs()["password"], os.Getenv("LARDER_TOKEN")} {
			if strings.Contains(log.String(), secret) {
				t.Errorf("shown: %s", log.String())
			}
		}
		return nil
	}))
}
