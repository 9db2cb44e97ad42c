package dev.larder.access;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.larder.access.TokenStore.Issue;
import dev.larder.access.TokenStore.NewToken;
import dev.larder.access.TokenStore.TokenEntry;
import dev.larder.model.Caller;
import dev.larder.model.Ids;
import dev.larder.model.Role;
import dev.larder.model.SystemUser;
import dev.larder.testing.Database;
import dev.larder.testing.Databases;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Row;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class AccessStoreTest {

    private static final Instant NOON = Instant.parse("2026-11-20T12:00:00Z");

    private final Database database = Databases.fresh();
    private Instant now = NOON;
    private final InstantSource clock = () -> now;
    private final AccessStore store = new AccessStore(database.pool(), clock, new Ids(clock));
    private final TokenStore tokens = new TokenStore(database.pool(), clock, new Ids(clock), 3);

    @AfterEach
    void drop() {
        database.close();
    }

    @Test
    void many_processes_starting_at_once_make_one_owner() {
        AtomicInteger handedOver = new AtomicInteger();

        List<Boolean> made = Uni.join()
                .all(hashes(16).stream()
                        .map(hash -> bootstrap(hash, handedOver))
                        .toList())
                .andFailFast()
                .await()
                .indefinitely();

        assertThat(made).hasSize(16).containsOnlyOnce(true);
        assertThat(handedOver).hasValue(1);
        assertThat(count("users WHERE NOT is_system")).isEqualTo(1);
        assertThat(count("tokens")).isEqualTo(1);
        assertThat(count("audit WHERE action = 'owner.bootstrap'")).isEqualTo(1);
    }

    @Test
    void an_owner_whose_token_nobody_received_is_not_made() {
        Uni<Void> fullDisk = Uni.createFrom().failure(new IllegalStateException("disk full"));

        assertThatThrownBy(() ->
                        store.createFirstOwner(hash(1), () -> fullDisk).await().indefinitely())
                .hasMessage("disk full");

        assertThat(count("users WHERE NOT is_system")).isZero();
        assertThat(bootstrap(hash(2), new AtomicInteger()).await().indefinitely())
                .isTrue();
    }

    @Test
    void no_owner_is_made_where_there_is_a_user() {
        UUID organization = organization("acme");
        var user = user(organization, "ada");

        boolean made = bootstrap(hash(1), new AtomicInteger()).await().indefinitely();

        assertThat(made).isFalse();
    }

    @Test
    void a_token_opens_until_the_instant_it_expires() {
        UUID organization = organization("acme");
        UUID user = user(organization, "ada");
        Optional<UUID> token = token(user, hash(1), NOON.plusSeconds(60));

        now = NOON.plusSeconds(59);
        assertThat(callerOf(hash(1)))
                .contains(new Caller(
                        user, "ada", Role.MEMBER, Optional.of(organization), Optional.of(NOON.plusSeconds(60)), token));
        now = NOON.plusSeconds(60);
        assertThat(callerOf(hash(1))).isEmpty();
    }

    @Test
    void a_revoked_token_opens_nothing_and_revoking_again_changes_nothing() {
        UUID user = user(organization("acme"), "ada");
        UUID token = token(user, hash(1), null).orElseThrow();

        List<TokenEntry> first = revoke(token, Optional.of(user), false, user);
        List<TokenEntry> again = revoke(token, Optional.of(user), false, user);

        assertThat(first).extracting(TokenEntry::id).containsExactly(token);
        assertThat(again).isEqualTo(first);
        assertThat(callerOf(hash(1))).isEmpty();
        assertThat(count("audit WHERE action = 'token.revoke'")).isEqualTo(1);
    }

    @Test
    void somebody_elses_token_is_not_there_to_revoke() {
        UUID organization = organization("acme");
        UUID ada = user(organization, "ada");
        UUID bob = user(organization, "bob");
        UUID token = token(ada, hash(1), null).orElseThrow();

        assertThat(revoke(token, Optional.of(bob), false, bob)).isEmpty();
        assertThat(callerOf(hash(1))).isPresent();
    }

    @Test
    void a_token_is_revoked_alone_or_with_all_that_were_made_with_it() {
        UUID organization = organization("acme");
        UUID ada = user(organization, "ada");
        UUID bob = user(organization, "bob");
        UUID root = token(ada, hash(1), null).orElseThrow();
        UUID child = token(bob, hash(2), null, Optional.of(root)).orElseThrow();
        UUID grandchild = token(bob, hash(3), null, Optional.of(child)).orElseThrow();
        UUID other = token(bob, hash(4), null).orElseThrow();

        assertThat(revoke(child, Optional.empty(), false, ada))
                .extracting(TokenEntry::id)
                .containsExactly(child);
        assertThat(callerOf(hash(3))).isPresent();

        assertThat(revoke(root, Optional.empty(), true, ada))
                .extracting(TokenEntry::id)
                .containsExactly(root, grandchild);
        assertThat(callerOf(hash(1))).isEmpty();
        assertThat(callerOf(hash(3))).isEmpty();
        assertThat(callerOf(hash(4))).map(Caller::tokenId).contains(Optional.of(other));
    }

    @Test
    void descendants_that_belong_to_another_user_are_not_a_members_to_revoke() {
        UUID organization = organization("acme");
        UUID ada = user(organization, "ada");
        UUID root = token(ada, hash(1), null).orElseThrow();
        Optional<UUID> bobs = token(user(organization, "bob"), hash(2), null, Optional.of(root));

        assertThat(revoke(root, Optional.of(ada), true, ada)).hasSize(1);
        assertThat(callerOf(hash(2))).map(Caller::tokenId).contains(bobs);
    }

    @Test
    void a_user_has_a_bounded_number_of_tokens_that_open() {
        UUID user = user(organization("acme"), "ada");
        UUID first = token(user, hash(1), null).orElseThrow();
        assertThat(token(user, hash(2), NOON.plusSeconds(60))).isPresent();
        assertThat(token(user, hash(3), null)).isPresent();

        assertThat(issue(user, hash(4), null, Optional.empty())).isEqualTo(new Issue.TooMany(3));

        assertThat(revoke(first, Optional.empty(), false, user)).hasSize(1);
        assertThat(token(user, hash(5), null)).isPresent();
        now = NOON.plusSeconds(60);
        assertThat(token(user, hash(6), null)).isPresent();
        assertThat(token(user, hash(7), null)).isEmpty();
    }

    @Test
    void of_many_who_ask_for_tokens_at_once_no_more_than_the_bound_are_served() {
        UUID user = user(organization("acme"), "ada");
        Caller actor = new Caller(user, "ada", Role.MEMBER, Optional.empty());

        List<Issue> issues = Uni.join()
                .all(hashes(12).stream()
                        .map(hash -> tokens.create(new NewToken(user, "x", hash, null), actor))
                        .toList())
                .andFailFast()
                .await()
                .indefinitely();

        assertThat(issues.stream().filter(Issue.Issued.class::isInstance)).hasSize(3);
    }

    @Test
    void a_rotated_token_is_replaced_by_one_of_the_same_user_and_name() {
        UUID user = user(organization("acme"), "ada");
        UUID old = token(user, hash(1), null).orElseThrow();
        Caller actor = callerOf(hash(1)).orElseThrow();

        Issue issue = tokens.rotate(
                        new TokenStore.Rotation(old, Optional.of(user), hash(2), null, NOON.plusSeconds(10)), actor)
                .await()
                .indefinitely();

        assertThat(issue).isInstanceOfSatisfying(Issue.Issued.class, made -> {
            assertThat(made.token().name()).isEqualTo("test");
            assertThat(made.token().parentId()).isEqualTo(old);
        });
        now = NOON.plusSeconds(9);
        assertThat(callerOf(hash(1))).isPresent();
        now = NOON.plusSeconds(10);
        assertThat(callerOf(hash(1))).isEmpty();
        assertThat(callerOf(hash(2))).map(Caller::name).contains("ada");
        assertThat(tokens.rotate(new TokenStore.Rotation(old, Optional.of(user), hash(3), null, now), actor)
                        .await()
                        .indefinitely())
                .isEqualTo(new Issue.NoToken());
    }

    @Test
    void rotation_is_no_way_around_the_bound_of_tokens() {
        UUID user = user(organization("acme"), "ada");
        UUID old = token(user, hash(1), null).orElseThrow();
        Caller actor = callerOf(hash(1)).orElseThrow();

        long rotated = hashes(20).stream()
                .skip(2)
                .map(hash -> tokens.rotate(
                                new TokenStore.Rotation(old, Optional.of(user), hash, null, NOON.plusSeconds(60)),
                                actor)
                        .await()
                        .indefinitely())
                .filter(Issue.Issued.class::isInstance)
                .count();

        // Twice three may open at a time, and one does already.
        assertThat(rotated).isEqualTo(5);
    }

    @Test
    void a_token_whose_maker_was_revoked_meanwhile_is_not_made() {
        UUID user = user(organization("acme"), "ada");
        UUID parent = token(user, hash(1), null).orElseThrow();
        assertThat(revoke(parent, Optional.empty(), true, user)).hasSize(1);

        assertThat(token(user, hash(2), null, Optional.of(parent))).isEmpty();
    }

    @Test
    void an_answer_that_lasts_ends_with_its_token() {
        UUID user = user(organization("acme"), "ada");
        UUID token = token(user, hash(1), null).orElseThrow();
        Caller asking = callerOf(hash(1)).orElseThrow();

        assertThat(store.stillOpens(asking).await().indefinitely()).isTrue();
        assertThat(revoke(token, Optional.empty(), false, user)).hasSize(1);
        assertThat(store.stillOpens(asking).await().indefinitely()).isFalse();
    }

    @Test
    void the_system_user_gets_no_token_not_even_past_this_class() {
        assertThat(token(SystemUser.ID, hash(1), null)).isEmpty();
        assertThat(store.userId(Optional.empty(), Optional.of(SystemUser.ID), "")
                        .await()
                        .indefinitely())
                .isEmpty();
        assertThat(store.userId(Optional.empty(), Optional.empty(), "system")
                        .await()
                        .indefinitely())
                .isEmpty();
        for (String flag : List.of("false", "true")) {
            assertThatThrownBy(() -> database.pool()
                            .query("""
                                    INSERT INTO tokens (id, user_id, is_system, name, hash, created_at)
                                    VALUES (gen_random_uuid(), '%s', %s, 'x', sha256('x'), now())""".formatted(SystemUser.ID, flag))
                            .executeAndAwait())
                    .hasMessageContaining("tokens");
        }
    }

    @Test
    void a_name_is_taken_within_its_organization_only() {
        UUID acme = organization("acme");
        UUID globex = organization("globex");
        var inAcme = user(acme, "ada");
        var inGlobex = user(globex, "ada");

        assertThat(store.createUser(Optional.of(acme), "ada", Role.AUDITOR, SystemUser.ID)
                        .await()
                        .indefinitely())
                .isEmpty();
        assertThat(store.createUser(Optional.empty(), "system", Role.AUDITOR, SystemUser.ID)
                        .await()
                        .indefinitely())
                .isEmpty();
        assertThat(inAcme).isNotEqualTo(inGlobex);
    }

    private Uni<Boolean> bootstrap(byte[] hash, AtomicInteger handedOver) {
        return store.createFirstOwner(hash, () -> Uni.createFrom().voidItem().invoke(handedOver::incrementAndGet));
    }

    private UUID organization(String name) {
        return store.createOrganization(name, SystemUser.ID)
                .await()
                .indefinitely()
                .orElseThrow()
                .id();
    }

    private UUID user(UUID organization, String name) {
        return store.createUser(Optional.of(organization), name, Role.MEMBER, SystemUser.ID)
                .await()
                .indefinitely()
                .orElseThrow()
                .id();
    }

    private Optional<UUID> token(UUID user, byte[] hash, @org.jspecify.annotations.Nullable Instant expiresAt) {
        return token(user, hash, expiresAt, Optional.empty());
    }

    private Optional<UUID> token(
            UUID user, byte[] hash, @org.jspecify.annotations.Nullable Instant expiresAt, Optional<UUID> parent) {
        return issue(user, hash, expiresAt, parent) instanceof Issue.Issued(TokenEntry made)
                ? Optional.of(made.id())
                : Optional.empty();
    }

    private Issue issue(
            UUID user, byte[] hash, @org.jspecify.annotations.Nullable Instant expiresAt, Optional<UUID> parent) {
        Caller actor = new Caller(SystemUser.ID, "test", Role.OWNER, Optional.empty(), Optional.empty(), parent);
        return tokens.create(new NewToken(user, "test", hash, expiresAt), actor)
                .await()
                .indefinitely();
    }

    private List<TokenEntry> revoke(UUID token, Optional<UUID> holder, boolean descendants, UUID actor) {
        return tokens.revoke(token, holder, descendants, actor).await().indefinitely();
    }

    private Optional<Caller> callerOf(byte[] hash) {
        return store.callerOf(hash).await().indefinitely();
    }

    private long count(String what) {
        Row row = database.pool()
                .query("SELECT count(*) FROM " + what)
                .executeAndAwait()
                .iterator()
                .next();
        return row.getLong(0);
    }

    private static byte[] hash(int number) {
        byte[] hash = new byte[32];
        Arrays.fill(hash, (byte) number);
        return hash;
    }

    private static List<byte[]> hashes(int count) {
        return java.util.stream.IntStream.range(0, count)
                .mapToObj(AccessStoreTest::hash)
                .toList();
    }
}
