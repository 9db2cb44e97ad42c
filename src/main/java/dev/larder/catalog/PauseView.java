package dev.larder.catalog;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * A pause as an operator set it; it may have ended since.
 *
 * @param scope {@code create} or {@code all}
 * @param until exclusive end; null holds until it is lifted
 */
public record PauseView(String scope, @Nullable Instant until) {}
