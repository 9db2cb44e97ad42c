package dev.larder.state;

import dev.larder.http.CurrentCaller;
import dev.larder.http.ETags;
import dev.larder.http.JsonBody;
import dev.larder.http.Page;
import dev.larder.http.PageRequest;
import dev.larder.http.Problem;
import dev.larder.model.Caller;
import dev.larder.state.Address.Right;
import dev.larder.state.Promotion.Result;
import dev.larder.state.StateViews.RejectView;
import dev.larder.state.StateViews.StateView;
import dev.larder.state.StateViews.VersionView;
import dev.larder.state.StateViews.Written;
import dev.larder.state.Upload.Conditions;
import dev.larder.wakeup.Change;
import dev.larder.wakeup.WakeUps;
import io.quarkus.runtime.annotations.RegisterForReflection;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.InstantSource;
import java.util.Base64;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.UUID;
import org.jboss.resteasy.reactive.RestResponse;
import org.jboss.resteasy.reactive.RestResponse.ResponseBuilder;
import org.jspecify.annotations.Nullable;

/** What can be asked of a state, whether a workspace or an id names it. Failures are problems. */
@ApplicationScoped
class StateCalls {

    private static final int REASON_MAX_CHARACTERS = 1_000;

    private final AddressReads addresses;
    private final SnapshotStore snapshots;
    private final StateStore states;
    private final MutationReads mutations;
    private final Uploads uploads;
    private final WakeUps wakeUps;
    private final CurrentCaller caller;
    private final InstantSource clock;

    StateCalls(
            AddressReads addresses,
            SnapshotStore snapshots,
            StateStore states,
            MutationReads mutations,
            Uploads uploads,
            WakeUps wakeUps,
            CurrentCaller caller,
            InstantSource clock) {
        this.addresses = addresses;
        this.snapshots = snapshots;
        this.states = states;
        this.mutations = mutations;
        this.uploads = uploads;
        this.wakeUps = wakeUps;
        this.caller = caller;
        this.clock = clock;
    }

    /** An address as a path names it. */
    Uni<Optional<Address>> workspace(String id) {
        return addresses.ofWorkspace(id(id));
    }

    Uni<Optional<Address>> state(String id) {
        return addresses.ofState(id(id));
    }

    private static UUID id(String text) {
        return JsonBody.uuid(text).orElseThrow(StateCalls::notFound);
    }

    private static Problem notFound() {
        return Problem.notFound("state");
    }

    /** The address, where the caller may do this with it. What the caller does not see is not found. */
    static Address allowed(Optional<Address> found, Caller caller, Right needed) {
        Address address = found.filter(Address::kept).orElseThrow(StateCalls::notFound);
        Right right = address.rightOf(caller);
        if (right == Right.NONE) {
            throw notFound();
        }
        if (!right.atLeast(needed)) {
            throw Problem.of(403, "forbidden", "The token's role does not allow this.");
        }
        if (address.gone() && needed != Right.LOOK) {
            throw StateProblems.gone();
        }
        return address;
    }

    private Uni<UUID> used(Uni<Optional<Address>> found, Right needed) {
        Caller asking = caller.get();
        return found.map(address -> allowed(address, asking, needed)).map(StateCalls::stateOf);
    }

    private static UUID stateOf(Address address) {
        return Optional.ofNullable(address.state()).orElseThrow(StateCalls::neverUsed);
    }

    static Problem neverUsed() {
        return Problem.of(404, "state_empty", "Nothing was ever written to this state.");
    }

    private Uni<Snapshot> snapshot(Uni<Optional<Address>> found, Right needed) {
        return used(found, needed).chain(this::known);
    }

    private Uni<Snapshot> known(UUID state) {
        return snapshots.find(state).map(known -> known.orElseThrow(StateCalls::notFound));
    }

    /** A state that was not deleted. */
    Uni<Snapshot> existing(Uni<Optional<Address>> found, Right needed) {
        Caller asking = caller.get();
        return found.map(address -> allowed(address, asking, needed))
                .invoke(StateCalls::refuseGone)
                .map(StateCalls::stateOf)
                .chain(this::known);
    }

    static void refuseGone(Address address) {
        if (address.gone()) {
            throw StateProblems.gone();
        }
    }

    Uni<StateView> status(Uni<Optional<Address>> found) {
        return snapshot(found, Right.LOOK)
                .chain(snapshot -> mutations.open(snapshot.state()).map(open -> StateViews.of(snapshot, open)));
    }

    Uni<RestResponse<byte[]>> read(Uni<Optional<Address>> found, @Nullable String ifNoneMatch) {
        return snapshot(found, Right.USE).chain(snapshot -> read(snapshot, ifNoneMatch));
    }

    private Uni<RestResponse<byte[]>> read(Snapshot snapshot, @Nullable String ifNoneMatch) {
        if (snapshot.version() == 0) {
            throw neverUsed();
        }
        String tag = ETags.format(snapshot.version());
        return tag.equals(ifNoneMatch)
                ? Uni.createFrom()
                        .item(ResponseBuilder.<byte[]>create(304)
                                .header("ETag", tag)
                                .build())
                : opened(snapshot.state(), snapshot.version(), snapshot.status());
    }

    Uni<RestResponse<byte[]>> version(Uni<Optional<Address>> found, String number) {
        long version = number(number);
        return snapshot(found, Right.USE).chain(snapshot -> opened(snapshot.state(), version, snapshot.status()));
    }

    private static long number(String text) {
        if (!text.matches("[1-9][0-9]{0,17}")) {
            throw Problem.of(404, "version_not_found", "The state has no such version.");
        }
        return Long.parseLong(text);
    }

    private Uni<RestResponse<byte[]>> opened(UUID state, long version, String status) {
        return told(snapshots.read(state, version))
                .map(body -> shown(body)
                        .header("ETag", ETags.format(body.version()))
                        .header("State-Version", body.version())
                        .header("State-Status", status)
                        .build());
    }

    private static ResponseBuilder<byte[]> shown(Body body) {
        return ResponseBuilder.ok(body.bytes())
                .header("Content-MD5", Base64.getEncoder().encodeToString(body.md5()))
                .header("State-Digest", body.digestHex())
                .header("State-Content-Type", body.contentType());
    }

    /**
     * What comes with a body.
     *
     * @param mutation under which it is sent
     */
    record PutHeaders(
            @Nullable String mutation,
            @Nullable String ifMatch,
            @Nullable String ifNoneMatch,
            @Nullable String contentType,
            @Nullable String contentMd5) {}

    Uni<RestResponse<Written>> put(
            Uni<Optional<Address>> found, byte[] bytes, PutHeaders headers, @Nullable String force) {
        Caller asking = caller.get();
        Optional<UUID> named = Optional.ofNullable(headers.mutation()).map(StateCalls::mutation);
        Conditions conditions =
                new Conditions(TerraformRequest.md5(headers.contentMd5()), expected(headers), flag("force", force));
        return told(found.map(address -> allowed(address, asking, Right.USE))
                        .chain(address -> states.used(address, clock.instant()))
                        .chain(state -> own(named, state, asking)
                                .map(own -> new Upload(
                                        state,
                                        own,
                                        OptionalLong.empty(),
                                        bytes,
                                        StateViews.contentType(headers.contentType()),
                                        conditions,
                                        Optional.of(asking.userId()))))
                        .chain(uploads::put))
                .map(StateCalls::written);
    }

    static boolean flag(String name, @Nullable String text) {
        if (text != null && !text.equals("true") && !text.equals("false")) {
            throw Problem.badRequest("invalid_value", name, "must be true or false.");
        }
        return "true".equals(text);
    }

    private static UUID mutation(String text) {
        return JsonBody.uuid(text)
                .orElseThrow(() -> Problem.badRequest("invalid_id", "Mutation-Id", "must be a UUID."));
    }

    /** The version that the state must have; the statement that writes the next one holds it. */
    private static OptionalLong expected(PutHeaders headers) {
        OptionalLong wanted = expected(headers.ifMatch());
        String none = headers.ifNoneMatch();
        if (none == null) {
            return wanted;
        }
        if (!none.strip().equals("*") || headers.ifMatch() != null) {
            throw Problem.badRequest(
                    "invalid_if_none_match", "If-None-Match", "must be *, and comes without If-Match.");
        }
        return OptionalLong.of(0);
    }

    private static OptionalLong expected(@Nullable String ifMatch) {
        OptionalInt wanted = ETags.ifMatch(ifMatch);
        return wanted.isPresent() ? OptionalLong.of(wanted.getAsInt()) : OptionalLong.empty();
    }

    /** Another user's mutation gives no right to write: the upload is kept as one that names none. */
    private Uni<Optional<UUID>> own(Optional<UUID> named, UUID state, Caller asking) {
        return named.map(id -> mutations
                        .find(id)
                        .map(found -> found.filter(one -> one.state().equals(state)
                                        && one.holder().isUser(asking.userId()))
                                .map(Mutation::id)))
                .orElseGet(() -> Uni.createFrom().item(Optional.empty()));
    }

    private static RestResponse<Written> written(Result result) {
        return switch (result) {
            case Result.Promoted(long version) -> tagged(version);
            case Result.Same(long version) -> tagged(version);
            case Result.Rejected rejected -> throw StateProblems.rejected(rejected);
        };
    }

    private static RestResponse<Written> tagged(long version) {
        return ResponseBuilder.ok(new Written(version))
                .header("ETag", ETags.format(version))
                .build();
    }

    Uni<Page<VersionView>> versions(Uni<Optional<Address>> found, PageRequest page) {
        return used(found, Right.LOOK)
                .chain(state -> snapshots.versions(state, page))
                .map(StateViews::versions);
    }

    Uni<Page<RejectView>> rejects(Uni<Optional<Address>> found, PageRequest page) {
        return used(found, Right.LOOK)
                .chain(state -> snapshots.rejects(state, page))
                .map(StateViews::rejects);
    }

    /** A kept upload, for those who may make it the current version. */
    Uni<RestResponse<byte[]>> reject(Uni<Optional<Address>> found, String reject) {
        return rejectOf(found, reject)
                .chain(id -> told(snapshots.reject(id)))
                .map(body -> shown(body).build());
    }

    private Uni<UUID> rejectOf(Uni<Optional<Address>> found, String reject) {
        UUID id = JsonBody.uuid(reject).orElseThrow(() -> Problem.notFound("reject"));
        return used(found, Right.OPERATE)
                .chain(state -> addresses.stateOfReject(id).invoke(of -> refuseForeign(of, state)))
                .replaceWith(id);
    }

    /** A body with a reason. */
    @RegisterForReflection
    @org.eclipse.microprofile.openapi.annotations.media.Schema(name = "StateReason")
    record Reasoned(String reason) {}

    private static String reason(byte @Nullable [] body) {
        String reason = JsonBody.of(body, Reasoned.class).text("reason");
        if (reason.isBlank() || reason.length() > REASON_MAX_CHARACTERS) {
            throw Problem.unprocessable(
                    "out_of_range", "reason", "must have 1 to " + REASON_MAX_CHARACTERS + " characters.");
        }
        return reason;
    }

    Uni<RestResponse<Written>> restore(Uni<Optional<Address>> found, String number, byte @Nullable [] body) {
        UUID user = caller.get().userId();
        String reason = reason(body);
        long version = number(number);
        return settled(
                used(found, Right.OPERATE).chain(state -> told(snapshots.restore(state, version, user, reason))));
    }

    Uni<RestResponse<Written>> acknowledge(
            Uni<Optional<Address>> found, @Nullable String ifMatch, byte @Nullable [] body) {
        UUID user = caller.get().userId();
        String reason = reason(body);
        OptionalLong expected = expected(ifMatch);
        return settled(
                used(found, Right.OPERATE).chain(state -> told(snapshots.acknowledge(state, expected, user, reason))));
    }

    Uni<RestResponse<Written>> promote(Uni<Optional<Address>> found, String reject) {
        UUID user = caller.get().userId();
        return settled(rejectOf(found, reject).chain(id -> told(snapshots.promote(id, user))));
    }

    private static void refuseForeign(Optional<UUID> of, UUID state) {
        if (!of.equals(Optional.of(state))) {
            throw Problem.notFound("reject");
        }
    }

    private Uni<RestResponse<Written>> settled(Uni<Result> result) {
        return result.map(StateCalls::written).invoke(this::tell);
    }

    private void tell(Object changed) {
        wakeUps.changed(Change.STATE);
    }

    /** Where it lists resources it is deleted by force alone. */
    Uni<Void> delete(Uni<Optional<Address>> found, @Nullable String force) {
        UUID user = caller.get().userId();
        boolean forced = flag("force", force);
        return used(found, Right.OPERATE)
                .chain(state -> states.delete(state, forced, user, clock.instant()))
                .invoke(StateCalls::refuseUnlessDeleted)
                .replaceWithVoid();
    }

    private static void refuseUnlessDeleted(StateStore.Deletion deletion) {
        switch (deletion) {
            case DELETED -> {}
            case LISTS_RESOURCES -> throw StateProblems.listsResources();
            case IN_FLIGHT -> throw Problem.of(409, "mutation_in_progress", "A mutation of the state is open.");
        }
    }

    /** Failures of the store as the API tells them. */
    static <T> Uni<T> told(Uni<T> asked) {
        return asked.onFailure(StateProblemException.class).transform(StateProblems::of);
    }
}
