package dev.larder.cli.client;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The servers that a person works with, each with the token of the last login. The file is
 * {@code ~/.config/larder/config.yaml}, or what {@code LARDER_CONFIG} names. It is written with mode 0600, as a whole:
 * a command that is killed leaves the old file or the new one.
 */
final class ContextFile {

    /** @param server the address, as it was given at the login */
    record Context(
            String name,
            String server,
            @Nullable String token,
            @Nullable String organization,
            @Nullable String caFile) {

        Context withToken(@Nullable String other) {
            return new Context(name, server, other, organization, caFile);
        }
    }

    /** @param current the name of the context that is used where none is named */
    record Content(@Nullable String current, List<Context> contexts) {

        Optional<Context> named(String name) {
            return contexts.stream()
                    .filter(context -> context.name().equals(name))
                    .findFirst();
        }

        /** The same with this context, in the place of one of the same name. */
        Content with(Context added) {
            List<Context> all = new ArrayList<>(contexts);
            all.removeIf(context -> context.name().equals(added.name()));
            all.add(added);
            return new Content(current, List.copyOf(all));
        }

        Content without(String name) {
            return new Content(
                    Objects.equals(current, name) ? null : current,
                    contexts.stream()
                            .filter(context -> !context.name().equals(name))
                            .toList());
        }

        Content using(String name) {
            return new Content(name, contexts);
        }
    }

    private static final Set<String> FIELDS = Set.of("name", "server", "token", "organization", "caFile");
    private static final Set<PosixFilePermission> OWNER_ALONE = PosixFilePermissions.fromString("rw-------");

    private final Path file;
    private final Terminal terminal;

    ContextFile(Terminal terminal) {
        this.terminal = terminal;
        String named = terminal.variable("LARDER_CONFIG");
        String folder = terminal.variable("XDG_CONFIG_HOME");
        this.file = named != null
                ? Path.of(named)
                : (folder == null ? terminal.home().resolve(".config") : Path.of(folder)).resolve("larder/config.yaml");
    }

    Path file() {
        return file;
    }

    /** Empty where there is no file. A file that other users can read is used, and named on stderr. */
    Content read() {
        String text;
        try {
            text = Files.readString(file);
            warnOfReaders();
        } catch (NoSuchFileException none) {
            return new Content(null, List.of());
        } catch (IOException unreadable) {
            throw Failure.of(ExitCode.FAILED, file + " cannot be read: " + unreadable.getMessage());
        }
        try {
            return content(Json.yaml(text));
        } catch (IOException malformed) {
            throw Failure.of(ExitCode.FAILED, file + " is not YAML. 'larder login' writes a new one if you remove it.");
        }
    }

    private void warnOfReaders() throws IOException {
        try {
            if (Files.getPosixFilePermissions(file).stream().anyMatch(given -> !OWNER_ALONE.contains(given))) {
                terminal.err().println("larder: other users may read " + file + "; run: chmod 600 " + file);
            }
        } catch (UnsupportedOperationException noSuchPermissions) {
            // The file system has other permissions than POSIX.
        }
    }

    private Content content(JsonNode read) {
        if (read.isMissingNode() || read.isNull()) {
            return new Content(null, List.of());
        }
        refuseOthers(read, Set.of("current", "contexts"), "");
        List<Context> contexts = new ArrayList<>();
        for (JsonNode each : read.path("contexts")) {
            refuseOthers(each, FIELDS, "contexts: ");
            contexts.add(new Context(
                    required(each, "name"),
                    required(each, "server"),
                    Json.textOrNull(each, "token"),
                    Json.textOrNull(each, "organization"),
                    Json.textOrNull(each, "caFile")));
        }
        return new Content(Json.textOrNull(read, "current"), List.copyOf(contexts));
    }

    private void refuseOthers(JsonNode object, Set<String> known, String where) {
        if (!object.isObject()) {
            throw Failure.of(ExitCode.FAILED, file + ": " + where + "must have the fields " + known);
        }
        object.fieldNames().forEachRemaining(field -> {
            if (!known.contains(field)) {
                throw Failure.of(ExitCode.FAILED, file + ": " + where + "unknown field '" + field + "'");
            }
        });
    }

    private String required(JsonNode context, String field) {
        String value = Json.textOrNull(context, field);
        if (value == null) {
            throw Failure.of(ExitCode.FAILED, file + ": contexts: a context has no '" + field + "'");
        }
        return value;
    }

    void write(Content content) {
        ObjectNode root = Json.object();
        if (content.current() != null) {
            root.put("current", content.current());
        }
        ArrayNode contexts = root.putArray("contexts");
        for (Context context : content.contexts()) {
            ObjectNode each = contexts.addObject().put("name", context.name()).put("server", context.server());
            putPresent(each, "organization", context.organization());
            putPresent(each, "caFile", context.caFile());
            putPresent(each, "token", context.token());
        }
        try {
            replace(Json.yaml(root));
        } catch (IOException failed) {
            throw Failure.of(ExitCode.FAILED, file + " cannot be written: " + failed.getMessage());
        }
    }

    private static void putPresent(ObjectNode object, String field, @Nullable String value) {
        if (value != null) {
            object.put(field, value);
        }
    }

    private void replace(String text) throws IOException {
        if (Files.exists(file) && !Files.isRegularFile(file)) {
            throw new IOException("it is no file");
        }
        Path folder = Objects.requireNonNull(file.toAbsolutePath().getParent());
        Files.createDirectories(folder);
        // A temporary file has mode 0600 from its beginning.
        Path written = Files.createTempFile(folder, ".config", ".yaml");
        try {
            Files.writeString(written, text);
            // A link stays a link: what it names is replaced.
            Path target = Files.exists(file) ? file.toRealPath() : file;
            try {
                Files.move(written, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
            } catch (FileSystemException otherFileSystem) {
                Files.move(written, target, StandardCopyOption.REPLACE_EXISTING);
            }
        } finally {
            Files.deleteIfExists(written);
        }
    }
}
