/**
 * Who may do what: bearer tokens, roles, organizations. Answers the question before a resource is entered; inside,
 * every query names the caller's organization.
 */
@NullMarked
package dev.larder.access;

import org.jspecify.annotations.NullMarked;
