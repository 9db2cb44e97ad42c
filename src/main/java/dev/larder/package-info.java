/**
 * Larder keeps ready-to-use workspaces in stock and hands one out through a REST claim in milliseconds. This page is
 * the map. Each room's own page says what it owns, what is authoritative, its states, its failures and its bounds.
 * {@code src/docs/design.md} states the rules, {@code src/docs/decisions} the reasons, {@code src/docs/questions.md}
 * answers what newcomers ask first.
 *
 * <h2>Rooms</h2>
 *
 * <pre>
 *   model      nouns and pure rules, and the ports that two rooms share; plain Java
 *   dump       reads SQL files and the output of pg_dump; plain Java
 *   database   the database as a tool: migrations, named parameters, connections, time limits, clock, encryption
 *   lifecycle  the state machine of workspaces, builds and jobs; the rules that several statements share
 *   wakeup     how a loop learns that there may be work; never authoritative
 *   objects    bodies under keys, in PostgreSQL or in a bucket
 *   observe    health and metrics of the process
 *   http       the edge that every resource shares: problems, paging, preconditions, bodies, the OpenAPI contract
 *   events     what happened to a subject, in order; the feed that its followers share
 *
 *   catalog    what should be in stock                 reconcile  from what a pool is to what it should be
 *   claim      hands one ready workspace to a client   jobs       the queue, its leases and logs, its HTTP API
 *   worker     runs jobs by backends, here or remote   inventory  what exists beside what should; restores
 *   access     users, tokens, roles, quotas            audit      what was done by which user; notifications
 *   state      what is known of infrastructure, its versions, and Terraform's http backend
 *   drift      compares infrastructure with what is known of it: checks, results, staged plans
 *   cleanup    removes rows that are past their retention
 *   files      uploaded files, to which declarations refer
 *   webhooks   sends events to addresses that organizations name
 *
 *   cli        the binary's subcommands                root       starts and stops the parts, knows the clock
 * </pre>
 *
 * <h2>Directions</h2>
 *
 * {@code dump} knows no other room. {@code model} ← {@code database} ← {@code wakeup} ← {@code objects}; these,
 * {@code lifecycle} and {@code observe} ← {@code http} ← {@code events} ← the capability rooms of the middle block,
 * which never import each other: they meet in the tables, or through a port in {@code model}. SQL of Larder's
 * database stands in {@code *Store} and {@code *Reads}, in {@code lifecycle}, {@code database} and {@code wakeup}.
 * {@code HouseTest} holds all of this (decision 0032).
 *
 * <h2>Reading paths</h2>
 *
 * <p>One claim, four rooms: {@code http.Edge} and {@code http.NothingIgnored} admit the call →
 * {@code claim.ClaimResource} (by names {@code claim.NamedClaimResource}) reads it as a {@code claim.ClaimRequest} →
 * {@code claim.ClaimCalls} → {@code claim.Claims} decides what to try →
 * {@code claim.PresetFinder} finds the preset → {@code claim.Combiner} gathers requests of one preset →
 * {@code claim.ClaimStore} runs the claim's statement, with the conditions of {@code lifecycle.Rules} →
 * {@code claim.Outcome} → {@code claim.ClaimAnswers} → {@code claim.ClaimView}. After the commit
 * {@code wakeup.WakeUps} wakes the reconciler. Nothing in stock: {@code claim.WaitingClaims} serves it later.
 *
 * <p>One tick, five rooms: {@code reconcile.Reconciler} → {@code database.ReconcilerLock} → {@code reconcile.Cycle} →
 * {@code reconcile.SnapshotStore} reads {@code model.PresetSnapshot}s → {@code reconcile.Plan}, with
 * {@code reconcile.Desired}, {@code reconcile.PoolState} and {@code reconcile.FailurePolicy}, decides a list of
 * {@code reconcile.Action}s → {@code reconcile.PoolStore} performs them, with the parts of
 * {@code lifecycle.StartBuild} → {@code wakeup.WakeUps} wakes the workers.
 *
 * <p>One dry run of a promotion: {@code catalog.PromotionResource} → {@code catalog.CatalogStore} promotes, and rolls
 * it back → in between {@code lifecycle.PromotionOutlook}, which is {@code reconcile.PromotionOutlookReads}, reads the
 * presets → {@code reconcile.Forecasting} steps {@code reconcile.LinePlan} over a {@code reconcile.ImaginedLine}.
 *
 * <p>One job: {@code worker.Worker} asks its {@code model.JobSource}. Inside a server that is
 * {@code jobs.LocalJobSource}; elsewhere {@code worker.remote.HttpJobSource}, which calls
 * {@code jobs.WorkerResource} and {@code jobs.ReportResource} of a server. Either way {@code jobs.JobStore} leases
 * the job and {@code jobs.AssignmentReads} reads what it needs → a {@code model.Backend} performs the
 * {@code model.Assignment} ({@code worker.postgres.PostgresBackend}, or {@code worker.exec.ExecBackend}, whose
 * {@code worker.exec.ScriptJob} runs processes with {@code worker.process.ProcessRunner}, or
 * {@code worker.terraform.TerraformBackend}, which does the same with a module) → a
 * {@code model.JobOutcome} goes back the same way, under the {@code model.Lease} → {@code lifecycle.EndBuildStore}
 * changes job, build and workspace in one statement.
 *
 * <p>One upload of a state: {@code http.Edge} → {@code state.TerraformRoutes} and {@code state.TerraformBackend}
 * (or {@code state.WorkspaceStateResource} and {@code state.StateCalls}) → {@code state.SnapshotStore} →
 * {@code state.Promotion} decides → {@code state.Vault} seals → {@code state.VersionStore} promotes or rejects in one
 * statement. The mutation around it began with the job's lease: {@code lifecycle.Mutations}, used by
 * {@code jobs.Leasing} and {@code lifecycle.EndBuildStore}.
 *
 * <p>One uploaded file: {@code http.Edge} → {@code files.FileResource} → {@code files.Uploads} takes the pieces of a
 * {@code files.BodyReader} to {@code files.ChunkStore} → {@code files.UploadStore} completes the file. A declaration
 * refers to it ({@code catalog.FileReferenceStore}), {@code jobs.AssignmentReads} names it, and
 * {@code worker.FileFetcher} fetches it through {@code model.JobSource} into {@code worker.FileCache}.
 *
 * <p>One wake-up: a committed change calls {@code wakeup.WakeUps} with a {@code wakeup.Channel} → every
 * {@code wakeup.Loop} of this process that waits for the channel runs → {@code wakeup.NotifySender} gathers for up to
 * 10 ms → {@code wakeup.NotifyStore} sends {@code pg_notify} → {@code wakeup.Listener} of each other process → its
 * own {@code wakeup.WakeUps}. {@code wakeup.Ticker} runs the loops all the same when a wake-up is lost.
 *
 * <p>A start and a stop: {@code Larder} has the order of both (decision 0027).
 */
@NullMarked
package dev.larder;

import org.jspecify.annotations.NullMarked;
