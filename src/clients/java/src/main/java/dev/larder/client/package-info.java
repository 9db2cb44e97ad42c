/**
 * Claims ready-to-use workspaces from a Larder server.
 *
 * <p>{@link dev.larder.client.LarderClient} is the door. {@code dev.larder.client.junit} gives each JUnit test a
 * database of its own. Nothing here writes outputs or the token into a text, a message or a log.
 */
package dev.larder.client;
