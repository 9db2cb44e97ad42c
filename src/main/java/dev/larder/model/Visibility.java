package dev.larder.model;

import java.util.Optional;
import java.util.UUID;

/**
 * Which workspaces, claims and jobs a caller may see: those of one organization or of all, of one owner or of
 * all.
 *
 * @param organization empty for all
 * @param owner empty for all
 */
public record Visibility(Optional<UUID> organization, Optional<UUID> owner) {

    /** All of the deployment. */
    public static final Visibility ALL = new Visibility(Optional.empty(), Optional.empty());

    /** Members and workers see their own; owners, template admins and auditors those of their organization. */
    public static Visibility of(Caller caller) {
        return switch (caller.role()) {
            case MEMBER, WORKER -> new Visibility(caller.organization(), Optional.of(caller.userId()));
            case OWNER, TEMPLATE_ADMIN, AUDITOR -> new Visibility(caller.organization(), Optional.empty());
        };
    }
}
