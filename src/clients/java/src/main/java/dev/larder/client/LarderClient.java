package dev.larder.client;

import dev.larder.client.LarderException.Details;
import dev.larder.client.Transport.Call;
import java.net.URI;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;

/**
 * A client of one server. Threads may share it.
 *
 * <p>A call is repeated for 30 s while the connection is lost or the server answers 502, 503 or 504. A repeated claim
 * never takes a second workspace, because each claim has an idempotency key.
 *
 * <pre>{@code
 * LarderClient larder = LarderClient.fromEnvironment();
 * ClaimRequest wanted = ClaimRequest.of("orders-database").preset("small").policy(Policy.WAIT);
 * try (Lease lease = larder.hold(wanted)) {
 *     connect(lease.outputs().get("url"));
 * }
 * }</pre>
 */
public final class LarderClient {

    private static final Duration RETRY = Duration.ofSeconds(30);
    private static final Duration HOLD = Duration.ofSeconds(20);
    private static final Duration FIRST_LOOK = Duration.ofMillis(100);
    private static final Duration LONGEST_LOOK = Duration.ofSeconds(2);
    private static final Duration READY_WITHIN = Duration.ofMinutes(5);
    private static final String CLAIMS = "/api/v1/claims";

    private final Transport transport;

    private LarderClient(Transport transport) {
        this.transport = transport;
    }

    /** @param server such as {@code https://larder.example.org} */
    public static LarderClient of(URI server, String token) {
        return of(server, token, RETRY);
    }

    /** @param retry for how long a call is repeated */
    public static LarderClient of(URI server, String token, Duration retry) {
        if (server.getScheme() == null || !server.getScheme().matches("https?") || server.getHost() == null) {
            throw new IllegalArgumentException("the server is no address such as https://larder.example.org");
        }
        if (token.isBlank()) {
            throw new IllegalArgumentException("there is no token: set LARDER_TOKEN");
        }
        return new LarderClient(new Transport(URI.create(server.toString().replaceFirst("/+$", "")), token, retry));
    }

    /** The server and token of {@code LARDER_URL} and {@code LARDER_TOKEN}. */
    public static LarderClient fromEnvironment() {
        Map<String, String> environment = System.getenv();
        return of(
                // LARDER_SERVER is the former name.
                URI.create(environment.getOrDefault("LARDER_URL", environment.getOrDefault("LARDER_SERVER", ""))),
                environment.getOrDefault("LARDER_TOKEN", ""));
    }

    /**
     * Claims one workspace. The claim may still wait or be built: see {@link #waitUntilReady}. Throws
     * {@link LarderException.NoStock}, {@link LarderException.Refused} or {@link LarderException.Unauthorized}.
     */
    public Claim claim(ClaimRequest request) {
        Call call = Call.post(CLAIMS, request.json());
        return Claim.of(transport.send(
                request.waits()
                        ? call.with(Map.of("Idempotency-Key", request.key(), "Prefer", wait(HOLD)))
                                .held(HOLD)
                        : call.with(Map.of("Idempotency-Key", request.key()))));
    }

    /** The claim as it is now. */
    public Claim get(String claim) {
        return Claim.of(transport.send(Call.of("GET", path(claim))));
    }

    /**
     * The claim once its workspace can be used. Throws {@link LarderException.TimedOut} after that time (the claim
     * goes on), {@link LarderException.NoStock} or {@link LarderException.WorkspaceFailed} where nothing came of it,
     * and {@link LarderException.LeaseLost} where the claim has ended.
     */
    public Claim waitUntilReady(Claim claim, Duration within) {
        long until = System.nanoTime() + within.toNanos();
        Duration look = FIRST_LOOK;
        Claim seen = claim;
        while (!isReady(seen)) {
            Duration left = Duration.ofNanos(until - System.nanoTime());
            if (left.isNegative() || left.isZero()) {
                throw new LarderException.TimedOut("The workspace was not ready within %s.".formatted(within));
            }
            long asked = System.nanoTime();
            seen = awaited(seen.id(), Transport.min(HOLD, left));
            if (!isReady(seen) && System.nanoTime() - asked < look.toNanos()) {
                // The server does not hold the call for a workspace that is being prepared.
                Transport.sleep(Transport.min(look, left));
                look = Transport.min(look.multipliedBy(2), LONGEST_LOOK);
            }
        }
        return seen;
    }

    /** Makes the lease end {@code ttl} from now. Throws {@link LarderException.LeaseLost} where the claim has ended. */
    public Claim renew(String claim, Duration ttl) {
        return Claim.of(transport.send(renewal(claim, ttl)));
    }

    /** The same, sent once. */
    Claim renewOnce(String claim, Duration ttl) {
        return Claim.of(transport.send(renewal(claim, ttl), Duration.ZERO));
    }

    private static Call renewal(String claim, Duration ttl) {
        return Call.post(path(claim) + "/renew", "{\"ttl\":\"" + ttl + "\"}");
    }

    /** Gives the workspace back, or gives up a claim that waits. Once more does no harm. */
    public void release(String claim) {
        transport.send(Call.of("DELETE", path(claim)));
    }

    /** The same as {@link #hold(ClaimRequest, Duration)}, ready within five minutes. */
    public Lease hold(ClaimRequest request) {
        return hold(request, READY_WITHIN);
    }

    /**
     * A claim that is renewed each third of its lease until it is closed. Comes back when the workspace is ready.
     * Where the request names no {@code ttl}, the lease is two minutes: where the process is killed, it ends the claim.
     */
    public Lease hold(ClaimRequest request, Duration readyWithin) {
        return Lease.begin(this, request, readyWithin);
    }

    /** What is done with a claimed workspace. */
    @FunctionalInterface
    public interface Block<T, E extends Exception> {
        T with(Lease lease) throws E;
    }

    /**
     * Runs the block with a claimed workspace and releases it, however the block ends. Throws
     * {@link LarderException.LeaseLost} where the block ends normally although its lease was lost.
     */
    public <T, E extends Exception> T withClaim(ClaimRequest request, Block<T, E> block) throws E {
        try (Lease lease = hold(request)) {
            T result = block.with(lease);
            lease.check();
            return result;
        }
    }

    private Claim awaited(String claim, Duration hold) {
        Call call = Call.of("GET", path(claim));
        return Claim.of(transport.send(
                hold.toSeconds() >= 1 ? call.with(Map.of("Prefer", wait(hold))).held(hold) : call));
    }

    private static String wait(Duration hold) {
        return "wait=" + hold.toSeconds();
    }

    private static String path(String claim) {
        return CLAIMS + "/" + UUID.fromString(claim);
    }

    /** Throws what the end of the claim means where the workspace never will be ready. */
    static boolean isReady(Claim claim) {
        if (claim.isReady()) {
            return true;
        }
        Optional<Claim.End> end = claim.end();
        String code = end.map(Claim.End::code).orElse(claim.status());
        String reason = end.map(Claim.End::reason).orElse("The status of the claim is " + claim.status() + ".");
        if (claim.status().equals("timed_out")
                || claim.status().equals("preset_not_active")
                || code.equals("verification_failed")) {
            throw new LarderException.NoStock(code, reason, Details.NONE);
        }
        if (claim.status().equals("failed")) {
            throw new LarderException.WorkspaceFailed(code, reason);
        }
        if (!claim.status().equals("active") && !claim.status().equals("waiting")) {
            throw new LarderException.LeaseLost(code, reason, Details.NONE);
        }
        String status = claim.workspace().map(Claim.Workspace::status).orElse("");
        if (status.endsWith("failed") || status.endsWith("canceled")) {
            throw new LarderException.WorkspaceFailed(
                    end.map(Claim.End::code).orElse(status), "The workspace could not be prepared.");
        }
        return false;
    }

    @Override
    public String toString() {
        return "LarderClient[" + transport.server() + "]";
    }
}
