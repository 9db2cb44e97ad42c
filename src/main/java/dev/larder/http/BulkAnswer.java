package dev.larder.http;

import dev.larder.database.Total;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.jspecify.annotations.Nullable;

/**
 * What a call did to all that its conditions match.
 *
 * @param count how many were changed; of a dry run: how many match, up to 10,000
 * @param skipped how many of those that match were left as they were: they had changed meanwhile, or may not be changed
 *     in this way
 * @param more whether there may be others
 * @param next what to send as {@code after} to go on; null after the last one, and of a dry run
 */
@Schema(name = "BulkAnswer")
public record BulkAnswer(
        boolean dryRun,
        long count,
        long skipped,
        boolean more,
        @Nullable String next) {

    /** Whether the call changed something. */
    public boolean changedAny() {
        return !dryRun && count > 0;
    }

    /** Of a dry run. */
    public static BulkAnswer of(Total total) {
        return new BulkAnswer(true, total.count(), 0, !total.exact(), null);
    }

    /** @param page what was looked at: all of it was changed, but for what was skipped */
    public static BulkAnswer of(Page<?> page, long changed) {
        return new BulkAnswer(false, changed, page.items().size() - changed, page.next() != null, page.next());
    }
}
