package dev.larder.cli.client;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.larder.catalog.DeclarationParser;
import dev.larder.catalog.ParsedDeclaration;
import dev.larder.cli.client.SignalTrap.Received;
import dev.larder.model.Declaration;
import dev.larder.model.Declaration.PresetDeclaration;
import dev.larder.model.LogLine;
import dev.larder.model.UploadedFile;
import dev.larder.worker.process.FileTrees;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Builds one workspace of a declaration, shows its log and its outputs, and removes it. */
@Command(
        name = "try",
        description = {
            "Builds one workspace of a declaration, shows its log and its outputs, and removes it.",
            "",
            "Backend exec is tried in this process, without a server: start.sh, then ready.sh, verify.sh, claim.sh and"
                    + " reset.sh where the declaration has them, then delete.sh. Control groups, tags and other users'"
                    + " rights are those of this machine. Other backends, and exec with --remote, are tried by a worker"
                    + " of the server, in a template that is removed afterwards; this needs the role template_admin,"
                    + " and leaves out the scripts of a reset."
        },
        footerHeading = "%nExamples:%n",
        footer = {"  larder try template.yaml", "  larder try postgres.yaml --preset=small -O demo"})
public final class TryCommand extends CallingCommand {

    @Parameters(paramLabel = "FILE", description = "A file or folder, as 'larder apply -f' takes it.")
    @SuppressWarnings("NullAway.Init")
    String file;

    @Option(names = "--preset", paramLabel = "NAME", description = "Default: the first one of the declaration.")
    @Nullable
    String preset;

    @Option(names = "--parameter", paramLabel = "NAME=VALUE", description = "Wins over the preset's; repeatable.")
    Map<String, String> parameters = new LinkedHashMap<>();

    @Option(names = "--remote", description = "Tries backend exec on a worker of the server too.")
    boolean remote;

    @Option(
            names = "--timeout",
            paramLabel = "DURATION",
            defaultValue = "10m",
            description = "How long a worker of the server may take. Default: ${DEFAULT-VALUE}. In this process the"
                    + " declaration's startTimeout counts.")
    @SuppressWarnings("NullAway.Init")
    Duration timeout;

    @Override
    int run(Terminal terminal) {
        Session session = session(terminal, new OutputOptions());
        List<Declared> declared = Declarations.read(List.of(file), terminal);
        if (declared.size() != 1) {
            throw usage(file + " declares " + declared.size() + " templates, not one.");
        }
        return isLocal(declared.getFirst())
                ? local(declared.getFirst(), session)
                : onServer(declared.getFirst(), session);
    }

    private boolean isLocal(Declared declared) {
        return !remote && Json.text(declared.body(), "backend").equals("exec");
    }

    private int local(Declared declared, Session session) {
        Declaration declaration = declaration(declared);
        PresetDeclaration chosen = chosen(declaration);
        Output output = session.output();
        try (Interruption signals = new Interruption()) {
            Path root = Files.createTempDirectory("larder-try");
            try {
                LocalTry.Tried tried =
                        new LocalTry.Tried(declaration, chosen, uploads(declaration, declared), parameters);
                LocalTry trial = new LocalTry(tried, root, sinceNow(), line -> print(session, line));
                return tried(output, signals, () -> object(trial.build()), () -> {
                    trial.remove();
                    return Optional.empty();
                });
            } finally {
                FileTrees.delete(root);
            }
        } catch (IOException unusable) {
            throw Failure.of(ExitCode.FAILED, "the temporary folder cannot be used: " + unusable.getMessage());
        }
    }

    /** A time that begins at the epoch: the log shows how long each step took. */
    private static InstantSource sinceNow() {
        long began = System.nanoTime();
        return () -> Instant.EPOCH.plusNanos(System.nanoTime() - began);
    }

    private static void print(Session session, LogLine line) {
        double seconds = Duration.between(Instant.EPOCH, line.at()).toMillis() / 1000.0;
        session.terminal().err().printf("%7.3f  %s%n", seconds, line.line());
    }

    private static JsonNode object(Map<String, String> outputs) {
        ObjectNode object = Json.object();
        outputs.forEach(object::put);
        return object;
    }

    private int onServer(Declared declared, Session session) {
        String chosen =
                preset == null ? Json.text(declared.body().path("presets").path(0), "name") : preset;
        // The log goes to the same place, so the progress is printed line by line.
        Progress progress = new Progress(session.terminal().withoutErrScreen());
        try (Interruption signals = new Interruption()) {
            ServerTry trial =
                    new ServerTry(session, progress, timeout, session.terminal().err()::println);
            return tried(session.output(), signals, () -> trial.build(declared, chosen, parameters), trial::remove);
        }
    }

    private interface Build {
        JsonNode build() throws InterruptedException;
    }

    private interface Removal {
        Optional<String> remove() throws InterruptedException;
    }

    private static int tried(Output output, Interruption signals, Build build, Removal removal) {
        try {
            output.tree(build.build());
        } catch (InterruptedException | Failure ended) {
            if (signals.received().isEmpty() && ended instanceof Failure failure) {
                throw failure;
            }
        } finally {
            signals.shield();
            removed(output, removal);
        }
        return signals.received().map(Received::exit).orElse(ExitCode.OK.number());
    }

    /** A failure of the build is told; one of the removal does not replace it. */
    private static void removed(Output output, Removal removal) {
        try {
            removal.remove().ifPresentOrElse(output::notice, () -> output.notice("removed"));
        } catch (InterruptedException | Failure failed) {
            output.notice("not removed: " + failed.getMessage());
        }
    }

    /** The declaration with the files beside it, as the server would read it. */
    private Declaration declaration(Declared declared) {
        ObjectNode body = Uploads.body(declared, (file, size) -> Uploads.digest(file));
        byte[] json = Json.line(body).getBytes(StandardCharsets.UTF_8);
        return switch (DeclarationParser.parse(json, "application/json")) {
            case ParsedDeclaration.Accepted(Declaration accepted) -> accepted;
            case ParsedDeclaration.Refused(var refusals) ->
                throw Failure.of(
                        ExitCode.REFUSED,
                        file + " is refused:"
                                + refusals.stream()
                                        .map(each ->
                                                "\n  " + each.field() + ": " + each.detail() + " [" + each.code() + "]")
                                        .collect(Collectors.joining()));
            case ParsedDeclaration.Malformed(String detail) ->
                throw Failure.of(ExitCode.REFUSED, file + " is malformed: " + detail);
            case ParsedDeclaration.UnknownType() -> throw new IllegalStateException();
        };
    }

    /** What a server would have as uploaded files: those beside the declaration that are not short texts. */
    private static Map<String, UploadedFile> uploads(Declaration declaration, Declared declared) throws IOException {
        Map<String, UploadedFile> uploads = new LinkedHashMap<>();
        for (Map.Entry<String, String> upload : declaration.uploads().entrySet()) {
            Path beside = declared.files().get(upload.getKey());
            if (beside == null) {
                throw Failure.of(
                        ExitCode.USAGE,
                        "files: " + upload.getKey() + " is given by its digest, and a server has it. Put the file into"
                                + " the folder of the declaration, or try it on a server's worker with --remote");
            }
            uploads.put(upload.getKey(), new UploadedFile(upload.getValue(), Files.size(beside)).at(beside));
        }
        return uploads;
    }

    private PresetDeclaration chosen(Declaration declaration) {
        return declaration.presets().stream()
                .filter(each -> preset == null || each.name().equals(preset))
                .findFirst()
                .orElseThrow(() -> Failure.of(
                        ExitCode.USAGE,
                        preset == null
                                ? file + " has no preset"
                                : "--preset: " + file + " has no preset '" + preset + "'"));
    }
}
