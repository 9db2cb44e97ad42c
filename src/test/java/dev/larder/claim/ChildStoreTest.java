package dev.larder.claim;

import static dev.larder.testing.Stock.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.claim.ChildStore.Attachment;
import dev.larder.claim.ChildStore.Below;
import dev.larder.claim.ChildStore.Child;
import dev.larder.claim.ChildStore.Dependencies;
import dev.larder.model.Caller;
import dev.larder.model.Visibility;
import dev.larder.testing.CanIgnoreReturnValue;
import dev.larder.testing.Claimers;
import dev.larder.testing.Stock;
import dev.larder.testing.Tenant;
import io.smallrye.mutiny.Uni;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** A workspace stands on another one, never in a circle, and as long as both are held. */
class ChildStoreTest {

    private static final Dependencies NONE = new Dependencies(List.of(), List.of());

    private final Stock stock = new Stock();
    private final Claimers claimers = new Claimers(stock);
    private final Caller anna = stock.member("anna");
    private final Caller bob = stock.member("bob");
    private final UUID preset = stock.declare("small", 100);
    private final ChildStore children = new ChildStore(stock.pool);

    @AfterEach
    void close() {
        stock.close();
    }

    private final Map<UUID, UUID> claimOf = new java.util.HashMap<>();

    private UUID held(Caller who) {
        stock.ready(preset, 1);
        Claim claim = claimers.take(preset, claimers.ask(who)).getFirst();
        UUID workspace = claim.workspace().orElseThrow().id();
        claimOf.put(workspace, claim.id());
        return workspace;
    }

    private List<UUID> held(int count) {
        List<UUID> all = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            all.add(held(anna));
        }
        return all;
    }

    private Uni<Attachment> attaching(Caller who, UUID parent, UUID child, String name) {
        return children.attach(parent, child, name, NONE, who.userId(), Visibility.of(who), stock.clock.instant());
    }

    @CanIgnoreReturnValue
    private Attachment attach(UUID parent, UUID child) {
        return await(attaching(anna, parent, child, "c-" + stock.ids.suffix()));
    }

    private List<UUID> childrenOf(UUID parent) {
        return await(children.children(parent)).stream().map(Child::workspace).toList();
    }

    @Test
    void a_child_is_attached_with_its_name_and_dependencies_replaced_and_detached() {
        UUID network = held(anna);
        UUID database = held(anna);
        Dependencies needed = new Dependencies(List.of("aws_vpc.main"), List.of("cache"));

        Attachment first = await(children.attach(
                network, database, "db", NONE, anna.userId(), Visibility.of(anna), stock.clock.instant()));
        Attachment again = await(children.attach(
                network, database, "store", needed, anna.userId(), Visibility.of(anna), stock.clock.instant()));

        assertThat(first).isEqualTo(Attachment.ATTACHED);
        assertThat(again).isEqualTo(Attachment.ATTACHED);
        assertThat(await(children.children(network)))
                .containsExactly(new Child(database, network, "store", needed, stock.clock.instant()));
        await(children.detach(network, database));
        await(children.detach(network, database));
        assertThat(childrenOf(network)).isEmpty();
        assertThat(stock.look(claimOf.get(database)).end()).isEmpty();
    }

    @Test
    void a_circle_of_any_length_is_refused() {
        List<UUID> w = held(3);

        assertThat(attach(w.get(0), w.get(0))).isEqualTo(Attachment.CIRCLE);
        assertThat(attach(w.get(0), w.get(1))).isEqualTo(Attachment.ATTACHED);
        assertThat(attach(w.get(1), w.get(0))).isEqualTo(Attachment.CIRCLE);
        assertThat(attach(w.get(1), w.get(2))).isEqualTo(Attachment.ATTACHED);
        assertThat(attach(w.get(2), w.get(0))).isEqualTo(Attachment.CIRCLE);
    }

    @Test
    void attachments_at_once_close_no_circle() {
        for (int round = 0; round < 10; round++) {
            List<UUID> w = held(3);

            List<Attachment> results = await(Uni.join()
                    .all(
                            attaching(anna, w.get(0), w.get(1), "a"),
                            attaching(anna, w.get(1), w.get(2), "b"),
                            attaching(anna, w.get(2), w.get(0), "c"))
                    .andFailFast());

            assertThat(results).filteredOn(Attachment.ATTACHED::equals).hasSize(2);
            assertThat(results).filteredOn(Attachment.CIRCLE::equals).hasSize(1);
        }
    }

    @Test
    void the_depth_is_bounded_whether_it_grows_above_or_below() {
        List<UUID> w = held(ChildStore.DEPTH_MAX + 1);
        for (int i = 1; i < ChildStore.DEPTH_MAX; i++) {
            assertThat(attach(w.get(i - 1), w.get(i))).isEqualTo(Attachment.ATTACHED);
        }

        assertThat(attach(w.get(ChildStore.DEPTH_MAX - 1), w.getLast())).isEqualTo(Attachment.TOO_DEEP);
        assertThat(attach(w.getLast(), w.getFirst())).isEqualTo(Attachment.TOO_DEEP);
        assertThat(attach(w.get(ChildStore.DEPTH_MAX - 2), w.getLast())).isEqualTo(Attachment.ATTACHED);
        assertThat(await(children.below(w.getFirst(), 100))).hasSize(ChildStore.DEPTH_MAX);
    }

    @Test
    void a_child_has_one_parent_and_a_parent_one_child_of_a_name() {
        List<UUID> w = held(4);
        await(attaching(anna, w.get(0), w.get(1), "db"));

        assertThat(await(attaching(anna, w.get(2), w.get(1), "db"))).isEqualTo(Attachment.OTHER_PARENT);
        assertThat(await(attaching(anna, w.get(0), w.get(3), "db"))).isEqualTo(Attachment.NAME_TAKEN);
    }

    @Test
    void only_what_one_user_holds_is_attached() {
        UUID mine = held(anna);
        UUID his = held(bob);
        UUID stocked = stock.ready(preset, 1).getFirst();
        Tenant globex = new Tenant(stock, "globex");
        UUID foreign = stock.ready(globex.preset, 1).getFirst();

        assertThat(attach(mine, his)).isEqualTo(Attachment.NOT_FOUND);
        assertThat(attach(his, mine)).isEqualTo(Attachment.NOT_FOUND);
        assertThat(attach(mine, UUID.randomUUID())).isEqualTo(Attachment.NOT_FOUND);
        assertThat(await(attaching(stock.owner, mine, his, "a"))).isEqualTo(Attachment.OTHER_OWNER);
        assertThat(await(attaching(stock.owner, mine, stocked, "a"))).isEqualTo(Attachment.NOT_CLAIMED);
        assertThat(await(attaching(stock.owner, mine, foreign, "a"))).isEqualTo(Attachment.NOT_FOUND);
        assertThat(stock.release(claimOf.get(mine))).isTrue();
        assertThat(attach(mine, held(anna))).isEqualTo(Attachment.NOT_CLAIMED);
    }

    @Test
    void a_link_lapses_when_either_is_given_back_and_the_other_stays() {
        List<UUID> w = held(4);
        attach(w.get(0), w.get(1));
        attach(w.get(2), w.get(3));

        assertThat(stock.release(claimOf.get(w.get(0)))).isTrue();
        assertThat(stock.release(claimOf.get(w.get(3)))).isTrue();

        assertThat(childrenOf(w.get(0))).isEmpty();
        assertThat(childrenOf(w.get(2))).isEmpty();
        assertThat(stock.look(claimOf.get(w.get(1))).end()).isEmpty();
        assertThat(stock.look(claimOf.get(w.get(2))).end()).isEmpty();
        assertThat(stock.count("workspaces WHERE deletion_wanted_at IS NOT NULL"))
                .isEqualTo(2);
        assertThat(attach(w.get(2), w.get(1))).isEqualTo(Attachment.ATTACHED);
    }

    @Test
    void a_tree_is_deleted_as_a_whole_or_not_at_all() {
        List<UUID> w = held(3);
        attach(w.get(0), w.get(1));
        attach(w.get(1), w.get(2));

        assertThat(await(children.below(w.get(0), 100)))
                .containsExactly(new Below(w.get(2), 2), new Below(w.get(1), 2));
        assertThat(await(stock.builds.wantDeleted(w, List.of(2, 2, 7), stock.clock.instant())))
                .isFalse();
        assertThat(stock.count("workspaces WHERE deletion_wanted_at IS NOT NULL"))
                .isZero();
        assertThat(await(stock.builds.wantDeleted(w, List.of(2, 2, 2), stock.clock.instant())))
                .isTrue();
        assertThat(stock.count("workspaces WHERE deletion_wanted_at IS NOT NULL"))
                .isEqualTo(3);
    }
}
