package dev.larder.cli.client;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileVisitOption;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * Reads declarations from files and folders. What stands in a folder is the template's, except names that begin with a
 * dot. The server judges the content; this side refuses only what it could not send as it is written.
 */
final class Declarations {

    private static final String IN_FOLDER = "larder.yaml";
    private static final String INPUT = "-";

    /** Bytes of a declaration without the files beside it; the server reads 2 MiB. */
    private static final int DECLARATION_MAX = 2 << 20;

    /** Files of a template that are looked at; the server's bound is lower and refuses by name. */
    private static final int FILES_MAX = 10_000;

    private Declarations() {}

    /** @param sources at least one; files, folders, or {@code -} */
    static List<Declared> read(List<String> sources, Terminal terminal) {
        List<Declared> all = new ArrayList<>();
        for (String source : sources) {
            try {
                all.addAll(source.equals(INPUT) ? input(terminal) : of(Path.of(source)));
            } catch (IOException unreadable) {
                throw Failure.of(ExitCode.USAGE, "--file: " + source + " cannot be read: " + unreadable.getMessage());
            }
        }
        return List.copyOf(all);
    }

    private static List<Declared> input(Terminal terminal) throws IOException {
        byte[] read = terminal.in().readNBytes(DECLARATION_MAX + 1);
        return List.of(declared("standard input", "", text(read, "standard input"), Map.of()));
    }

    private static List<Declared> of(Path source) throws IOException {
        if (!Files.exists(source)) {
            throw Failure.of(ExitCode.USAGE, "--file: there is no " + source);
        }
        if (!Files.isDirectory(source)) {
            return List.of(file(source));
        }
        if (Files.exists(source.resolve(IN_FOLDER))) {
            return List.of(folder(source));
        }
        List<Declared> found = new ArrayList<>();
        for (Path entry : entries(source)) {
            if (Files.isDirectory(entry) && Files.exists(entry.resolve(IN_FOLDER))) {
                found.add(folder(entry));
            } else if (Files.isRegularFile(entry) && isDeclaration(entry)) {
                found.add(file(entry));
            }
        }
        if (found.isEmpty()) {
            throw Failure.of(
                    ExitCode.USAGE,
                    "--file: " + source + " has neither a " + IN_FOLDER + ", nor *.yaml files, nor folders with one");
        }
        return found;
    }

    private static List<Path> entries(Path folder) throws IOException {
        try (Stream<Path> entries = Files.list(folder)) {
            return entries.sorted().toList();
        }
    }

    private static boolean isDeclaration(Path file) {
        String name = file.getFileName().toString();
        return !name.startsWith(".") && name.matches(".*\\.(yaml|yml|json)");
    }

    private static Declared file(Path file) throws IOException {
        String name = file.getFileName().toString().replaceFirst("\\.(yaml|yml|json)$", "");
        return declared(file.toString(), name, text(file), Map.of());
    }

    private static Declared folder(Path folder) throws IOException {
        Path real = folder.toRealPath();
        String name = String.valueOf(real.getFileName());
        return declared(folder.toString(), name, text(folder.resolve(IN_FOLDER)), beside(real));
    }

    private static String text(Path file) throws IOException {
        if (Files.size(file) > DECLARATION_MAX) {
            throw Failure.of(ExitCode.USAGE, file + " has more than 2 MiB. Larger files stand beside a " + IN_FOLDER);
        }
        return text(Files.readAllBytes(file), file.toString());
    }

    private static String text(byte[] read, String source) {
        if (read.length > DECLARATION_MAX) {
            throw Failure.of(ExitCode.USAGE, source + " has more than 2 MiB");
        }
        String text = new String(read, StandardCharsets.UTF_8);
        if (text.indexOf('\uFFFD') >= 0) {
            throw Failure.of(ExitCode.USAGE, source + " is not UTF-8");
        }
        return text;
    }

    private static Declared declared(String source, String name, String text, Map<String, Path> files) {
        JsonNode read;
        try {
            read = Json.strictYaml(text);
        } catch (IOException malformed) {
            throw Failure.of(ExitCode.USAGE, source + ": " + firstLine(malformed));
        }
        if (!(read instanceof ObjectNode body)) {
            throw Failure.of(ExitCode.USAGE, source + " must be an object with the fields of a declaration");
        }
        Optional<String> organization = Optional.ofNullable(Json.textOrNull(body, "organization"));
        String template = Optional.ofNullable(Json.textOrNull(body, "template")).orElse(name);
        body.remove(List.of("organization", "template"));
        return new Declared(source, organization, template, body, files);
    }

    private static String firstLine(IOException malformed) {
        return String.valueOf(malformed.getMessage()).lines().findFirst().orElse("is not YAML");
    }

    /** All files of the folder but the declaration, by their path in it with slashes. */
    private static Map<String, Path> beside(Path folder) throws IOException {
        Map<String, Path> files = new TreeMap<>();
        try (Stream<Path> all = Files.walk(folder, FileVisitOption.FOLLOW_LINKS)) {
            for (Path file : (Iterable<Path>) all.filter(Files::isRegularFile)::iterator) {
                String path = folder.relativize(file).toString().replace('\\', '/');
                if (path.equals(IN_FOLDER) || path.startsWith(".") || path.contains("/.")) {
                    continue;
                }
                if (!file.toRealPath().startsWith(folder)) {
                    throw Failure.of(ExitCode.USAGE, file + " is a link to a file outside of the folder");
                }
                files.put(path, file);
                if (files.size() > FILES_MAX) {
                    throw Failure.of(ExitCode.USAGE, folder + " has more than " + FILES_MAX + " files");
                }
            }
        }
        return files;
    }
}
