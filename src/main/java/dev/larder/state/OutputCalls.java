package dev.larder.state;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.larder.http.CurrentCaller;
import dev.larder.http.Problem;
import dev.larder.model.Caller;
import dev.larder.state.Address.Right;
import dev.larder.state.OutputReads.Given;
import dev.larder.state.StateViews.OutputView;
import dev.larder.state.StateViews.OutputsView;
import dev.larder.state.Versions.Output;
import dev.larder.state.Versions.Outputs;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.InstantSource;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;

/**
 * Outputs of states and workspaces. A workspace whose backend has no state shows what its build gave; all of that is
 * taken for sensitive. Sensitive values are shown to the user whose claim goes on, and to the owner of a state with a
 * name.
 */
@ApplicationScoped
class OutputCalls {

    private static final ObjectMapper MAPPER = new ObjectMapper();

    private final SnapshotStore snapshots;
    private final OutputReads reads;
    private final CurrentCaller caller;
    private final InstantSource clock;

    OutputCalls(SnapshotStore snapshots, OutputReads reads, CurrentCaller caller, InstantSource clock) {
        this.snapshots = snapshots;
        this.reads = reads;
        this.caller = caller;
        this.clock = clock;
    }

    Uni<OutputsView> ofState(Uni<Optional<Address>> found) {
        return all(found, "state");
    }

    Uni<OutputsView> ofWorkspace(Uni<Optional<Address>> found) {
        return all(found, "workspace");
    }

    Uni<OutputView> ofState(Uni<Optional<Address>> found, String name) {
        return ofState(found).map(outputs -> one(outputs, name));
    }

    Uni<OutputView> ofWorkspace(Uni<Optional<Address>> found, String name) {
        return ofWorkspace(found).map(outputs -> one(outputs, name));
    }

    private static OutputView one(OutputsView outputs, String name) {
        if (!outputs.readable()) {
            throw Problem.of(
                    409, "state_client_encrypted", "The client encrypted the state, so its outputs cannot be read.");
        }
        return Optional.ofNullable(outputs.outputs().get(name))
                .orElseThrow(() -> Problem.of(404, "output_not_found", "There is no output of this name."));
    }

    private Uni<OutputsView> all(Uni<Optional<Address>> found, String what) {
        Caller asking = caller.get();
        return found.map(address -> address.filter(one -> one.rightOf(asking).atLeast(Right.LOOK))
                        .orElseThrow(() -> Problem.notFound(what)))
                .invoke(StateCalls::refuseGone)
                .chain(address -> outputs(address, asking));
    }

    private Uni<OutputsView> outputs(Address address, Caller asking) {
        UUID workspace = address.workspace();
        return workspace == null
                ? ofState(address, address.owner().equals(asking.userId()))
                : reads.find(workspace, asking.userId(), clock.instant())
                        .map(given -> given.orElseThrow(() -> Problem.notFound("workspace")))
                        .chain(given -> address.kept()
                                ? ofState(address, given.held())
                                : Uni.createFrom().item(ofBuild(given)));
    }

    private Uni<OutputsView> ofState(Address address, boolean held) {
        UUID state = Optional.ofNullable(address.state()).orElseThrow(StateCalls::neverUsed);
        return StateCalls.told(snapshots.outputs(state)).map(outputs -> StateViews.of(outputs, held));
    }

    private static OutputsView ofBuild(Given given) {
        Map<String, Output> outputs = new LinkedHashMap<>();
        given.json()
                .map(OutputCalls::tree)
                .ifPresent(all ->
                        all.properties().forEach(one -> outputs.put(one.getKey(), new Output(one.getValue(), true))));
        return StateViews.of(new Outputs(0, true, outputs), given.held());
    }

    private static JsonNode tree(String json) {
        try {
            return MAPPER.readTree(json);
        } catch (JsonProcessingException damaged) {
            // Its message has a piece of the outputs.
            throw new IllegalStateException("the outputs of a workspace are no JSON");
        }
    }
}
