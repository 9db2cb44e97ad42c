package dev.larder.access;

import dev.larder.http.CurrentCaller;
import dev.larder.http.JsonBody;
import dev.larder.http.Page;
import dev.larder.http.PageRequest;
import dev.larder.http.Problem;
import dev.larder.pool.Caller;
import dev.larder.pool.Role;
import dev.larder.store.AccessStore;
import dev.larder.store.AccessStore.NewToken;
import dev.larder.store.AccessStore.TokenEntry;
import io.smallrye.mutiny.Uni;
import jakarta.annotation.security.RolesAllowed;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.DELETE;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.QueryParam;
import jakarta.ws.rs.core.MediaType;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Optional;
import java.util.UUID;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.media.Content;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.parameters.RequestBody;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;
import org.jboss.resteasy.reactive.RestResponse;
import org.jspecify.annotations.Nullable;

/** Bearer tokens. An owner gives them to anybody, others to themselves; the secret is in one answer and nowhere else. */
@Path("/api/v1/tokens")
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "Access")
class TokenResource {

    private static final Duration LIFE_MAX = Duration.ofDays(3650);

    /**
     * The body that makes a token.
     *
     * @param user id or name; the caller where it is left out
     * @param organization id or name of the organization the user's name belongs to
     * @param expiresAt at most ten years from now; or {@code ttl}; never where both are left out
     */
    @Schema(requiredProperties = "name")
    record TokenRequest(
            String name,
            @Nullable String user,
            @Nullable String organization,
            @Nullable Instant expiresAt,
            @Schema(examples = "P30D") @Nullable String ttl) {}

    /**
     * The one answer that holds the secret.
     *
     * @param token the secret; it cannot be asked for again
     */
    record IssuedToken(
            UUID id,
            UUID userId,
            String userName,
            @Nullable UUID organizationId,
            String name,
            Instant createdAt,
            @Nullable Instant expiresAt,
            String token) {}

    private final AccessStore access;
    private final CurrentCaller caller;
    private final InstantSource clock;

    TokenResource(AccessStore access, CurrentCaller caller, InstantSource clock) {
        this.access = access;
        this.caller = caller;
        this.clock = clock;
    }

    /** A token that somebody makes for himself does not outlive the one he came with. */
    private static @Nullable Instant capped(Caller asking, UUID holder, @Nullable Instant expiresAt) {
        Instant end = asking.tokenExpiresAt().orElse(null);
        boolean own = holder.equals(asking.userId());
        return own && end != null && (expiresAt == null || expiresAt.isAfter(end)) ? end : expiresAt;
    }

    @POST
    @Consumes(MediaType.APPLICATION_JSON)
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME})
    @Operation(operationId = "createToken", summary = "Makes a token and shows it once")
    @RequestBody(required = true, content = @Content(schema = @Schema(implementation = TokenRequest.class)))
    public Uni<RestResponse<IssuedToken>> create(byte[] body) {
        Caller asking = caller.get();
        JsonBody json = JsonBody.of(body, "name", "user", "organization", "expiresAt", "ttl");
        String name = Input.personName(json, "name");
        Instant expiresAt = expiry(json);
        Token token = Token.random();
        return holder(asking, json)
                .map(holder -> new NewToken(holder, name, token.hash(), capped(asking, holder, expiresAt)))
                .chain(made -> access.createToken(made, asking.userId()))
                .map(made -> issued(made.orElseThrow(() -> Problem.notFound("user")), token));
    }

    private @Nullable Instant expiry(JsonBody json) {
        Optional<Instant> at = json.optionalInstant("expiresAt");
        Optional<Duration> ttl = json.optionalDuration("ttl");
        if (at.isPresent() && ttl.isPresent()) {
            throw Problem.unprocessable("conflicting_fields", "ttl", "must not be given beside expiresAt.");
        }
        Instant now = clock.instant();
        ttl.filter(life -> life.compareTo(LIFE_MAX) > 0).ifPresent(tooLong -> {
            throw lifeTooLong("ttl");
        });
        at.filter(end -> end.isAfter(now.plus(LIFE_MAX))).ifPresent(tooLate -> {
            throw lifeTooLong("expiresAt");
        });
        at.filter(end -> !end.isAfter(now)).ifPresent(past -> {
            throw Problem.unprocessable("already_expired", "expiresAt", "must be in the future.");
        });
        return at.or(() -> ttl.map(now::plus)).orElse(null);
    }

    private static Problem lifeTooLong(String field) {
        return Problem.unprocessable(
                "life_too_long", field, "must be at most " + LIFE_MAX.toDays() + " days from now.");
    }

    private Uni<UUID> holder(Caller asking, JsonBody json) {
        Optional<String> user = json.optionalText("user");
        Optional<String> organization = json.optionalText("organization");
        if (user.isEmpty() && organization.isPresent()) {
            throw Problem.badRequest("missing_field", "user", "is required beside organization.");
        }
        if (user.isEmpty()
                || (organization.isEmpty() && user.get().equals(asking.userId().toString()))) {
            return Uni.createFrom().item(asking.userId());
        }
        if (asking.role() != Role.OWNER) {
            throw Problem.of(403, "token_for_another_user", "Only an owner makes tokens for others.");
        }
        return organization(asking, organization)
                .chain(in -> access.userId(in, JsonBody.uuid(user.get()), user.get()))
                .map(found -> found.orElseThrow(() -> Problem.notFound("user")));
    }

    private Uni<Optional<UUID>> organization(Caller asking, Optional<String> named) {
        if (named.isEmpty()) {
            return Uni.createFrom().item(Optional.empty());
        }
        String org = named.get();
        return access.organization(asking, JsonBody.uuid(org), org)
                .map(found -> Optional.of(found.orElseThrow(() -> Problem.notFound("organization"))
                        .id()));
    }

    private static RestResponse<IssuedToken> issued(TokenEntry made, Token token) {
        IssuedToken answer = new IssuedToken(
                made.id(),
                made.userId(),
                made.userName(),
                made.organizationId(),
                made.name(),
                made.createdAt(),
                made.expiresAt(),
                token.reveal());
        return RestResponse.ResponseBuilder.create(RestResponse.Status.CREATED, answer)
                .header("Location", "/api/v1/tokens/" + made.id())
                .header("Cache-Control", "no-store")
                .build();
    }

    @GET
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME, Role.WORKER_NAME, Role.AUDITOR_NAME})
    @Operation(
            operationId = "listTokens",
            summary = "Tokens without their secrets: an owner sees all, an auditor its scope's, others their own")
    public Uni<Page<TokenEntry>> list(
            @QueryParam("limit") @Nullable String limit, @QueryParam("after") @Nullable String after) {
        Caller asking = caller.get();
        PageRequest page = PageRequest.of(limit, after);
        boolean others = asking.role() == Role.OWNER || asking.role() == Role.AUDITOR;
        Optional<UUID> holder = others ? Optional.empty() : Optional.of(asking.userId());
        return access.tokens(holder, asking.organization(), page.after(), page.rows())
                .map(rows -> Page.of(page, rows, TokenEntry::id));
    }

    @DELETE
    @Path("/{id}")
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME, Role.WORKER_NAME, Role.AUDITOR_NAME})
    @Operation(
            operationId = "revokeToken",
            summary = "Revokes a token at once: an owner any, others their own; again is no error")
    public Uni<Void> revoke(@PathParam("id") String id) {
        Caller asking = caller.get();
        UUID token = JsonBody.uuid(id).orElseThrow(() -> Problem.notFound("token"));
        Optional<UUID> holder = asking.role() == Role.OWNER ? Optional.empty() : Optional.of(asking.userId());
        return access.revokeToken(token, holder, asking.userId())
                .invoke(found -> {
                    if (!found) {
                        throw Problem.notFound("token");
                    }
                })
                .replaceWithVoid();
    }
}
