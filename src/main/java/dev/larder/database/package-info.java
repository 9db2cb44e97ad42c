/**
 * The only room that speaks SQL to Larder's database. Every legal transition is one named method; the schema's
 * constraints hold what the methods promise. One transaction per public method, and nothing is told to anybody before
 * it has committed: callers ring the {@code wake} bell afterwards.
 */
@NullMarked
package dev.larder.database;

import org.jspecify.annotations.NullMarked;
