package dev.larder.cli.client;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** Shows one thing with all that the server knows of it. */
@Command(
        name = "describe",
        description =
                "Shows one thing in full: why a pool has its size, what a claim waits for, how a build failed, what holds a rollout.",
        footerHeading = "%nExamples:%n",
        footer = {
            "  larder describe pool demo/orders-database/small",
            "  larder describe workspace 0198c5a2-7a30-7c61-b0f2-5d8f0e6a1b2c",
            "  larder describe template demo/orders-database -o yaml"
        })
public final class DescribeCommand extends ClientCommand {

    @Parameters(index = "0", paramLabel = "KIND", description = "${COMPLETION-CANDIDATES}; the singular too.")
    @SuppressWarnings("NullAway.Init")
    Kind kind;

    @Parameters(
            index = "1",
            paramLabel = "NAME",
            description =
                    "organization/template/preset, organization/template, or an id. Of a preset's rollouts the newest.")
    @SuppressWarnings("NullAway.Init")
    String name;

    @Override
    ExitCode run(Session session) {
        JsonNode found = read(session, new Lists(session));
        switch (session.output().format()) {
            case table, wide -> Description.of(found).forEach(session.output()::line);
            case json, yaml -> session.output().tree(found);
            case name -> session.output().line(name);
        }
        return ExitCode.OK;
    }

    private JsonNode read(Session session, Lists lists) {
        return switch (kind) {
            case workers -> lists.row(kind, name).items().getFirst();
            case workspaces -> withBuilds(session, lists.details(kind, name).body());
            default -> lists.details(kind, name).body();
        };
    }

    private JsonNode withBuilds(Session session, JsonNode workspace) {
        JsonNode builds = session.api()
                .get(Paths.of("workspaces", Json.text(workspace, "id"), "builds"))
                .body();
        ObjectNode all = workspace.deepCopy();
        all.set("builds", builds.path("items"));
        return all;
    }
}
