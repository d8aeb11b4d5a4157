/* The product of kernels.h on a register tile; README.md draws it. Part of template.h.
 *
 * A tile of C stays in registers over all taps and all k; each step loads up to two vectors of a row of B, and one
 * element of A for each row of the tile. Every element of C is one chain of multiply-adds in the order (t, k), whatever
 * tile it falls into. */

enum {
    TILE_N = 2 * VECTOR,
    TILE_MOST = 14, /* no table's tile is higher */
    TILE_HALF = 7,  /* rows of A that share a pointer */
    /* Rows of B in one go: 256 of 64 bytes stay in the first-level cache while the tiles of C pass. A longer sum is
     * cut; its part so far waits in C, which keeps every bit. */
    PANEL_ROWS = 256,
    /* Strides, in floats, from which rows of B or columns of A fall into too few sets of the cache. */
    B_ROW_FAR = 512,
    A_COLUMN_FAR = 512,
    A_PACKED = 4096, /* floats of packed A, on the stack */
};

/* C (height, vectors * VECTOR) at (i, j); height and vectors are constants. */
KERNEL_INLINE void tile_load(const struct product *p, int i, int j, const int height, const int vectors,
                             vector sum[][2]) {
    const float *c = p->c + i * p->c_row + j;
    const float *bias = p->bias != NULL ? p->bias + j : NULL;
    KERNEL_UNROLL for (int y = 0; y < height; y++) {
        KERNEL_UNROLL for (int v = 0; v < vectors; v++) sum[y][v] =
            bias != NULL ? load(bias + v * VECTOR) : (vector){0};
    }
    if (!p->accumulate) return;
    KERNEL_UNROLL for (int y = 0; y < height; y++, c += p->c_row) {
        KERNEL_UNROLL for (int v = 0; v < vectors; v++) sum[y][v] = load(c + v * VECTOR);
    }
}

KERNEL_INLINE void tile_store(const struct product *p, int i, int j, const int height, const int vectors,
                              vector sum[][2]) {
    const ptrdiff_t c_row = p->c_row;
    float *c = p->c + i * c_row + j;
    KERNEL_UNROLL for (int y = 0; y < height; y++, c += c_row) {
        KERNEL_UNROLL for (int v = 0; v < vectors; v++) store(c + v * VECTOR, sum[y][v]);
    }
}

KERNEL_INLINE void tile(const struct product *p, int i, int j, const int height, const int vectors) {
    vector sum[TILE_MOST][2];
    tile_load(p, i, j, height, vectors, sum);
    const ptrdiff_t row = p->row;
    for (int t = 0; t < p->taps; t++) {
        const float *a[2];
        a[0] = opaque(p->a + p->offsets[t] + i * row);
        a[1] = opaque(a[0] + TILE_HALF * row);
        const float *b = p->b + t * p->b_tap + j;
        for (int k = 0; k < p->depth; k++) {
            vector right[2];
            KERNEL_UNROLL for (int v = 0; v < vectors; v++) right[v] = load(b + v * VECTOR);
            KERNEL_UNROLL for (int y = 0; y < height; y++) {
                const vector left = broadcast(a[y / TILE_HALF][y % TILE_HALF * row]);
                KERNEL_UNROLL for (int v = 0; v < vectors; v++) sum[y][v] += left * right[v];
            }
            a[0] += p->column;
            a[1] += p->column;
            b += p->b_row;
        }
    }
    tile_store(p, i, j, height, vectors, sum);
}

/* One function for each size of tile, so that the compiler gives each its registers; those a table does not use are
 * empty. */
#define TILE_FUNCTION(height, vectors, most)                                                                           \
    static void tile_##height##_##vectors(const struct product *p, int i, int j) {                                     \
        if (height <= most) tile(p, i, j, height, vectors);                                                            \
    }
#define TILE_FUNCTIONS(vectors, most)                                                                                  \
    TILE_FUNCTION(1, vectors, most)                                                                                    \
    TILE_FUNCTION(2, vectors, most)                                                                                    \
    TILE_FUNCTION(3, vectors, most)                                                                                    \
    TILE_FUNCTION(4, vectors, most)                                                                                    \
    TILE_FUNCTION(5, vectors, most)                                                                                    \
    TILE_FUNCTION(6, vectors, most)                                                                                    \
    TILE_FUNCTION(7, vectors, most)                                                                                    \
    TILE_FUNCTION(8, vectors, most)                                                                                    \
    TILE_FUNCTION(9, vectors, most)                                                                                    \
    TILE_FUNCTION(10, vectors, most)                                                                                   \
    TILE_FUNCTION(11, vectors, most)                                                                                   \
    TILE_FUNCTION(12, vectors, most)                                                                                   \
    TILE_FUNCTION(13, vectors, most)                                                                                   \
    TILE_FUNCTION(14, vectors, most)

TILE_FUNCTIONS(1, KERNELS_TALL)
TILE_FUNCTIONS(2, KERNELS_TILE_M)

typedef void tile_function(const struct product *p, int i, int j);

/* by vectors - 1, then height - 1 */
static tile_function *const tiles[2][TILE_MOST] = {
    {tile_1_1, tile_2_1, tile_3_1, tile_4_1, tile_5_1, tile_6_1, tile_7_1, tile_8_1, tile_9_1, tile_10_1, tile_11_1,
     tile_12_1, tile_13_1, tile_14_1},
    {tile_1_2, tile_2_2, tile_3_2, tile_4_2, tile_5_2, tile_6_2, tile_7_2, tile_8_2, tile_9_2, tile_10_2, tile_11_2,
     tile_12_2, tile_13_2, tile_14_2},
};

/* A tile whose `width` columns do not fill its vectors, by way of one that does. */
static void tile_staged(tile_function *whole, const struct product *p, int i, int height, int j, int width) {
    float stage[TILE_MOST * TILE_N] __attribute__((aligned(64)));
    struct product near = *p;
    near.a += i * p->row;
    near.b += j;
    near.c = stage;
    near.c_row = TILE_N;
    if (p->bias != NULL) near.bias += j;
    float *c = p->c + i * p->c_row + j;
    for (int y = 0; y < height && p->accumulate; y++) {
        for (int x = 0; x < width; x += VECTOR) {
            store(stage + y * TILE_N + x, load_part(c + y * p->c_row + x, lanes_left(width, x)));
        }
    }
    whole(&near, 0, 0);
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x += VECTOR) {
            store_part(c + y * p->c_row + x, load(stage + y * TILE_N + x), lanes_left(width, x));
        }
    }
}

/* All rows of C, columns j to j + width. */
static void product_tiles(const struct product *p, int j, int width) {
    const int vectors = width > VECTOR ? 2 : 1;
    const struct parts parts = parts_of(p->m, vectors == 2 ? KERNELS_TILE_M : KERNELS_TALL);
    for (int part = 0, i = 0, height; part < parts.count; part++, i += height) {
        height = part_size(parts, part);
        tile_function *whole = tiles[vectors - 1][height - 1];
        if (width == vectors * VECTOR)
            whole(p, i, j);
        else
            tile_staged(whole, p, i, height, j, width);
    }
}

/* The same with the columns of B copied together first. */
static void product_packed_b(const struct product *p, int j, int width) {
    float packed[PANEL_ROWS * TILE_N] __attribute__((aligned(64)));
    float *to = packed;
    for (int t = 0; t < p->taps; t++) {
        for (int k = 0; k < p->depth; k++, to += TILE_N) {
            const float *from = p->b + t * p->b_tap + k * p->b_row + j;
            store(to, load(from));
            if (width > VECTOR) store(to + VECTOR, load(from + VECTOR));
        }
    }
    struct product near = *p;
    near.b = packed;
    near.b_row = TILE_N;
    near.b_tap = (ptrdiff_t)p->depth * TILE_N;
    near.c += j;
    if (p->bias != NULL) near.bias += j;
    product_tiles(&near, 0, width);
}

static void product_columns(const struct product *p) {
    const bool pack = p->b_row >= B_ROW_FAR && p->m > 2 * KERNELS_TILE_M;
    for (int j = 0; j < p->n; j += TILE_N) {
        const int width = p->n - j < TILE_N ? p->n - j : TILE_N;
        if (pack)
            product_packed_b(p, j, width);
        else
            product_tiles(p, j, width);
    }
}

/* One tap with columns of A far apart: some rows at a time, copied together for all columns of B. */
static void product_packed_a(const struct product *p) {
    float packed[A_PACKED] __attribute__((aligned(64)));
    static const ptrdiff_t no_offset[1] = {0};
    struct product near = *p;
    near.a = packed;
    near.offsets = no_offset;
    const int most = A_PACKED / p->depth / KERNELS_TILE_M * KERNELS_TILE_M;
    for (int i = 0; i < p->m; i += near.m) {
        near.m = p->m - i < most ? p->m - i : most;
        near.column = near.m;
        near.c = p->c + i * p->c_row;
        const float *from = p->a + p->offsets[0] + i;
        for (int k = 0; k < p->depth; k++) {
            memcpy(packed + (ptrdiff_t)k * near.m, from + k * p->column, (size_t)near.m * sizeof(float));
        }
        product_columns(&near);
    }
}

/* A sum of at most PANEL_ROWS terms. */
static void product_part(const struct product *p) {
    const bool far = p->row == 1 && p->column >= A_COLUMN_FAR && p->taps == 1 && p->depth > 0;
    if (far && p->n > TILE_N)
        product_packed_a(p);
    else
        product_columns(p);
}

/* The sum in parts of at most PANEL_ROWS rows of B: whole taps where they are short, else pieces of one. */
static void product_parts(const struct product *p) {
    struct product part = *p;
    const struct parts taps = parts_of(p->taps, p->depth < PANEL_ROWS ? PANEL_ROWS / p->depth : 1);
    const struct parts depths = parts_of(p->depth, PANEL_ROWS);
    for (int i = 0, t = 0; i < taps.count; i++, t += part.taps) {
        part.taps = part_size(taps, i);
        part.offsets = p->offsets + t;
        for (int d = 0, k = 0; d < depths.count; d++, k += part.depth) {
            part.depth = part_size(depths, d);
            part.a = p->a + k * p->column;
            part.b = p->b + t * p->b_tap + k * p->b_row;
            product_part(&part);
            part.accumulate = true;
        }
    }
}

static void product(const struct product *p) {
    static const ptrdiff_t no_offset[1] = {0};
    struct product whole = *p;
    if (whole.offsets == NULL) whole.offsets = no_offset;
    if ((int64_t)whole.taps * whole.depth <= PANEL_ROWS)
        product_part(&whole);
    else
        product_parts(&whole);
}
