package dev.larder.clients;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import client.ApiClient;
import client.ApiException;
import client.api.AccessApi;
import client.api.CatalogApi;
import client.api.ClaimsApi;
import client.model.Claim;
import client.model.NewClaim;
import client.model.NewClaimPolicy;
import client.model.NewOrganization;
import client.model.Problem;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.larder.testing.LarderTestResource;
import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.eclipse.microprofile.config.ConfigProvider;
import org.junit.jupiter.api.Test;

/** A client that was generated from {@code src/docs/api/openapi.yaml} speaks to the server. */
@QuarkusTest
@WithTestResource(LarderTestResource.class)
class GeneratedClientTest {

    private final String organization = "org-" + UUID.randomUUID().toString().substring(0, 8);

    private static ApiClient owner() {
        ApiClient owner = new ApiClient();
        owner.updateBaseUri(ConfigProvider.getConfig().getValue("test.url", String.class));
        owner.setRequestInterceptor(
                request -> request.header("Authorization", "Bearer " + LarderTestResource.OWNER_TOKEN));
        return owner;
    }

    @Test
    void it_declares_a_template_and_claims_looks_at_and_releases_a_workspace() throws ApiException {
        ClaimsApi claims = new ClaimsApi(owner());
        new AccessApi(owner()).createOrganization(new NewOrganization().name(organization));
        new CatalogApi(owner())
                .applyTemplate(
                        organization,
                        "box",
                        Map.of(
                                "backend", "exec",
                                "files", Map.of("start.sh", "echo '{\"host\": \"here\"}' > \"$LARDER_OUTPUTS\""),
                                "presets", List.of(Map.of("name", "one", "prebuilds", Map.of("instances", 1)))),
                        null,
                        null,
                        null);
        NewClaim wanted = new NewClaim()
                .organization(organization)
                .template("box")
                .preset("one")
                .policy(NewClaimPolicy.WAIT)
                .timeout("PT60S");

        Claim claim = claims.createClaim(wanted, "a-key", null, "wait=50").getClaim();

        assertThat(claim.getStatus()).hasToString("active");
        assertThat(claim.getWorkspace().getOutputs()).containsEntry("host", "here");
        assertThat(claims.getClaim(claim.getId().toString(), null).getId()).isEqualTo(claim.getId());

        claims.releaseClaim(claim.getId().toString(), null);

        assertThat(claims.getClaim(claim.getId().toString(), null).getStatus()).hasToString("released");
    }

    @Test
    void it_reads_a_refusal_as_a_problem_that_names_the_field() throws IOException {
        ApiException refused = catchThrowableOfType(
                ApiException.class,
                () -> new AccessApi(owner()).createOrganization(new NewOrganization().name("Not a name")));
        Problem problem = new ObjectMapper().readValue(refused.getResponseBody(), Problem.class);

        assertThat(refused.getCode()).isEqualTo(422);
        assertThat(problem.getCode()).isEqualTo("invalid_name");
        assertThat(problem.getErrors().getFirst().getField()).isEqualTo("name");
    }
}
