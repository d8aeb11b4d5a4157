#include "layers/sweep.h"

enum { COLUMNS_LEAST = 16, SMALL_KERNEL = 4096 };

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
