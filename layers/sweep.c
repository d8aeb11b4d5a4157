#include "layers/sweep.h"

#include <string.h>

enum {
    COLUMNS_LEAST = 16,
    SMALL_KERNEL = 4096,
    PIXELS_FEW = 8,       /* of a row that does not fill tiles */
    FILTERS_LEAST = 16,   /* that make up for a copy */
    GATHERED_MOST = 16384 /* floats of a window */
};

ptrdiff_t sweep_depth(const struct sweep *sweep) {
    return (ptrdiff_t)sweep->run_rows * sweep->run_columns * sweep->depth;
}

/* As wide as the product's tile; the last takes what would make less than half of one. */
int sweep_columns(const struct kernels *kernels, int left) {
    const int columns = kernels->tile_n < COLUMNS_LEAST ? COLUMNS_LEAST : kernels->tile_n;
    return left < columns + columns / 2 ? left : columns;
}

int sweep_panel_columns(const struct sweep *sweep, const struct kernels *kernels, int first) {
    if (sweep_depth(sweep) * sweep->filters <= SMALL_KERNEL) return sweep->filters;
    return sweep_columns(kernels, sweep->filters - first);
}

/* One product for each row of y: m = its pixels, n = a panel of filters, a sum over the kernel's runs. The panel stays
 * in a cache while the rows pass. */
static void sweep_panel(const struct sweep *sweep, const struct kernels *kernels, const ptrdiff_t *offsets,
                        const float *image, const float *panel, int columns, const float *bias, float *y) {
    for (int r = 0; r < sweep->rows; r++) {
        const struct product product = {
            .m = sweep->pixels,
            .n = columns,
            .taps = sweep->run_rows * sweep->run_columns,
            .depth = sweep->depth,
            .a = image + sweep->first + r * sweep->row,
            .offsets = offsets,
            .row = sweep->pixel,
            .column = 1,
            .b = panel,
            .b_tap = (ptrdiff_t)sweep->depth * columns,
            .b_row = columns,
            .c = y + sweep->y_first + r * sweep->y_row,
            .c_row = sweep->y_pixel,
            .bias = bias,
        };
        kernels->product(&product);
    }
}

void sweep_image(const struct sweep *sweep, const struct pass *pass, ptrdiff_t *offsets, const float *image,
                 const float *bias, float *y) {
    for (int i = 0; i < sweep->run_rows; i++)
        for (int j = 0; j < sweep->run_columns; j++)
            offsets[i * sweep->run_columns + j] = i * sweep->run_row + j * sweep->run_column;

    for (int group = 0; group < sweep->groups; group++)
        for (int first = 0, columns; first < sweep->filters; first += columns) {
            const ptrdiff_t filter = (ptrdiff_t)group * sweep->filters + first;
            const float *panel = pass->packed + sweep->packed + sweep_depth(sweep) * filter;
            columns = sweep_panel_columns(sweep, pass->kernels, first);
            sweep_panel(sweep, pass->kernels, offsets, image + (ptrdiff_t)group * sweep->channels, panel, columns,
                        bias ? bias + filter : NULL, y + filter);
        }
}

bool sweep_gathers(const struct sweep *sweep) {
    const bool in_one_piece = sweep->y_first == 0 && sweep->y_pixel == sweep->filters &&
                              sweep->y_row == (ptrdiff_t)sweep->pixels * sweep->filters;
    return sweep->groups == 1 && in_one_piece && sweep->pixels <= PIXELS_FEW && sweep->filters >= FILTERS_LEAST &&
           sweep_depth(sweep) <= GATHERED_MOST;
}

static ptrdiff_t run_floats(const struct sweep *sweep, int images) {
    return (ptrdiff_t)images * sweep->rows * sweep->pixels * sweep->depth;
}

size_t sweep_gathered_floats(const struct sweep *sweep) {
    return (size_t)(sweep->run_rows * sweep->run_columns) * (size_t)run_floats(sweep, SWEEP_GATHERED_IMAGES);
}

void sweep_gather(const struct sweep *sweep, const float *image, int n, int images, float *gathered) {
    for (int run = 0; run < sweep->run_rows * sweep->run_columns; run++) {
        const float *from = image + sweep->first + run / sweep->run_columns * sweep->run_row +
                            run % sweep->run_columns * sweep->run_column;
        float *to = gathered + run * run_floats(sweep, images) + run_floats(sweep, n);
        for (int r = 0; r < sweep->rows; r++)
            for (int p = 0; p < sweep->pixels; p++, to += sweep->depth)
                memcpy(to, from + r * sweep->row + p * sweep->pixel, (size_t)sweep->depth * sizeof *to);
    }
}

void sweep_gathered(const struct sweep *sweep, const struct pass *pass, ptrdiff_t *offsets, int images,
                    const float *gathered, const float *bias, float *y) {
    const int runs = sweep->run_rows * sweep->run_columns;
    for (int run = 0; run < runs; run++) offsets[run] = run * run_floats(sweep, images);
    for (int first = 0, columns; first < sweep->filters; first += columns) {
        columns = sweep_panel_columns(sweep, pass->kernels, first);
        const struct product product = {
            .m = images * sweep->rows * sweep->pixels,
            .n = columns,
            .taps = runs,
            .depth = sweep->depth,
            .a = gathered,
            .offsets = offsets,
            .row = sweep->depth,
            .column = 1,
            .b = pass->packed + sweep->packed + sweep_depth(sweep) * first,
            .b_tap = (ptrdiff_t)sweep->depth * columns,
            .b_row = columns,
            .c = y + first,
            .c_row = sweep->filters,
            .bias = bias ? bias + first : NULL,
        };
        pass->kernels->product(&product);
    }
}
