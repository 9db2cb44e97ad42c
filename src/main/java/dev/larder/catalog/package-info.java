/**
 * What should be in stock: templates, versions, parameters, presets, schedules. A declaration is validated whole before
 * anything of it is stored; versions are immutable once they are.
 */
@NullMarked
package dev.larder.catalog;

import org.jspecify.annotations.NullMarked;
