#include <math.h>

#include "core/report/chart.h"

enum { CELL_LARGE = 36, CELL_SMALL = 9, ROW_SMALL = 9, ROW_MEDIUM = 22, NAME_MAX = 20, LEVELS = 8, LEVEL_OVER = 5 };

/* Sizes of one chart. */
struct layout {
    bool labelled;
    double cell_width, cell_height, left, top;
};

static double longest(const struct chart_matrix *chart, const char *(*name)(const void *, int), int count) {
    char label[SVG_LABEL_SIZE];
    double width = 0;
    for (int i = 0; i < count; i++)
        width = fmax(width, svg_text_width(svg_short(name(chart->data, i), NAME_MAX, label)));
    return width;
}

static struct layout lay_out(const struct chart_matrix *chart) {
    bool few_columns = chart->columns <= CHART_MATRIX_LABELLED, few_rows = chart->rows <= CHART_MATRIX_LABELLED;
    struct layout layout = {.labelled = few_columns};
    layout.cell_width = few_columns ? CELL_LARGE : CELL_SMALL;
    layout.cell_height = !few_columns ? ROW_SMALL : few_rows && chart->rows == chart->columns ? 28 : ROW_MEDIUM;
    double shrink = few_columns ? 1 : 8.0 / 11; /* the class "dense" */
    layout.left = longest(chart, chart->row_name, chart->rows) * shrink + 32;
    layout.top = longest(chart, chart->column_name, chart->columns) * shrink * 0.72 + 36;
    return layout;
}

double chart_matrix_width(const struct chart_matrix *chart) {
    struct layout layout = lay_out(chart);
    /* The last column's name leans out to the right. */
    return layout.left + layout.cell_width * chart->columns + layout.top - 24;
}

double chart_matrix_height(const struct chart_matrix *chart) {
    struct layout layout = lay_out(chart);
    return layout.top + layout.cell_height * chart->rows + 8;
}

static void add_rotated(double x, double y, double degrees, const char *class_name, const char *anchor,
                        const char *string, struct text *text) {
    text_print(text, "<g transform=\"translate(%.1f %.1f) rotate(%.0f)\">", x, y, degrees);
    svg_text(0, 0, anchor, class_name, string, text);
    text_add(text, "</g>\n");
}

static void add_names(const struct chart_matrix *chart, const struct layout *layout, struct text *text) {
    char label[SVG_LABEL_SIZE];
    const char *class_name = layout->labelled ? "label" : "dense";
    for (int row = 0; row < chart->rows; row++)
        svg_text(layout->left - 6, layout->top + layout->cell_height * (row + 0.5) + (layout->labelled ? 4 : 3), "end",
                 class_name, svg_short(chart->row_name(chart->data, row), NAME_MAX, label), text);
    for (int column = 0; column < chart->columns; column++)
        add_rotated(layout->left + layout->cell_width * (column + 0.5) + 3, layout->top - 6, -45, class_name, "start",
                    svg_short(chart->column_name(chart->data, column), NAME_MAX, label), text);
    add_rotated(12, layout->top + layout->cell_height * chart->rows / 2, -90, "name", "middle", chart->row_title, text);
    svg_text(layout->left, 13, "start", "name", chart->column_title, text);
}

/* Small shares are what one looks for: a square root brings them out. */
static int level_of(double share) {
    int level = (int)(sqrt(fmax(share, 0)) * LEVELS);
    return level < LEVELS ? level : LEVELS - 1;
}

static void add_cell(const struct chart_matrix *chart, const struct layout *layout, int row, int column,
                     struct text *text) {
    char label[SVG_TICK_SIZE] = "";
    struct text tip = {0};
    double share = chart->cell(chart->data, row, column, label, &tip);
    double x = layout->left + layout->cell_width * column, y = layout->top + layout->cell_height * row;
    bool is_right = !chart->diagonal_is_right || row == column;
    if (tip.failed) text->failed = true;
    if (!isnan(share) && !tip.failed) {
        text_print(text, "<path class=\"cell %s h%d\" d=\"M", is_right ? "right" : "wrong", level_of(share));
        svg_number(x, text);
        text_add(text, " ");
        svg_number(y, text);
        text_print(text, "h%.0fv%.0fh-%.0fz\">", layout->cell_width, layout->cell_height, layout->cell_width);
        svg_title(tip.bytes ? tip.bytes : "", text);
        text_add(text, "</path>\n");
        if (layout->labelled)
            svg_text(x + layout->cell_width / 2, y + layout->cell_height / 2 + 4, "middle",
                     level_of(share) >= LEVEL_OVER ? "count over" : "count", label, text);
    }
    text_free(&tip);
}

void chart_matrix(const struct chart_matrix *chart, struct text *text) {
    const struct chart_place *place = &chart->place;
    struct layout layout = lay_out(chart);
    svg_open(&(struct svg_drawing){place->id, place->title, place->description, place->x, place->y,
                                   chart_matrix_width(chart), chart_matrix_height(chart)},
             text);
    text_add(text, "<rect class=\"empty\"");
    svg_attribute("x", layout.left, text);
    svg_attribute("y", layout.top, text);
    svg_attribute("width", layout.cell_width * chart->columns, text);
    svg_attribute("height", layout.cell_height * chart->rows, text);
    text_add(text, "/>\n");
    add_names(chart, &layout, text);
    for (int row = 0; row < chart->rows; row++)
        for (int column = 0; column < chart->columns; column++) add_cell(chart, &layout, row, column, text);
    svg_close(text);
}
