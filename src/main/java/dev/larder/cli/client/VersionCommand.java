package dev.larder.cli.client;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.larder.cli.Version;
import java.net.URI;
import java.util.Optional;
import picocli.CommandLine.Command;

/** Shows the version of this command and of the server. */
@Command(
        name = "version",
        description = "Shows the version of this command, and of the server where one is chosen. Needs no token.",
        footerHeading = "%nExamples:%n",
        footer = {"  larder version", "  larder version -o json"})
public final class VersionCommand extends ClientCommand {

    @Override
    ExitCode run(Session session) {
        Optional<URI> address = session.chosenServer();
        Optional<String> other =
                address.flatMap(chosen -> session.client(chosen, null).version());
        ObjectNode versions = Json.object().put("command", Version.number());
        address.ifPresent(chosen -> versions.put("address", chosen.toString()).put("server", other.orElse(null)));
        switch (session.output().format()) {
            case json, yaml -> session.output().tree(versions);
            case name -> session.output().line(Version.number());
            case table, wide -> {
                session.output().line("command: " + Version.number());
                address.ifPresent(chosen ->
                        session.output().line("server:  " + other.orElse("does not say it") + " at " + chosen));
            }
        }
        return ExitCode.OK;
    }
}
