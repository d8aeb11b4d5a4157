/* The product of kernels.h whose rows are pooled four by four before they are stored. Part of template.h.
 *
 * A tile of C is one window's four cells by up to three vectors: each element is the same chain of multiply-adds as in
 * template_product.h, and the pool that follows is that of template_pool.h, so neither changes a bit. */

enum {
    CELLS = 4,
    POOLED_STAGE = 256, /* columns of four cells, on the stack */
    FEW_TERMS = 3,      /* of a sum, as of images in colour: their rows of B stay in registers */
    FEW_VECTORS = 2,
};

struct pooled {
    struct product product; /* with offsets */
    struct cells cells;
    struct pool pool;
};

/* The bias, where a window's cells begin. */
KERNEL_INLINE void pooled_start(const struct pooled *p, const struct columns *columns, const int vectors,
                                vector sum[][TILE_VECTORS]) {
    const float *bias = p->product.bias != NULL ? p->product.bias + columns->c : NULL;
    KERNEL_UNROLL for (int v = 0; v < vectors; v++) {
        const vector start = bias != NULL ? load(bias + in_c(columns->c_last, v, vectors)) : (vector){0};
        KERNEL_UNROLL for (int cell = 0; cell < CELLS; cell++) sum[cell][v] = start;
    }
}

/* The rows of the cells of the window that begins with row `row`. One index for the four of them keeps the loop short:
 * where two threads share a core, what it can fetch limits it. */
KERNEL_INLINE void pooled_sums(const struct pooled *p, ptrdiff_t row, const struct columns *columns, const int vectors,
                               vector sum[][TILE_VECTORS]) {
    for (int t = 0; t < p->product.taps; t++) {
        const float *cells[CELLS], *b = columns->b + t * p->product.b_tap;
        KERNEL_UNROLL for (int cell = 0; cell < CELLS; cell++) cells[cell] =
            opaque(p->product.a + p->product.offsets[t] + row + cell / 2 * p->cells.down + cell % 2 * p->cells.along);
        for (ptrdiff_t k = 0; k < p->product.depth; k++, b += p->product.b_row) {
            vector right[TILE_VECTORS];
            load_row(b, columns->b_vector, columns->b_last, vectors, right);
            KERNEL_UNROLL for (int cell = 0; cell < CELLS; cell++) {
                const vector left = broadcast(cells[cell][k]);
                KERNEL_UNROLL for (int v = 0; v < vectors; v++) sum[cell][v] += left * right[v];
            }
        }
    }
}

/* The same of FEW_TERMS terms in one tap, with all of B at hand. */
KERNEL_INLINE void pooled_few(const struct pooled *p, ptrdiff_t row, vector right[][TILE_VECTORS], const int vectors,
                              vector sum[][TILE_VECTORS]) {
    const float *upper = opaque(p->product.a + p->product.offsets[0] + row), *lower = opaque(upper + p->cells.down);
    KERNEL_UNROLL for (int cell = 0; cell < CELLS; cell++) {
        KERNEL_UNROLL for (int k = 0; k < FEW_TERMS; k++) {
            const vector left = broadcast((cell < 2 ? upper : lower)[cell % 2 * p->cells.along + k]);
            KERNEL_UNROLL for (int v = 0; v < vectors; v++) sum[cell][v] += left * right[k][v];
        }
    }
}

static bool has_few_terms(const struct product *p) {
    return p->taps == 1 && p->depth == FEW_TERMS;
}

/* One vector of cells of the window, as the pool has it. */
KERNEL_INLINE void pooled_store(const struct pool *pool, const vector *window, const bool largest, const bool relu,
                                const bool noted, float *c, uint16_t *cell, vector *sums) {
    if (largest) {
        max_of_four(window, relu, c, noted ? cell : NULL, sums);
        return;
    }
    struct sum sum = {0};
    KERNEL_UNROLL for (int t = 0; t < CELLS; t++) sum_cell(&sum, t, window[t], relu, relu && noted);
    store(c, broadcast(pool->scale) * sum.total);
    if (relu && noted) store_cells(cell, sum.positive, VECTOR);
}

/* All windows in these columns. Where a NaN may have been among the cells of a maximum, `sums` becomes one. */
KERNEL_INLINE void pooled_tiles(const struct pooled *pooled, const struct columns *of, const int vectors,
                                const bool few, const bool largest, const bool relu, const bool noted, vector *sums) {
    struct pooled p = *pooled; /* near at hand, though C is written */
    const struct columns columns = *of;
    p.cells.along = opaque_step(p.cells.along);
    p.product.b_row = opaque_step(p.product.b_row);
    vector right[FEW_TERMS][TILE_VECTORS];
    for (int k = 0; few && k < FEW_TERMS; k++)
        load_row(columns.b + k * p.product.b_row, columns.b_vector, columns.b_last, vectors, right[k]);
    vector sums_of[TILE_VECTORS] = {*sums};
    ptrdiff_t c = columns.c;
    for (int r = 0; r < p.cells.rows; r++) {
        for (int i = 0; i < p.product.m; i++, c += p.product.c_row) {
            const ptrdiff_t row = r * p.cells.row_step + i * p.product.row;
            vector sum[CELLS][TILE_VECTORS];
            pooled_start(&p, &columns, vectors, sum);
            if (few)
                pooled_few(&p, row, right, vectors, sum);
            else
                pooled_sums(&p, row, &columns, vectors, sum);
            KERNEL_UNROLL for (int v = 0; v < vectors; v++) {
                const ptrdiff_t at = c + in_c(columns.c_last, v, vectors);
                vector window[CELLS];
                KERNEL_UNROLL for (int t = 0; t < CELLS; t++) window[t] = sum[t][v];
                pooled_store(&p.pool, window, largest, relu, noted, p.product.c + at, noted ? p.pool.cell + at : NULL,
                             &sums_of[v]);
            }
        }
    }
    KERNEL_UNROLL for (int v = 0; v < vectors; v++) *sums += sums_of[v];
}

/* By vectors, whether of few terms, and what the pool does. */
#define POOLED_FUNCTION(vectors, few, name, largest, relu, noted)                                                      \
    static void pooled_##vectors##_##few##_##name(const struct pooled *pooled, const struct columns *columns,          \
                                                  vector *sums) {                                                      \
        pooled_tiles(pooled, columns, vectors, few, largest, relu, noted, sums);                                       \
    }
#define POOLED_FUNCTIONS(vectors, few)                                                                                 \
    POOLED_FUNCTION(vectors, few, sum, false, false, false)                                                            \
    POOLED_FUNCTION(vectors, few, sum_relu, false, true, false)                                                        \
    POOLED_FUNCTION(vectors, few, sum_relu_noted, false, true, true)                                                   \
    POOLED_FUNCTION(vectors, few, largest, true, false, false)                                                         \
    POOLED_FUNCTION(vectors, few, largest_noted, true, false, true)                                                    \
    POOLED_FUNCTION(vectors, few, largest_relu, true, true, false)                                                     \
    POOLED_FUNCTION(vectors, few, largest_relu_noted, true, true, true)
POOLED_FUNCTIONS(1, 0)
POOLED_FUNCTIONS(2, 0)
POOLED_FUNCTIONS(3, 0)
POOLED_FUNCTIONS(1, 1)
POOLED_FUNCTIONS(2, 1)

typedef void pooled_function(const struct pooled *pooled, const struct columns *columns, vector *sums);
#define POOLED_TABLE(vectors, few)                                                                                     \
    {                                                                                                                  \
        {{pooled_##vectors##_##few##_sum, pooled_##vectors##_##few##_sum},                                             \
         {pooled_##vectors##_##few##_sum_relu, pooled_##vectors##_##few##_sum_relu_noted}},                            \
        {                                                                                                              \
            {pooled_##vectors##_##few##_largest, pooled_##vectors##_##few##_largest_noted}, {                          \
                pooled_##vectors##_##few##_largest_relu, pooled_##vectors##_##few##_largest_relu_noted                 \
            }                                                                                                          \
        }                                                                                                              \
    }

/* by whether of FEW_TERMS, vectors - 1, then as the pool: largest, relu, whether noted */
static pooled_function *const pooled_functions[2][TILE_VECTORS][2][2][2] = {
    {POOLED_TABLE(1, 0), POOLED_TABLE(2, 0), POOLED_TABLE(3, 0)},
    {POOLED_TABLE(1, 1), POOLED_TABLE(2, 1)},
};

/* Whatever the columns and numbers: the cells of one window after the other by way of the stack. */
static void pooled_window(const struct pooled *p, ptrdiff_t row, ptrdiff_t c) {
    static const ptrdiff_t offsets[CELLS] = {0, POOLED_STAGE, 2 * POOLED_STAGE, 3 * POOLED_STAGE};
    const ptrdiff_t from[CELLS] = {0, p->cells.along, p->cells.down, p->cells.down + p->cells.along};
    float stage[CELLS * POOLED_STAGE];
    struct window window = {.rows = 1, .pixels = 1, .taps = CELLS, .offsets = offsets};
    struct product near = p->product;
    near.m = 1;
    for (int j = 0; j < p->product.n; j += POOLED_STAGE) {
        near.n = window.channels = smaller(p->product.n - j, POOLED_STAGE);
        near.b = p->product.b + (near.b_panel != 0 ? j / VECTOR * near.b_panel : j);
        near.bias = p->product.bias != NULL ? p->product.bias + j : NULL;
        for (int t = 0; t < CELLS; t++) {
            near.a = p->product.a + row + from[t];
            near.c = stage + t * POOLED_STAGE;
            product_sum(&near);
        }
        float *to = p->product.c + c + j;
        uint16_t *cell = p->pool.cell != NULL ? p->pool.cell + c + j : NULL;
        if (p->pool.largest)
            max_positions(&window, stage, p->pool.relu, to, cell);
        else
            sum_forward(&window, stage, p->pool.scale, p->pool.relu, to, cell);
    }
}

static void pooled_windows(const struct pooled *p) {
    ptrdiff_t c = 0;
    for (int r = 0; r < p->cells.rows; r++) {
        for (int i = 0; i < p->product.m; i++, c += p->product.c_row)
            pooled_window(p, r * p->cells.row_step + i * p->product.row, c);
    }
}

/* As columns_of, but a single vector that n does not fill ends with the last column, too. */
static struct columns pooled_columns(const struct product *p, int first, int vectors) {
    struct columns columns = columns_of(p, first, vectors);
    if (columns.width >= VECTOR) return columns;
    columns.c += columns.c_last;
    if (p->b_panel == 0) columns.b += columns.c_last;
    return columns;
}

static void product_pooled(const struct product *p, const struct cells *cells, const struct pool *pool) {
    static const ptrdiff_t no_offset[1] = {0};
    struct pooled pooled = {.product = *p, .cells = *cells, .pool = *pool};
    if (p->offsets == NULL) pooled.product.offsets = no_offset;
    const bool few = has_few_terms(p);
    const struct parts parts = parts_of(parts_count(p->n, VECTOR), few ? FEW_VECTORS : TILE_VECTORS);
    vector sums = {0};
    for (int v = 0, part = 0; p->n >= VECTOR && part < parts.count; v += part_size(parts, part), part++) {
        const struct columns columns = pooled_columns(&pooled.product, v, part_size(parts, part));
        pooled_function *const(*functions)[2][2] = pooled_functions[few][columns.vectors - 1];
        functions[pool->largest][pool->relu][pool->cell != NULL](&pooled, &columns, &sums);
    }
    if (p->n < VECTOR || !are_numbers(sums)) pooled_windows(&pooled);
}
