#include <math.h>

#include "core/report/chart.h"
#include "core/report/html.h"

enum { CELL_LARGE = 34, CELL_SMALL = 11, ROW_MEDIUM = 24, CELL_SQUARE = 30, NAME_MAX = 20, LEVELS = 8, LEVEL_OVER = 5 };

/* Sizes of one chart. A dense one has small letters, and the columns' names upright. */
struct layout {
    bool dense;
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
    struct layout layout = {.dense = chart->columns > CHART_MATRIX_LARGE};
    double shrink = layout.dense ? 8.0 / 11 : 1; /* of the letters */
    double names = longest(chart, chart->column_name, chart->columns) * shrink;
    layout.cell_width = layout.dense ? CELL_SMALL : CELL_LARGE;
    layout.cell_height = layout.dense ? CELL_SMALL : chart->rows == chart->columns ? CELL_SQUARE : ROW_MEDIUM;
    layout.left = longest(chart, chart->row_name, chart->rows) * shrink + 32;
    layout.top = (layout.dense ? names : 0.72 * names) + 36;
    return layout;
}

double chart_matrix_width(const struct chart_matrix *chart) {
    struct layout layout = lay_out(chart);
    /* The last column's name leans out to the right. */
    return layout.left + layout.cell_width * chart->columns + (layout.dense ? 8 : layout.top - 24);
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
    const char *class_name = layout->dense ? "dense" : "label";
    double shift = layout->dense ? 3 : 4, degrees = layout->dense ? -90 : -45;
    for (int row = 0; row < chart->rows; row++)
        svg_text(layout->left - 6, layout->top + layout->cell_height * (row + 0.5) + shift, "end", class_name,
                 svg_short(chart->row_name(chart->data, row), NAME_MAX, label), text);
    for (int column = 0; column < chart->columns; column++)
        add_rotated(layout->left + layout->cell_width * (column + 0.5) + 3, layout->top - 6, degrees, class_name,
                    "start", svg_short(chart->column_name(chart->data, column), NAME_MAX, label), text);
    add_rotated(12, layout->top + layout->cell_height * chart->rows / 2, -90, "name", "middle", chart->row_title, text);
    svg_text(layout->left, 13, "start", "name", chart->column_title, text);
}

/* Lines that lead the eye from a cell to its names. */
static void add_guides(const struct chart_matrix *chart, const struct layout *layout, struct text *text) {
    enum { EVERY = 5 };
    double right = layout->left + layout->cell_width * chart->columns;
    double bottom = layout->top + layout->cell_height * chart->rows;
    for (int row = EVERY; row < chart->rows; row += EVERY) {
        double y = layout->top + layout->cell_height * row;
        svg_rule(layout->left, y, right, y, "grid", text);
    }
    for (int column = EVERY; column < chart->columns; column += EVERY) {
        double x = layout->left + layout->cell_width * column;
        svg_rule(x, layout->top, x, bottom, "grid", text);
    }
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
        const char *classes[2][2] = {{"count", "count over"}, {"count tiny", "count tiny over"}};
        svg_text(x + layout->cell_width / 2, y + layout->cell_height / 2 + (layout->dense ? 2.5 : 4), "middle",
                 classes[layout->dense][level_of(share) >= LEVEL_OVER], label, text);
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
    if (layout.dense) add_guides(chart, &layout, text);
    add_names(chart, &layout, text);
    for (int row = 0; row < chart->rows; row++)
        for (int column = 0; column < chart->columns; column++) add_cell(chart, &layout, row, column, text);
    svg_close(text);
}

void chart_matrix_figure(const struct chart_matrix *chart, struct text *text) {
    double width = chart_matrix_width(chart);
    text_print(text, "<div class=\"scroll map%s\" role=\"region\" tabindex=\"0\" aria-label=\"",
               lay_out(chart).dense ? " dense" : "");
    html_escape(chart->place.title, text);
    /* On a phone a small one shrinks a little; what is still too wide scrolls. */
    text_print(text, "\">\n<figure style=\"max-width:%.0fpx;min-width:%.0fpx\">\n", width,
               lay_out(chart).dense ? width : 0.8 * width);
    chart_matrix(chart, text);
    text_add(text, "</figure>\n</div>\n");
}
