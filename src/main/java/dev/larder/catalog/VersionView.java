package dev.larder.catalog;

import com.fasterxml.jackson.annotation.JsonUnwrapped;
import java.math.BigDecimal;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** A template version as the API shows it: files by their sizes, sensitive defaults only by their existence. */
public record VersionView(
        UUID id,
        int number,
        boolean active,
        @JsonUnwrapped Construction construction,
        List<ParameterView> parameters,
        String createdBy,
        Instant createdAt) {

    /**
     * How a worker builds its workspaces.
     *
     * @param files size in bytes by path
     */
    public record Construction(
            String backend, Map<String, Long> files, Map<String, String> tags, int startTimeoutSeconds) {}

    /** @param defaultValue null where there is none, or where it is sensitive */
    public record ParameterView(
            String name,
            String type,
            boolean required,
            boolean mutable,
            boolean sensitive,
            boolean hasDefault,
            @Nullable String defaultValue,
            @JsonUnwrapped Choice choice) {}

    /**
     * What a client may give.
     *
     * @param late whether a claim may give a value to a workspace that is built already
     * @param allowed the only values; empty: all
     */
    public record Choice(
            boolean late,
            @Nullable String description,
            List<String> allowed,
            @Nullable BigDecimal min,
            @Nullable BigDecimal max,
            @Nullable Integer minLength,
            @Nullable Integer maxLength,
            @Nullable String pattern) {}
}
