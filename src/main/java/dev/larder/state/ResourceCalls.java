package dev.larder.state;

import dev.larder.database.Worked;
import dev.larder.http.ETags;
import dev.larder.http.Page;
import dev.larder.http.PageRequest;
import dev.larder.http.Problem;
import dev.larder.state.Address.Right;
import dev.larder.state.StateInventory.Resource;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.function.Predicate;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.jboss.resteasy.reactive.RestResponse;
import org.jboss.resteasy.reactive.RestResponse.ResponseBuilder;
import org.jspecify.annotations.Nullable;

/**
 * Resources and the links between them, read from the newest reliable version of a state whenever they are asked
 * for: from the stored body, or from the cache of bodies, which never change. There is no index beside the body.
 */
@ApplicationScoped
class ResourceCalls {

    private final StateCalls calls;
    private final SnapshotStore snapshots;
    private final ResourceDriftReads drift;

    ResourceCalls(StateCalls calls, SnapshotStore snapshots, ResourceDriftReads drift) {
        this.calls = calls;
        this.snapshots = snapshots;
        this.drift = drift;
    }

    /**
     * An instance of a resource, without its attributes, which may be secret.
     *
     * @param status created, tainted or deposed
     * @param dependencies addresses of resources, without keys of instances
     * @param drift changed or missing, as the newest drift check of this version found; null where it found no
     *     difference, or there is no such check
     */
    @Schema(name = "StateResource")
    record ResourceView(
            String address,
            String mode,
            String type,
            String name,
            @Nullable String provider,
            String status,
            List<String> dependencies,
            @Nullable String drift) {

        static ResourceView of(Resource resource, Map<String, String> drift) {
            return new ResourceView(
                    resource.address(),
                    resource.mode(),
                    resource.type(),
                    resource.name(),
                    resource.provider(),
                    resource.status(),
                    resource.dependencies(),
                    drift.get(resource.address()));
        }
    }

    /**
     * One resource depends on another one.
     *
     * @param from the address of an instance
     * @param to the address of a resource, without the key of an instance
     * @param listed whether the state lists {@code to}
     */
    @Schema(name = "StateLink")
    record Link(String from, String to, boolean listed) {}

    /** In the order of the state, those with this name where one is given. */
    Uni<RestResponse<Page<ResourceView>>> resources(
            Uni<Optional<Address>> found, @Nullable String name, PageRequest page) {
        Predicate<Resource> wanted = resource -> name == null || resource.name().equals(name);
        return reliable(found, page)
                .chain(asked -> checked(asked)
                        .chain(of -> StateCalls.told(Worked.off(() -> resources(of, wanted, page))))
                        .map(views -> answer(asked, views)));
    }

    private static Page<ResourceView> resources(Checked of, Predicate<Resource> wanted, PageRequest page) {
        Window<ResourceView> window = new Window<>(page);
        StateInventory.read(of.body().bytes(), resource -> {
            if (wanted.test(resource) && window.isWanted()) {
                window.add(ResourceView.of(resource, of.drift()));
            }
        });
        return window.page(of.body().version());
    }

    /** An instance by its address; a deposed object only where no other has the address. */
    Uni<RestResponse<ResourceView>> resource(Uni<Optional<Address>> found, String address) {
        return reliable(found, PageRequest.of(null, null))
                .chain(asked -> checked(asked)
                        .chain(of -> StateCalls.told(Worked.off(() -> resource(of, address))))
                        .map(one -> one.orElseThrow(ResourceCalls::noResource))
                        .map(one -> answer(asked, one)));
    }

    private static Problem noResource() {
        return Problem.of(404, "resource_not_found", "The state lists no resource of this address.");
    }

    private static Optional<ResourceView> resource(Checked of, String address) {
        List<Resource> found = new ArrayList<>();
        StateInventory.read(of.body().bytes(), resource -> {
            if (resource.address().equals(address)) {
                found.add(resource);
            }
        });
        return found.stream()
                .filter(one -> !one.status().equals("deposed"))
                .findFirst()
                .or(() -> found.stream().findFirst())
                .map(resource -> ResourceView.of(resource, of.drift()));
    }

    /** The edges of the graph, in the order of the state. */
    Uni<RestResponse<Page<Link>>> links(Uni<Optional<Address>> found, PageRequest page) {
        return reliable(found, page)
                .chain(asked -> body(asked)
                        .chain(body -> StateCalls.told(Worked.off(() -> links(body, page))))
                        .map(links -> answer(asked, links)));
    }

    private static Page<Link> links(Body body, PageRequest page) {
        Set<String> listed = new HashSet<>();
        StateInventory.read(body.bytes(), resource -> listed.add(resource.place()));
        Window<Link> window = new Window<>(page);
        StateInventory.read(
                body.bytes(),
                resource -> resource.dependencies().forEach(to -> {
                    if (window.isWanted()) {
                        window.add(new Link(resource.address(), to, listed.contains(to)));
                    }
                }));
        return window.page(body.version());
    }

    /**
     * A part of what is told one after the other. A cursor has the version and how many came before, so that the
     * pages of one list are of one version.
     */
    private static final class Window<T> {

        private final PageRequest page;
        private final long from;
        private final List<T> items = new ArrayList<>();
        private long told;

        Window(PageRequest page) {
            this.page = page;
            this.from = page.after().map(UUID::getLeastSignificantBits).orElse(0L);
        }

        /** Counts one more. */
        boolean isWanted() {
            told++;
            return told > from && items.size() < page.rows();
        }

        void add(T item) {
            items.add(item);
        }

        Page<T> page(long version) {
            return Page.of(page, items, last -> new UUID(version, from + page.limit()));
        }
    }

    /** The version that is asked for: the newest reliable one, or that of an earlier page. */
    private record Asked(Snapshot snapshot, long version) {}

    private Uni<Asked> reliable(Uni<Optional<Address>> found, PageRequest page) {
        return calls.existing(found, Right.LOOK).map(snapshot -> new Asked(snapshot, version(snapshot, page)));
    }

    private static long version(Snapshot snapshot, PageRequest page) {
        if (snapshot.version() == 0) {
            throw StateCalls.neverUsed();
        }
        if (snapshot.reliableVersion() == 0) {
            throw Problem.of(409, "no_reliable_version", "No version of the state was ever reliable.");
        }
        long version = page.after().map(UUID::getMostSignificantBits).orElse(snapshot.reliableVersion());
        if (version < 1 || version > snapshot.reliableVersion()) {
            throw Problem.badRequest("invalid_cursor", "after", "must be the \"next\" of an earlier page.");
        }
        return version;
    }

    /** A body with what a check found of it, by address. */
    private record Checked(Body body, Map<String, String> drift) {}

    private Uni<Checked> checked(Asked asked) {
        return body(asked)
                .chain(body ->
                        drift.of(asked.snapshot().state(), body.version()).map(found -> new Checked(body, found)));
    }

    private Uni<Body> body(Asked asked) {
        return StateCalls.told(snapshots.read(asked.snapshot().state(), asked.version()));
    }

    /** The state may be in another version by now, and unreliable: the headers say so. */
    private static <T> RestResponse<T> answer(Asked asked, T entity) {
        return ResponseBuilder.ok(entity)
                .header("ETag", ETags.format(asked.version()))
                .header("State-Version", asked.snapshot().version())
                .header("State-Status", asked.snapshot().status())
                .build();
    }
}
