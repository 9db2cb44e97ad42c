package dev.larder.model;

/**
 * Why an input is not accepted.
 *
 * @param code stable, for programs: {@code overlapping_schedules}
 * @param field where, as a path into the input: {@code presets[0].schedules[1].cron}
 * @param detail one sentence for people; never holds a secret value
 */
public record Refusal(String code, String field, String detail) {}
