/**
 * The edge that every resource shares: problems (RFC 9457), the caller, entity tags, bodies. Owns no rule of the domain.
 */
@NullMarked
package dev.larder.http;

import org.jspecify.annotations.NullMarked;
