/**
 * Larder keeps ready-to-use workspaces in stock and hands one out through a REST claim in milliseconds.
 *
 * <p>The rooms and their directions ({@code src/docs/decisions/0001-rooms-and-directions.md}; ArchUnit holds them):
 *
 * <pre>
 *   pool       nouns all rooms share; plain Java
 *   store      the only room that speaks SQL to Larder's database
 *   wake       how a loop is told that there may be work; never authoritative
 *   http       the edge every resource shares: problems, caller, pauses, paging
 *   catalog    what should be in stock            reconcile  from what a pool is to what it should be
 *   claim      hands one ready workspace out      provision  jobs, workers, backends
 *   access     who may do what                    observe    read-only windows: metrics, health, notifications
 * </pre>
 *
 * {@code pool} ← {@code store} ← {@code wake}, {@code http} ← the capability rooms, which never import each other: they
 * meet in the tables. {@code cli} is the binary's second entrance: a worker without a server around it.
 *
 * <p>Three ways to read it. A claim: {@code claim.ClaimResource} → {@code claim.Claims} → {@code store.ClaimStore}. A
 * tick: {@code reconcile.Reconciler} → {@code store.SnapshotStore} → {@code reconcile.Plan} → {@code store.PoolStore}. A
 * job: {@code provision.Worker} → {@code provision.Desk}, which is the queue ({@code QueueDesk} → {@code store.JobStore}) or a
 * server's API ({@code remote.HttpDesk} → {@code WorkerResource}, {@code ReportResource}) → {@code provision.Backend} → the desk again.
 */
@NullMarked
package dev.larder;

import org.jspecify.annotations.NullMarked;
