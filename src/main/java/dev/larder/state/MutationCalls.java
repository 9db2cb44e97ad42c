package dev.larder.state;

import dev.larder.http.CurrentCaller;
import dev.larder.http.JsonBody;
import dev.larder.http.Located;
import dev.larder.http.Problem;
import dev.larder.model.Caller;
import dev.larder.state.Address.Right;
import dev.larder.state.Begin.Result;
import dev.larder.state.StateViews.MutationView;
import dev.larder.wakeup.Change;
import dev.larder.wakeup.WakeUps;
import io.quarkus.runtime.annotations.RegisterForReflection;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.time.InstantSource;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.UUID;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.jboss.resteasy.reactive.RestResponse;
import org.jspecify.annotations.Nullable;

/** A person's mutations as the API has them: begun, renewed, ended, canceled. */
@ApplicationScoped
class MutationCalls {

    private static final int LEASE_SECONDS = 60;
    private static final int LEASE_SECONDS_LEAST = 10;
    private static final int LEASE_SECONDS_MOST = 7_200;
    private static final int KEY_MAX_CHARACTERS = 255;

    private final AddressReads addresses;
    private final StateStore states;
    private final MutationStore store;
    private final OpenMutationStore open;
    private final MutationReads reads;
    private final WakeUps wakeUps;
    private final CurrentCaller caller;
    private final InstantSource clock;

    MutationCalls(
            AddressReads addresses,
            StateStore states,
            MutationStore store,
            OpenMutationStore open,
            MutationReads reads,
            WakeUps wakeUps,
            CurrentCaller caller,
            InstantSource clock) {
        this.addresses = addresses;
        this.states = states;
        this.store = store;
        this.open = open;
        this.reads = reads;
        this.wakeUps = wakeUps;
        this.caller = caller;
        this.clock = clock;
    }

    /**
     * The body that begins a mutation.
     *
     * @param expectedVersion the current version that the state must have
     * @param leaseSeconds how long it stays open without a renewal; 10 to 7,200, 60 where it is absent
     * @param acceptUnreliable begin on a state that may not be true
     */
    @RegisterForReflection
    @Schema(name = "NewStateMutation")
    record NewMutation(
            @Schema(enumeration = {"create", "update", "claim", "plan", "refresh", "repair", "destroy", "restore"})
            String kind,

            @Nullable Integer expectedVersion,
            @Nullable Integer leaseSeconds,
            @Nullable Boolean acceptUnreliable) {}

    Uni<RestResponse<MutationView>> begin(Uni<Optional<Address>> found, @Nullable String key, byte @Nullable [] bytes) {
        Caller asking = caller.get();
        JsonBody body = JsonBody.of(bytes, NewMutation.class);
        MutationKind kind = MutationKind.of(body.text("kind"))
                .orElseThrow(() -> Problem.unprocessable(
                        "invalid_value", "kind", "must be a kind of mutation, such as update or destroy."));
        OptionalLong expected = body.optionalInteger("expectedVersion", 0, Integer.MAX_VALUE)
                .map(OptionalLong::of)
                .orElse(OptionalLong.empty());
        Duration lease = lease(body);
        boolean accept = body.optionalBoolean("acceptUnreliable").orElse(false);
        Optional<String> same = Optional.ofNullable(key).map(MutationCalls::key);
        return found.map(address -> StateCalls.allowed(address, asking, Right.USE))
                .chain(address -> states.used(address, clock.instant()))
                .map(state -> new Begin(state, asking.userId(), kind, same, expected, lease, accept, Optional.empty()))
                .chain(this::begin)
                .onFailure(StateProblemException.class)
                .transform(StateProblems::of);
    }

    private static Duration lease(JsonBody body) {
        return Duration.ofSeconds(body.optionalInteger("leaseSeconds", LEASE_SECONDS_LEAST, LEASE_SECONDS_MOST)
                .orElse(LEASE_SECONDS));
    }

    private static String key(String header) {
        if (header.isBlank() || header.length() > KEY_MAX_CHARACTERS) {
            throw Problem.badRequest(
                    "invalid_idempotency_key",
                    "Idempotency-Key",
                    "must have 1 to " + KEY_MAX_CHARACTERS + " characters.");
        }
        return header;
    }

    private Uni<RestResponse<MutationView>> begin(Begin wanted) {
        return store.begin(wanted, clock.instant())
                .map(result -> begun(result, wanted))
                .invoke(this::tell);
    }

    private static RestResponse<MutationView> begun(Result result, Begin wanted) {
        if (!(result instanceof Result.Begun(Mutation mutation))) {
            throw StateProblems.notBegun(result);
        }
        if (!mutation.kind().equals(wanted.kind().word())) {
            throw Problem.unprocessable(
                    "idempotency_key_reused", "Idempotency-Key", "was used for a mutation of another kind.");
        }
        return Located.created("/api/v1/state-mutations/" + mutation.id(), StateViews.of(mutation))
                .build();
    }

    /** The mutation, where the caller may see its state; with it what the caller may do. */
    private Uni<Mutation> seen(String id, boolean mine, Right instead) {
        Caller asking = caller.get();
        UUID mutation = JsonBody.uuid(id).orElseThrow(MutationCalls::notFound);
        return reads.find(mutation)
                .map(found -> found.orElseThrow(MutationCalls::notFound))
                .chain(found -> addresses
                        .ofState(found.state())
                        .invoke(address -> refuse(address, asking, found, mine, instead))
                        .replaceWith(found));
    }

    private static void refuse(
            Optional<Address> address, Caller asking, Mutation mutation, boolean mine, Right instead) {
        Right right = address.map(known -> known.rightOf(asking)).orElse(Right.NONE);
        if (right == Right.NONE) {
            throw notFound();
        }
        boolean own = mine && mutation.holder().isUser(asking.userId());
        if (!own && !right.atLeast(instead)) {
            throw Problem.of(403, "forbidden", "The mutation is not yours.");
        }
    }

    private static Problem notFound() {
        return Problem.notFound("state mutation");
    }

    Uni<MutationView> find(String id) {
        return seen(id, true, Right.LOOK).map(StateViews::of);
    }

    /** The body that renews a mutation. */
    @RegisterForReflection
    @Schema(name = "RenewStateMutation")
    record Renewal(@Nullable Integer leaseSeconds) {}

    Uni<MutationView> renew(String id, byte @Nullable [] bytes) {
        boolean empty = bytes == null || bytes.length == 0;
        Duration lease = empty ? Duration.ofSeconds(LEASE_SECONDS) : lease(JsonBody.of(bytes, Renewal.class));
        UUID user = caller.get().userId();
        return seen(id, true, Right.LOOK)
                .invoke(found -> refuseForeign(found, user))
                .chain(found -> open.renew(found.id(), user, lease, clock.instant()))
                .chain(renewed -> renewed.isPresent()
                        ? Uni.createFrom().item(StateViews.of(renewed.get()))
                        : seen(id, true, Right.LOOK).map(MutationCalls::ended));
    }

    private static void refuseForeign(Mutation found, UUID user) {
        if (!found.holder().isUser(user)) {
            throw Problem.of(403, "forbidden", "The mutation is not yours.");
        }
    }

    private static MutationView ended(Mutation mutation) {
        throw StateProblems.superseded(mutation);
    }

    /**
     * The body that ends a mutation.
     *
     * @param exited the tool ended by itself, so what it stored is true; counts with the outcome failed
     */
    @RegisterForReflection
    @Schema(name = "EndStateMutation")
    record Ending(
            @Schema(enumeration = {"succeeded", "failed", "aborted"})
            String outcome,

            @Nullable Boolean exited) {}

    Uni<MutationView> end(String id, byte @Nullable [] bytes) {
        JsonBody body = JsonBody.of(bytes, Ending.class);
        End end = end(body.text("outcome"), body.optionalBoolean("exited").orElse(false));
        UUID user = caller.get().userId();
        return seen(id, true, Right.LOOK)
                .invoke(found -> refuseForeign(found, user))
                .chain(found -> store.end(found.id(), end, user, clock.instant()))
                .map(ended -> ended.orElseThrow(MutationCalls::notFound))
                .invoke(this::tell)
                .map(ended -> sameOutcome(ended, end));
    }

    private static End end(String outcome, boolean exited) {
        return switch (outcome) {
            case "succeeded" -> End.SUCCEEDED;
            case "failed" -> exited ? End.EXITED : End.FAILED;
            case "aborted" -> End.ABORTED;
            default -> throw Problem.unprocessable("invalid_value", "outcome", "must be succeeded, failed or aborted.");
        };
    }

    /** Ended before with another outcome, it is not as the caller wants it. */
    private static MutationView sameOutcome(Mutation ended, End end) {
        if (!end.outcome().equals(ended.span().outcome())) {
            throw StateProblems.superseded(ended);
        }
        return StateViews.of(ended);
    }

    /** A mutation that has ended already is left as it is. */
    Uni<MutationView> cancel(String id) {
        UUID user = caller.get().userId();
        return seen(id, true, Right.OPERATE)
                .chain(found -> store.end(found.id(), End.CANCELED, user, clock.instant()))
                .map(ended -> ended.orElseThrow(MutationCalls::notFound))
                .invoke(this::tell)
                .map(StateViews::of);
    }

    private void tell(Object changed) {
        wakeUps.changed(Change.STATE);
    }
}
