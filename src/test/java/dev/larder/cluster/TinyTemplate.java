package dev.larder.cluster;

import dev.larder.testing.Server;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;

/** A template whose builds take no time: organization {@code acme}, template {@code tiny}, one preset {@code one}. */
final class TinyTemplate {

    /** A claim of one workspace of it that fails where none is in stock. */
    static final String CLAIM =
            "{\"organization\":\"acme\",\"template\":\"tiny\",\"preset\":\"one\",\"policy\":\"fail\"}";

    private static final String DECLARATION = """
            backend: exec
            files:
              start.sh: |
                #!/bin/sh
                printf '{"id":"%%s"}' "$LARDER_WORKSPACE_ID" > "$LARDER_OUTPUTS"
            presets:
              - name: one
                prebuilds: {instances: %d}
            """;

    private TinyTemplate() {}

    /** Declares it with so many instances in stock. */
    static void declareOn(Server server, int instances) throws IOException, InterruptedException {
        new Calls(server.port()).declare("tiny", declaration(instances));
    }

    static String declaration(int instances) {
        return DECLARATION.formatted(instances);
    }

    /** The settings of a server that builds it, in a folder of the server's own; may be added to. */
    static Map<String, String> settings(String server) throws IOException {
        Path root = Files.createDirectories(
                Path.of("target", "cluster-exec-" + server).toAbsolutePath());
        return new HashMap<>(
                Map.of("LARDER_BACKEND_EXEC_ENABLED", "true", "LARDER_BACKEND_EXEC_ROOT", root.toString()));
    }
}
