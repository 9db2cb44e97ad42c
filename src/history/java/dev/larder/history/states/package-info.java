/**
 * The history checker of infrastructure states (invariants I1 to I9 of decision 0033): people's tools, calls of the
 * API, workers and claimers change the same states through several real servers that are killed meanwhile.
 *
 * <p>Reading path: {@link dev.larder.history.states.StateLoad} drives a run. {@link
 * dev.larder.history.states.StateClient} and {@link dev.larder.history.states.StateWorker} send through {@link
 * dev.larder.history.states.StateCaller}, which keeps each request with its answer as an {@link
 * dev.larder.history.states.Act}. {@link dev.larder.history.states.Journal} makes the database note each change of a
 * head, a reject, a claim and a removal. {@link dev.larder.history.states.StateChecker} judges both together.
 */
@NullMarked
package dev.larder.history.states;

import org.jspecify.annotations.NullMarked;
