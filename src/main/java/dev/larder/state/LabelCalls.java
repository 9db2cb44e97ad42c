package dev.larder.state;

import dev.larder.http.CurrentCaller;
import dev.larder.http.Labels;
import dev.larder.http.Labels.LabelsBody;
import dev.larder.http.Problem;
import dev.larder.lifecycle.LabelStore;
import dev.larder.model.Caller;
import dev.larder.state.Address.Right;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.UUID;
import org.jboss.resteasy.reactive.RestResponse;
import org.jspecify.annotations.Nullable;

/** Labels of states with a name. The state of a workspace has those of its claim. */
@ApplicationScoped
class LabelCalls {

    private final LabelStore store;
    private final CurrentCaller caller;

    LabelCalls(LabelStore store, CurrentCaller caller) {
        this.store = store;
        this.caller = caller;
    }

    Uni<RestResponse<LabelsBody>> of(Uni<Optional<Address>> found) {
        return named(found, Right.LOOK).chain(store::find).map(now -> Labels.answer(now.pairs(), now.version()));
    }

    Uni<RestResponse<LabelsBody>> replace(
            Uni<Optional<Address>> found, byte @Nullable [] body, @Nullable String ifMatch) {
        Map<String, String> wanted = Labels.of(body);
        OptionalInt expected = Labels.expected(ifMatch);
        return named(found, Right.OPERATE)
                .chain(state -> store.replace(state, wanted, expected)
                        .chain(version -> Labels.replaced(wanted, version, () -> version(state))));
    }

    private Uni<Integer> version(UUID state) {
        return store.find(state).map(LabelStore.Labels::version);
    }

    private Uni<UUID> named(Uni<Optional<Address>> found, Right needed) {
        Caller asking = caller.get();
        return found.map(address -> StateCalls.allowed(address, asking, needed))
                .invoke(StateCalls::refuseGone)
                .invoke(LabelCalls::refuseWorkspace)
                .map(address -> Optional.ofNullable(address.state()).orElseThrow());
    }

    private static void refuseWorkspace(Address address) {
        if (address.workspace() != null) {
            throw Problem.of(
                    409, "state_of_workspace", "The state of a workspace has the labels of the workspace's claim.");
        }
    }
}
