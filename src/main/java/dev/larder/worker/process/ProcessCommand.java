package dev.larder.worker.process;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/**
 * A command to run.
 *
 * @param name what the log calls it
 * @param words the program and its arguments
 * @param folder the working directory
 * @param environment the whole environment; the variables that identify the job are added
 */
public record ProcessCommand(String name, List<String> words, Path folder, Map<String, String> environment) {}
