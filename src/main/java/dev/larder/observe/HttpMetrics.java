package dev.larder.observe;

import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.Tag;
import io.micrometer.core.instrument.config.MeterFilter;
import jakarta.inject.Singleton;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.NonNull;

/**
 * Keeps the labels of HTTP metrics few: a client invents methods as it likes, and each would be a series of its
 * own. What address a request is counted under is decided at the edge ({@code http.Edge}).
 */
@Singleton
class HttpMetrics implements MeterFilter {

    private static final String METHOD = "method";
    private static final Set<String> METHODS =
            Set.of("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE");

    @Override
    public Meter.@NonNull Id map(Meter.@NonNull Id id) {
        String method = id.getTag(METHOD);
        return !id.getName().startsWith("http.server") || method == null || METHODS.contains(method)
                ? id
                : id.withTags(List.of(Tag.of(METHOD, "OTHER")));
    }
}
