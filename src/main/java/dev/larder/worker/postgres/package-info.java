/**
 * Workspaces that are databases of a PostgreSQL server. A version's SQL files build a template database once for each set of
 * parameter values; a workspace is a copy of it with a login role of its own.
 *
 * <p>Three kinds of roles meet here and none can do another's work: the configured superuser moves databases and roles
 * and never runs a template's SQL; a builder role owns what the files make and cannot log in once the template is
 * frozen; a workspace role is a member of its template's builder, and can connect to its own database and to no other that
 * Larder or an operator keeps. All names are made of a fixed word and the hexadecimal digits of an id.
 *
 * <p>The superuser's statements never wait for one of the other two (decision 0020): {@code Admin} runs them, {@code
 * Demolition} closes and drops.
 *
 * <p>Authoritative is the server: each job looks at what exists and clears or keeps it. What a crash leaves, a database called
 * {@code …_new} or a workspace that was never finished, is dropped by the next job that meets it.
 */
@NullMarked
package dev.larder.worker.postgres;

import org.jspecify.annotations.NullMarked;
