package dev.larder.worker.postgres;

import dev.larder.dump.DumpFile;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;

/**
 * A database of a role without rights elsewhere, into which files are loaded.
 *
 * @param notices what the server raised
 */
record LoadPlace(Place place, String name, RolePassword secret, List<String> notices) {

    static LoadPlace on(Place place, String name) {
        LoadPlace made = new LoadPlace(place, name, RolePassword.random(), new CopyOnWriteArrayList<>());
        place.admin("CREATE ROLE " + name + " LOGIN PASSWORD '" + made.secret().verifier() + "'");
        place.admin("CREATE DATABASE " + name + " OWNER " + name);
        return made;
    }

    LoadSession session() {
        return new PostgresServer(place.vertx(), place.server().options("postgres"))
                .loadSession(
                        name,
                        secret,
                        name,
                        "a test",
                        Duration.ofMinutes(1),
                        (severity, message) -> notices.add(severity + ": " + message));
    }

    /** Runs one file. Returns the lines for the log. */
    List<String> load(String path, InputStream content) {
        try (LoadSession session = session();
                DumpFile file = DumpFile.open(content)) {
            session.open();
            return new FileRun(session, path, file, new ParameterValues(Map.of(), List.of())).run();
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
    }

    List<String> load(String text) {
        return load("x.sql", new ByteArrayInputStream(text.getBytes(StandardCharsets.UTF_8)));
    }

    List<String> ask(String statement) {
        return place.admin(name, statement);
    }
}
