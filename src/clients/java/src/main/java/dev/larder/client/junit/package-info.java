/** Gives each JUnit test a workspace of its own from stock, and gives it back after the test. */
package dev.larder.client.junit;
