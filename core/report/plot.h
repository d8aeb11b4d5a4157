/* Curves as text: points of braille (two by four to a character) or plain characters, with axes and a legend. */
#ifndef CNNTRAIN_CORE_REPORT_PLOT_H
#define CNNTRAIN_CORE_REPORT_PLOT_H

#include <stdbool.h>

#include "core/text.h"

/* One curve; values that are not finite are gaps. */
struct plot_series {
    const char *name;
    const double *y;   /* (count) */
    bool is_dashed;    /* told apart where there are no colours */
    bool is_points;    /* no lines between its points */
    char mark;         /* without braille: '*' */
    const char *color; /* of a terminal, such as "36"; used where the plot has colours */
};

enum plot_axis { PLOT_LINEAR, PLOT_PERCENT /* 0.5 is "50 %" */, PLOT_LOG };

struct plot {
    const char *title;
    int columns, rows; /* of all of it, title and axis included: at least 16 and 5, or nothing is drawn */
    bool has_braille, has_color;
    const double *x; /* (count), rising */
    int count;       /* points of every series; 0 is allowed */
    enum plot_axis x_axis, y_axis;
    const struct plot_series *series;
    int series_count;
    double mark_x; /* a place on the x axis to point at; NAN: none */
    const char *mark_name;
};

/* Adds exactly plot->rows lines, each filled up to plot->columns. */
void plot_write(const struct plot *plot, struct text *text);

/* A curve in one line of at most `columns` characters, a column for each of the last values: blocks, or ASCII. */
void plot_sparkline(const double *y, int count, int columns, bool has_blocks, struct text *text);

#endif
