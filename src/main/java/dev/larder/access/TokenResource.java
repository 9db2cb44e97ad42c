package dev.larder.access;

import dev.larder.access.TokenStore.Issue;
import dev.larder.access.TokenStore.NewToken;
import dev.larder.access.TokenStore.Rotation;
import dev.larder.access.TokenStore.TokenEntry;
import dev.larder.http.CurrentCaller;
import dev.larder.http.JsonBody;
import dev.larder.http.Located;
import dev.larder.http.Page;
import dev.larder.http.PageRequest;
import dev.larder.http.Problem;
import dev.larder.model.Caller;
import dev.larder.model.Role;
import io.quarkus.runtime.annotations.RegisterForReflection;
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
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.media.Content;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.parameters.RequestBody;
import org.eclipse.microprofile.openapi.annotations.responses.APIResponse;
import org.eclipse.microprofile.openapi.annotations.responses.APIResponseSchema;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;
import org.jboss.resteasy.reactive.RestResponse;
import org.jspecify.annotations.Nullable;

/**
 * Bearer tokens. An owner creates them for any user, other users for themselves. The secret is in one answer
 * only.
 */
@Path("/api/v1/tokens")
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "access")
class TokenResource {

    private static final Duration LIFE_MAX = Duration.ofDays(3650);
    private static final Duration OVERLAP_MAX = Duration.ofDays(7);

    /**
     * The body that makes a token.
     *
     * @param user id or name; the caller where it is left out
     * @param organization id or name of the organization the user's name belongs to
     * @param expiresAt at most ten years from now; or {@code ttl}; never where both are left out
     */
    @RegisterForReflection
    record TokenRequest(
            String name,
            @Nullable String user,
            @Nullable String organization,
            @Nullable Instant expiresAt,

            @Schema(examples = "30d") @Nullable String ttl) {}

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
    private final TokenStore tokens;
    private final CurrentCaller caller;
    private final InstantSource clock;

    TokenResource(AccessStore access, TokenStore tokens, CurrentCaller caller, InstantSource clock) {
        this.access = access;
        this.tokens = tokens;
        this.caller = caller;
        this.clock = clock;
    }

    /** A token that a user creates for itself does not outlive the token of the request. */
    private static @Nullable Instant capped(Caller asking, UUID holder, @Nullable Instant expiresAt) {
        Instant end = asking.tokenExpiresAt().orElse(null);
        boolean own = holder.equals(asking.userId());
        return own && end != null && (expiresAt == null || expiresAt.isAfter(end)) ? end : expiresAt;
    }

    @POST
    @Consumes(MediaType.APPLICATION_JSON)
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME})
    @APIResponseSchema(value = IssuedToken.class, responseCode = "201")
    @Operation(operationId = "createToken", summary = "Creates a token and shows it once")
    @RequestBody(required = true, content = @Content(schema = @Schema(implementation = TokenRequest.class)))
    public Uni<RestResponse<IssuedToken>> create(byte[] body) {
        Caller asking = caller.get();
        JsonBody json = JsonBody.of(body, TokenRequest.class);
        String name = FieldRules.personName(json, "name");
        Instant expiresAt = expiry(json);
        Token token = Token.random();
        return holder(asking, json)
                .map(holder -> new NewToken(holder, name, token.hash(), capped(asking, holder, expiresAt)))
                .chain(made -> tokens.create(made, asking))
                .map(made -> issued(made, token));
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

    private static RestResponse<IssuedToken> issued(Issue issue, Token token) {
        TokenEntry made = switch (issue) {
            case Issue.Issued(TokenEntry entry) -> entry;
            case Issue.NoUser() -> throw Problem.notFound("user");
            case Issue.NoToken() -> throw Problem.notFound("token");
            case Issue.UserDisabled() ->
                throw Problem.of(409, "user_disabled", "The user is disabled: a token would open nothing.");
            case Issue.TooMany(int most) ->
                throw Problem.of(
                        409, "too_many_tokens", "The user has " + most + " unexpired tokens; revoke one first.");
        };
        IssuedToken answer = new IssuedToken(
                made.id(),
                made.holder().userId(),
                made.holder().userName(),
                made.holder().organizationId(),
                made.name(),
                made.createdAt(),
                made.expiresAt(),
                token.reveal());
        return Located.created("/api/v1/tokens/" + made.id(), answer)
                .header("Cache-Control", "no-store")
                .build();
    }

    @GET
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME, Role.WORKER_NAME, Role.AUDITOR_NAME})
    @Operation(
            operationId = "listTokens",
            summary =
                    "Lists tokens without their secrets. Owners see all, auditors those of their organization, others their own")
    public Uni<Page<TokenEntry>> list(
            @QueryParam("limit") @Nullable String limit, @QueryParam("after") @Nullable String after) {
        Caller asking = caller.get();
        PageRequest page = PageRequest.of(limit, after);
        boolean others = asking.role() == Role.OWNER || asking.role() == Role.AUDITOR;
        Optional<UUID> holder = others ? Optional.empty() : Optional.of(asking.userId());
        return tokens.list(holder, asking.organization(), page.after(), page.rows())
                .map(rows -> Page.of(page, rows, TokenEntry::id));
    }

    /**
     * The body of a rotation.
     *
     * @param ttl how long the replacement opens, at most ten years; as long as the old token would have where
     *     left out
     * @param overlap how long the old token goes on to open, at most a week; it ends at once where left out
     */
    @RegisterForReflection
    record RotationRequest(
            @Schema(examples = "30d") @Nullable String ttl,

            @Schema(examples = "10m") @Nullable String overlap) {}

    @POST
    @Path("/{id}/rotate")
    @Consumes(MediaType.APPLICATION_JSON)
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME, Role.WORKER_NAME, Role.AUDITOR_NAME})
    @APIResponseSchema(value = IssuedToken.class, responseCode = "201")
    @Operation(
            operationId = "rotateToken",
            summary =
                    "Replaces a token by a new one of the same user and name, and shows it once. Owners rotate any token, others their own")
    @RequestBody(required = true, content = @Content(schema = @Schema(implementation = RotationRequest.class)))
    public Uni<RestResponse<IssuedToken>> rotate(@PathParam("id") String id, byte[] body) {
        Caller asking = caller.get();
        UUID old = JsonBody.uuid(id).orElseThrow(() -> Problem.notFound("token"));
        JsonBody json = JsonBody.ofOptional(body, RotationRequest.class);
        Optional<Instant> end = Optional.ofNullable(expiry(json));
        Duration overlap = overlap(json);
        return tokens.find(old, own(asking))
                .map(found -> found.orElseThrow(() -> Problem.notFound("token")))
                .chain(found -> replace(asking, found, end, overlap));
    }

    private static Duration overlap(JsonBody json) {
        Duration overlap = json.optionalDuration("overlap").orElse(Duration.ZERO);
        if (overlap.compareTo(OVERLAP_MAX) > 0) {
            throw Problem.unprocessable(
                    "overlap_too_long", "overlap", "must be at most " + OVERLAP_MAX.toDays() + " days.");
        }
        return overlap;
    }

    private Uni<RestResponse<IssuedToken>> replace(
            Caller asking, TokenEntry old, Optional<Instant> end, Duration overlap) {
        Token token = Token.random();
        Instant now = clock.instant();
        Instant oldEnd = old.expiresAt();
        Instant oldUntil = oldEnd != null && oldEnd.isBefore(now.plus(overlap)) ? oldEnd : now.plus(overlap);
        Instant expiresAt = capped(asking, old.holder().userId(), end.orElse(oldEnd));
        return tokens.rotate(new Rotation(old.id(), own(asking), token.hash(), expiresAt, oldUntil), asking)
                .map(made -> issued(made, token));
    }

    /** Whose tokens the caller may change: an owner everybody's, others their own. */
    private static Optional<UUID> own(Caller asking) {
        return asking.role() == Role.OWNER ? Optional.empty() : Optional.of(asking.userId());
    }

    /** The tokens that a call revoked, the named one among them. */
    record Revoked(List<TokenEntry> items) {}

    @DELETE
    @Path("/{id}")
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME, Role.WORKER_NAME, Role.AUDITOR_NAME})
    @Operation(
            operationId = "revokeToken",
            summary =
                    "Revokes a token, and with ?descendants=true the tokens created with it. Owners revoke any token, others their own. Idempotent")
    @APIResponse(responseCode = "204", description = "Revoked")
    @APIResponse(
            responseCode = "200",
            description = "Revoked with its descendants",
            content =
                    @Content(mediaType = MediaType.APPLICATION_JSON, schema = @Schema(implementation = Revoked.class)))
    public Uni<RestResponse<Revoked>> revoke(
            @PathParam("id") String id, @QueryParam("descendants") @Nullable String descendants) {
        Caller asking = caller.get();
        UUID token = JsonBody.uuid(id).orElseThrow(() -> Problem.notFound("token"));
        boolean all = flag("descendants", descendants);
        return tokens.revoke(token, own(asking), all, asking.userId()).map(revoked -> {
            if (revoked.isEmpty()) {
                throw Problem.notFound("token");
            }
            return all ? RestResponse.ok(new Revoked(revoked)) : RestResponse.noContent();
        });
    }

    private static boolean flag(String name, @Nullable String value) {
        if (value != null && !value.equals("true") && !value.equals("false")) {
            throw Problem.badRequest("invalid_value", name, "must be true or false.");
        }
        return "true".equals(value);
    }
}
