package dev.larder.lifecycle;

/** Marks of presets that the next cycle of the reconciler looks at, said once for all statements. */
public final class DirtyPresets {

    private DirtyPresets() {}

    /**
     * A statement, or the body of a CTE: marks each preset of these rows once.
     *
     * @param rows what follows {@code FROM}: a table or a CTE with a column {@code preset_id}, with its condition
     */
    public static String mark(String rows) {
        return mark("preset_id", rows);
    }

    /**
     * The same, where the preset has another name.
     *
     * @param preset an expression over the columns of the rows: the preset's id
     */
    public static String mark(String preset, String rows) {
        return "INSERT INTO dirty_presets (preset_id) SELECT DISTINCT " + preset + " FROM " + rows;
    }
}
