package dev.larder.state;

import static dev.larder.testing.Stock.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.model.Caller;
import dev.larder.state.Begin.Result;
import dev.larder.testing.Stock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Random;
import java.util.UUID;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Random interleavings of begin, renew, upload, end, expire and cancel: the service and a small model in memory agree
 * after each step (S22). {@code -Dlarder.state.seeds=200} runs more of them.
 */
class MutationModelTest {

    private static final int STEPS = 60;
    private static final List<End> ENDS =
            List.of(End.SUCCEEDED, End.ABORTED, End.FAILED, End.EXITED, End.UNLOCKED, End.CANCELED, End.FORCED);

    static LongStream seeds() {
        long first = new Random().nextLong(1_000_000);
        return LongStream.range(first, first + Integer.getInteger("larder.state.seeds", 12));
    }

    /** What the rules say, without a database. */
    private static final class Model {

        private record Open(
                UUID user,
                MutationKind kind,
                boolean implicit,
                Instant lease,
                String status,
                @Nullable String reason) {}

        private String status = "new";
        private @Nullable String reason;
        private long version;
        private long reliable;
        private long fence;
        private @Nullable Open open;
        private int writes;
        private int failed;

        /** The word for what becomes of a wish to begin. */
        String begin(Begin wanted, Instant at) {
            Open held = open;
            if (held != null && held.lease().isAfter(at)) {
                return "held";
            }
            if (held != null) {
                end(End.EXPIRED);
            }
            if (wanted.expectedVersion().orElse(version) != version) {
                return "other version";
            }
            boolean builds = List.of(MutationKind.CREATE, MutationKind.UPDATE, MutationKind.CLAIM)
                    .contains(wanted.kind());
            if (status.equals("unreliable") && builds && !wanted.acceptUnreliable()) {
                return "not trusted";
            }
            open = new Open(
                    wanted.user(), wanted.kind(), wanted.lock().isPresent(), at.plus(wanted.lease()), status, reason);
            status = "in_flight";
            reason = null;
            fence++;
            writes = 0;
            failed = 0;
            return "begun";
        }

        void renew(Instant lease) {
            Open held = Objects.requireNonNull(open);
            open = new Open(held.user(), held.kind(), held.implicit(), lease, held.status(), held.reason());
        }

        void accept() {
            version++;
            writes++;
            failed = 0;
        }

        void end(End end) {
            Open held = Objects.requireNonNull(open);
            open = null;
            boolean untouched = writes + failed == 0;
            // A refresh that did not succeed has read a part at most.
            boolean partlyRead = held.kind() == MutationKind.REFRESH
                    && failed == 0
                    && !end.outcome().equals("succeeded");
            if (held.kind() == MutationKind.PLAN || (end.quiet() && (untouched || partlyRead))) {
                boolean written = held.status().equals("new") && version > 0;
                settle(written ? "reliable" : held.status(), held.reason());
            } else if (end.equals(End.CANCELED) || end.equals(End.FORCED)) {
                settle("unreliable", end.outcome());
            } else if (end.equals(End.EXPIRED)) {
                settle("unreliable", "lease_expired");
            } else if (failed > 0) {
                settle("unreliable", "write_failed");
            } else if (end.equals(End.SUCCEEDED) || end.equals(End.UNLOCKED) || end.equals(End.EXITED)) {
                settle("reliable", null);
            } else {
                settle("unreliable", "job_failed");
            }
        }

        private void settle(String known, @Nullable String why) {
            status = known;
            reason = why;
            reliable = known.equals("reliable") ? version : reliable;
        }

        @Override
        public String toString() {
            return "%s %s v%d r%d f%d open=%s".formatted(status, reason, version, reliable, fence, open != null);
        }
    }

    @ParameterizedTest
    @MethodSource("seeds")
    void the_service_and_a_model_in_memory_agree_after_every_step(long seed) {
        System.out.println("MutationModelTest seed " + seed);
        Random random = new Random(seed);
        try (Stock stock = new Stock()) {
            States states = new States(stock);
            UUID state = states.named("net");
            List<Caller> callers = List.of(stock.member("anna"), stock.member("bob"));
            Model model = new Model();
            List<Mutation> begun = new ArrayList<>();
            List<String> steps = new ArrayList<>();
            for (int step = 0; step < STEPS; step++) {
                steps.add(step(random, states, state, callers, model, begun));
                Snapshot shown = new StateReads(stock.pool)
                        .find(state)
                        .await()
                        .indefinitely()
                        .orElseThrow();
                String actual = "%s %s v%d r%d f%d open=%s"
                        .formatted(
                                shown.status(),
                                shown.reason(),
                                shown.version(),
                                shown.reliableVersion(),
                                shown.fence(),
                                await(states.reads.open(state)).isPresent());
                assertThat(actual).as("seed %d %s", seed, steps).isEqualTo(model.toString());
            }
        }
    }

    private static String step(
            Random random, States states, UUID state, List<Caller> callers, Model model, List<Mutation> begun) {
        Caller caller = callers.get(random.nextInt(callers.size()));
        boolean old = begun.isEmpty();
        return switch (random.nextInt(8)) {
            case 0, 1 -> begin(random, states, state, caller, model, begun);
            case 2 -> old ? "" : renew(states, caller, model, begun.getLast());
            case 3 -> old ? "" : write(states, model, begun.getLast(), true);
            case 4 -> old ? "" : write(states, model, begun.getLast(), false);
            case 5 ->
                old
                        ? ""
                        : end(
                                states,
                                model,
                                begun.get(random.nextInt(begun.size())),
                                ENDS.get(random.nextInt(ENDS.size())));
            case 6 -> old ? "" : expire(states, model);
            default -> {
                states.stock.clock.forward(Duration.ofSeconds(random.nextInt(90)));
                yield "time";
            }
        };
    }

    private static String begin(
            Random random, States states, UUID state, Caller caller, Model model, List<Mutation> begun) {
        MutationKind kind = MutationKind.values()[random.nextInt(MutationKind.values().length)];
        Begin wanted = new Begin(
                state,
                caller.userId(),
                kind,
                Optional.empty(),
                random.nextInt(4) == 0 ? OptionalLong.of(random.nextInt(3)) : OptionalLong.empty(),
                States.LEASE,
                random.nextInt(3) == 0,
                random.nextBoolean()
                        ? Optional.of(LockInfo.of("l" + begun.size(), "", caller.name(), states.now(), ""))
                        : Optional.empty());
        Result result = states.begin(wanted);
        String word = switch (result) {
            case Result.Begun(Mutation mutation) -> {
                begun.add(mutation);
                yield "begun";
            }
            case Result.Held held -> "held";
            case Result.NotTrusted not -> "not trusted";
            case Result.OtherVersion other -> "other version";
            case Result.Gone gone -> "gone";
        };
        assertThat(word).as(wanted + " " + model).isEqualTo(model.begin(wanted, states.now()));
        return "begin " + kind + " " + word;
    }

    private static boolean isOpen(Model model, Mutation mutation) {
        return model.open != null && model.fence == mutation.fence();
    }

    private static String renew(States states, Caller caller, Model model, Mutation mutation) {
        Optional<Mutation> renewed =
                await(states.open.renew(mutation.id(), caller.userId(), States.LEASE, states.now()));
        boolean mine = isOpen(model, mutation) && mutation.holder().isUser(caller.userId());
        assertThat(renewed.isPresent()).isEqualTo(mine);
        if (mine) {
            model.renew(states.now().plus(States.LEASE));
        }
        return "renew";
    }

    private static String write(States states, Model model, Mutation mutation, boolean accepted) {
        if (!isOpen(model, mutation)) {
            return "";
        }
        await(states.open.announceWrite(mutation.id()));
        if (accepted) {
            states.accepted(mutation);
            model.accept();
        } else {
            states.rejected(mutation);
            model.failed++;
        }
        return accepted ? "accepted" : "rejected";
    }

    private static String end(States states, Model model, Mutation mutation, End end) {
        boolean open = isOpen(model, mutation);
        Mutation ended = states.end(mutation, end);
        assertThat(ended.isOpen()).isFalse();
        if (open) {
            model.end(end);
            assertThat(ended.span().outcome()).isEqualTo(end.outcome());
        }
        return "end " + end;
    }

    private static String expire(States states, Model model) {
        int expired = await(states.mutations.expireOverdue(states.now()));
        Model.Open held = model.open;
        boolean overdue = held != null && !held.implicit() && !held.lease().isAfter(states.now());
        assertThat(expired).isEqualTo(overdue ? 1 : 0);
        if (overdue) {
            model.end(End.EXPIRED);
        }
        return "expire";
    }

    /** The model itself must be able to disagree. */
    @Test
    void the_model_tells_a_lost_write_from_an_accepted_one() {
        Begin wanted = new Begin(
                UUID.randomUUID(),
                UUID.randomUUID(),
                MutationKind.UPDATE,
                Optional.empty(),
                OptionalLong.empty(),
                States.LEASE,
                false,
                Optional.empty());
        Model accepted = new Model();
        Model lost = new Model();
        assertThat(accepted.begin(wanted, Stock.NOON)).isEqualTo("begun");
        assertThat(lost.begin(wanted, Stock.NOON)).isEqualTo("begun");
        accepted.accept();
        lost.failed++;
        accepted.end(End.UNLOCKED);
        lost.end(End.UNLOCKED);

        assertThat(accepted).hasToString("reliable null v1 r1 f1 open=false");
        assertThat(lost).hasToString("unreliable write_failed v0 r0 f1 open=false");
    }
}
