package dev.larder.state;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.NullNode;
import dev.larder.http.Page;
import dev.larder.state.Versions.Content;
import dev.larder.state.Versions.Output;
import dev.larder.state.Versions.Outputs;
import dev.larder.state.Versions.Reject;
import dev.larder.state.Versions.Version;
import java.time.Instant;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.TreeMap;
import java.util.UUID;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.jspecify.annotations.Nullable;

/** States, versions and mutations as the API shows them. Pure. */
final class StateViews {

    static final String BYTES = "application/octet-stream";
    private static final String JSON = "application/json";

    private StateViews() {}

    /**
     * JSON stays JSON; whatever else a client names is kept as bytes, so that no browser takes it for a page.
     */
    static String contentType(@Nullable String header) {
        boolean json = header == null || header.toLowerCase(Locale.ROOT).startsWith(JSON);
        return json ? JSON : BYTES;
    }

    /**
     * What is known of a state.
     *
     * @param version the current one; 0: nothing was ever written
     * @param reliableVersion the last one that a mutation ended well with; 0: none
     * @param mutation the open one; null where none is
     */
    @Schema(name = "State")
    record StateView(
            UUID id,
            long version,
            long reliableVersion,
            long fence,
            @Nullable Long serial,
            @Nullable String lineage,
            TrustView trust,
            @Nullable MutationView mutation) {}

    /**
     * How far a state can be trusted.
     *
     * @param reason why it is unreliable or corrupt; null otherwise
     * @param advice what can be done about it; null where nothing needs to be done
     */
    @Schema(name = "StateTrust")
    record TrustView(
            @Schema(enumeration = {"new", "reliable", "in_flight", "unreliable", "corrupt", "tombstoned"})
            String status,

            @Nullable String reason,
            Instant since,
            @Nullable String advice) {}

    static StateView of(Snapshot snapshot, Optional<Mutation> open) {
        boolean doubtful = List.of("unreliable", "corrupt").contains(snapshot.status());
        String advice = doubtful ? StateProblems.way(snapshot.status()) : null;
        return new StateView(
                snapshot.state(),
                snapshot.version(),
                snapshot.reliableVersion(),
                snapshot.fence(),
                orNull(snapshot.serial()),
                snapshot.lineage(),
                new TrustView(snapshot.status(), snapshot.reason(), snapshot.since(), advice),
                open.map(StateViews::of).orElse(null));
    }

    /**
     * A mutation.
     *
     * @param leaseExpiresAt null for a job's, which ends with the job's lease
     * @param end null while it is open
     */
    @Schema(name = "StateMutation")
    record MutationView(
            UUID id,
            UUID state,
            String kind,
            long fence,
            long baseVersion,
            @Nullable Instant leaseExpiresAt,
            HolderView holder,
            @Nullable EndView end) {}

    /**
     * Who changes the infrastructure.
     *
     * @param job null for a person's
     * @param user the user's name; null for a job's
     */
    @Schema(name = "StateHolder")
    record HolderView(@Nullable UUID job, @Nullable String user, Instant since) {}

    /**
     * How a mutation ended.
     *
     * @param version the current one at that time
     */
    @Schema(name = "StateMutationEnd")
    record EndView(
            Instant at,

            @Schema(enumeration = {"succeeded", "failed", "aborted", "canceled", "expired", "forced"})
            String outcome,

            long version) {}

    static MutationView of(Mutation mutation) {
        return new MutationView(
                mutation.id(),
                mutation.state(),
                mutation.kind(),
                mutation.fence(),
                mutation.baseVersion(),
                mutation.span().leaseExpiresAt(),
                new HolderView(
                        mutation.holder().job(),
                        mutation.holder().name(),
                        mutation.span().openedAt()),
                end(mutation.span()));
    }

    private static @Nullable EndView end(Mutation.Span span) {
        Instant at = span.endedAt();
        String outcome = span.outcome();
        Long version = span.endVersion();
        return at == null || outcome == null || version == null ? null : new EndView(at, outcome, version);
    }

    /** A body, without opening it. The size is in bytes, as uploaded; the digest is keyed. */
    @Schema(name = "StateContent")
    record ContentView(@Nullable Long serial, @Nullable String lineage, long size, String digest, String contentType) {}

    private static ContentView of(Content content) {
        return new ContentView(
                orNull(content.serial()),
                content.lineage(),
                content.size(),
                content.digestHex(),
                content.contentType());
    }

    /**
     * An accepted body.
     *
     * @param managed how many managed resources it lists; null where it cannot be told
     * @param tool the version of the tool that wrote it
     */
    @Schema(name = "StateVersion")
    record VersionView(
            long version,
            String kind,
            ContentView content,
            @Nullable Long managed,
            boolean clientEncrypted,
            @Nullable UUID mutation,
            @Nullable String tool,
            Instant createdAt) {}

    private static VersionView of(Version version) {
        return new VersionView(
                version.version(),
                version.kind(),
                of(version.content()),
                orNull(version.managed()),
                version.clientEncrypted(),
                version.mutation(),
                version.tool(),
                version.createdAt());
    }

    static Page<VersionView> versions(Page<Version> page) {
        return new Page<>(page.items().stream().map(StateViews::of).toList(), page.next());
    }

    /**
     * A body that was not accepted.
     *
     * @param reason the code with which it was refused
     * @param baseVersion the current version at that time
     */
    @Schema(name = "StateReject")
    record RejectView(
            UUID id,
            String reason,
            ContentView content,
            long baseVersion,
            @Nullable UUID mutation,
            Instant createdAt) {}

    private static RejectView of(Reject reject) {
        return new RejectView(
                reject.id(),
                reject.reason(),
                of(reject.content()),
                reject.baseVersion(),
                reject.mutation(),
                reject.createdAt());
    }

    static Page<RejectView> rejects(Page<Reject> page) {
        return new Page<>(page.items().stream().map(StateViews::of).toList(), page.next());
    }

    /** The version that a write, a restore or an acknowledgement left as the current one. */
    @Schema(name = "StateWritten")
    record Written(long version) {}

    /**
     * Outputs.
     *
     * @param version that they are of; 0: no state was ever written, or the workspace's backend has none
     * @param readable false where the client encrypted the body, or it has an unknown format
     */
    @Schema(name = "StateOutputs")
    record OutputsView(long version, boolean readable, Map<String, OutputView> outputs) {}

    /** @param value any JSON; null where it is sensitive and not for the caller */
    @Schema(name = "StateOutput")
    record OutputView(
            boolean sensitive,
            @Schema(implementation = Object.class) JsonNode value) {}

    static OutputsView of(Outputs outputs, boolean owner) {
        Map<String, OutputView> shown = new TreeMap<>();
        outputs.outputs().forEach((name, output) -> shown.put(name, of(output, owner)));
        return new OutputsView(outputs.version(), outputs.readable(), shown);
    }

    private static OutputView of(Output output, boolean owner) {
        return new OutputView(
                output.sensitive(), output.sensitive() && !owner ? NullNode.getInstance() : output.value());
    }

    private static @Nullable Long orNull(OptionalLong number) {
        return number.isPresent() ? number.getAsLong() : null;
    }
}
