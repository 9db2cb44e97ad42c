package dev.larder.testing;

import static dev.larder.testing.Stock.await;

import dev.larder.catalog.Applied;
import dev.larder.catalog.CatalogStore.Application;
import dev.larder.lifecycle.PresetNames;
import dev.larder.model.Caller;
import dev.larder.model.Declaration;
import dev.larder.model.Declaration.PresetDeclaration;
import dev.larder.model.NamedPreset;
import dev.larder.model.Role;
import io.vertx.mutiny.sqlclient.Tuple;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;

/** Another organization on a {@link Stock}, with one template of one preset. */
public final class Tenant {

    public static final String TEMPLATE = "builds";
    private static final String PRESET = "small";

    public final UUID organization;
    public final UUID preset;
    private final Stock stock;

    /** Its jobs may take ten minutes. */
    public Tenant(Stock stock, String name) {
        this(stock, name, "exec", Duration.ofMinutes(10));
    }

    public Tenant(Stock stock, String name, String backend, Duration startTimeout) {
        this.stock = stock;
        this.organization = await(stock.access.createOrganization(name, stock.owner.userId()))
                .orElseThrow()
                .id();
        this.preset = declared(name, backend, startTimeout);
    }

    private UUID declared(String name, String backend, Duration startTimeout) {
        String file = backend.equals("exec") ? "start.sh" : "01.sql";
        PresetDeclaration small =
                new PresetDeclaration(PRESET, Map.of(), Optional.of(1_000), Optional.empty(), null, List.of());
        Declaration declaration =
                new Declaration(backend, Map.of(file, "# " + name), Map.of(), startTimeout, List.of(), List.of(small));
        Applied applied = await(stock.catalog.apply(new Application(
                stock.owner,
                name,
                TEMPLATE,
                declaration,
                declaration.toString().getBytes(StandardCharsets.UTF_8),
                true,
                Optional.empty())));
        if (!(applied instanceof Applied.Done)) {
            throw new AssertionError("not applied: " + applied);
        }
        return ((NamedPreset.Known) await(new PresetNames(stock.pool).find(Optional.empty(), name, TEMPLATE, PRESET)))
                .id();
    }

    /** So many prebuilds wait to be built. */
    public void queues(int count) {
        stock.create(preset, count);
    }

    /** One of its members. */
    public Caller member(String name) {
        UUID id = await(stock.access.createUser(Optional.of(organization), name, Role.MEMBER, stock.owner.userId()))
                .orElseThrow()
                .id();
        return new Caller(id, name, Role.MEMBER, Optional.of(organization));
    }

    /** How many of its jobs workers have. */
    public int running() {
        return stock.integer(
                "SELECT count(*)::integer AS n FROM jobs"
                        + " WHERE organization_id = $1 AND started_at IS NOT NULL AND completed_at IS NULL",
                Tuple.of(organization));
    }
}
