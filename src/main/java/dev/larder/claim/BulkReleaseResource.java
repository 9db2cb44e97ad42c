package dev.larder.claim;

import dev.larder.claim.ClaimReads.ClaimFilter;
import dev.larder.http.BulkAnswer;
import dev.larder.http.BulkChange;
import dev.larder.http.BulkFilter;
import dev.larder.http.CurrentCaller;
import dev.larder.lifecycle.BulkAudit;
import dev.larder.lifecycle.BulkAudit.Action;
import dev.larder.model.Caller;
import dev.larder.model.Role;
import dev.larder.model.Visibility;
import io.smallrye.mutiny.Uni;
import jakarta.annotation.security.RolesAllowed;
import jakarta.ws.rs.BeanParam;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.core.MediaType;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.media.Content;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.parameters.RequestBody;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;
import org.jspecify.annotations.Nullable;

/** Ends all claims that a filter matches, as {@code DELETE /claims/{id}} ends one. */
@Path("/api/v1/claims")
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "claims")
class BulkReleaseResource {

    private final ClaimReads reads;
    private final Releases releases;
    private final BulkAudit audit;
    private final CurrentCaller caller;
    private final InstantSource clock;

    BulkReleaseResource(
            ClaimReads reads, Releases releases, BulkAudit audit, CurrentCaller caller, InstantSource clock) {
        this.reads = reads;
        this.releases = releases;
        this.audit = audit;
        this.caller = caller;
        this.clock = clock;
    }

    @POST
    @Path("release")
    @Consumes(MediaType.APPLICATION_JSON)
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME})
    @RequestBody(required = true, content = @Content(schema = @Schema(implementation = BulkFilter.class)))
    @Operation(
            operationId = "releaseClaims",
            summary =
                    "Releases the active and waiting claims that match, 100 in a call. Members release their own, others those of their organization. dryRun=true counts them")
    public Uni<BulkAnswer> release(@BeanParam BulkChange.Parameters parameters, byte @Nullable [] body) {
        BulkFilter wanted = BulkFilter.of(body);
        ClaimFilter filter = new ClaimFilter(
                wanted.presets(),
                wanted.status(List.of("active", "waiting")).or(() -> Optional.of(ClaimReads.LIVE)),
                wanted.ownerName(),
                wanted.labels(),
                wanted.since(clock.instant()));
        Caller asking = caller.get();
        Visibility scope = Visibility.of(asking);
        return BulkChange.of(
                parameters,
                new BulkChange.Things<>(
                        () -> reads.total(scope, filter),
                        page -> reads.list(scope, filter, page.after(), page.rows()),
                        Claim::id),
                matching -> audit.begin(asking, Action.RELEASE_CLAIMS, wanted.conditions(), matching),
                this::end);
    }

    /** A claim of another generation is another holding, which the filter has not seen. */
    private Uni<Boolean> end(Claim claim) {
        Integer generation = claim.generation();
        return releases.end(claim.id(), generation == null ? OptionalInt.empty() : OptionalInt.of(generation))
                .replaceWith(true);
    }
}
