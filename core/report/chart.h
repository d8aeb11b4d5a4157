/* Whole charts, as drawings (core/report/svg.h) in a page or a file. Values that are not finite are left out; every
 * value that is drawn can also be read by resting the pointer on it. */
#ifndef CNNTRAIN_CORE_REPORT_CHART_H
#define CNNTRAIN_CORE_REPORT_CHART_H

#include <stdbool.h>
#include <stdint.h>

#include "core/report/svg.h"

enum { CHART_WIDTH = 420, CHART_SERIES_MAX = SVG_STYLES, CHART_POINTS_MAX = 400 };

/* What all charts are told: x and y are where it stands in a file with several. */
struct chart_place {
    const char *id, *title, *description;
    double x, y;
};

struct chart_series {
    const char *name;
    const double *values;     /* (points) */
    const double *low, *high; /* (points) a range around them; NULL: none */
};

/* Lines over epochs; with more than CHART_POINTS_MAX points, only every second, third, ... is drawn. */
struct chart_lines {
    struct chart_place place;
    const char *y_name;
    enum svg_unit unit;
    bool logarithmic, begins_at_zero; /* of the values' axis */
    const double *epochs;             /* (points), rising */
    int points;
    const struct chart_series *series;
    int series_count;   /* at most CHART_SERIES_MAX */
    int best_epoch;     /* is marked; 0: none */
    bool has_no_legend; /* of one series whose name is the axis' */
};
double chart_lines_height(const struct chart_lines *chart);
void chart_lines(const struct chart_lines *chart, struct text *text);

/* Losses over learning rates, which rise by factors: a dot for each batch, a line for what they become when smoothed.
 */
struct chart_rates {
    struct chart_place place;
    const double *rates, *losses, *smooth; /* (points) */
    int points;
    double marked; /* a rate; NAN: none */
};
enum { CHART_RATES_HEIGHT = 290 };
void chart_rates(const struct chart_rates *chart, struct text *text);

/* Something with a share, its interval, and what it costs. */
struct chart_item {
    const char *name;
    double cost;             /* chart_points only */
    double value, low, high; /* 0 to 1; low and high NAN: no interval */
};

/* A bar with its interval for each item, one below the other. */
struct chart_items {
    struct chart_place place;
    const char *x_name, *y_name; /* of bars x is the share, of points y */
    const struct chart_item *items;
    int count;
};
double chart_bars_height(const struct chart_items *chart);
void chart_bars(const struct chart_items *chart, struct text *text);

/* A point for each item over its cost, on a logarithmic axis, with its interval and name. */
enum { CHART_POINTS_HEIGHT = 290 };
void chart_points(const struct chart_items *chart, struct text *text);

/* A table of shares as coloured cells. */
struct chart_matrix {
    struct chart_place place;
    const char *row_title, *column_title;
    int rows, columns;
    const char *(*row_name)(const void *data, int row);
    const char *(*column_name)(const void *data, int column);
    /* 0 to 1, NAN: an empty cell; in `label`, what stands on the cell, and in `tip`, the words for it. */
    double (*cell)(const void *data, int row, int column, char label[SVG_TICK_SIZE], struct text *tip);
    bool diagonal_is_right; /* cells off the diagonal have the colour of mistakes */
    const void *data;
};
/* With more columns cells and letters are smaller. */
enum { CHART_MATRIX_LARGE = 24 };
double chart_matrix_width(const struct chart_matrix *chart);
double chart_matrix_height(const struct chart_matrix *chart);
void chart_matrix(const struct chart_matrix *chart, struct text *text);
/* In a page, in a box that scrolls where it is too wide. */
void chart_matrix_figure(const struct chart_matrix *chart, struct text *text);

#endif
