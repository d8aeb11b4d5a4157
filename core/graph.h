/* What a network computes at inference, or where it is asked for in training, in few primitive operations: a layer
 * says it once (layer_kind.describe, activation_kind.describe), and each writer of another program's format
 * (core/interop) translates the operations, never the layers.
 *
 * A value is the number of an array for one image; shapes are without the batch, images (h,w,c). Every graph_ function
 * that adds an operation takes values and returns the value of its result. On failure it returns GRAPH_NONE and the
 * graph's error is set; with such a value as an argument nothing more happens, so only who made the graph looks at the
 * error, at the end. */
#ifndef CNNTRAIN_CORE_GRAPH_H
#define CNNTRAIN_CORE_GRAPH_H

#include <stdbool.h>
#include <stddef.h>

#include "core/error.h"
#include "core/memory.h"
#include "core/shape.h"

struct layer;

enum { GRAPH_NONE = -1, GRAPH_INPUTS_MAX = 3 };

enum graph_operation {
    /* windows over an image */
    GRAPH_CONVOLVE,         /* x (h,w,c), kernel (kh,kw,c/groups,f), bias (f) or none: zeros beyond the image */
    GRAPH_CONVOLVE_BACK,    /* x (h,w,c), kernel (kh,kw,f,c), bias (f) or none: transposed convolution */
    GRAPH_POOL_MAXIMUM,     /* x: of the window's cells inside the image */
    GRAPH_POOL_MEAN,        /* x: likewise */
    GRAPH_POOL_SUM,         /* x: likewise */
    GRAPH_SAMPLE,           /* x (h,w,c), places (oh,ow,2*taps), shares (oh,ow,taps) or none: see graph_sample */
    GRAPH_PAD_ZEROS,        /* x: a frame of zeros around it */
    GRAPH_PAD_WRAP,         /* x: around it the cells of its opposite side */
    GRAPH_CROP,             /* x: without a frame of it */
    GRAPH_ENLARGE_NEAREST,  /* x: each cell repeated `times` */
    GRAPH_ENLARGE_BILINEAR, /* x: cell i looks at (i + 1/2)/times - 1/2, beyond the edge the edge goes on */
    /* whole arrays */
    GRAPH_MATRIX,         /* x (d), matrix (d,units), bias (units) or none: x times matrix + bias */
    GRAPH_RESHAPE,        /* x: the same numbers in the same order */
    GRAPH_SOFTMAX,        /* x: over the last axis */
    GRAPH_REDUCE_MEAN,    /* x: over `axes` from `axis` on, which become 1 */
    GRAPH_REDUCE_MAXIMUM, /* x: likewise */
    /* each number by itself: graph_apply */
    GRAPH_RELU,       /* max(x, 0) */
    GRAPH_LEAKY_RELU, /* x above zero, number*x below */
    GRAPH_ELU,        /* x above zero, number*(exp(x) - 1) below */
    GRAPH_SIGMOID,    /* 1/(1 + exp(-x)) */
    GRAPH_TANH,
    GRAPH_ERF,
    GRAPH_EXP,
    GRAPH_SOFTPLUS, /* log(1 + exp(x)) */
    GRAPH_SQUARE_ROOT,
    GRAPH_ABSOLUTE,
    GRAPH_SIGN, /* -1, 0 or 1 */
    /* likewise, and only in graphs of a training */
    GRAPH_DROP,          /* 0 for a share `number` of all numbers, the others divided by 1 - number */
    GRAPH_DROP_CHANNELS, /* likewise by whole channels */
    GRAPH_NOISE,         /* plus normal random numbers of the deviation `number` */
    /* two numbers: graph_combine */
    GRAPH_ADD,
    GRAPH_SUBTRACT,
    GRAPH_MULTIPLY,
    GRAPH_DIVIDE,
    GRAPH_MAXIMUM,
    GRAPH_MINIMUM,
    GRAPH_OPERATIONS,
};

/* How a window slides: the cell of tap (i,j) at output (r,s) is (r*stride - before + i*dilation, ...). For a transposed
 * convolution it is the other way: input cell (r,s) goes through tap (i,j) to that output cell. Axis 0 is the height.
 */
struct graph_window {
    int size[2], stride[2], dilation[2], before[2];
    int output[2];
    int groups; /* of a convolution; 1 elsewhere */
};

enum graph_side { GRAPH_TOP, GRAPH_BOTTOM, GRAPH_LEFT, GRAPH_RIGHT, GRAPH_SIDES };

struct graph_value {
    struct shape shape; /* rank 0: a single number */
    const float *data;  /* a constant's numbers; NULL: known only when the network runs */
    const char *name;   /* a constant's, "conv2d/kernel"; NULL elsewhere */
};

struct graph_node {
    enum graph_operation operation;
    int input_count;
    int inputs[GRAPH_INPUTS_MAX]; /* GRAPH_NONE for one left out */
    int output;
    const char *layer; /* the name of the layer that it belongs to; NULL where it belongs to none */
    /* What the operation needs of these. */
    struct graph_window window;
    int sides[GRAPH_SIDES];
    int times[2];
    int axis, axes;
    double number;
};

struct graph {
    struct graph_value *values;
    struct graph_node *nodes; /* in an order in which they can be computed */
    int value_count, node_count;
    int input, output;
    struct error *error;

    const struct layer *layer; /* being described */
    float *const *parameters;  /* its numbers, by parameter */
    bool training;             /* what happens in training alone belongs to it, too */
    int second;                /* its second input; GRAPH_NONE where it has none */
    int value_room, node_room;
    struct arena arena; /* names and constants that no model holds; a layer's intermediate numbers */
};

/* An empty graph whose input is an array of this shape; `error` must outlive it. graph_free it, also after a failure.
 */
void graph_open(struct graph *graph, const struct shape *input, struct error *error);
void graph_free(struct graph *graph);

/* ---- constants ---- */

/* Parameter k of the layer that is being described. Its numbers stay the model's. */
int graph_parameter(struct graph *graph, int k);
/* A copy of numbers that follow from the layer's, rounded to float; `name` tells them apart: "scale". */
int graph_numbers(struct graph *graph, const char *name, const struct shape *shape, const double *values);
/* Columns of a constant's last axis, as a constant. */
int graph_columns(struct graph *graph, int constant, int first, int count);
/* One number. */
int graph_number(struct graph *graph, double number);

/* ---- operations ---- */

int graph_convolve(struct graph *graph, int x, int kernel, int bias, const struct graph_window *window);
/* Each pixel by itself: a kernel of (1,1,c,f). */
int graph_convolve_pixels(struct graph *graph, int x, int kernel, int bias);
int graph_convolve_back(struct graph *graph, int x, int kernel, int bias, const struct graph_window *window);
/* `operation`: one of GRAPH_POOL_. Dilation is 1. */
int graph_pool(struct graph *graph, enum graph_operation operation, int x, const struct graph_window *window);
/* Deformable sampling, bilinear, zeros beyond the image: y (oh,ow,taps*c), where y[r][s][t*c + v] is x[..][..][v] at
 * window cell t of output (r,s) moved by (places[r][s][2*t], places[r][s][2*t + 1]) along height and width, times
 * shares[r][s][t]. */
int graph_sample(struct graph *graph, int x, int places, int shares, const struct graph_window *window);
/* `operation`: GRAPH_PAD_ or GRAPH_CROP; rows and columns on each side. */
int graph_frame(struct graph *graph, enum graph_operation operation, int x, const int sides[GRAPH_SIDES]);
/* `operation`: one of GRAPH_ENLARGE_. */
int graph_enlarge(struct graph *graph, enum graph_operation operation, int x, const int times[2]);
int graph_matrix(struct graph *graph, int x, int matrix, int bias);
/* A constant's shape may be changed, too. */
int graph_reshape(struct graph *graph, int x, const struct shape *shape);
int graph_softmax(struct graph *graph, int x);
/* `operation`: one of GRAPH_REDUCE_. The axes keep their places, with size 1. */
int graph_reduce(struct graph *graph, enum graph_operation operation, int x, int axis, int axes);
/* `operation` with its number; 0 for one that needs none. */
int graph_apply(struct graph *graph, enum graph_operation operation, int x, double number);
/* b is of a's shape, or of a's with 1 for some of its last axes; or it is a constant of a's last axes, or one number.
 */
int graph_combine(struct graph *graph, enum graph_operation operation, int a, int b);

/* ---- for writers ---- */

/* Whether the operation is of graph_apply or graph_combine. */
bool graph_is_elementwise(enum graph_operation operation);
/* The numbers of a value for one image. */
size_t graph_elements(const struct graph *graph, int value);
/* The cells below and right of the image that windows reach, 0 or more, on axis 0 or 1. */
int graph_window_after(const struct graph_window *window, int input, int axis);

#endif
