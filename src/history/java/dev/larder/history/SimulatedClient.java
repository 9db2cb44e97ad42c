package dev.larder.history;

import dev.larder.history.RecordingClient.Member;
import dev.larder.history.Request.ClaimBody;
import dev.larder.history.Response.Seen;
import dev.larder.testing.CanIgnoreReturnValue;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.UUID;
import java.util.concurrent.locks.LockSupport;

/**
 * One user's program: claims, retries, reads, renews and releases at random, and retries where a response did not
 * arrive.
 */
final class SimulatedClient implements Runnable {

    private static final int HELD_MAX = 40;
    private static final int REMEMBERED_MAX = 200;
    private static final int REPEATED_AT_THE_END = 20;
    private static final int MANY_MAX = 5;
    private static final int A_WHILE_SECONDS = 12;
    private static final int PATIENCE_SECONDS = 8;
    private static final int INSISTS = 40;
    private static final long PAUSE_NANOS = Duration.ofMillis(25).toNanos();

    private final Round round;
    private final Member member;
    private final Random random;
    private final RecordingClient client;
    private final List<UUID> held = new ArrayList<>();
    private final List<UUID> ended = new ArrayList<>();
    private final Map<UUID, Integer> generations = new LinkedHashMap<>() {
        @Override
        protected boolean removeEldestEntry(Map.Entry<UUID, Integer> eldest) {
            return size() > 2 * REMEMBERED_MAX;
        }
    };
    private final List<Request.Claim> asked = new ArrayList<>();
    private int keys;

    SimulatedClient(Round round, Member member, Random random) {
        this.round = round;
        this.member = member;
        this.random = random;
        this.client = round.caller(random);
    }

    @Override
    public void run() {
        while (round.goesOn()) {
            OperationType type =
                    held.size() > HELD_MAX ? OperationType.RELEASE : OperationType.any(round.types(), random);
            perform(type);
            round.rest();
        }
    }

    /** The scarce preset first, and another. */
    private List<String> either() {
        String other = anyPreset();
        return other.equals(round.scarcePreset()) ? List.of(other) : List.of(round.scarcePreset(), other);
    }

    /** Asks once more for some of what it has ever asked for. */
    void repeatSome() {
        asked.stream().limit(REPEATED_AT_THE_END).forEach(this::insist);
        client.close();
    }

    private void perform(OperationType type) {
        switch (type) {
            case CLAIM -> claim(new Request.Claim(newKey(), claimBody("fail")));
            case CLAIM_COLD -> claim(new Request.Claim(newKey(), claimBody("cold")));
            case CLAIM_WITHOUT_KEY -> claim(new Request.Claim(null, claimBody("fail")));
            case CLAIM_CONCURRENTLY_SAME_KEY -> {
                Request.Claim claim = new Request.Claim(newKey(), claimBody("fail"));
                atOnce(claim, claim);
            }
            case CLAIM_CONCURRENTLY_SAME_KEY_OTHER_BODY -> {
                String key = newKey();
                atOnce(new Request.Claim(key, claimBody("fail")), new Request.Claim(key, claimBody("fail")));
            }
            case CLAIM_BATCH -> claim(new Request.Claim(newKey(), many()));
            case CLAIM_WITH_TTL ->
                claim(new Request.Claim(newKey(), new ClaimBody(List.of(anyPreset()), "fail", 1, 1, aWhile(), 0)));
            case CLAIM_ALTERNATIVES -> claim(new Request.Claim(newKey(), new ClaimBody(either(), "fail", 1, 1, 0, 0)));
            case CLAIM_OR_WAIT -> claim(new Request.Claim(newKey(), waiting()));
            case RETRY -> any(asked).ifPresent(this::claim);
            case RETRY_OTHER_BODY -> any(asked).ifPresent(this::claimOtherwise);
            case READ -> any(held).map(Request.Read::new).ifPresent(this::ask);
            case READ_ENDED -> any(ended).map(Request.Read::new).ifPresent(this::ask);
            case READ_FOREIGN ->
                round.board()
                        .claimOfAnother(member.user(), random)
                        .map(Request.Read::new)
                        .ifPresent(this::ask);
            case RENEW -> any(held).map(this::renewal).ifPresent(this::renew);
            case RENEW_ENDED -> any(ended).map(this::renewal).ifPresent(this::ask);
            case RENEW_FOREIGN ->
                round.board()
                        .claimOfAnother(member.user(), random)
                        .map(this::renewal)
                        .ifPresent(this::ask);
            case RELEASE ->
                any(held).map(claim -> new Request.Release(claim, null)).ifPresent(this::release);
            case RELEASE_WITH_GENERATION ->
                any(held)
                        .map(claim -> new Request.Release(claim, generation(claim)))
                        .ifPresent(this::release);
            case RELEASE_AGAIN ->
                any(ended).map(claim -> new Request.Release(claim, null)).ifPresent(this::ask);
            case RELEASE_FOREIGN ->
                round.board()
                        .claimOfAnother(member.user(), random)
                        .map(claim -> new Request.Release(claim, null))
                        .ifPresent(this::ask);
        }
    }

    private String newKey() {
        keys++;
        return "c" + member.client() + "-" + keys;
    }

    private String anyPreset() {
        return round.anyPreset(random);
    }

    private ClaimBody claimBody(String policy) {
        return ClaimBody.one(anyPreset(), policy);
    }

    private ClaimBody many() {
        int count = 2 + random.nextInt(MANY_MAX - 1);
        int atLeast = random.nextBoolean() ? count : 1 + random.nextInt(count);
        return new ClaimBody(List.of(anyPreset()), "fail", count, atLeast, random.nextBoolean() ? 0 : aWhile(), 0);
    }

    private ClaimBody waiting() {
        String preset = mostly() ? round.scarcePreset() : anyPreset();
        String policy = random.nextInt(4) == 0 ? "wait_then_cold" : "wait";
        return new ClaimBody(
                List.of(preset),
                policy,
                1,
                1,
                random.nextBoolean() ? 0 : aWhile(),
                1 + random.nextInt(PATIENCE_SECONDS));
    }

    /** In seconds. */
    private int aWhile() {
        return 1 + random.nextInt(A_WHILE_SECONDS);
    }

    private Request.Renew renewal(UUID claim) {
        return new Request.Renew(claim, aWhile(), random.nextInt(3) == 0 ? generation(claim) : null);
    }

    /** That of the claim as it was told, or now and then another. */
    private Integer generation(UUID claim) {
        int told = generations.getOrDefault(claim, 1);
        return mostly() ? told : told + 1;
    }

    private <T> Optional<T> any(List<T> of) {
        return of.isEmpty() ? Optional.empty() : Optional.of(of.get(random.nextInt(of.size())));
    }

    private void claim(Request.Claim claim) {
        Optional<Operation> operation = ask(claim);
        remember(claim);
        if (operation.isPresent() && operation.get().response() instanceof Response.Unknown && mostly()) {
            insist(claim);
        }
    }

    private void claimOtherwise(Request.Claim claim) {
        ask(new Request.Claim(claim.key(), claimBody("fail")));
    }

    /** Four times in five; else what was not told stays so. */
    private boolean mostly() {
        return random.nextInt(5) > 0;
    }

    private void atOnce(Request.Claim one, Request.Claim other) {
        Thread beside = Thread.ofVirtual().start(() -> {
            try (RecordingClient second = round.caller(new Random(other.hashCode()))) {
                second.call(member, other);
            }
        });
        claim(one);
        try {
            beside.join();
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    private void renew(Request.Renew renewal) {
        Optional<Operation> operation = ask(renewal);
        if (operation.isPresent()
                && operation.get().response() instanceof Response.Refused refused
                && refused.code().equals("claim_ended")) {
            end(renewal.claim());
        }
    }

    private void release(Request.Release release) {
        Optional<Operation> operation = ask(release);
        if (operation.isPresent() && !(operation.get().response() instanceof Response.Refused)) {
            end(release.claim());
            if (operation.get().response() instanceof Response.Unknown && mostly()) {
                insist(release);
            }
        }
    }

    private void end(UUID claim) {
        if (held.remove(claim)) {
            ended.add(claim);
            forgetSome(ended);
        }
    }

    private void remember(Request.Claim claim) {
        if (claim.key() != null && !asked.contains(claim)) {
            asked.add(claim);
            forgetSome(asked);
        }
    }

    /** By chance, so that some are kept for long. */
    private void forgetSome(List<?> list) {
        if (list.size() > REMEMBERED_MAX) {
            var forgotten = list.remove(random.nextInt(list.size()));
        }
    }

    /** Asks until it is told. */
    private void insist(Request call) {
        for (int turn = 0; turn < INSISTS; turn++) {
            Optional<Operation> operation = ask(call);
            if (operation.isPresent() && !(operation.get().response() instanceof Response.Unknown)) {
                return;
            }
            LockSupport.parkNanos(PAUSE_NANOS);
        }
    }

    @CanIgnoreReturnValue
    private Optional<Operation> ask(Request call) {
        Optional<Operation> operation = client.call(member, call);
        if (operation.isEmpty()) {
            // Nobody serves at present; a server's start cannot be waited for here.
            LockSupport.parkNanos(PAUSE_NANOS);
            return operation;
        }
        switch (operation.get().response()) {
            case Response.Shown(var claims, var replayed) -> claims.forEach(this::see);
            case Response.Unknown unknown -> LockSupport.parkNanos(PAUSE_NANOS);
            case Response.Done done -> {}
            case Response.Refused refused -> {}
        }
        return operation;
    }

    private void see(Seen seen) {
        if (seen.ended()) {
            end(seen.claim());
        } else if (!held.contains(seen.claim())) {
            held.add(seen.claim());
            round.board().show(member.user(), seen.claim());
        }
        Integer generation = seen.generation();
        if (generation != null) {
            generations.put(seen.claim(), generation);
        }
    }
}
