/**
 * Workspaces that are databases of a PostgreSQL server. The SQL files of a version build a template database, once
 * for each set of parameter values. A workspace is a copy of it with a login role of its own.
 *
 * <p><b>Owns</b> the databases and roles whose names consist of a fixed prefix and the hexadecimal digits of an id
 * ({@code worker.postgres.Names}). {@code worker.postgres.PostgresBackend} is the way in,
 * {@code worker.postgres.Templates} builds template databases, {@code worker.postgres.DatabaseRemoval} closes and
 * drops, {@code worker.postgres.AdminSession} runs the configured role's statements. {@code
 * worker.postgres.TemplateFiles} runs the files of a version: {@code dump.DumpFile} reads each of them, {@code
 * worker.postgres.FileRun} decides what shares a transaction, {@code worker.postgres.LoadSession} sends statements and
 * rows (decision 0044).
 *
 * <p><b>Authoritative</b>: that server. Each job looks at the databases that exist and keeps or drops them. A crash
 * leaves a database whose name ends in {@code _new}, or an unfinished workspace; the next job that finds it drops it.
 *
 * <p><b>Roles.</b> The configured role, a superuser or one that may make databases and roles ({@code
 * worker.postgres.BaseRole}), creates databases and roles and never runs a template's SQL. A builder
 * role owns the objects that the files create, and cannot log in once the template is finished. A workspace's role is
 * a member of its template's builder role. It can connect to its own database and to no other that Larder or an
 * operator keeps.
 *
 * <p><b>States</b> of a template database: being built under another name, finished, dropped when no version needs
 * it.
 *
 * <p><b>Failures.</b> The template's SQL fails, or a file cannot be read: {@code sql_failed}, the template's fault.
 * The server is unreachable, full or open to all roles: the place is held (decision 0025). A tenant that locks
 * objects, prepares transactions or keeps sessions open delays no other tenant's build or delete: its sessions are
 * terminated (decision 0020).
 *
 * <p><b>Bounds.</b> Statements of the superuser wait 2 s for a lock and run 30 s; copies and template SQL run until
 * the job's deadline; drops a minute. A workspace has 10 connections and 1 GB of temporary files per session by
 * default.
 */
@NullMarked
package dev.larder.worker.postgres;

import org.jspecify.annotations.NullMarked;
