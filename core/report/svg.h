/* Drawings as SVG, within an HTML page or as a file of their own: axes with round ticks, lines, markers, labels.
 * Colours come from CSS classes (core/report/html_page.h), so that they follow the light or dark theme. */
#ifndef CNNTRAIN_CORE_REPORT_SVG_H
#define CNNTRAIN_CORE_REPORT_SVG_H

#include <stdbool.h>

#include "core/text.h"

/* Where a drawing stands, and what it is called by those who hear it. */
struct svg_drawing {
    const char *id; /* unique in the page */
    const char *title, *description;
    double x, y;          /* within a file that holds several; 0 in a page */
    double width, height; /* in units of about a pixel */
};

/* A drawing, ended by svg_close. Title and description are escaped. */
void svg_open(const struct svg_drawing *drawing, struct text *text);
void svg_close(struct text *text);

/* A file of that size with its style, into which drawings are put; ended by svg_close. */
void svg_open_file(double width, double height, const char *title, struct text *text);

/* A coordinate with at most one decimal. */
void svg_number(double value, struct text *text);
/* ` name="value"`. */
void svg_attribute(const char *name, double value, struct text *text);

/* Text of a CSS class at a place; `anchor` is "start", "middle" or "end". svg_text_width is about how wide it gets. */
void svg_text(double x, double y, const char *anchor, const char *class_name, const char *string, struct text *text);
double svg_text_width(const char *string);
/* The string cut to so many characters, the last of which is then an ellipsis; into buffer. */
enum { SVG_LABEL_SIZE = 256 };
const char *svg_short(const char *string, int characters, char buffer[SVG_LABEL_SIZE]);

/* <title> of the element that is open: what a pointer that rests on it reads. */
void svg_title(const char *string, struct text *text);

void svg_rule(double x1, double y1, double x2, double y2, const char *class_name, struct text *text);

enum svg_unit { SVG_NUMBER, SVG_PERCENT, SVG_COUNT, SVG_EPOCH };
enum { SVG_TICKS_MAX = 16 };

/* From values to a length. */
struct svg_axis {
    double low, high; /* the values at its ends, low < high */
    bool logarithmic;
    enum svg_unit unit;
    int tick_count;
    double ticks[SVG_TICKS_MAX];
    int decimals; /* of the ticks' labels */
};

/* An axis that holds both values, with ends on round numbers; equal, swapped and not finite values are allowed. Of
 * SVG_PERCENT it stays within 0 and 1, of SVG_EPOCH on integers. */
struct svg_axis svg_axis(double low, double high, enum svg_unit unit);
/* For positive values; svg_axis where one is not. */
struct svg_axis svg_axis_logarithmic(double low, double high, enum svg_unit unit);
/* Where a value stands, from 0 to 1. */
double svg_axis_share(const struct svg_axis *axis, double value);
/* As the ticks are labelled: "0.25", "80 %", "1.5M"; into buffer. */
enum { SVG_TICK_SIZE = 32 };
const char *svg_axis_label(const struct svg_axis *axis, double value, char buffer[SVG_TICK_SIZE]);

/* The area between two axes. */
struct svg_frame {
    double left, top, width, height;
    struct svg_axis x, y;
};
double svg_x(const struct svg_frame *frame, double value);
double svg_y(const struct svg_frame *frame, double value);
/* Grid, ticks and the axes' names. */
void svg_frame(const struct svg_frame *frame, const char *x_name, const char *y_name, struct text *text);

enum { SVG_STYLES = 8 };

/* A point of a series: the series' number gives form and colour. */
void svg_marker(double x, double y, int series, struct text *text);
/* A line through points of a frame, in the series' colour and dashes; it breaks where a value is not finite, and a
 * point between two breaks becomes a marker. */
void svg_line(const struct svg_frame *frame, const double *x, const double *y, int count, int series,
              struct text *text);
/* The area between two lines, over the points where both are finite. */
void svg_band(const struct svg_frame *frame, const double *x, const double *low, const double *high, int count,
              int series, struct text *text);
/* An interval as a bar with ends: between (x1, y1) and (x2, y2), one of them equal. */
void svg_interval(double x1, double y1, double x2, double y2, int series, struct text *text);

/* Names with the series' lines and markers, as many in a row as fit between left and right; svg_legend_height is what
 * they take. */
double svg_legend_height(const char *const *names, int count, double width);
void svg_legend(const char *const *names, int count, double left, double top, double width, struct text *text);

#endif
