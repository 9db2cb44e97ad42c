package dev.larder.testing;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;
import org.junit.jupiter.api.extension.ConditionEvaluationResult;
import org.junit.jupiter.api.extension.ExecutionCondition;
import org.junit.jupiter.api.extension.ExtensionContext;

/** The tool that tests of {@link NeedsTerraform} run. */
public final class TerraformTool implements ExecutionCondition {

    private static final String MISSING = "neither terraform nor tofu is on the path";

    /** The first on the path: {@code terraform}, or else {@code tofu}. */
    public static Path path() {
        return find().orElseThrow(() -> new AssertionError(MISSING));
    }

    private static Optional<Path> find() {
        return onPath("terraform").or(() -> onPath("tofu"));
    }

    /** The first program of this name on the path. */
    public static Optional<Path> onPath(String program) {
        return Arrays.stream(System.getenv().getOrDefault("PATH", "").split(":"))
                .map(folder -> Path.of(folder, program))
                .filter(Files::isExecutable)
                .findFirst();
    }

    @Override
    public ConditionEvaluationResult evaluateExecutionCondition(ExtensionContext context) {
        if (find().isPresent()) {
            return ConditionEvaluationResult.enabled("the tool is on the path");
        }
        if (context.getTestMethod().isEmpty()) {
            System.err.println("SKIPPED " + context.getRequiredTestClass().getSimpleName() + ": " + MISSING);
        }
        return ConditionEvaluationResult.disabled(MISSING);
    }
}
