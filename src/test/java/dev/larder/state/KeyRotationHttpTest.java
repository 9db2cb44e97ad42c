package dev.larder.state;

import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.testing.Api;
import dev.larder.testing.Eventually;
import dev.larder.testing.LarderTestResource;
import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import java.util.UUID;
import org.junit.jupiter.api.Test;

/** Rotations of state keys over HTTP. */
@QuarkusTest
@WithTestResource(LarderTestResource.class)
class KeyRotationHttpTest {

    private static final String ROTATIONS = "/api/v1/state-key-rotations";

    @Test
    void a_rotation_is_begun_in_the_background_seen_and_stopped_however_often() {
        Api owner = Api.owner();

        Api.Answer begun = owner.post(ROTATIONS, "");
        assertThat(begun.status()).isEqualTo(202);
        assertThat(begun.body().path("keyId").asText()).isEqualTo("default");
        String id = begun.body().path("id").asText();

        Eventually.see(
                () -> owner.get(ROTATIONS).body().path("items").path(0),
                seen -> seen.path("id").asText().equals(id)
                        && seen.path("status").asText().equals("completed"));
        assertThat(owner.post(ROTATIONS + "/" + id + "/stop", "").status()).isEqualTo(204);
        assertThat(owner.post(ROTATIONS + "/" + UUID.randomUUID() + "/stop", "").status())
                .isEqualTo(404);
    }

    @Test
    void only_an_owner_rotates_keys() {
        Api worker = Api.owner().newUser(null, "worker-" + UUID.randomUUID(), "worker");

        assertThat(worker.post(ROTATIONS, "").status()).isEqualTo(403);
        assertThat(worker.get(ROTATIONS).status()).isEqualTo(403);
    }
}
