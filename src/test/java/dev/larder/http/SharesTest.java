package dev.larder.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.larder.http.Shares.Place;
import dev.larder.model.Caller;
import dev.larder.model.Role;
import java.util.Optional;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SharesTest {

    private static final UUID ACME = new UUID(1, 1);
    private static final UUID GLOBEX = new UUID(1, 2);
    private final Shares shares = new Shares("too_many_followers", "followed logs", 5, 3, 2);

    private static Caller user(int number, UUID organization) {
        return new Caller(new UUID(2, number), "user " + number, Role.MEMBER, Optional.of(organization));
    }

    private Problem refused(Caller caller) {
        return catchThrowableOfType(Problem.class, () -> shares.take(caller));
    }

    @Test
    void a_user_takes_its_share_and_leaves_the_rest_to_the_others() {
        Place first = shares.take(user(1, ACME));
        assertThat(shares.take(user(1, ACME))).isNotNull();

        assertThat(refused(user(1, ACME)).detail())
                .isEqualTo("Your share of followed logs at this server is full: 2 of 2.");
        assertThat(shares.take(user(2, ACME))).isNotNull();

        first.close();
        first.close();
        assertThat(shares.take(user(1, ACME))).isNotNull();
        assertThat(refused(user(1, ACME)))
                .as("closed twice gives one place back")
                .isNotNull();
    }

    @Test
    void an_organization_takes_its_share_and_leaves_the_rest_to_the_others() {
        for (int user = 1; user <= 3; user++) {
            assertThat(shares.take(user(user, ACME))).isNotNull();
        }

        assertThat(refused(user(4, ACME)).detail())
                .isEqualTo("Your organization's share of followed logs at this server is full: 3 of 3.");
        assertThat(shares.take(user(5, GLOBEX))).isNotNull();
        assertThat(shares.take(user(6, GLOBEX))).isNotNull();
        Problem full = refused(user(7, GLOBEX));
        assertThat(full.detail()).isEqualTo("The number of followed logs at this server is full: 5 of 5.");
        assertThat(full.code()).isEqualTo("too_many_followers");
        assertThat(full.status()).isEqualTo(429);
        assertThat(full.headers()).containsKey("Retry-After");
    }

    @Test
    void a_user_of_the_deployment_has_a_users_share() {
        Caller owner = new Caller(new UUID(2, 9), "owner", Role.OWNER, Optional.empty());
        assertThat(shares.take(owner)).isNotNull();
        assertThat(shares.take(owner)).isNotNull();

        assertThat(refused(owner)).isNotNull();
    }

    @ParameterizedTest
    @CsvSource({"50, 200, 100", "10, 200, 20", "10, 5, 1", "100, 7, 7", "0, 7, 1"})
    void a_share_is_one_at_least(int percent, int of, int share) {
        assertThat(Shares.percent(percent, of)).isEqualTo(share);
    }
}
