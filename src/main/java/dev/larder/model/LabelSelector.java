package dev.larder.model;

import java.util.List;
import java.util.Map;

/**
 * Labels that the items of a list must have.
 *
 * @param pairs keys with these values
 * @param keys with any value
 */
public record LabelSelector(Map<String, String> pairs, List<String> keys) {}
