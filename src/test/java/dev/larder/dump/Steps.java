package dev.larder.dump;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Files of tests, as what they ask for. */
final class Steps {

    private Steps() {}

    /** The texts of the statements; rows follow their COPY after an arrow; what is left out begins with a minus. */
    static List<String> of(String text) {
        return of(text.getBytes(StandardCharsets.UTF_8));
    }

    static List<String> of(byte[] content) {
        return all(content).stream().map(One::shown).toList();
    }

    /** @param rows of a COPY, otherwise empty */
    record One(Step step, String rows) {

        String shown() {
            String sql = new String(step.statement().sql(), StandardCharsets.UTF_8);
            return switch (step) {
                case Step.Run run -> sql;
                case Step.Copy copy -> sql + " → " + rows;
                case Step.Omit omit -> "- " + omit.what();
            };
        }
    }

    static List<One> all(byte[] content) {
        List<One> all = new ArrayList<>();
        try (DumpFile file = DumpFile.open(new ByteArrayInputStream(content))) {
            @Nullable Step step = file.next();
            while (step != null) {
                all.add(new One(step, step instanceof Step.Copy copy ? text(copy.rows()) : ""));
                step = file.next();
            }
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
        return all;
    }

    private static String text(InputStream rows) throws IOException {
        return new String(rows.readAllBytes(), StandardCharsets.UTF_8);
    }

    static String problem(String text) {
        return DumpFile.problem(text).orElse("none");
    }
}
