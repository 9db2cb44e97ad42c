package dev.larder.dump;

import dev.larder.dump.SqlScanner.Scanned;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** The steps of text. */
final class SqlSteps {

    private final SqlScanner scanner;
    private final boolean dump;
    private final String entry;

    /**
     * @param dump whether {@code pg_dump} wrote it: then some statements are left out
     * @param entry the entry of an archive that it is from; empty for a file
     */
    SqlSteps(ByteReader in, boolean dump, String entry) {
        this.scanner = new SqlScanner(in);
        this.dump = dump;
        this.entry = entry;
    }

    /** The next step; null at the end. */
    @Nullable
    Step next() throws IOException {
        Scanned scanned = scanner.next();
        if (scanned == null) {
            return null;
        }
        String outline = scanned.outline().toUpperCase(Locale.ROOT);
        String words = utf8(StatementRules.words(scanned.outline()));
        Statement statement = new Statement(
                scanned.line(), entry, words, scanned.sql(), StatementRules.sharing(outline, scanned.text()));
        Optional<Step.Omitted> omitted = dump ? StatementRules.omitted(outline) : Optional.empty();
        if (omitted.isPresent()) {
            return new Step.Omit(statement, omitted.get());
        }
        StatementRules.refusal(outline).ifPresent(reason -> {
            throw new DumpRefused(statement.place(), reason);
        });
        if (StatementRules.takesRows(outline)) {
            CopyRows rows = scanner.rows();
            return new Step.Copy(statement, scanner.line(), rows);
        }
        return new Step.Run(statement);
    }

    /** The outline has a character for each byte. */
    private static String utf8(String bytes) {
        return new String(bytes.getBytes(StandardCharsets.ISO_8859_1), StandardCharsets.UTF_8);
    }
}
