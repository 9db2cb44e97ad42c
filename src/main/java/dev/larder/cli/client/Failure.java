package dev.larder.cli.client;

/** Ends a command: one sentence on stderr and an exit code. It carries no stack trace, because it is expected. */
public final class Failure extends RuntimeException {

    private static final long serialVersionUID = 1;

    private final ExitCode exit;
    private final String code;

    private Failure(ExitCode exit, String code, String sentence) {
        super(sentence, null, false, false);
        this.exit = exit;
        this.code = code;
    }

    public static Failure of(ExitCode exit, String sentence) {
        return new Failure(exit, "", sentence);
    }

    /** @param code the stable code of the server's problem, as {@code src/docs/codes.md} lists them */
    static Failure of(ExitCode exit, String code, String sentence) {
        return new Failure(exit, code, sentence);
    }

    public ExitCode exit() {
        return exit;
    }

    /** The stable code of the server's problem; empty where the failure is no answer of the server. */
    public String code() {
        return code;
    }

    public String sentence() {
        return String.valueOf(getMessage());
    }
}
