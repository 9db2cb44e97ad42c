package dev.larder.cli.client;

import dev.larder.cli.client.Condition.For;
import dev.larder.model.Durations;
import java.time.Duration;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Waits until a pool, claim, workspace, job or rollout is as wanted. */
@Command(
        name = "wait",
        description = {
            "Waits until a pool is full, a claim or workspace is ready, a job has succeeded, or a rollout is done.",
            "--for=ended: until the pool is empty, the claim, job or rollout has ended, or the workspace is deleted.",
            "Exit code 7: the time is over. Exit code 1: it failed, and waiting longer would not help.",
            "Exit code 10: the rollout is held, was rolled back or superseded."
        },
        footerHeading = "%nExamples:%n",
        footer = {
            "  larder wait pool demo/orders-database/small --timeout=2m",
            "  larder wait rollout demo/orders-database/small --timeout=30m",
            "  larder wait workspace 0198c5a2-7a30-7c61-b0f2-5d8f0e6a1b2c --for=ended"
        })
public final class WaitCommand extends ClientCommand {

    private static final Duration LOOK = Duration.ofMillis(500);

    /** So often the progress is shown anew. */
    private static final Duration HOLD = Duration.ofSeconds(5);

    @Parameters(index = "0", paramLabel = "KIND", description = "pool, preset, claim, workspace, job or rollout.")
    @SuppressWarnings("NullAway.Init")
    Kind kind;

    @Parameters(
            index = "1",
            paramLabel = "NAME",
            description = "organization/template/preset, or an id. A preset's newest rollout is meant.")
    @SuppressWarnings("NullAway.Init")
    String name;

    @Option(
            names = "--for",
            paramLabel = "WHAT",
            defaultValue = "ready",
            description = "${COMPLETION-CANDIDATES}. Default: ${DEFAULT-VALUE}.")
    @SuppressWarnings("NullAway.Init")
    For wanted;

    @Option(
            names = "--timeout",
            paramLabel = "DURATION",
            defaultValue = "5m",
            description = "How long to wait. Default: ${DEFAULT-VALUE}.")
    @SuppressWarnings("NullAway.Init")
    Duration timeout;

    @Override
    ExitCode run(Session session) {
        if (kind == Kind.templates || kind == Kind.workers) {
            throw usage("KIND must be pool, preset, claim, workspace, job or rollout.");
        }
        Progress progress = new Progress(session.terminal());
        try {
            return run(session, progress);
        } finally {
            progress.end();
        }
    }

    private ExitCode run(Session session, Progress progress) {
        Waits.Deadline deadline = Waits.Deadline.in(timeout);
        while (true) {
            Answer seen = look(session, deadline);
            switch (Condition.of(kind, wanted, seen.body())) {
                case Condition.Met() -> {
                    print(session, seen);
                    return ExitCode.OK;
                }
                case Condition.Never(ExitCode exit, String why) ->
                    throw Failure.of(exit, kind.singular() + " " + name + ": " + why);
                case Condition.NotYet(String told) -> progress.say(kind.singular() + " " + name + ": " + told);
            }
            if (deadline.isOver() || !Waits.pause(shorter(LOOK, deadline.left()))) {
                throw Failure.of(
                        ExitCode.TIMED_OUT,
                        kind.singular() + " " + name + " is not " + reached() + " after " + Durations.written(timeout));
            }
        }
    }

    /** The server holds a call for a claim or workspace that is not settled, for a few seconds each time. */
    private Answer look(Session session, Waits.Deadline deadline) {
        Lists lists = new Lists(session);
        return wanted == For.ready && (kind == Kind.claims || kind == Kind.workspaces)
                ? lists.settled(kind, name, shorter(HOLD, deadline.left()))
                : lists.details(kind == Kind.presets ? Kind.pools : kind, name);
    }

    private String reached() {
        return kind == Kind.rollouts && wanted == For.ready ? "done" : wanted.toString();
    }

    private static Duration shorter(Duration one, Duration other) {
        return one.compareTo(other) < 0 ? one : other;
    }

    private void print(Session session, Answer seen) {
        switch (session.output().format()) {
            case json, yaml -> session.output().tree(seen.body());
            case name -> session.output().line(name);
            case table, wide -> session.output().line(kind.singular() + " " + name + " is " + reached());
        }
    }
}
