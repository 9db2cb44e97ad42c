package dev.larder.cli.client;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.larder.cli.client.ContextFile.Content;
import dev.larder.cli.client.ContextFile.Context;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** The commands below {@code larder context}. None of them calls a server, and none prints a token. */
final class ContextCommands {

    private ContextCommands() {}

    private static final List<Column> COLUMNS = List.of(
            Column.always("CONTEXT", Column.field("name")),
            Column.of("CURRENT", row -> row.path("current").asBoolean() ? "current" : "", 90),
            Column.of("SERVER", Column.field("server"), 80),
            Column.of("ORGANIZATION", Column.field("organization"), 50),
            Column.of("TOKEN", row -> row.path("loggedIn").asBoolean() ? "yes" : "no", 40),
            Column.wide("CA FILE", Column.field("caFile")));

    /** As it is shown: whether there is a token, and not the token. */
    private static JsonNode view(Context context, Content content) {
        ObjectNode view = Json.object().put("name", context.name()).put("server", context.server());
        view.put("organization", context.organization());
        view.put("caFile", context.caFile());
        view.put("loggedIn", context.token() != null);
        return view.put("current", context.name().equals(content.current()));
    }

    abstract static class FileCommand implements Callable<Integer> {

        @Spec
        @SuppressWarnings("NullAway.Init")
        CommandSpec spec;

        @Mixin
        final OutputOptions outputOptions = new OutputOptions();

        @Option(
                names = {"-h", "--help"},
                usageHelp = true,
                description = "Shows this help.")
        boolean help;

        @Override
        public final Integer call() {
            Terminal terminal = ((Terminal.Holder) spec.root().userObject()).terminal();
            ContextFile file = new ContextFile(terminal);
            run(file, file.read(), new Output(terminal, outputOptions));
            return ExitCode.OK.number();
        }

        abstract void run(ContextFile file, Content content, Output output);

        static Context named(Content content, String name) {
            return content.named(name)
                    .orElseThrow(() -> Failure.of(
                            ExitCode.NOT_FOUND,
                            "there is no context '" + name + "'. 'larder context list' lists them."));
        }
    }

    /** Lists all contexts. */
    @Command(
            name = "list",
            description = "Lists the contexts.",
            footerHeading = "%nExamples:%n",
            footer = "  larder context list -o json")
    static final class ListAll extends FileCommand {

        @Override
        void run(ContextFile file, Content content, Output output) {
            output.list(
                    content.contexts().stream()
                            .map(context -> view(context, content))
                            .toList(),
                    COLUMNS,
                    Column.field("name"));
        }
    }

    /** Chooses the context of the commands that name none. */
    @Command(
            name = "use",
            description = "Chooses the context of the commands that name none.",
            footerHeading = "%nExamples:%n",
            footer = "  larder context use production")
    static final class Use extends FileCommand {

        @Parameters(paramLabel = "NAME")
        @SuppressWarnings("NullAway.Init")
        String name;

        @Override
        void run(ContextFile file, Content content, Output output) {
            file.write(content.using(named(content, name).name()));
            output.notice("the context is " + name);
        }
    }

    /** Shows one context. */
    @Command(
            name = "show",
            description = "Shows a context, without its token.",
            footerHeading = "%nExamples:%n",
            footer = "  larder context show production")
    static final class Show extends FileCommand {

        @Parameters(paramLabel = "NAME", arity = "0..1", description = "Default: the current one.")
        @Nullable
        String name;

        @Override
        void run(ContextFile file, Content content, Output output) {
            String wanted = name == null ? Objects.requireNonNullElse(content.current(), "") : name;
            JsonNode view = view(named(content, wanted), content);
            switch (output.format()) {
                case json, yaml -> output.tree(view);
                case name -> output.line(wanted);
                case table, wide -> Description.of(view).forEach(output::line);
            }
        }
    }

    /** Changes a context, or makes one without a token. */
    @Command(
            name = "set",
            description = "Changes a context, or makes one. 'larder login' gives it a token.",
            footerHeading = "%nExamples:%n",
            footer = "  larder context set production --server=https://larder.example.org -O demo")
    static final class Change extends FileCommand {

        @Parameters(paramLabel = "NAME")
        @SuppressWarnings("NullAway.Init")
        String name;

        @Option(names = "--server", paramLabel = "URL", description = "The server's address.")
        @Nullable
        String server;

        @Option(
                names = {"-O", "--organization"},
                paramLabel = "NAME",
                description = "The default organization; an empty text removes it.")
        @Nullable
        String organization;

        @Option(names = "--ca-file", paramLabel = "FILE", description = "Certificates; an empty text removes it.")
        @Nullable
        String caFile;

        @Override
        void run(ContextFile file, Content content, Output output) {
            Context before = content.named(name).orElseGet(() -> fresh());
            String address = server == null
                    ? before.server()
                    : Addresses.of(server, "--server").toString();
            // A token is for one server.
            String token = address.equals(before.server()) ? before.token() : null;
            file.write(content.with(new Context(
                    name,
                    address,
                    token,
                    changed(before.organization(), organization),
                    changed(before.caFile(), absolute(caFile)))));
            output.notice("the context " + name + " is set");
        }

        private Context fresh() {
            if (server == null) {
                throw Failure.of(ExitCode.USAGE, "a new context needs --server=https://larder.example.org");
            }
            return new Context(name, "", null, null, null);
        }

        private static @Nullable String changed(@Nullable String before, @Nullable String given) {
            if (given == null) {
                return before;
            }
            return given.isEmpty() ? null : given;
        }

        private static @Nullable String absolute(@Nullable String path) {
            return path == null || path.isEmpty()
                    ? path
                    : Path.of(path).toAbsolutePath().toString();
        }
    }

    /** Removes a context. */
    @Command(
            name = "delete",
            description = "Removes a context with its token.",
            footerHeading = "%nExamples:%n",
            footer = "  larder context delete production")
    static final class Delete extends FileCommand {

        @Parameters(paramLabel = "NAME")
        @SuppressWarnings("NullAway.Init")
        String name;

        @Override
        void run(ContextFile file, Content content, Output output) {
            file.write(content.without(named(content, name).name()));
            output.notice("the context " + name + " is deleted");
        }
    }
}
