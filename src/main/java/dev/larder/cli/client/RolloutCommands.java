package dev.larder.cli.client;

import com.fasterxml.jackson.databind.JsonNode;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** What can be done to a rollout. */
final class RolloutCommands {

    private RolloutCommands() {}

    /** Calls the server, and says what the rollout is then. */
    abstract static class Steering extends ClientCommand {

        @Parameters(
                index = "0",
                paramLabel = "ROLLOUT",
                description = "The id of a rollout, or organization/template/preset: its open one.")
        @SuppressWarnings("NullAway.Init")
        String name;

        /** The last part of the call's address. */
        abstract String step();

        @Override
        ExitCode run(Session session) {
            String id = Reference.isId(name) ? name : open(session);
            Answer answer = session.api().post(Paths.of("rollouts", id, step()), null);
            switch (session.output().format()) {
                case json, yaml -> session.output().tree(answer.body());
                case name -> session.output().line(id);
                case table, wide -> session.output().line("rollout " + id + " of " + described(answer.body()));
            }
            return ExitCode.OK;
        }

        /** A preset has one open rollout at most, the newest one. */
        private String open(Session session) {
            return new Lists(session)
                    .newestRollout(name)
                    .filter(newest -> Json.text(newest, "endedAt").isEmpty())
                    .map(newest -> Json.text(newest, "id"))
                    .orElseThrow(() -> Failure.of(ExitCode.NOT_FOUND, "the preset '" + name + "' has no open rollout"));
        }

        private static String described(JsonNode rollout) {
            String paused = Json.text(rollout, "pausedAt").isEmpty() ? "" : ", paused";
            return Kinds.presetName(rollout) + " is " + Json.text(rollout, "state") + paused;
        }
    }

    @Command(
            name = "pause",
            description = "Pauses a rollout: nothing is replaced until it is resumed. Claims go on.",
            footerHeading = "%nExamples:%n",
            footer = {"  larder rollout pause demo/orders-database/small"})
    public static final class Pause extends Steering {

        @Override
        String step() {
            return "pause";
        }
    }

    @Command(
            name = "resume",
            description =
                    "Goes on with a paused or held rollout, with a new deadline. Earlier failures no longer count.",
            footerHeading = "%nExamples:%n",
            footer = {"  larder rollout resume demo/orders-database/small"})
    public static final class Resume extends Steering {

        @Override
        String step() {
            return "resume";
        }
    }

    @Command(
            name = "skip-canary",
            description = "Hands the new version out from now on, without a verdict.",
            footerHeading = "%nExamples:%n",
            footer = {"  larder rollout skip-canary demo/orders-database/small"})
    public static final class SkipCanary extends Steering {

        @Override
        String step() {
            return "skip-canary";
        }
    }

    @Command(
            name = "rollback",
            description = "Makes the version before the active one again, for all presets of the template.",
            footerHeading = "%nExamples:%n",
            footer = {"  larder rollout rollback demo/orders-database/small"})
    public static final class RollBack extends Steering {

        @Override
        String step() {
            return "rollback";
        }
    }
}
