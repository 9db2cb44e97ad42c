/**
 * Workspaces that are whatever a version's scripts make. A job is one folder with the version's files and one process
 * group that runs a script of them; what the script is told stands in its environment, what it answers in a JSON file.
 *
 * <p>Scripts are trusted as far as the server's own user is: they run as that user, so that this backend is off unless it
 * is switched on. They are given none of the server's environment but {@code PATH}, {@code HOME}, {@code LANG} and {@code
 * TZ}. Nothing of what they are told is ever part of a command line.
 *
 * <p>Every process of a job bears its ids in its environment and in a limit that it cannot shed, and is found by them in
 * {@code /proc} however it was orphaned: by a cancel, or by the next attempt after this server was killed. Where control
 * groups can be made a job runs in one (decision 0021). Elsewhere than on Linux only the process group is ended.
 */
@NullMarked
package dev.larder.worker.exec;

import org.jspecify.annotations.NullMarked;
