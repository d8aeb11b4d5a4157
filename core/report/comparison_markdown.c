/* report.md of a batch of runs. */
#include "core/report/comparison_charts.h"
#include "core/report/comparison_tables.h"
#include "core/report/markdown.h"

/* Writes the table and its note, and frees the table. */
static void add_table(struct table *table, const char *note, struct text *text) {
    table_markdown(table, text);
    text_add(text, "\n");
    if (note) text_print(text, "%s\n\n", note);
}

static void add_top(const struct comparison *comparison, struct text *text) {
    static const struct comparison_words words = {markdown_escape, "**", "**"};
    comparison_progress(comparison, text);
    text_add(text, "\n\n");
    comparison_verdict(comparison, &words, text);
    text_add(text, "\n\n");
}

static void add_results(const struct comparison *comparison, struct text *text) {
    struct table table = {0};
    markdown_heading(2, "Results", text);
    comparison_results_table(comparison, &table);
    add_table(&table, comparison_results_note, text);
    if (comparison_has_accuracy(comparison))
        text_add(text, "![Test accuracy with its interval, and over its cost](accuracy.svg)\n\n");
    if (comparison_has_curves(comparison)) text_add(text, "![Accuracy and loss by epoch](curves.svg)\n\n");
}

static void add_classes(const struct comparison *comparison, struct text *text) {
    struct table table = {0};
    if (comparison->class_count == 0) return;
    markdown_heading(2, "Test accuracy by class", text);
    if (!comparison_has_classes_table(comparison)) {
        text_add(text, "Too many combinations for a table; `results.json` has the values.\n\n");
        return;
    }
    comparison_classes_table(comparison, &table);
    add_table(&table, comparison_classes_note, text);
}

static void add_pairs(const struct comparison *comparison, struct text *text) {
    struct table table = {0};
    markdown_heading(2, "Which differences are significant", text);
    if (comparison_tested_pairs(comparison) == 0) {
        text_print(text, "%s\n\n", comparison_untested(comparison));
        return;
    }
    comparison_pairs_table(comparison, &table);
    add_table(&table, comparison_pairs_note, text);
}

static void add_method(const struct comparison *comparison, struct text *text) {
    if (!comparison_has_method(comparison)) return;
    markdown_heading(2, "How the intervals and tests were made", text);
    comparison_method(comparison, text);
    text_add(text, "\n\n");
}

static void add_runs(const struct comparison *comparison, struct text *text) {
    struct table table = {0};
    if (comparison->total == 0) return;
    markdown_heading(2, "Runs", text);
    comparison_runs_table(comparison, "report.md", &table);
    add_table(&table, NULL, text);
}

static void add_title(const char *name, struct text *text) {
    struct text title = {0};
    text_print(&title, "Experiment %s", name ? name : "without a name");
    if (title.failed)
        text->failed = true;
    else
        markdown_heading(1, title.bytes, text);
    text_free(&title);
}

void comparison_markdown(const struct comparison *comparison, struct text *text) {
    add_title(comparison->input->name, text);
    add_top(comparison, text);
    add_results(comparison, text);
    add_classes(comparison, text);
    add_pairs(comparison, text);
    add_method(comparison, text);
    add_runs(comparison, text);
    if (!comparison->input->command) return;
    markdown_heading(2, "To repeat it", text);
    markdown_code(comparison->input->command, text);
}
