/**
 * What should be in stock: templates, versions, parameters, presets, schedules, and the pauses of each level.
 *
 * <p><b>Owns</b> declarations from their text to the tables: {@code catalog.TemplateResource} →
 * {@code catalog.DeclarationParser} ({@code catalog.SyntaxReader}, {@code catalog.DeclarationReader}) →
 * {@code catalog.CatalogStore} → {@code catalog.VersionStore}. {@code catalog.CatalogReads} shows them;
 * {@code catalog.CatalogControlStore} deprecates, deletes, invalidates and resets; {@code catalog.PauseStore} pauses.
 *
 * <p><b>Authoritative</b>: the tables {@code templates}, {@code template_versions}, {@code presets} and their parts.
 * A version never changes. A template has one active version; only that one's presets are served.
 *
 * <p><b>States.</b> A template is live, deprecated with a reason, or deleted. A preset is {@code healthy},
 * {@code hard_limited} or {@code validation_failed}; the reconciler marks it, a reset or a new version heals it.
 *
 * <p><b>Failures.</b> A declaration is validated whole before anything of it is stored, and the answer names
 * everything that is wrong with it. The same declaration again changes nothing. Each change writes its audit entry
 * and marks its presets dirty in the same transaction, and wakes the reconciler after the commit.
 *
 * <p><b>Bounds.</b> Size, nesting and number of values of a declaration are limited while it is read; YAML aliases
 * are refused. 1,000 instances per preset at most. The bounds are the schema's or narrower.
 */
@NullMarked
package dev.larder.catalog;

import org.jspecify.annotations.NullMarked;
