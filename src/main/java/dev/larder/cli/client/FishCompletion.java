package dev.larder.cli.client;

import java.util.Map;
import java.util.StringJoiner;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;

/** The completion script for fish, from the model of the command line. */
final class FishCompletion {

    private FishCompletion() {}

    static String of(CommandLine top) {
        StringBuilder script = new StringBuilder("# Completions of larder for fish.\ncomplete -c larder -f\n");
        add(script, top.getCommandSpec(), "__fish_use_subcommand");
        top.getSubcommands().forEach((name, command) -> nested(script, command.getCommandSpec(), name));
        return script.toString();
    }

    private static void nested(StringBuilder script, CommandSpec command, String name) {
        String inside = "__fish_seen_subcommand_from " + name;
        Map<String, CommandLine> below = command.subcommands();
        String words = String.join(" ", below.keySet());
        add(script, command, below.isEmpty() ? inside : inside + "; and not __fish_seen_subcommand_from " + words);
        below.forEach((word, each) ->
                add(script, each.getCommandSpec(), inside + "; and __fish_seen_subcommand_from " + word));
    }

    /** @param condition when the words of this command are offered */
    private static void add(StringBuilder script, CommandSpec command, String condition) {
        command.subcommands()
                .forEach((name, each) -> line(script, condition, "-a " + name, description(each.getCommandSpec())));
        command.options().stream().filter(option -> !option.hidden()).forEach(option -> {
            line(script, condition, names(option) + values(option), first(option.description()));
        });
        for (PositionalParamSpec parameter : command.positionalParameters()) {
            if (parameter.completionCandidates() != null) {
                line(script, condition, "-a '" + candidates(parameter.completionCandidates()) + "'", "");
            }
        }
    }

    private static void line(StringBuilder script, String condition, String what, String description) {
        script.append("complete -c larder -n '").append(condition).append("' ").append(what);
        if (!description.isEmpty()) {
            script.append(" -d '")
                    .append(description.replace("\\", "\\\\").replace("'", "\\'"))
                    .append('\'');
        }
        script.append('\n');
    }

    private static String names(OptionSpec option) {
        StringJoiner names = new StringJoiner(" ");
        for (String name : option.names()) {
            names.add(name.startsWith("--") ? "-l " + name.substring(2) : "-s " + name.substring(1));
        }
        return names.toString();
    }

    private static String values(OptionSpec option) {
        if (option.arity().max() == 0) {
            return "";
        }
        if (option.completionCandidates() != null) {
            return " -x -a '" + candidates(option.completionCandidates()) + "'";
        }
        return option.paramLabel().equals("FILE") ? " -r -F" : " -x";
    }

    private static String candidates(Iterable<String> candidates) {
        return String.join(" ", candidates);
    }

    private static String description(CommandSpec command) {
        return first(command.usageMessage().description());
    }

    /** The first sentence. */
    private static String first(String[] description) {
        String text = description.length == 0 ? "" : description[0];
        int end = text.indexOf(". ");
        return (end < 0 ? text : text.substring(0, end)).replaceFirst("\\.$", "");
    }
}
