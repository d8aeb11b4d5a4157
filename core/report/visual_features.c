/* What a model makes of an image, layer by layer. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/report/maps.h"
#include "core/report/visual.h"

enum {
    MAP_SIDE = 64,  /* pixels of a map, about */
    FEW_SIDE = 192, /* of one of few maps */
    FEW = 4,
    COLUMNS = 16,
    STRIP_COLUMNS = 64, /* numbers of a vector in a row */
    STRIP_MAX = 2048,   /* numbers of a vector */
    BARS_MAX = 10,
    COLORS = 3,
    TALLEST = 14000, /* pixels */
};

/* An output as maps: (height, width, channels). */
struct maps {
    int height, width, channels;
};

static struct maps maps_of(const struct shape *shape) {
    if (shape->rank == 1) return (struct maps){1, 1, shape->size[0]};
    struct maps maps = {shape->size[0], shape->size[1], 1};
    for (int axis = 2; axis < shape->rank; axis++) maps.channels *= shape->size[axis];
    return maps;
}

static int larger(int a, int b) {
    return a > b ? a : b;
}

static int smaller(int a, int b) {
    return a < b ? a : b;
}

static int count_constant(const float *values, const struct maps *maps) {
    const size_t cells = (size_t)maps->height * (size_t)maps->width;
    int constant = 0;
    for (int c = 0; c < maps->channels; c++) {
        const struct picture_range range = picture_range_of(values + c, cells, (size_t)maps->channels);
        constant += range.low == range.high;
    }
    return constant;
}

static void describe_values(struct album_page *page, const float *values, size_t count,
                            const struct picture_range *range) {
    const size_t finite = maps_count_finite(values, count);
    album_note(page, "values %.3g to %.3g", (double)range->low, (double)range->high);
    if (range->low < 0) album_note(page, " (blue to red, white is 0)");
    if (finite < count)
        album_note(page, "; %zu of %zu are not finite, those that are no number are pink", count - finite, count);
}

/* Three maps together as the colours of one picture, in front of the maps by themselves. */
static int put_colors_in_front(struct map_grid *grid, struct picture *picture, struct error *error) {
    struct map_grid colored = *grid;
    struct picture first = {0}, others = *picture;
    colored.colors = 1;
    colored.count = 1;
    colored.scale = MAP_SCALE_ALL;
    colored.around_zero = false;
    if (maps_picture(&colored, &first, error) != 0) return -1;
    enum { GAP = 24 };
    int status = picture_open(picture, larger(first.height, others.height), first.width + GAP + others.width,
                              PICTURE_WHITE, error);
    if (status == 0) {
        picture_put(picture, 0, 0, &first, 1);
        picture_put(picture, first.width + GAP, 0, &others, 1);
        picture_free(&others);
    }
    picture_free(&first);
    return status;
}

static int draw_maps(struct album_page *page, const float *values, const struct maps *maps,
                     const struct visual_scale *scale, struct error *error) {
    const size_t channels = (size_t)maps->channels;
    const size_t count = (size_t)maps->height * (size_t)maps->width * channels;
    const struct picture_range range = picture_range_of(values, count, 1);
    const bool is_signed = range.low < 0;
    const int shown = smaller(maps->channels, scale->most), constant = count_constant(values, maps);
    const int side = larger(maps->height, maps->width), target = maps->channels <= FEW ? FEW_SIDE : MAP_SIDE;
    struct map_grid grid = {.values = values,
                            .height = maps->height,
                            .width = maps->width,
                            .stride = channels,
                            .columns = smaller(shown, COLUMNS),
                            .count = shown,
                            .right = 1,
                            .down = (size_t)smaller(shown, COLUMNS),
                            .around_zero = is_signed,
                            .scale = scale->shared ? MAP_SCALE_ALL : MAP_SCALE_EACH,
                            .palette = is_signed ? PICTURE_DIVERGING : PICTURE_GRAY,
                            .enlarge = picture_enlargement(side, target),
                            .shrink = (side + 2 * target - 1) / (2 * target),
                            .framed = true};
    if (shown < maps->channels) album_note(page, "%d of %d maps; ", shown, maps->channels);
    describe_values(page, values, count, &range);
    album_note(page, scale->shared ? "; one scale for all" : "; each map by itself");
    if (constant > 0 && maps->height * maps->width > 1)
        album_note(page, "; %d of %d without contrast", constant, maps->channels);
    if (grid.shrink > 1) album_note(page, "; each pixel is the mean of %d x %d", grid.shrink, grid.shrink);
    if (maps_picture(&grid, &page->picture, error) != 0) return -1;
    if (maps->channels != COLORS) return 0;
    album_note(page, "; first all three as red, green and blue");
    return put_colors_in_front(&grid, &page->picture, error);
}

static int draw_vector(struct album_page *page, const float *values, int count, struct error *error) {
    const int shown = smaller(count, STRIP_MAX);
    const struct picture_range range = picture_range_of(values, (size_t)count, 1);
    const bool is_signed = range.low < 0;
    if (shown < count) album_note(page, "the first %d of %d numbers; ", shown, count);
    describe_values(page, values, (size_t)count, &range);
    return maps_strip(values, shown, STRIP_COLUMNS, is_signed ? PICTURE_DIVERGING : PICTURE_GRAY,
                      is_signed ? picture_range_around_zero(range) : range, &page->picture, error);
}

/* The likeliest classes; equal ones in the order of the classes. */
static int draw_classes(struct album_page *page, const float *probabilities, const struct visual_classes *classes,
                        struct error *error) {
    char names[BARS_MAX][VISUAL_NAME_SIZE];
    struct maps_bar bars[BARS_MAX];
    const int shown = smaller(classes->count, BARS_MAX);
    float above = INFINITY;
    int last = -1;
    for (int i = 0; i < shown; i++) {
        int best = -1;
        for (int k = 0; k < classes->count; k++) {
            const float p = probabilities[k];
            if ((p < above || (p == above && k > last)) && (best < 0 || p > probabilities[best])) best = k;
        }
        if (best < 0) { /* no number */
            album_note(page, "the probabilities are not finite");
            return 0;
        }
        above = probabilities[best];
        last = best;
        bars[i] = (struct maps_bar){visual_class_name(classes, best, names[i]), (double)above, i == 0};
    }
    if (shown < classes->count) album_note(page, "the likeliest %d of %d classes", shown, classes->count);
    return maps_bars(bars, shown, &page->picture, error);
}

static int add_layer(struct album *album, const struct model *model, int index, const float *values,
                     const struct visual_classes *classes, const struct visual_scale *scale, struct error *error) {
    const struct layer *layer = &model->layers[index];
    const struct maps maps = maps_of(&layer->output);
    char shape[SHAPE_TEXT_SIZE];
    struct album_page *page = album_add(album, error);
    if (!page) return -1;
    snprintf(page->title, sizeof page->title, "%s: %s %s", layer->name, layer->kind->component.name,
             shape_text(&layer->output, shape, sizeof shape));
    if (index == model->layer_count - 1 && model->ends_in_softmax && layer->output.rank == 1)
        return draw_classes(page, values, classes, error);
    if (maps.height * maps.width == 1) return draw_vector(page, values, maps.channels, error);
    return draw_maps(page, values, &maps, scale, error);
}

static int add_image(struct album *album, const struct model *model, const struct picture *image, struct error *error) {
    char shape[SHAPE_TEXT_SIZE];
    struct album_page *page = album_add(album, error);
    if (!page) return -1;
    snprintf(page->title, sizeof page->title, "input %s", shape_text(&model->input, shape, sizeof shape));
    if (picture_open(&page->picture, image->height, image->width, PICTURE_WHITE, error) != 0) return -1;
    picture_put(&page->picture, 0, 0, image, 1);
    return visual_resize(&page->picture, FEW_SIDE, error);
}

int visual_features(struct album *album, const struct model *model, float *const *outputs, const struct picture *image,
                    const struct visual_classes *classes, const struct visual_scale *scale, struct error *error) {
    if (add_image(album, model, image, error) != 0) return -1;
    int height = 0;
    for (int i = 0; i < model->layer_count; i++) {
        const bool is_last = i == model->layer_count - 1;
        if (height > TALLEST && !is_last) continue;
        if (add_layer(album, model, i, outputs[i + 1], classes, scale, error) != 0) return -1;
        struct album_page *page = &album->pages[album->count - 1];
        height += page->picture.height + 100;
        if (is_last && album->count <= model->layer_count)
            album_note(page, "\n%d layers in front of this one are left out: the picture would be too high",
                       model->layer_count + 1 - album->count);
    }
    return 0;
}
