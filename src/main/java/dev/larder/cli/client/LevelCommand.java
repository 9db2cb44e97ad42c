package dev.larder.cli.client;

import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Parameters;

/** A command that acts on a preset, a template, an organization or the deployment. */
abstract class LevelCommand extends ClientCommand {

    @Parameters(index = "0", paramLabel = "LEVEL", description = "${COMPLETION-CANDIDATES}.")
    @SuppressWarnings("NullAway.Init")
    Level level;

    @Parameters(
            index = "1",
            arity = "0..1",
            paramLabel = "NAME",
            description =
                    "organization/template/preset, organization/template or organization; none for the deployment.")
    @Nullable
    String name;

    final void refuseUnusable() {
        String refusal = level.refusal(name);
        if (refusal != null) {
            throw usage(refusal);
        }
    }

    final String path(Session session) {
        return level.path(session, name);
    }

    /** {@code preset demo/orders-database/small}. */
    final String subject() {
        return name == null ? level.name() : level + " " + name;
    }

    /** Prints the server's answer for a program, or a sentence for people. */
    final void print(Session session, Answer answer, String sentence) {
        switch (session.output().format()) {
            case json, yaml -> session.output().tree(answer.body());
            case name -> session.output().line(name == null ? level.name() : name);
            case table, wide -> session.output().line(sentence);
        }
    }
}
