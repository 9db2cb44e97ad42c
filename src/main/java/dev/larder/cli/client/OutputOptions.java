package dev.larder.cli.client;

import picocli.CommandLine.Option;

/** How a command prints. */
final class OutputOptions {

    /** The forms of an output. */
    enum Format {
        table,
        wide,
        json,
        yaml,
        name
    }

    @Option(
            names = {"-o", "--output"},
            paramLabel = "FORMAT",
            defaultValue = "table",
            description = "${COMPLETION-CANDIDATES}. Default: ${DEFAULT-VALUE}.")
    @SuppressWarnings("NullAway.Init")
    Format format;

    @Option(
            names = "--no-color",
            description = "No colours; NO_COLOR does the same. Without a terminal there are none.")
    boolean noColor;
}
