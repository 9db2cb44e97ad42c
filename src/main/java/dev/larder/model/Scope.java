package dev.larder.model;

import java.util.Optional;
import java.util.UUID;

/**
 * Whose workspaces, claims and jobs may be seen: those of one organization or of all, of one owner or of all.
 *
 * @param organization empty for all
 * @param owner empty for all
 */
public record Scope(Optional<UUID> organization, Optional<UUID> owner) {

    /** Everything there is. */
    public static final Scope ALL = new Scope(Optional.empty(), Optional.empty());

    /** Members and workers see what is their own, the others what is their organization's. */
    public static Scope of(Caller caller) {
        return switch (caller.role()) {
            case MEMBER, WORKER -> new Scope(caller.organization(), Optional.of(caller.userId()));
            case OWNER, TEMPLATE_ADMIN, AUDITOR -> new Scope(caller.organization(), Optional.empty());
        };
    }
}
