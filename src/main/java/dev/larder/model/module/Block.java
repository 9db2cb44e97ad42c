package dev.larder.model.module;

import java.util.List;

/**
 * A block of a module's file.
 *
 * @param blocks those directly inside
 * @param empty whether nothing at all stands inside
 */
record Block(String type, List<String> labels, List<Block> blocks, boolean empty) {}
