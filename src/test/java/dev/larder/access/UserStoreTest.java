package dev.larder.access;

import static dev.larder.testing.Stock.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.access.OrganizationStore.Removal;
import dev.larder.access.TokenStore.NewToken;
import dev.larder.access.UserStore.Change;
import dev.larder.access.UserStore.Outcome;
import dev.larder.access.UserStore.UserName;
import dev.larder.model.Caller;
import dev.larder.model.Role;
import dev.larder.testing.Stock;
import io.smallrye.mutiny.Uni;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class UserStoreTest {

    private static final byte[] HASH = new byte[32];

    private final Stock stock = new Stock();
    private final UserStore users = new UserStore(stock.pool, stock.clock, stock.ids);
    private final OrganizationStore organizations = new OrganizationStore(stock.pool, stock.clock, stock.ids);
    private final TokenStore tokens = new TokenStore(stock.pool, stock.clock, stock.ids, 10);
    private final Caller anna = stock.member("anna");
    private final UUID preset = stock.declare("small", 2);

    @AfterEach
    void close() {
        stock.close();
    }

    @Test
    void a_disabled_users_token_opens_nothing_until_the_user_is_enabled_again() {
        issueToken();

        assertThat(change("anna", disabled(true))).isInstanceOfSatisfying(Outcome.Done.class, done -> {
            assertThat(done.tokens()).isEqualTo(1);
            assertThat(done.user().disabledAt()).isEqualTo(Stock.NOON);
        });
        assertThat(await(stock.access.callerOf(HASH))).isEmpty();

        assertThat(change("anna", disabled(false))).isInstanceOf(Outcome.Done.class);
        assertThat(await(stock.access.callerOf(HASH))).map(Caller::name).contains("anna");
    }

    @Test
    void a_token_for_a_disabled_user_is_not_made() {
        assertThat(change("anna", disabled(true))).isInstanceOf(Outcome.Done.class);

        assertThat(await(tokens.create(new NewToken(anna.userId(), "x", HASH, null), stock.owner)))
                .isEqualTo(new TokenStore.Issue.UserDisabled());
    }

    @Test
    void a_new_role_counts_from_the_change_on() {
        issueToken();

        assertThat(change("anna", role(Role.TEMPLATE_ADMIN))).isInstanceOf(Outcome.Done.class);

        assertThat(await(stock.access.callerOf(HASH))).map(Caller::role).contains(Role.TEMPLATE_ADMIN);
    }

    @Test
    void a_disabled_user_keeps_what_it_holds_and_waits_no_longer() {
        assertThat(stock.ready(preset, 1)).hasSize(1);
        UUID held = stock.claim(preset, anna).orElseThrow();
        stock.sql("""
                INSERT INTO claims (id, organization_id, user_id, preset_id, path, created_at, waits_until)
                VALUES (gen_random_uuid(), $1, $2, $3, 'waited', $4, $4)""", stock.organization, anna.userId(), preset, Stock.NOON.atOffset(java.time.ZoneOffset.UTC));

        assertThat(change("anna", disabled(true)))
                .isInstanceOfSatisfying(
                        Outcome.Done.class, done -> assertThat(done.claims()).isEqualTo(2));

        assertThat(live()).isEqualTo(1);
        assertThat(stock.look(held).endedAt()).isEmpty();
    }

    @Test
    void a_user_with_claims_is_not_deleted_unless_they_are_released() {
        assertThat(stock.ready(preset, 1)).hasSize(1);
        UUID held = stock.claim(preset, anna).orElseThrow();

        assertThat(delete("anna", false)).isEqualTo(new Outcome.HasClaims(1));
        assertThat(live()).isEqualTo(1);

        assertThat(delete("anna", true))
                .isInstanceOfSatisfying(
                        Outcome.Done.class, done -> assertThat(done.claims()).isEqualTo(1));
        assertThat(stock.look(held).endedReason()).contains("released");
        assertThat(stock.count("workspaces WHERE deletion_wanted_at IS NOT NULL"))
                .isEqualTo(1);
    }

    @Test
    void a_deleted_users_tokens_are_revoked_and_its_name_is_free() {
        issueToken();

        assertThat(delete("anna", false))
                .isInstanceOfSatisfying(
                        Outcome.Done.class, done -> assertThat(done.tokens()).isEqualTo(1));

        assertThat(await(stock.access.callerOf(HASH))).isEmpty();
        assertThat(delete("anna", false)).isEqualTo(new Outcome.NoUser());
        assertThat(stock.member("anna").userId()).isNotEqualTo(anna.userId());
        assertThat(await(stock.access.users(Optional.of(stock.organization), Optional.empty(), 10)))
                .extracting(AccessStore.User::name)
                .containsExactly("anna");
    }

    @Test
    void a_claim_that_was_being_made_when_its_user_was_deleted_ends_afterwards() {
        assertThat(stock.ready(preset, 1)).hasSize(1);
        assertThat(delete("anna", false)).isInstanceOf(Outcome.Done.class);
        UUID late = stock.claim(preset, anna).orElseThrow();

        assertThat(await(users.endLateClaims())).isEqualTo(1);

        assertThat(stock.look(late).endedReason()).contains("released");
        assertThat(await(users.endLateClaims())).isZero();
    }

    @Test
    void the_last_owner_that_can_sign_in_stays_one() {
        UserName root = new UserName(Optional.empty(), Optional.empty(), "root");

        assertThat(await(users.delete(root, true, stock.owner))).isEqualTo(new Outcome.LastOwner());
        assertThat(await(users.change(root, disabled(true), stock.owner))).isEqualTo(new Outcome.LastOwner());
        assertThat(await(users.change(root, role(Role.AUDITOR), stock.owner))).isEqualTo(new Outcome.LastOwner());

        assertThat(await(stock.access.createUser(Optional.empty(), "second", Role.OWNER, stock.owner.userId())))
                .isPresent();
        assertThat(await(users.change(root, disabled(true), stock.owner))).isInstanceOf(Outcome.Done.class);
    }

    @Test
    void two_owners_who_remove_each_other_do_not_both_succeed() {
        assertThat(await(stock.access.createUser(Optional.empty(), "second", Role.OWNER, stock.owner.userId())))
                .isPresent();
        List<Uni<Outcome>> removals = List.of(
                users.delete(new UserName(Optional.empty(), Optional.empty(), "root"), true, stock.owner),
                users.delete(new UserName(Optional.empty(), Optional.empty(), "second"), true, stock.owner));

        List<Outcome> outcomes = await(Uni.join().all(removals).andFailFast());

        assertThat(outcomes).containsOnlyOnce(new Outcome.LastOwner());
    }

    @Test
    void a_template_admin_changes_members_only() {
        Caller admin = new Caller(UUID.randomUUID(), "admin", Role.TEMPLATE_ADMIN, Optional.of(stock.organization));
        assertThat(await(stock.access.createUser(
                        Optional.of(stock.organization), "boss", Role.TEMPLATE_ADMIN, stock.owner.userId())))
                .isPresent();

        assertThat(await(users.delete(named("boss"), true, admin))).isEqualTo(new Outcome.NotAllowed());
        assertThat(await(users.delete(named("anna"), true, admin))).isInstanceOf(Outcome.Done.class);
    }

    @Test
    void an_organization_is_deleted_when_it_is_empty_and_its_name_is_free_then() {
        assertThat(stock.ready(preset, 1)).hasSize(1);
        assertThat(await(organizations.delete(stock.organization, "acme", stock.owner)))
                .isEqualTo(new Removal.NotEmpty(1, 1, 1, 0));
        UUID empty = await(stock.access.createOrganization("empty", stock.owner.userId()))
                .orElseThrow()
                .id();

        assertThat(await(organizations.delete(empty, "empty", stock.owner))).isEqualTo(new Removal.Removed());
        assertThat(await(organizations.delete(empty, "empty", stock.owner))).isEqualTo(new Removal.NoOrganization());

        assertThat(await(stock.access.organization(stock.owner, Optional.of(empty), empty.toString())))
                .isEmpty();
        assertThat(await(stock.access.createOrganization("empty", stock.owner.userId())))
                .isPresent();
    }

    @Test
    void a_user_that_is_made_while_its_organization_is_deleted_keeps_it_or_is_not_made() {
        for (int i = 0; i < 10; i++) {
            String name = "short-" + i;
            UUID organization = await(stock.access.createOrganization(name, stock.owner.userId()))
                    .orElseThrow()
                    .id();
            Uni<Boolean> made = stock.access
                    .createUser(Optional.of(organization), "late", Role.MEMBER, stock.owner.userId())
                    .map(Optional::isPresent);
            Uni<Boolean> removed =
                    organizations.delete(organization, name, stock.owner).map(Removal.Removed.class::isInstance);

            List<Boolean> both = await(Uni.join().all(List.of(made, removed)).andFailFast());

            assertThat(both).as("made, removed").containsExactlyInAnyOrder(true, false);
        }
    }

    private void issueToken() {
        assertThat(await(tokens.create(new NewToken(anna.userId(), "x", HASH, null), anna)))
                .isInstanceOf(TokenStore.Issue.Issued.class);
    }

    private static Change disabled(boolean disabled) {
        return new Change(Optional.empty(), Optional.of(disabled));
    }

    private static Change role(Role role) {
        return new Change(Optional.of(role), Optional.empty());
    }

    private UserName named(String name) {
        return new UserName(Optional.of(stock.organization), Optional.empty(), name);
    }

    private Outcome change(String name, Change change) {
        return await(users.change(named(name), change, stock.owner));
    }

    private Outcome delete(String name, boolean release) {
        return await(users.delete(named(name), release, stock.owner));
    }

    private int live() {
        return stock.count("claims WHERE ended_at IS NULL");
    }
}
