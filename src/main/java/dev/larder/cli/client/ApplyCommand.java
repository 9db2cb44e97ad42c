package dev.larder.cli.client;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Declares templates from files and folders. */
@Command(
        name = "apply",
        description = {
            "Creates or updates templates as files declare them. The same again changes nothing.",
            "A folder with a larder.yaml is one template, and its other files are the template's files. Of another"
                    + " folder, each *.yaml file and each folder with a larder.yaml is a template.",
            "The template's name: 'template' in the declaration, else --template, else the name of the file or folder."
        },
        footerHeading = "%nExamples:%n",
        footer = {
            "  larder apply -f orders-database/",
            "  larder apply -f orders-database.yaml -O demo --dry-run",
            "  generate | larder apply -f - --template=demo/orders-database"
        })
public final class ApplyCommand extends ClientCommand {

    @Option(
            names = {"-f", "--file"},
            required = true,
            paramLabel = "FILE",
            description = "A file, a folder, or - for standard input. Repeatable.")
    List<String> files = List.of();

    @Option(
            names = "--template",
            paramLabel = "NAME",
            description = "organization/template or template, where one template is declared.")
    @Nullable
    String template;

    @Option(
            names = "--dry-run",
            description = "Declares nothing, and shows what would change. Exit code 2: something would."
                    + " Large files of a folder are uploaded all the same.")
    boolean dryRun;

    @Option(names = "--diff", description = "As --dry-run, and shows each field that would change.")
    boolean diff;

    @Option(names = "--no-promote", description = "Imports a new version without making it the active one.")
    boolean noPromote;

    @Override
    ExitCode run(Session session) {
        List<Declared> declared = Declarations.read(files, session.terminal());
        if (template != null && declared.size() != 1) {
            throw usage("--template: " + declared.size() + " templates are declared, not one.");
        }
        if (template != null) {
            declared = List.of(declared.getFirst().named(Reference.template(template)));
        }
        if (declared.stream().anyMatch(each -> each.template().isEmpty())) {
            throw usage("Missing: --template=NAME. Standard input has no name, and the declaration has no 'template'.");
        }
        List<JsonNode> answers = new ArrayList<>();
        try {
            for (Declared each : declared) {
                answers.add(apply(session, each));
            }
        } finally {
            // What was applied before one was refused is shown too.
            print(session.output(), answers);
        }
        boolean changes = answers.stream().anyMatch(Applications::changes);
        return isDry() && changes ? ExitCode.CHANGES : ExitCode.OK;
    }

    private void print(Output output, List<JsonNode> answers) {
        if (diff && output.isForPeople()) {
            answers.forEach(answer -> Applications.differences(answer).forEach(output::line));
        } else if (!answers.isEmpty()) {
            output.list(answers, Applications.COLUMNS, Applications::name);
        }
    }

    private boolean isDry() {
        return dryRun || diff;
    }

    private JsonNode apply(Session session, Declared declared) {
        String organization = declared.organization().orElseGet(session::organization);
        String path = Paths.of("organizations", organization, "templates", declared.template());
        if (noPromote) {
            path = Paths.with(path, "promote", "false");
        }
        if (isDry()) {
            path = Paths.with(path, "dryRun", "true");
        }
        try {
            ObjectNode body = new Uploads(session.api(), organization).body(declared);
            return session.api().put(path, body).body();
        } catch (Failure refused) {
            // The server names the field; which of several files it stands in, only this side knows.
            throw Failure.of(refused.exit(), refused.code(), declared.source() + ": " + refused.sentence());
        }
    }
}
