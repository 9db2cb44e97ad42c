package dev.larder.cli.client;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Stack;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.IParameterConsumer;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Claims a workspace and prints how to use it, or runs a command that has it. */
@Command(
        name = "claim",
        description = {
            "Claims a ready workspace, waits until it can be used, and prints how to use it, as commands of a shell:"
                    + " eval \"$(larder claim demo/small)\".",
            "",
            "With a command after --, the command runs with the claim in its environment: LARDER_CLAIM_ID,"
                    + " LARDER_CLAIM_WORKSPACE_ID, LARDER_CLAIM_WORKSPACE_NAME, LARDER_CLAIM_ORGANIZATION,"
                    + " LARDER_CLAIM_TEMPLATE, LARDER_CLAIM_PRESET, and LARDER_OUTPUT_<NAME> for each output. The claim then has a lease of two"
                    + " minutes (--ttl), which is renewed while the command runs, and is released when the command"
                    + " ends. The exit code is the command's; 9 where the lease was lost and the command ended for it."
        },
        footerHeading = "%nExamples:%n",
        footer = {
            "  larder claim demo/small -- psql",
            "  larder claim demo/small --ttl=1h -o json",
            "  larder claim acme/demo/small --wait=10m --label job=42 -- ./run-tests"
        })
public final class ClaimCommand extends CallingCommand {

    private static final Duration LEASE = Duration.ofMinutes(2);
    private static final Duration LEASE_MIN = Duration.ofSeconds(3);

    /** Larger than every time limit of a server's builds. */
    private static final Duration USABLE_WITHIN = Duration.ofDays(2);

    @Parameters(
            index = "0",
            paramLabel = "PRESET",
            description = "organization/template/preset, template/preset, or a preset's id.")
    @SuppressWarnings("NullAway.Init")
    String preset;

    @Parameters(index = "1..*", paramLabel = "COMMAND", description = "After --: a command and its arguments.")
    List<String> command = new ArrayList<>();

    @Option(
            names = "--wait",
            arity = "0..1",
            paramLabel = "DURATION",
            fallbackValue = "5m",
            parameterConsumer = DurationOrNone.class,
            description = "Waits this long where none is in stock. Default: does not wait; --wait alone: 5m.")
    @Nullable
    Duration wait;

    @Option(names = "--cold", description = "Builds one where none is in stock, with --wait after that time.")
    boolean cold;

    @Option(
            names = "--ttl",
            paramLabel = "DURATION",
            description = "When the claim ends unless it is renewed. Default: kept until it is released; 2m with a"
                    + " command, which renews it.")
    @Nullable
    Duration ttl;

    @Option(names = "--label", paramLabel = "KEY=VALUE", description = "A label of the claim; repeatable.")
    Map<String, String> labels = new LinkedHashMap<>();

    @Option(names = "--parameter", paramLabel = "NAME=VALUE", description = "A parameter of the workspace; repeatable.")
    Map<String, String> parameters = new LinkedHashMap<>();

    @Option(
            names = {"-o", "--output"},
            paramLabel = "FORM",
            defaultValue = "env",
            description = "${COMPLETION-CANDIDATES}. Default: ${DEFAULT-VALUE}, which is safe for eval.")
    @SuppressWarnings("NullAway.Init")
    ClaimForm form;

    /** The next argument is the duration of {@code --wait}, unless it can only be something else. */
    static final class DurationOrNone implements IParameterConsumer {

        @Override
        public void consumeParameters(Stack<String> arguments, ArgSpec option, CommandSpec command) {
            boolean other = arguments.isEmpty()
                    || arguments.peek().startsWith("-")
                    || arguments.peek().contains("/");
            option.setValue(CommandLines.duration(other ? "5m" : arguments.pop()));
        }
    }

    @Override
    int run(Terminal terminal) {
        refuseUnusable();
        Session session = session(terminal, new OutputOptions());
        JsonNode request = request(session);
        ApiClient api = session.api();
        Progress progress = new Progress(terminal);
        Claiming claiming =
                new Claiming(api, request, UUID.randomUUID().toString(), progress, Waits.Deadline.in(USABLE_WITHIN));
        if (command.isEmpty()) {
            return new PrintedClaim(claiming, progress, session.output(), form).run();
        }
        return new CommandWithClaim(claiming, progress, terminal.err(), lease -> renewal(api, lease)).run(command);
    }

    private ClaimLease renewal(ApiClient api, String claim) {
        return new ClaimLease(api, claim, lease());
    }

    private Duration lease() {
        return ttl == null ? LEASE : ttl;
    }

    private void refuseUnusable() {
        boolean marked = spec.commandLine().getParseResult().originalArgs().contains("--");
        if (!command.isEmpty() && !marked) {
            throw usage("'" + command.getFirst() + "': a command stands after --.");
        }
        if (!command.isEmpty() && lease().compareTo(LEASE_MIN) < 0) {
            throw usage("--ttl must be 3s or longer with a command.");
        }
        if (wait != null && wait.isZero()) {
            throw usage("--wait must be 1s or longer.");
        }
    }

    private JsonNode request(Session session) {
        ObjectNode request = Json.object();
        switch (Reference.preset(preset)) {
            case Reference.Id(String id) -> request.put("presetId", id);
            case Reference.PresetName(var template, String name) -> {
                template.organization()
                        .or(session::namedOrganization)
                        .ifPresent(named -> request.put("organization", named));
                request.put("template", template.template()).put("preset", name);
            }
            case Reference.TemplateName impossible -> throw new IllegalStateException();
        }
        request.put("policy", wait == null ? cold ? "cold" : "fail" : cold ? "wait_then_cold" : "wait");
        if (wait != null) {
            request.put("timeout", wait.toString());
        }
        if (ttl != null || !command.isEmpty()) {
            request.put("ttl", lease().toString());
        }
        put(request, "labels", labels);
        put(request, "parameters", parameters);
        return request;
    }

    private static void put(ObjectNode request, String field, Map<String, String> values) {
        if (!values.isEmpty()) {
            ObjectNode object = request.putObject(field);
            values.forEach(object::put);
        }
    }
}
