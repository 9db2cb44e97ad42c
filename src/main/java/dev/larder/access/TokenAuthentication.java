package dev.larder.access;

import dev.larder.http.CurrentCaller;
import dev.larder.model.Caller;
import io.quarkus.security.AuthenticationFailedException;
import io.quarkus.security.identity.IdentityProviderManager;
import io.quarkus.security.identity.SecurityIdentity;
import io.quarkus.security.runtime.QuarkusPrincipal;
import io.quarkus.security.runtime.QuarkusSecurityIdentity;
import io.quarkus.vertx.http.runtime.security.ChallengeData;
import io.quarkus.vertx.http.runtime.security.HttpAuthenticationMechanism;
import io.smallrye.mutiny.Uni;
import io.vertx.ext.web.RoutingContext;
import jakarta.enterprise.context.ApplicationScoped;
import java.util.Optional;

/**
 * Authenticates requests by their bearer token. Each request asks the database, by one prepared statement on
 * a unique index: from the commit of a revocation on every process refuses the token.
 *
 * <p>Authentication is lazy: requests to addresses without a role (health, metrics, OpenAPI) never ask, even
 * with a token.
 */
@ApplicationScoped
class TokenAuthentication implements HttpAuthenticationMechanism {

    private static final String SCHEME = "bearer ";

    private final AccessStore access;

    TokenAuthentication(AccessStore access) {
        this.access = access;
    }

    @Override
    public Uni<SecurityIdentity> authenticate(RoutingContext routing, IdentityProviderManager unused) {
        String header = routing.request().getHeader("Authorization");
        if (header == null) {
            return Uni.createFrom().nullItem();
        }
        Optional<Token> token = bearer(header);
        if (token.isEmpty()) {
            return Uni.createFrom().failure(new AuthenticationFailedException());
        }
        return access.callerOf(token.get().hash())
                .map(caller -> caller.orElseThrow(AuthenticationFailedException::new))
                .invoke(caller -> routing.put(CurrentCaller.ATTRIBUTE, caller))
                .map(TokenAuthentication::identity);
    }

    private static Optional<Token> bearer(String header) {
        return header.regionMatches(true, 0, SCHEME, 0, SCHEME.length())
                ? Token.parse(header.substring(SCHEME.length()).strip())
                : Optional.empty();
    }

    private static SecurityIdentity identity(Caller caller) {
        return QuarkusSecurityIdentity.builder()
                .setPrincipal(new QuarkusPrincipal(caller.name()))
                .addRole(caller.role().word())
                .addAttribute(CurrentCaller.ATTRIBUTE, caller)
                .build();
    }

    @Override
    public Uni<ChallengeData> getChallenge(RoutingContext routing) {
        return Uni.createFrom().item(new ChallengeData(401, "WWW-Authenticate", "Bearer"));
    }
}
