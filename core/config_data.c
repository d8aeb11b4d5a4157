/* What a config says about its data: where they are, and the shape of the model's input. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/config.h"
#include "core/file.h"
#include "core/text.h"

/* Adds the absolute form of one path, or the path itself where it is nowhere. */
static int add_located(struct text *text, const char *path, const char *base, const char *fallback,
                       struct error *error) {
    const char *const folders[] = {base, fallback};
    for (size_t i = 0; i < 2; i++) {
        if (i == 1 && (!fallback || *path == '/')) break;
        char *joined = file_join(folders[i], path, error);
        if (!joined) return -1;
        char *absolute = realpath(joined, NULL);
        int status = absolute || file_is_missing(errno) ? 0 : error_set_errno(error, joined, "look for the data");
        free(joined);
        if (status != 0) return -1;
        if (!absolute) continue;
        text_add(text, absolute);
        free(absolute);
        return 0;
    }
    text_add(text, path);
    return 0;
}

static int add_pieces(struct text *text, char *pieces, const char *base, const char *fallback, struct error *error) {
    for (char *piece = pieces; piece;) {
        char *comma = strchr(piece, ',');
        if (comma) *comma = '\0';
        if (add_located(text, piece, base, fallback, error) != 0) return -1;
        if (comma) text_add(text, ",");
        piece = comma ? comma + 1 : NULL;
    }
    return 0;
}

int config_locate_data(struct config *config, const char *fallback, bool from_user, struct error *error) {
    struct data_common *data = config->values.data.config;
    const struct source_kind *kind = (const struct source_kind *)config->values.data.kind;
    if (!data || !data->path || !*data->path || !kind->needs_path) return 0;
    const char *base = from_user ? "" : config->folder;
    struct text text = {0};
    char *copy = strdup(data->path);
    int status = copy ? 0 : error_set(error, ERROR_RUN, data->path, "not enough memory for the path");
    char *whole = copy ? file_join(base, copy, error) : NULL;
    bool is_one = !copy || !strchr(copy, ',') || (whole && file_exists(whole));
    if (!whole) status = -1;
    if (status == 0)
        status =
            is_one ? add_located(&text, copy, base, fallback, error) : add_pieces(&text, copy, base, fallback, error);
    if (status == 0 && !text.failed && !text_is_utf8(text.bytes))
        status = error_set(error, ERROR_CONFIG, text.bytes,
                           "is not UTF-8 text, so the run could not note where its data were; rename the folder");
    if (status == 0 && text.failed) status = error_set(error, ERROR_RUN, data->path, "not enough memory for the path");
    if (status == 0) data->path = arena_string(&config->arena, text.bytes, error);
    text_free(&text);
    free(whole);
    free(copy);
    return status == 0 && data->path ? 0 : -1;
}

bool config_source_shape(const struct config *config, struct shape *shape) {
    const struct source_kind *kind = (const struct source_kind *)config->values.data.kind;
    const struct data_common *common = config->values.data.config;
    if (!kind || kind->image_size[0] == 0) return false;
    *shape = (struct shape){.rank = 3};
    for (int axis = 0; axis < 3; axis++) shape->size[axis] = kind->image_size[axis];
    for (int axis = 0; axis < 2; axis++)
        if (common->resize[axis]) shape->size[axis] = common->resize[axis];
    if (common->color != COLOR_AS_IS) shape->size[2] = common->color == COLOR_RGB ? 3 : 1;
    return true;
}

int config_input_shape(const struct config *config, const struct shape *data, struct shape *shape,
                       struct error *error) {
    const struct int_list *stated = &config->values.input_shape;
    struct place document = place_document(config->path), place = place_key(&document, "input_shape");
    if (stated->count == 0 && data->rank == 0 && config_source_shape(config, shape)) return 0;
    if (stated->count == 0 && data->rank == 0)
        return place_error(&place, error, "is missing; give [height, width, channels], or data to take it from");
    if (stated->count == 0) {
        *shape = *data;
        return 0;
    }
    *shape = (struct shape){.rank = stated->count};
    for (int i = 0; i < stated->count; i++) shape->size[i] = stated->values[i];
    if (data->rank == 0 || shape_equal(shape, data)) return 0;
    char a[SHAPE_TEXT_SIZE], b[SHAPE_TEXT_SIZE];
    return place_error(&place, error,
                       "says %s, but the data's images are %s; correct it, or resize the images with data.resize",
                       shape_text(shape, a, sizeof a), shape_text(data, b, sizeof b));
}
