package dev.larder.claim;

import java.time.Instant;

/**
 * How a claim waits.
 *
 * @param priority higher is served first
 * @param until the deadline
 * @param thenCold whether a build is begun at the deadline
 * @param inOrganizationMax how many claims of one organization may wait
 * @param ofUserMax how many claims of one user may wait in it
 */
public record WaitPolicy(int priority, Instant until, boolean thenCold, int inOrganizationMax, int ofUserMax) {}
