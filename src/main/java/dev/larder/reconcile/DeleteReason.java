package dev.larder.reconcile;

import java.util.Locale;

/** Why a cycle deletes a running prebuild. */
public enum DeleteReason {
    /** Its preset is not active. */
    INACTIVE,
    /** What is known of its infrastructure cannot be trusted. */
    UNRELIABLE,
    /** Created before the last invalidation, or older than the ttl. */
    EXPIRED,
    /** A fresh one is ready in its place: of another version, or of the same one. */
    REPLACED,
    /** More are running than are wanted; the oldest go. */
    EXTRANEOUS;

    /** The word the database and the API use. */
    public String word() {
        return name().toLowerCase(Locale.ROOT);
    }
}
