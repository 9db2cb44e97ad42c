package dev.larder.model;

/**
 * A part of this process that must work before it is given traffic. Every bean of this type is asked at each
 * readiness check, so an answer is what is known already: no I/O.
 */
public interface ReadinessPart {

    /** Lower case with hyphens; unique: {@code listener}. */
    String name();

    boolean up();

    /** What it is doing or waiting for, for people; no secret. */
    String detail();

    /**
     * Whether the process has not even started before this part was up once: migrations, but not a connection.
     */
    default boolean partOfStart() {
        return false;
    }
}
