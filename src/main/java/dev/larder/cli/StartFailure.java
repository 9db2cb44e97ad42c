package dev.larder.cli;

import dev.larder.model.MisconfiguredException;
import io.quarkus.runtime.QuarkusBindException;
import io.quarkus.runtime.configuration.ConfigurationException;
import io.smallrye.config.ConfigValidationException;
import java.util.ArrayList;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * Tells the operator why a process does not serve: one sentence on stderr, and exit code 2 if the configuration
 * must change. An unknown failure is logged with its stack trace, and the exit code is 1.
 */
public record StartFailure(
        String sentence, int exit, @Nullable Throwable unexpected) {

    private static final Logger LOG = Logger.getLogger(StartFailure.class);
    private static final int CONFIGURATION = 2;
    private static final int UNEXPECTED = 1;
    private static final int CAUSES_MAX = 16;

    private static final Pattern NOT_CONVERTED = Pattern.compile(
            "[Tt]he config property (\\S+) with the config value \".*\" threw an Exception whilst being "
                    + "converted:?\\s*(.*)",
            Pattern.DOTALL);
    private static final Pattern UNKNOWN = Pattern.compile("(\\S+) in .* does not map to any root");
    private static final Pattern MISSING = Pattern.compile("[Tt]he config property (\\S+) is required but .*");
    private static final Pattern EMPTY =
            Pattern.compile("[Tt]he config property (\\S+) is defined as the empty String.*");
    private static final Pattern SECRET = Pattern.compile(".*(password|key|token|secret|credential).*");

    public static StartFailure of(Throwable failure) {
        List<Throwable> causes = causes(failure);
        for (Throwable cause : causes) {
            Optional<String> sentence = sentence(cause);
            if (sentence.isPresent()) {
                return new StartFailure(sentence.get(), CONFIGURATION, null);
            }
        }
        return new StartFailure("not started, which is a fault of Larder: see the log", UNEXPECTED, failure);
    }

    private static List<Throwable> causes(Throwable failure) {
        List<Throwable> causes = new ArrayList<>();
        for (Throwable cause = failure; cause != null && causes.size() < CAUSES_MAX; cause = cause.getCause()) {
            causes.add(cause);
        }
        return causes;
    }

    private static Optional<String> sentence(Throwable cause) {
        return switch (cause) {
            case MisconfiguredException told -> Optional.ofNullable(told.getMessage());
            case QuarkusBindException taken ->
                Optional.of(taken.getHost() + ":" + taken.getPort()
                        + " cannot be listened on; is it in use? quarkus.http.port names another one");
            case ConfigValidationException invalid -> Optional.of(problems(invalid));
            case ConfigurationException invalid -> Optional.of(plain(String.valueOf(invalid.getMessage())));
            case NoSuchElementException missing
            when isOfConfiguration(missing) -> Optional.of(plain(String.valueOf(missing.getMessage())));
            case IllegalArgumentException invalid
            when isOfConfiguration(invalid) -> Optional.of(plain(String.valueOf(invalid.getMessage())));
            // The client's message contains the whole address, which may contain a password.
            case IllegalArgumentException invalid
            when String.valueOf(invalid.getMessage()).startsWith("Cannot parse invalid connection URI") ->
                Optional.of("quarkus.datasource.reactive.url must be like postgresql://host:5432/database");
            default -> Optional.empty();
        };
    }

    private static boolean isOfConfiguration(Throwable cause) {
        return String.valueOf(cause.getMessage()).startsWith("SRCFG");
    }

    private static String problems(ConfigValidationException invalid) {
        return IntStream.range(0, invalid.getProblemCount())
                .mapToObj(problem -> plain(invalid.getProblem(problem).getMessage()))
                .distinct()
                .collect(Collectors.joining("; "));
    }

    /** Without codes, class names, and values that may be secret. */
    private static String plain(String told) {
        String text = told.replaceFirst("^[a-zA-Z.]+Exception: ", "").replaceFirst("^SRCFG[0-9]+: ", "");
        Matcher converted = NOT_CONVERTED.matcher(text);
        if (converted.matches()) {
            String key = converted.group(1);
            return key + " cannot be used" + (SECRET.matcher(key).matches() ? "" : ": " + plain(converted.group(2)));
        }
        Matcher unknown = UNKNOWN.matcher(text);
        if (unknown.matches()) {
            return unknown.group(1) + " is no setting of Larder";
        }
        Matcher empty = EMPTY.matcher(text);
        if (empty.matches()) {
            return empty.group(1) + " is empty";
        }
        Matcher missing = MISSING.matcher(text);
        return missing.matches()
                ? missing.group(1) + " is not set"
                : text.lines().findFirst().orElse(text);
    }

    /** @return the exit code to end with */
    public int tell() {
        if (unexpected != null) {
            LOG.error("not started", unexpected);
        }
        System.err.println("larder: " + sentence);
        return exit;
    }
}
