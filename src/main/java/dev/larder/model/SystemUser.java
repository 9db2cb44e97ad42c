package dev.larder.model;

import java.util.UUID;

/**
 * The built-in owner of every unclaimed prebuild. It can never log in or hold a token, which the schema
 * enforces.
 */
public final class SystemUser {

    public static final UUID ID = UUID.fromString("00000000-0000-7000-8000-000000000001");

    private SystemUser() {}
}
