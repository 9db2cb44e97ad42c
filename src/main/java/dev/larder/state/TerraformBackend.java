package dev.larder.state;

import dev.larder.http.Access;
import dev.larder.http.ETags;
import dev.larder.http.JsonBody;
import dev.larder.http.Problem;
import dev.larder.model.Caller;
import dev.larder.state.Address.Right;
import dev.larder.state.Promotion.Result;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Base64;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.UUID;

/**
 * Terraform's and OpenTofu's http backend. The status codes are what the clients act on: a lock and an unlock are
 * exactly 200; a 404 means that nothing was ever written to a state that exists, and nothing else; a 423 has the lock
 * that is in the way.
 */
@ApplicationScoped
class TerraformBackend {

    private static final int LOCK_BODY_MAX = 65_536;
    private static final byte[] NO_BODY = {};
    private static final String JSON = "application/json";

    /** So long a job that has lost its lease may still hand in a state, which is kept as a reject. */
    private static final Duration LATE_WITHIN = Duration.ofHours(24);

    private final Access access;
    private final AddressReads addresses;
    private final SnapshotStore snapshots;
    private final StateStore states;
    private final MutationReads mutations;
    private final Locks locks;
    private final Uploads uploads;
    private final InstantSource clock;

    TerraformBackend(
            Access access,
            AddressReads addresses,
            SnapshotStore snapshots,
            StateStore states,
            MutationReads mutations,
            Locks locks,
            Uploads uploads,
            InstantSource clock) {
        this.access = access;
        this.addresses = addresses;
        this.snapshots = snapshots;
        this.states = states;
        this.mutations = mutations;
        this.locks = locks;
        this.uploads = uploads;
        this.clock = clock;
    }

    /** A call whose sender and state are known. */
    private record Known(TerraformCall call, TerraformRequest request, Sender sender, Address address, Right right) {}

    /** Fails with a problem, or with what {@link StateProblems} makes one of. */
    Uni<TerraformAnswer> answer(TerraformCall call, TerraformRequest request) {
        return sender(call, request)
                .chain(sender -> address(call).map(found -> known(call, request, sender, found)))
                .chain(this::answer);
    }

    private Uni<Sender> sender(TerraformCall call, TerraformRequest request) {
        BasicAuth auth = request.auth().orElseThrow(() -> unauthorized("This call needs a user name and a password."));
        return JsonBody.uuid(auth.name())
                .map(mutation -> mutations
                        .ofToken(mutation, auth.passwordHash())
                        .chain(job -> job.isPresent() ? Uni.createFrom().item(job(job.get(), call)) : person(auth)))
                .orElseGet(() -> person(auth));
    }

    /** The token of a mutation that has ended opens nothing; only a late upload is taken, to be kept. */
    private Sender job(Mutation mutation, TerraformCall call) {
        Instant ended = mutation.span().endedAt();
        boolean late = call.verb() == TerraformCall.Verb.WRITE
                && ended != null
                && ended.plus(LATE_WITHIN).isAfter(clock.instant());
        if (!mutation.isOpen() && !late) {
            throw unauthorized("The token was for a job that has ended.");
        }
        return new Sender.Job(mutation);
    }

    private Uni<Sender> person(BasicAuth auth) {
        return access.caller(auth.password())
                .map(caller -> caller.orElseThrow(() -> unauthorized("The password is no token that is valid.")))
                .map(Sender.Person::new);
    }

    private static Problem unauthorized(String detail) {
        return Problem.of(401, "invalid_token", detail).withHeader("WWW-Authenticate", "Basic realm=\"larder\"");
    }

    private Uni<Optional<Address>> address(TerraformCall call) {
        return call.ofWorkspace() ? addresses.ofWorkspace(call.id()) : addresses.ofState(call.id());
    }

    /** An unknown address is forbidden: the client would take a 404 for an empty state. */
    private static Known known(TerraformCall call, TerraformRequest request, Sender sender, Optional<Address> found) {
        Address address = found.orElseThrow(TerraformBackend::forbidden);
        Right right = sender.rightOf(address);
        if (!right.atLeast(Right.USE) || !address.kept()) {
            throw forbidden();
        }
        boolean repeated = call.verb() == TerraformCall.Verb.DELETE || call.verb() == TerraformCall.Verb.WRITE;
        if (address.gone() && !repeated) {
            throw StateProblems.gone();
        }
        return new Known(call, request, sender, address, right);
    }

    private static Problem forbidden() {
        return Problem.of(403, "forbidden", "There is no such state, or the token's role does not allow this.");
    }

    private Uni<TerraformAnswer> answer(Known known) {
        return switch (known.call().verb()) {
            case READ -> read(known);
            case WRITE -> write(known);
            case LOCK -> lock(known);
            case UNLOCK -> unlock(known);
            case DELETE -> delete(known);
        };
    }

    private Uni<TerraformAnswer> read(Known known) {
        return known.address().state() == null
                ? Uni.createFrom().failure(neverWritten())
                : snapshots.find(known.address().state()).chain(this::read);
    }

    private Uni<TerraformAnswer> read(Optional<Snapshot> found) {
        Snapshot snapshot = found.orElseThrow(TerraformBackend::forbidden);
        if (snapshot.version() == 0) {
            throw snapshot.status().equals("corrupt")
                    ? Problem.of(500, "state_corrupt", "The state is corrupt.")
                    : neverWritten();
        }
        return snapshots
                .read(snapshot.state(), snapshot.version())
                .onFailure(StateProblemException.class)
                .transform(TerraformBackend::neverNotFound)
                .map(body -> new TerraformAnswer(200, headers(snapshot, body), body.bytes()));
    }

    /** A body that is not found is damage, not an empty state. */
    private static Throwable neverNotFound(Throwable failure) {
        return StateProblems.of(failure) instanceof Problem problem && problem.status() == 404
                ? Problem.of(500, problem.code(), problem.detail())
                : failure;
    }

    private static Problem neverWritten() {
        return Problem.of(404, "state_empty", "Nothing was ever written to this state.");
    }

    static Map<String, String> headers(Snapshot snapshot, Body body) {
        return Map.of(
                "Content-Type", body.contentType(),
                "Content-MD5", Base64.getEncoder().encodeToString(body.md5()),
                "ETag", ETags.format(body.version()),
                "State-Version", Long.toString(body.version()),
                "State-Status", snapshot.status());
    }

    private Uni<TerraformAnswer> write(Known known) {
        // An upload to a state that was never locked is refused, and kept like any other.
        return states.used(known.address(), clock.instant())
                .chain(state -> holder(known, state).chain(mutation -> write(known, state, mutation)));
    }

    /** The mutation that the upload belongs to. One that a job names is its own, even where it has ended. */
    private Uni<Optional<UUID>> holder(Known known, UUID state) {
        Optional<String> lock = known.call().lock();
        return known.sender() instanceof Sender.Job(Mutation own) && !own.isOpen()
                ? Uni.createFrom().item(Optional.of(own.id()))
                : mutations
                        .open(state)
                        .map(open -> open.filter(held -> known.sender().writesIn(held, lock))
                                .map(Mutation::id));
    }

    private Uni<TerraformAnswer> write(Known known, UUID state, Optional<UUID> mutation) {
        long bytes = known.request().bytes(uploads.bodyMax());
        return uploads.announce(mutation)
                .map(announced -> uploads.room(bytes))
                .chain(room -> put(known, state, mutation).onTermination().invoke(room::close));
    }

    private Uni<TerraformAnswer> put(Known known, UUID state, Optional<UUID> mutation) {
        TerraformRequest request = known.request();
        Optional<byte[]> md5 = request.contentMd5();
        return request.body(uploads.bodyMax())
                .map(body -> new Upload(
                        state,
                        mutation,
                        OptionalLong.empty(),
                        body,
                        request.contentType(),
                        new Upload.Conditions(
                                md5, OptionalLong.empty(), known.call().force()),
                        known.sender().user()))
                .chain(uploads::put)
                .chain(result -> written(state, result));
    }

    private Uni<TerraformAnswer> written(UUID state, Result result) {
        return switch (result) {
            case Result.Promoted(long version) -> Uni.createFrom().item(tagged(version));
            case Result.Same(long version) -> Uni.createFrom().item(tagged(version));
            case Result.Rejected rejected -> rejected(state, rejected);
        };
    }

    private static TerraformAnswer tagged(long version) {
        return new TerraformAnswer(200, Map.of("ETag", ETags.format(version)), NO_BODY);
    }

    /** An upload without the right to write is told who has it. */
    private Uni<TerraformAnswer> rejected(UUID state, Result.Rejected rejected) {
        Problem problem = StateProblems.rejected(rejected);
        boolean rightless =
                rejected.code().equals("mutation_required") || rejected.code().equals("mutation_superseded");
        if (!rightless) {
            return Uni.createFrom().failure(problem);
        }
        return mutations.open(state).map(open -> {
            boolean held = open.isPresent() || rejected.code().equals("mutation_required");
            if (!held) {
                throw problem;
            }
            return locked(open.map(by -> StateProblems.lockInfo(by, problem.detail()))
                    .orElseGet(() -> LockInfo.of(state.toString(), "", "", clock.instant(), problem.detail())));
        });
    }

    private static TerraformAnswer locked(LockInfo shown) {
        return new TerraformAnswer(423, Map.of("Content-Type", JSON), shown.bytes());
    }

    private Uni<TerraformAnswer> lock(Known known) {
        return known.request()
                .body(LOCK_BODY_MAX)
                .map(body -> LockInfo.parse(body).orElseThrow(TerraformBackend::noLockInfo))
                .chain(lock -> states.used(known.address(), clock.instant())
                        .chain(state -> locks.lock(
                                state, known.sender(), lock, known.call().force()))
                        .map(outcome -> told(outcome, lock.bytes())));
    }

    private static Problem noLockInfo() {
        return Problem.badRequest("invalid_lock_info", "body", "must be a JSON object with a text ID.");
    }

    private static TerraformAnswer told(Locks.Outcome outcome, byte[] done) {
        return switch (outcome) {
            case Locks.Outcome.Done ok -> new TerraformAnswer(200, Map.of("Content-Type", JSON), done);
            case Locks.Outcome.Refused(LockInfo shown) -> locked(shown);
            case Locks.Outcome.NotLocked none ->
                throw Problem.of(409, "not_locked", "The state is not locked by this lock.");
            case Locks.Outcome.Forbidden not -> throw forbidden();
            case Locks.Outcome.Superseded late -> throw unauthorized("The token was for a job that has ended.");
            case Locks.Outcome.Gone gone -> throw StateProblems.gone();
        };
    }

    private Uni<TerraformAnswer> unlock(Known known) {
        return known.request().body(LOCK_BODY_MAX).chain(body -> unlock(known, body));
    }

    private Uni<TerraformAnswer> unlock(Known known, byte[] body) {
        Optional<LockInfo> lock = body.length == 0
                ? Optional.empty()
                : Optional.of(LockInfo.parse(body).orElseThrow(TerraformBackend::noLockInfo));
        UUID state = known.address().state();
        if (state == null) {
            return Uni.createFrom().item(told(lock.isEmpty() ? Locks.DONE : new Locks.Outcome.NotLocked(), NO_BODY));
        }
        boolean forced = lock.map(LockInfo::isIdAlone).orElse(true);
        Uni<Locks.Outcome> outcome = forced
                ? locks.force(state, known.sender(), known.right(), lock.map(LockInfo::id))
                : locks.unlock(state, known.sender(), lock.get());
        return outcome.map(done -> unlocked(done));
    }

    /** A foreign lock is a conflict, whose holder the client shows. */
    private static TerraformAnswer unlocked(Locks.Outcome outcome) {
        return outcome instanceof Locks.Outcome.Refused(LockInfo shown)
                ? new TerraformAnswer(409, Map.of("Content-Type", JSON), shown.bytes())
                : told(outcome, NO_BODY);
    }

    private Uni<TerraformAnswer> delete(Known known) {
        if (!known.right().atLeast(Right.OPERATE) || !(known.sender() instanceof Sender.Person(Caller caller))) {
            return Uni.createFrom().failure(forbidden());
        }
        UUID state = known.address().state();
        return state == null
                ? Uni.createFrom().item(new TerraformAnswer(200, Map.of(), NO_BODY))
                : states.delete(state, known.call().force(), caller.userId(), clock.instant())
                        .chain(deletion -> deleted(state, deletion));
    }

    private Uni<TerraformAnswer> deleted(UUID state, StateStore.Deletion deletion) {
        return switch (deletion) {
            case DELETED -> Uni.createFrom().item(new TerraformAnswer(200, Map.of(), NO_BODY));
            case LISTS_RESOURCES -> Uni.createFrom().failure(StateProblems.listsResources());
            case IN_FLIGHT ->
                mutations
                        .open(state)
                        .map(open -> open.map(by -> locked(StateProblems.lockInfo(by, StateProblems.holder(by))))
                                .orElseThrow(
                                        () -> Problem.of(503, "try_again", "The state was in use; send it again.")));
        };
    }
}
