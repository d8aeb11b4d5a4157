/* The closing table of a batch on the terminal. */
#include <math.h>

#include "core/report/comparison.h"
#include "core/report/format.h"
#include "core/report/table.h"

static void add_columns(struct table *table) {
    static const char *const names[] = {"params", "multiplications", "train", "val", "test", "s/epoch", "images/s"};
    table_column(table, "name", TABLE_LEFT);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) table_column(table, names[i], TABLE_RIGHT);
}

static void test_cell(struct table *table, const struct estimate *test) {
    struct format mean, half;
    if (test->interval == INTERVAL_NONE)
        table_cell(table, "%s", format_percent(&mean, test->mean));
    else
        table_cell(table, "%s ± %s", format_decimal(&mean, 100 * test->mean, 2),
                   format_percent(&half, (test->high - test->low) / 2));
}

static void add_row(struct table *table, const struct comparison_row *row) {
    struct format format;
    table_cell(table, "%s", row->name);
    table_cell(table, "%s", format_count(&format, (double)row->parameters));
    table_cell(table, "%s", format_count(&format, row->multiplications));
    table_cell(table, "%s", format_percent(&format, row->train_accuracy.mean));
    table_cell(table, "%s", format_percent(&format, row->validation_accuracy.mean));
    test_cell(table, &row->test_accuracy);
    table_cell(table, "%s", format_decimal(&format, row->seconds_per_epoch.mean, 2));
    table_cell(table, "%s", format_count(&format, row->images_per_second.mean));
}

static const char *interval_of(const struct comparison *comparison) {
    bool student = false, wilson = false;
    for (int i = 0; i < comparison->input->combinations; i++) {
        student |= comparison->rows[i].test_accuracy.interval == INTERVAL_STUDENT;
        wilson |= comparison->rows[i].test_accuracy.interval == INTERVAL_WILSON;
    }
    if (student && wilson) return "over the seeds, over the test images where one seed is done";
    return student ? "over the seeds" : wilson ? "over the test images" : NULL;
}

void comparison_table(const struct comparison *comparison, struct text *text) {
    struct table table = {0};
    const char *interval = interval_of(comparison);
    add_columns(&table);
    for (int i = 0; i < comparison->input->combinations; i++) add_row(&table, &comparison->rows[i]);
    table_plain(&table, text);
    if (interval) text_print(text, "test: mean ± half the width of its 95 %% interval %s\n", interval);
}
