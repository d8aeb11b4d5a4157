/* report.html of a batch of runs. */
#include <math.h>
#include <stdio.h>

#include "core/report/chart.h"
#include "core/report/comparison_charts.h"
#include "core/report/comparison_tables.h"
#include "core/report/format.h"
#include "core/report/html.h"

enum { MAP_CLASSES_MAX = 60 };

static const struct html_part part_results = {"results", "Results"}, part_accuracy = {"accuracy", "Accuracy and cost"},
                              part_curves = {"curves", "Curves"}, part_classes = {"classes", "Test accuracy by class"},
                              part_pairs = {"significance", "Which differences are significant"},
                              part_method = {"method", "How the intervals and tests were made"},
                              part_runs = {"runs", "Runs"}, part_repeat = {"repeat", "To repeat it"};

enum { PARTS_MAX = 9 };
static void list_parts(const struct comparison *comparison, struct html_part parts[PARTS_MAX]) {
    int count = 0;
    parts[count++] = part_results;
    if (comparison_has_accuracy(comparison)) parts[count++] = part_accuracy;
    if (comparison_has_curves(comparison)) parts[count++] = part_curves;
    if (comparison->class_count > 0) parts[count++] = part_classes;
    parts[count++] = part_pairs;
    if (comparison_has_method(comparison)) parts[count++] = part_method;
    if (comparison->total > 0) parts[count++] = part_runs;
    if (comparison->input->command) parts[count++] = part_repeat;
    parts[count] = (struct html_part){NULL, NULL};
}

static void add_top(const struct comparison *comparison, const char *title, struct text *text) {
    static const struct comparison_words words = {html_escape, "<strong>", "</strong>"};
    struct html_part parts[PARTS_MAX];
    struct text progress = {0};
    list_parts(comparison, parts);
    comparison_progress(comparison, &progress);
    text_add(text, "<header>\n<h1>");
    html_escape(title, text);
    text_add(text, "</h1>\n<p class=\"lead\">");
    comparison_verdict(comparison, &words, text);
    text_add(text, "</p>\n");
    html_printed(comparison->finished < comparison->total ? "warn" : NULL, &progress, text);
    html_contents(parts, text);
    text_add(text, "</header>\n");
}

static void add_results(const struct comparison *comparison, struct text *text) {
    struct table table = {0};
    html_section(&part_results, text);
    comparison_results_table(comparison, &table);
    table_html(&table, "The combinations, their accuracy and what they cost", true, text);
    html_paragraph("note", comparison_results_note, text);
    html_section_end(text);
}

static void add_accuracy(const struct comparison *comparison, struct text *text) {
    html_section(&part_accuracy, text);
    html_paragraph("note", "Mean test accuracy over the seeds with its 95 % interval.", text);
    text_add(text, "<div class=\"charts\">\n");
    comparison_accuracy_charts(comparison, text);
    text_add(text, "</div>\n");
    html_section_end(text);
}

static void add_curves(const struct comparison *comparison, struct text *text) {
    struct text note = {0};
    text_add(&note, "A line for each combination: its mean over the seeds that reached the epoch. The area around it "
                    "spans the seeds.");
    if (comparison->input->combinations > CHART_SERIES_MAX)
        text_print(&note, " Drawn are the %d combinations with the best test accuracy.", CHART_SERIES_MAX);
    html_section(&part_curves, text);
    html_printed("note", &note, text);
    text_add(text, "<div class=\"charts\">\n");
    comparison_curve_charts(comparison, text);
    text_add(text, "</div>\n");
    html_section_end(text);
}

static void add_classes(const struct comparison *comparison, struct text *text) {
    struct table table = {0};
    bool is_mapped =
        comparison->class_count <= MAP_CLASSES_MAX && comparison->input->combinations <= CHART_MATRIX_LARGE;
    html_section(&part_classes, text);
    html_paragraph("note", comparison_classes_note, text);
    if (is_mapped) comparison_classes_chart(comparison, text);
    if (comparison_has_classes_table(comparison)) {
        if (is_mapped) html_details("The same as a table", text);
        comparison_classes_table(comparison, &table);
        table_html(&table, "Test accuracy by class", true, text);
        if (is_mapped) html_details_end(text);
    } else {
        html_paragraph(NULL, "Too many combinations for a table; results.json has the values.", text);
    }
    html_section_end(text);
}

static void add_pairs(const struct comparison *comparison, struct text *text) {
    struct table table = {0};
    html_section(&part_pairs, text);
    if (comparison_tested_pairs(comparison) == 0) {
        html_paragraph(NULL, comparison_untested(comparison), text);
    } else {
        comparison_pairs_table(comparison, &table);
        table_html(&table, "Every two combinations on the same test images", true, text);
        html_paragraph("note", comparison_pairs_note, text);
    }
    html_section_end(text);
}

static void add_method(const struct comparison *comparison, struct text *text) {
    struct text method = {0};
    html_section(&part_method, text);
    comparison_method(comparison, &method);
    html_printed(NULL, &method, text);
    html_section_end(text);
}

static void add_runs(const struct comparison *comparison, struct text *text) {
    struct table table = {0};
    html_section(&part_runs, text);
    comparison_runs_table(comparison, "report.html", &table);
    table_html(&table, "Every run; its name leads to its own report", true, text);
    html_section_end(text);
}

static void add_sections(const struct comparison *comparison, struct text *text) {
    add_results(comparison, text);
    if (comparison_has_accuracy(comparison)) add_accuracy(comparison, text);
    if (comparison_has_curves(comparison)) add_curves(comparison, text);
    if (comparison->class_count > 0) add_classes(comparison, text);
    add_pairs(comparison, text);
    if (comparison_has_method(comparison)) add_method(comparison, text);
    if (comparison->total > 0) add_runs(comparison, text);
    if (comparison->input->command) html_code_section(&part_repeat, comparison->input->command, text);
}

void comparison_html(const struct comparison *comparison, struct text *text) {
    static const char generator[] = "cnntrain " CNNTRAIN_VERSION;
    const char *name = comparison->input->name;
    struct text title = {0};
    text_print(&title, "Experiment %s", name ? name : "without a name");
    if (title.failed) {
        text->failed = true;
    } else {
        html_open(title.bytes, generator, text);
        add_top(comparison, title.bytes, text);
        add_sections(comparison, text);
        html_close(generator, text);
    }
    text_free(&title);
}
