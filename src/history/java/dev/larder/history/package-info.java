/**
 * The history checker (goals R1 to R3): records the requests and responses of several real servers under load,
 * kills and restarts, and decides whether all responses can be true together.
 *
 * <p>Reading path: {@link dev.larder.history.LoadPlan} describes a run. {@link dev.larder.history.Load} drives it:
 * {@link dev.larder.history.SimulatedClient} sends through {@link dev.larder.history.RecordingClient}, and
 * {@link dev.larder.history.Recorder} writes a {@link dev.larder.history.History}, a file of
 * {@link dev.larder.history.Operation}s with the {@link dev.larder.history.FinalState} of the database at its end.
 * A file can be judged again without being recorded again. {@link dev.larder.history.Checker} runs one class per
 * promise (the classes that end in {@code Check}) over a {@link dev.larder.history.HistoryIndex}; each reports
 * {@link dev.larder.history.Violation}s. The checker knows Larder's promises and nothing of its code.
 *
 * <p>{@link dev.larder.history.RolloutLoad} is another run: {@link dev.larder.history.RolloutChanges} changes the
 * versions of a template, and the servers build. {@link dev.larder.history.Serving} says which version was handed out
 * when.
 *
 * <p>{@code CheckerTest} shows that the checker finds every {@link dev.larder.history.PlantedFault} and reports
 * nothing on {@link dev.larder.history.ValidHistories}; {@code RolloutCheckerTest} does so with
 * {@link dev.larder.history.PlantedRolloutFault} and {@link dev.larder.history.ValidRollouts}.
 */
@NullMarked
package dev.larder.history;

import org.jspecify.annotations.NullMarked;
