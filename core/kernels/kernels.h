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

/* C[i][j] = start + sum over t, then k, of A[offsets[t] + i*row + k*column] * B[b_offsets[t] + k*b_row + j]
 * for i < m, j < n, t < taps, k < depth; C[i][j] stands at c[i*c_row + j].
 * start is C[i][j] itself where accumulate, else bias[j] or row_bias[i], else 0 where both are NULL.
 * Panels: each is one vector (of the table: kernels->vector) wide and they lie b_panel apart, so that a tile reads B in
 * one go. Panel v holds the columns from v*vector on; the last one, where n is no multiple of a vector, the last
 * `vector` columns, or all n and something behind them where there are fewer. In panel v element (t, k, x) stands at
 * b[v*b_panel + t*b_tap + k*b_row + x].
 * One product serves the three passes of a convolution; layers/pixelwise.c shows how. */
struct product {
    int m, n, taps, depth;
    const float *a;
    const ptrdiff_t *offsets; /* (taps); NULL: taps is 1 and the offset 0 */
    ptrdiff_t row, column;
    const float *b;
    const ptrdiff_t *b_offsets; /* (taps); NULL: t*b_tap. Not with panels */
    ptrdiff_t b_tap, b_row;
    ptrdiff_t b_panel; /* 0: a row of B lies in one piece; else B is packed in panels */
    float *c;
    ptrdiff_t c_row;
    const float *bias, *row_bias; /* (n), (m), or NULL; row_bias only with b_offsets, and not both */
    bool accumulate;
};

/* A pool of windows of 2x2 cells behind something that computes those cells, and stores only what the pool makes of
 * them: what max_forward (or sum_forward by `scale`) does with four taps. */
struct pool {
    bool largest, relu;
    float scale;    /* of the sum; 0: there is no pool */
    uint16_t *cell; /* what max_forward notes in `cell`, or sum_forward in `positive`; NULL: not wanted */
};

/* Where the cells of windows of 2x2 lie: beside and below one another, and `rows` rows of windows row_step apart. */
struct cells {
    ptrdiff_t along, down;
    int rows;
    ptrdiff_t row_step;
};

/* C[i][j] = start + D, D the sum over k < depth of A[offsets[i] + k] * B[j*b_row + k], for i < m, j < n; start as in a
 * product (but for row_bias). D has KERNELS_LANES sums that begin with 0: term k goes to sum k % KERNELS_LANES, in
 * order of k; where depth is no multiple, 0 * 0 is added to each of those that have one term less. Then sum l and sum l
 * + 8 are added, l < 8; of those l and l + 4; l and l + 2; the last two. Rows of A and B may be read up to 15 floats
 * past their end. */
enum { KERNELS_LANES = 16 };
struct dots {
    int m, n, depth;
    const float *a;
    const ptrdiff_t *offsets; /* (m); NULL: i*row */
    ptrdiff_t row;
    const float *b;
    ptrdiff_t b_row;
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
    bool apart; /* no cell of large belongs to two positions: gradients of pooling are written instead of added */
};

enum { KERNELS_NO_CELL = UINT16_MAX, KERNELS_POSITIVE_TAPS = 16 };

/* Winograd's F(4x4,3x3), F(3x3,3x3) and F(4x4,2x2): a tile of outputs x outputs outputs of a convolution with taps x
 * taps taps from the inputs it sees, as many as it has points: outputs + taps - 1 along an axis. That takes
 * points*points multiplications a channel and filter, 36 instead of 144, 25 instead of 81, or 25 instead of 64.
 * Functions below transform inputs, kernels and outputs; what they share is the spectrum, points*points numbers a
 * channel: (i,j), i and j < points, of channel v at spectrum[(points*i + j)*matrix + v].
 *
 * With d (points,points), g (taps,taps), y (outputs,outputs) and D, G, Y their spectra (reference.c has the matrices B,
 * K and A and the diagonal S):
 *
 *   D = B d B'      G = S K g K' S      y = A' (G * D, summed over channels) A
 *   Y = S A dy A' S                     dg = K' (Y * D, summed over tiles) K
 *
 * Rows 0 of B and K, and the last ones, belong to the lowest and the highest tap: row (or column) 0 of G is 0 where row
 * 0 of g is, the last one where the last one of g is; and dg's last row alone depends on the last row of Y * D. A
 * spectrum is written in whole blocks of WINOGRAD_CHANNELS channels; what is beyond `channels` means nothing.
 *
 * A whole image of 2x2 pixels has no border: 2 outputs an axis from 2 inputs and the 3 taps that see them, with 3
 * points (2*outputs - 1); d and y are (2,2), g (3,3), and S is 1. An image of one pixel has one point, which is what it
 * is. */
enum {
    WINOGRAD_TAPS_MOST = 3,
    WINOGRAD_OUTPUTS = 4,
    WINOGRAD_WHOLE_MOST = 2,
    WINOGRAD_POINTS_MOST = 6,
    WINOGRAD_MATRICES_MOST = 36,
    WINOGRAD_CHANNELS = 16
};

/* Where d, g, y or dy lies: cell (r,c), channel v, at image[r*row + c*pixel + v]. */
struct winograd_tile {
    int taps;    /* 2 or 3; of whole images 3 or 1 */
    int outputs; /* 4, or 3 with 3 taps; of whole images 2 or 1 */
    int channels;
    ptrdiff_t row, pixel;
    int top, left, bottom, right; /* top <= r < bottom, left <= c < right are cells; the others are 0 and not touched */
    ptrdiff_t matrix;
};

/* A row of a depthwise convolution, as one line of floats that is cut into periods. A period is a pixel with all its
 * channels, or several pixels where the kernel stands as often in a row; so kernels never see pixels. */
struct depthwise_row {
    int count;        /* floats of the row, pixels * channels; the last period may be cut off */
    int period;       /* floats; a multiple of `repeat` */
    int repeat;       /* 1, or a power of two: one float of the input serves so many neighbours */
    ptrdiff_t step;   /* floats of the input from period to period: period / repeat unless pixels are skipped */
    ptrdiff_t y_step; /* floats of the output from period to period, at least a period; not of a gradient */
    int taps;
    const float *const *from; /* (taps) where the row that a tap sees begins */
    ptrdiff_t from_step;      /* of a gradient: floats of `from` from period to period */
    ptrdiff_t tap;            /* floats from tap to tap of the kernel and of its gradient */
};

/* Sums of a gradient, (taps, pixels, channels), a tap `tap` floats after the one before it. */
struct folding {
    int taps, pixels, channels;
    ptrdiff_t tap;
};

/* Rows of pixels, one as far from the next as the steps say. */
struct pixels {
    int rows, pixels, channels;
    ptrdiff_t from_row, from_pixel, to_row, to_pixel;
};

struct kernels {
    const char *name;   /* "reference", "portable", "avx2", "avx512" */
    int vector;         /* floats a vector */
    int tile_m, tile_n; /* the product's register tile */
    void (*product)(const struct product *product);
    /* C[r*m + i][j] = what the pool makes of four elements (i,j) of products, those with A moved on by r*row_step and
     * 0, `along`, `down` and down + along floats, for r < rows. pool->cell[(r*m + i)*c_row + j] goes with it. Of a
     * product with column 1 and without accumulate, b_offsets and row_bias. */
    void (*product_pooled)(const struct product *product, const struct cells *cells, const struct pool *pool);
    void (*dots)(const struct dots *dots);
    /* to[x*to_row + y] = from[y*from_row + x] for y < rows, x < columns. Rows of `from` may be read up to 3 floats past
     * their end. */
    void (*transpose)(int rows, int columns, const float *from, ptrdiff_t from_row, float *to, ptrdiff_t to_row);

    /* y[g*y_step + f] = bias[f] (0 where NULL) + sum over t of
     *   from[t][g*step + f/repeat] * kernel[t*tap + f], for f < period and g*period + f < count.
     * Forward, y is a row of the output and `from` are rows of the input. The data gradient is the same sum with repeat
     * 1 over rows of the output's gradient. */
    void (*depthwise_row)(const struct depthwise_row *row, const float *kernel, const float *bias, float *y);
    /* gradient[t*tap + f] += sum over g of x[g*step + f/repeat] * from[t][g*from_step + f], for g*period + f < count.
     * gradient is read and written in whole vectors, up to 15 floats past each t*tap + period. */
    void (*depthwise_gradient_row)(const struct depthwise_row *row, const float *x, float *gradient);
    /* gradient[t*channels + v] += (s0 + s1) + (s2 + s3), s_k = 0 + the sum over p = k, k + 4, k + 8, ... < pixels of
     * sums[t*tap + p*channels + v] */
    void (*fold_sums)(const struct folding *folding, const float *sums, float *gradient);
    /* to[i] = the sum of the `together` floats from[i*together] on: of 2, 4 and 8 by halves ((a+b) + (c+d)), of any
     * other number from first to last */
    void (*sum_neighbours)(int count, int together, const float *from, float *to);
    /* to[i*times + j] = from[i] for i < count, j < times */
    void (*repeat_neighbours)(int count, int times, const float *from, float *to);
    /* to[r*to_row + p*to_pixel + c] = from[r*from_row + p*from_pixel + c]; the two do not overlap */
    void (*copy_pixels)(const struct pixels *pixels, const float *from, float *to);

    /* D from d; of an image, top to right within 0 to points, left < right */
    void (*winograd_input)(const struct winograd_tile *tile, const float *image, float *spectrum);
    /* G from g; top to right within 0 to taps, top < bottom, left < right */
    void (*winograd_kernel)(const struct winograd_tile *tile, const float *image, float *spectrum);
    /* y = its transform of the products' sums + bias (0 where NULL); bottom is 0 to 4, right 1 to 4, top and left 0 */
    void (*winograd_output)(const struct winograd_tile *tile, const float *spectrum, const float *bias, float *image);
    /* Y from dy; bottom is 0 to 4, right 1 to 4, top and left 0 */
    void (*winograd_output_gradient)(const struct winograd_tile *tile, const float *image, float *spectrum);
    /* image (taps,taps) += dg, its transform of the products' sums; bottom and right are 1 to taps, top and left 0 */
    void (*winograd_kernel_gradient)(const struct winograd_tile *tile, const float *spectrum, float *image);

    /* Pooling. `relu` stands for a ReLU in front of it: large is before that ReLU, x counts as max(x, 0), and no
     * gradient goes to a cell that is not above 0. */

    /* small = the largest of the window's cells, cell[r,p,v] = t of the first largest (KERNELS_NO_CELL where relu and
     * none is above 0). A NaN among them is the result. `cell` may be NULL. */
    void (*max_forward)(const struct window *window, const float *large, bool relu, float *small, uint16_t *cell);
    /* large[offsets[cell[r,p,v]] ...] += small[r,p,v]; where the windows are apart, = and the other cells are 0 */
    void (*max_backward)(const struct window *window, const float *small, const uint16_t *cell, float *large);
    /* small = scale * (sum over t). With relu and `positive` not NULL (taps <= KERNELS_POSITIVE_TAPS), bit t of
     * positive[r,p,v] says whether that cell is above 0. */
    void (*sum_forward)(const struct window *window, const float *large, float scale, bool relu, float *small,
                        uint16_t *positive);
    /* every cell of the window (whose bit is set, where `positive` is not NULL) += scale * small[r,p,v]; where the
     * windows are apart, = and the other cells are 0 */
    void (*sum_backward)(const struct window *window, const float *small, float scale, const uint16_t *positive,
                         float *large);

    /* sums[v] += sum over r < rows of x[r*columns + v]: the gradient of a bias */
    void (*column_sums)(int rows, int columns, const float *x, float *sums);
    /* y[i] += x[i] */
    void (*add)(size_t count, const float *x, float *y);
    /* y[i] = max(y[i], 0), NaN kept; */
    void (*relu_forward)(size_t count, float *y);
    /* dy[i] = y[i] > 0 ? dy[i] : 0 */
    void (*relu_backward)(size_t count, const float *y, float *dy);

    /* sums[i] = sums[i] * factor + 1, `rounds` times, for the tile_m * tile_n sums of a register tile. Nothing but
     * multiply-adds in registers: its rate is the peak that other kernels are measured by. */
    void (*multiply_adds)(int64_t rounds, float factor, float *sums);
};

/* The plain-C table every other is checked against. */
const struct kernels *kernels_reference(void);

/* The fastest table this processor runs, or the one called `name` ("portable", "avx2", "avx512", "reference");
 * NULL where there is no such table in this build or this processor cannot run it. A name of NULL: the fastest. */
const struct kernels *kernels_select(const char *name);

/* The i-th table this processor runs, from the reference up; NULL past the last. For tests and help. */
const struct kernels *kernels_at(int index);

#endif
