/* Where a model looks: the gradient by the image, and what hiding a place does. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/memory.h"
#include "core/report/maps.h"
#include "core/report/visual.h"

enum { SIDE = 320, GAP = 24, COLORS = 3, PICTURES = 3 };

/* A map over the image. */
struct overlay {
    const float *values; /* (height, width) of the image */
    enum picture_palette palette;
    struct picture_range range;
};

/* The map's colour over the image in gray: the stronger the value, the more of its colour. */
static void blend(struct picture *picture, const struct overlay *overlay) {
    const float middle = overlay->palette == PICTURE_DIVERGING ? 0 : overlay->range.low;
    const float width = overlay->range.high - middle;
    for (int i = 0; i < picture->height * picture->width; i++) {
        uint8_t *pixel = picture->pixels + (size_t)i * COLORS;
        const struct picture_color color = picture_palette_color(overlay->palette, overlay->range, overlay->values[i]);
        const float gray = 0.299F * pixel[0] + 0.587F * pixel[1] + 0.114F * pixel[2];
        const float strength = width > 0 ? fabsf(overlay->values[i] - middle) / width : 0;
        const float share = isnan(strength) ? 1 : 0.85F * fminf(strength, 1);
        const uint8_t colors[COLORS] = {color.red, color.green, color.blue};
        for (int c = 0; c < COLORS; c++) pixel[c] = (uint8_t)(gray * (1 - share) + (float)colors[c] * share + 0.5F);
    }
}

static int copy_picture(const struct picture *from, struct picture *to, struct error *error) {
    if (picture_open(to, from->height, from->width, PICTURE_WHITE, error) != 0) return -1;
    picture_put(to, 0, 0, from, 1);
    return 0;
}

/* The image, the map and the map over the image. */
static int draw_three(const struct picture *image, const struct overlay *overlay, struct picture three[PICTURES],
                      struct error *error) {
    const struct picture_map map = {overlay->values, image->height, image->width, 1};
    if (copy_picture(image, &three[0], error) != 0 ||
        picture_from_map(&map, overlay->palette, overlay->range, &three[1], error) != 0 ||
        copy_picture(image, &three[2], error) != 0)
        return -1;
    blend(&three[2], overlay);
    for (int i = 0; i < PICTURES; i++)
        if (visual_resize(&three[i], SIDE, error) != 0) return -1;
    return 0;
}

static int add_overlay(struct album_page *page, const struct visual_subject *subject, const struct overlay *overlay,
                       const char *map_label, struct error *error) {
    struct picture three[PICTURES] = {{0}};
    const struct picture_cell cells[PICTURES] = {{&three[0], "image"}, {&three[1], map_label}, {&three[2], "both"}};
    const struct picture_grid grid = {.cells = cells,
                                      .count = PICTURES,
                                      .columns = PICTURES,
                                      .enlarge = 1,
                                      .gap = GAP,
                                      .label_width = SIDE,
                                      .framed = true};
    int status = draw_three(subject->image, overlay, three, error);
    if (status == 0) status = picture_from_grid(&grid, &page->picture, error);
    for (int i = 0; i < PICTURES; i++) picture_free(&three[i]);
    return status;
}

static int add_legend(struct album *album, const struct overlay *overlay, const char *low, const char *high,
                      struct error *error) {
    struct album_page *page = album_add(album, error);
    return page ? maps_legend(overlay->palette, overlay->range, low, high, &page->picture, error) : -1;
}

static struct album_page *open_page(struct album *album, const struct visual_subject *subject, const char *what,
                                    struct error *error) {
    char name[VISUAL_NAME_SIZE], label[VISUAL_NAME_SIZE];
    struct album_page *page = album_add(album, error);
    if (!page) return NULL;
    snprintf(page->title, sizeof page->title, "%s: %s, %.1f %%", what,
             visual_class_name(subject->classes, subject->class_index, name), 100 * subject->probability);
    if (subject->label >= 0)
        album_note(page, "The image is of class %s. ", visual_class_name(subject->classes, subject->label, label));
    return page;
}

static int compare_floats(const void *left, const void *right) {
    const float a = *(const float *)left, b = *(const float *)right;
    return (a > b) - (a < b);
}

/* The value that all but the largest hundredth reach at most; NaN and infinity count as 0. `spare` is overwritten. */
static float high_of(const float *values, float *spare, size_t count) {
    for (size_t i = 0; i < count; i++) spare[i] = isfinite(values[i]) ? values[i] : 0;
    qsort(spare, count, sizeof *spare, compare_floats);
    return spare[(count - 1) - (count - 1) / 100];
}

int visual_saliency(struct album *album, const struct visual_subject *subject, const float *gradient, int channels,
                    struct error *error) {
    const size_t cells = (size_t)subject->image->height * (size_t)subject->image->width;
    struct album_page *page = open_page(album, subject, "Saliency", error);
    float *values = page ? memory_allocate(2 * cells, sizeof *values, "a saliency map", error) : NULL;
    if (!values) return -1;
    for (size_t i = 0; i < cells; i++)
        for (int c = 0; c < channels; c++) {
            const float value = fabsf(gradient[i * (size_t)channels + (size_t)c]);
            if (!(value <= values[i])) values[i] = value; /* a NaN stays */
        }
    const struct overlay overlay = {values, PICTURE_HEAT, {0, high_of(values, values + cells, cells)}};
    album_note(page,
               "How much each pixel moves the score of this class: the gradient of its logit by the input, the largest "
               "of the channels. The brightest hundredth of the pixels is cut off at %.3g.",
               (double)overlay.range.high);
    char high[32];
    snprintf(high, sizeof high, "%.3g", (double)overlay.range.high);
    int status = add_overlay(page, subject, &overlay, "gradient", error);
    if (status == 0) status = add_legend(album, &overlay, "0", high, error);
    free(values);
    return status;
}

int visual_occlusion(struct album *album, const struct visual_subject *subject, const struct occlusion *occlusion,
                     struct error *error) {
    const size_t cells = (size_t)occlusion->height * (size_t)occlusion->width;
    const struct picture_range range = picture_range_around_zero(picture_range_of(occlusion->fall, cells, 1));
    const struct overlay overlay = {occlusion->fall, PICTURE_DIVERGING, range};
    struct album_page *page = open_page(album, subject, "Occlusion", error);
    if (!page) return -1;
    album_note(
        page,
        "How far the probability falls while a patch of %d x %d pixels in the image's mean colour hides a place: "
        "red places are needed, blue ones are in the way. One of the %d patches lowers it by %.1f points at "
        "most.",
        occlusion->patch, occlusion->patch, occlusion->patches, 100 * occlusion->largest);
    char low[32], high[32];
    snprintf(low, sizeof low, "rises %.1f points", 100 * (double)range.high);
    snprintf(high, sizeof high, "falls %.1f", 100 * (double)range.high);
    int status = add_overlay(page, subject, &overlay, "fall of the probability", error);
    if (status == 0) status = add_legend(album, &overlay, low, high, error);
    return status;
}
