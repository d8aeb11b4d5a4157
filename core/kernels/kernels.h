/* The arithmetic that takes the time, behind one table of functions for each instruction set.
 * Nothing here knows layers or images: a caller describes strides and tap offsets, a kernel multiplies and adds.
 *
 * All counts and strides are in floats. Memory that a kernel reads may be read up to 16 floats past the end of a row
 * of B, a kernel row, a bias or a pixel's channels (whole vectors; the surplus never reaches a result): blocks from
 * memory_allocate carry that slack. Outputs are written exactly.
 *
 * Bits: in every function each output element is one sum, taken in the order its comment states with one rounding (one
 * fused multiply-add where the instruction set has it) a term. So avx2 and avx512 give the same bits whatever the tile,
 * and a result never depends on how a caller splits m, n or channels. */
#ifndef CNNTRAIN_CORE_KERNELS_KERNELS_H
#define CNNTRAIN_CORE_KERNELS_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* C[i][j] = start + sum over t, then k, of A[offsets[t] + i*row + k*column] * B[t*b_tap + k*b_row + j]
 * for i < m, j < n, t < taps, k < depth; C[i][j] stands at c[i*c_row + j].
 * start is C[i][j] itself where accumulate, else bias[j], else 0 where bias is NULL.
 * One product serves the three passes of a convolution; layers/conv2d.c shows how. */
struct product {
    int m, n, taps, depth;
    const float *a;
    const ptrdiff_t *offsets; /* (taps); NULL: taps is 1 and the offset 0 */
    ptrdiff_t row, column;
    const float *b;
    ptrdiff_t b_tap, b_row;
    float *c;
    ptrdiff_t c_row;
    const float *bias; /* (n) or NULL */
    bool accumulate;
};

/* A grid of output positions that slides over an input, channel by channel.
 * small: (rows, pixels, channels), contiguous; large: a cell of the window of position (r,p), channel v, stands at
 * large[offsets[t] + r*row_step + p*pixel_step + v]. */
struct window {
    int rows, pixels, channels, taps;
    const ptrdiff_t *offsets; /* (taps) */
    ptrdiff_t row_step, pixel_step;
};

/* One term of a depthwise sum: where the row that it multiplies begins, and its place in the kernel, in floats. */
struct depthwise_term {
    const float *from;
    ptrdiff_t kernel;
};

/* A row of a depthwise convolution, as one line of floats that is cut into periods. A period is a pixel with all its
 * channels, or several pixels where the kernel stands as often in a row; so kernels never see pixels. */
struct depthwise_row {
    int count;      /* floats of the row, pixels * channels; the last period may be cut off */
    int period;     /* floats; a multiple of `repeat` */
    int repeat;     /* 1, or a power of two: one float of the input serves so many neighbours */
    ptrdiff_t step; /* floats of the input from period to period: period / repeat unless pixels are skipped */
    int taps;
    const struct depthwise_term *terms; /* (taps) */
};

struct kernels {
    const char *name;   /* "reference", "portable", "avx2", "avx512" */
    int vector;         /* floats a vector */
    int tile_m, tile_n; /* the product's register tile */
    void (*product)(const struct product *product);

    /* With e = g*period + f, f < period: y[e] = bias[f] (0 where NULL) + sum over t of
     *   terms[t].from[g*step + f/repeat] * kernel[terms[t].kernel + f], for e < count.
     * Forward, y is a row of the output and the terms are rows of the input. The data gradient is the same sum with
     * repeat 1, where the terms are rows of the output's gradient. */
    void (*depthwise_row)(const struct depthwise_row *row, const float *kernel, const float *bias, float *y);
    /* gradient[terms[t].kernel + f] += sum over g of x[g*step + f/repeat] * terms[t].from[g*period + f].
     * gradient is read and written in whole vectors, up to 15 floats past terms[t].kernel + period; the surplus, and up
     * to 16 floats past a row of terms[t].from, may hold any number but infinity and NaN. */
    void (*depthwise_gradient_row)(const struct depthwise_row *row, const float *x, float *gradient);
    /* to[i] = the sum of the `together` floats from[i*together] on: of 2, 4 and 8 by halves ((a+b) + (c+d)), of any
     * other number from first to last */
    void (*sum_neighbours)(int count, int together, const float *from, float *to);
    /* to[i*times + j] = from[i] for i < count, j < times */
    void (*repeat_neighbours)(int count, int times, const float *from, float *to);

    /* small = the largest of the window's cells, cell[r,p,v] = t of the first largest. A NaN among them is the result.
     */
    void (*max_forward)(const struct window *window, const float *large, float *small, uint16_t *cell);
    /* large[offsets[cell[r,p,v]] ...] += small[r,p,v] */
    void (*max_backward)(const struct window *window, const float *small, const uint16_t *cell, float *large);
    /* small = scale * (sum over t) */
    void (*sum_forward)(const struct window *window, const float *large, float scale, float *small);
    /* every cell of the window += scale * small[r,p,v] */
    void (*sum_backward)(const struct window *window, const float *small, float scale, float *large);

    /* sums[v] += sum over r < rows of x[r*columns + v]: the gradient of a bias */
    void (*column_sums)(int rows, int columns, const float *x, float *sums);
    /* y[i] += x[i] */
    void (*add)(size_t count, const float *x, float *y);
    /* y[i] = max(y[i], 0), NaN kept; */
    void (*relu_forward)(size_t count, float *y);
    /* dy[i] = y[i] > 0 ? dy[i] : 0 */
    void (*relu_backward)(size_t count, const float *y, float *dy);
};

/* The plain-C table every other is checked against. */
const struct kernels *kernels_reference(void);

/* The fastest table this processor runs, or the one called `name` ("portable", "avx2", "avx512", "reference");
 * NULL where there is no such table in this build or this processor cannot run it. A name of NULL: the fastest. */
const struct kernels *kernels_select(const char *name);

/* The i-th table this processor runs, from the reference up; NULL past the last. For tests and help. */
const struct kernels *kernels_at(int index);

#endif
