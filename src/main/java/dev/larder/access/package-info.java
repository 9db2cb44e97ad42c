/**
 * Which caller may do what: organizations, users, bearer tokens, roles, quotas (decision 0008).
 *
 * <p><b>Owns</b> the answer before a resource is entered ({@code access.TokenAuthentication},
 * {@code access.TokenStore}), users and organizations ({@code access.UserResource},
 * {@code access.OrganizationResource}, {@code access.UserStore}, {@code access.OrganizationStore},
 * {@code access.AccessStore}), quotas ({@code access.QuotaResource}), and the first owner ({@code access.Bootstrap}).
 *
 * <p><b>Authoritative</b>: the tables {@code users}, {@code tokens}, {@code organizations}. A token is looked
 * up with every call; nothing is cached, so a revoked token fails at once. The database keeps a hash of it.
 *
 * <p><b>States.</b> A token is valid, expired or revoked. A user is enabled, disabled or deleted. A foreign
 * key keeps the system user from ever having a token.
 *
 * <p><b>Failures.</b> No or a bad token is 401, a role that may not is 403. What belongs to another organization is
 * 404: its existence is not told. Inside, every query is limited to what the caller may see
 * ({@code model.Visibility}).
 *
 * <p><b>Bounds.</b> 100 unexpired tokens per user. One indexed read per call.
 */
@NullMarked
package dev.larder.access;

import org.jspecify.annotations.NullMarked;
