/**
 * What is known of infrastructure: versions of a state, and how far each can be trusted (decision 0033).
 *
 * <p><b>Owns</b> the versions and rejects of a state ({@code state.SnapshotStore} with {@code state.StateReads} and
 * {@code state.VersionStore}), the rules by which an upload becomes the next version ({@code state.Promotion}, pure),
 * what is read from an uploaded body ({@code state.StateFile}), the sealing of bodies ({@code state.StateKeys},
 * {@code state.Envelope}), where sealed bodies lie, rows or a
 * bucket ({@code state.ObjectBodies}), and the rotation of keys
 * ({@code state.KeyRotations}). It owns the mutations of people ({@code state.MutationStore},
 * {@code state.OpenMutationStore}), states with a name ({@code state.StateStore}), Terraform's http backend
 * ({@code state.TerraformRoutes}, {@code state.TerraformBackend}, {@code state.Locks}) and the native calls
 * ({@code state.StateCalls}, {@code state.MutationCalls}, {@code state.ResourceCalls}, {@code state.OutputCalls}).
 * Resources are read from the body each time ({@code state.StateInventory}, pure): nothing indexes them.
 *
 * <p><b>Authoritative</b>: the row of a state, for the current version, its status and its fence; an open row of
 * {@code state_mutations}, for the right to write. A cached body is never asked which version is current.
 *
 * <p><b>States</b> of a state: new, reliable, in_flight, unreliable, corrupt, tombstoned. It is in_flight
 * exactly while a mutation is open. A job's mutation is begun and ended by {@code lifecycle}.
 *
 * <p><b>Failures.</b> An upload that is not accepted is kept as a reject, since it may be the only record of
 * resources that exist. A body that is missing, was changed or was moved makes its state corrupt, and nothing of it
 * is shown. A key that this process does not have is no damage: the call fails with 503. Terraform takes a 404 for an
 * empty state and creates everything anew, so below {@code /tf} a 404 is answered for a state that exists and was
 * never written, and for nothing else.
 *
 * <p><b>Bounds.</b> A body has at most {@code larder.state.max-size} bytes (32 MiB), a reject at most
 * {@code larder.state.hard-max-size} (128 MiB). The last five rejects of each state are kept. One large upload of a
 * state is worked on at a time. A process reads at most {@code larder.state.uploads-at-once} bytes of tools' uploads
 * at once. A lock of a person's tool lasts two hours after its last upload ({@code larder.state.lock-lease}). The
 * cache of opened bodies is bounded by bytes ({@code larder.state.cache-size}).
 */
@NullMarked
package dev.larder.state;

import org.jspecify.annotations.NullMarked;
