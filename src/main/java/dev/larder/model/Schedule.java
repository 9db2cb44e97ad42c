package dev.larder.model;

/**
 * How many instances are wanted while a cron range matches (design, section 2.4).
 *
 * @param cron five fields whose minute is {@code *}
 */
public record Schedule(String cron, int instances) {}
