package dev.larder.model;

import org.jspecify.annotations.Nullable;

/**
 * What a version lets its users choose.
 *
 * @param type one of {@link ParameterValue#TYPES}
 * @param defaultValue in clear here; the database holds it sealed where {@code sensitive}
 * @param mutable whether it may differ after the first build
 */
public record Parameter(
        String name,
        String type,
        boolean required,
        boolean mutable,
        boolean sensitive,
        @Nullable String defaultValue) {}
