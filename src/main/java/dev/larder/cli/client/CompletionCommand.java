package dev.larder.cli.client;

import java.util.concurrent.Callable;
import picocli.AutoComplete;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Prints a script that completes commands and options in a shell. */
@Command(
        name = "completion",
        description = "Prints a script that completes commands and options in a shell.",
        footerHeading = "%nExamples:%n",
        footer = {
            "  larder completion bash > ~/.local/share/bash-completion/completions/larder",
            "  larder completion zsh > ~/.larder-completion && echo 'source ~/.larder-completion' >> ~/.zshrc",
            "  larder completion fish > ~/.config/fish/completions/larder.fish"
        })
public final class CompletionCommand implements Callable<Integer> {

    /** The shells that there is a script for. */
    enum Shell {
        bash,
        zsh,
        fish
    }

    @Spec
    @SuppressWarnings("NullAway.Init")
    CommandSpec spec;

    @Parameters(paramLabel = "SHELL", description = "${COMPLETION-CANDIDATES}.")
    @SuppressWarnings("NullAway.Init")
    Shell shell;

    @Option(
            names = {"-h", "--help"},
            usageHelp = true,
            description = "Shows this help.")
    boolean help;

    @Override
    public Integer call() {
        CommandLine top = spec.root().commandLine();
        String script = switch (shell) {
            // The script of picocli loads bash's completion where zsh runs it.
            case bash, zsh -> AutoComplete.bash(top.getCommandName(), top);
            case fish -> FishCompletion.of(top);
        };
        Terminal terminal = ((Terminal.Holder) spec.root().userObject()).terminal();
        new Output(terminal, new OutputOptions()).text(script);
        return ExitCode.OK.number();
    }
}
