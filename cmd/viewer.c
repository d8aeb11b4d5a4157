#include "cmd/viewer.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/model_data.h"
#include "cmd/terminal.h"
#include "core/memory.h"

/* ---- model and data ---- */

static int open_saved(struct viewer *viewer, const struct train_options *train) {
    struct session *session = viewer->session;
    struct config_request request = session_request(session, viewer->path);
    request.data_spec = train->data;
    if (train->set)
        return error_set(&session->error, ERROR_CONFIG, viewer->path, "is a trained model; --set is for configs");
    if (session_check_model(session, viewer->path) != 0) return -1;
    if (saved_model_open(&viewer->saved, viewer->path, false, &request, &session->error) != 0) return -1;
    viewer->is_measured = true;
    return 0;
}

/* The model as it is before any training. */
static int open_config(struct viewer *viewer, const struct train_options *train) {
    struct session *session = viewer->session;
    struct saved_model *saved = &viewer->saved;
    struct shape input;
    if (read_config(session, train, viewer->path, &saved->config) != 0) return -1;
    if (read_input_shape(session, train, &saved->config, &input) != 0 ||
        model_build(&saved->model, &saved->config, &input, &session->error) != 0)
        return -1;
    saved->classes = saved->model.output.size[saved->model.output.rank - 1];
    return model_initialize(&saved->model, (uint64_t)saved->config.values.seed, &session->error);
}

int viewer_open(struct viewer *viewer, struct session *session, const struct train_options *train, const char *path,
                const char *resize) {
    *viewer =
        (struct viewer){.session = session, .path = path, .data_from_user = train->data != NULL, .resize = resize};
    const int is_saved = session_is_model(session, path);
    if (is_saved < 0) return -1;
    viewer->is_trained = is_saved;
    if ((is_saved ? open_saved(viewer, train) : open_config(viewer, train)) != 0) return -1;
    viewer->source = viewer->saved.config.values.data;
    if (!viewer->source.kind) viewer->source.config = &viewer->plain;
    return 0;
}

void viewer_close(struct viewer *viewer) {
    if (viewer->has_data) data_splits_free(&viewer->splits);
    saved_model_free(&viewer->saved);
}

int viewer_load_data(struct viewer *viewer) {
    struct session *session = viewer->session;
    struct config *config = &viewer->saved.config;
    struct terminal terminal;
    if (viewer->has_data) return 0;
    if (config_locate_data(config, session->workshop.data_folder, viewer->data_from_user, &session->error) != 0)
        return -1;
    terminal_open(&terminal, session);
    if (terminal_load_data(&terminal, session, config, &viewer->splits) != 0) return -1;
    viewer->has_data = true;
    return 0;
}

struct visual_classes viewer_classes(const struct viewer *viewer) {
    const struct saved_model *saved = &viewer->saved;
    const struct model *model = &saved->model;
    const bool from_data = !saved->class_names && viewer->has_data;
    char *const *names = from_data ? viewer->splits.class_names : saved->class_names;
    const int known = from_data ? viewer->splits.classes : saved->classes;
    return (struct visual_classes){
        .count = model->output.size[model->output.rank - 1], .named = names ? known : 0, .names = names};
}

/* ---- images ---- */

/* "test:17" */
static bool is_index(const char *text) {
    static const char *const splits[] = {"train:", "validation:", "test:"};
    for (size_t i = 0; i < sizeof splits / sizeof *splits; i++) {
        const size_t length = strlen(splits[i]);
        if (strncmp(text, splits[i], length) != 0) continue;
        const size_t digits = strspn(text + length, "0123456789");
        return digits > 0 && text[length + digits] == '\0';
    }
    return false;
}

static int take_image(struct viewer *viewer, const struct dataset *form, struct view_image *image) {
    struct error *error = &viewer->session->error;
    image->dataset = *form;
    image->dataset.count = 1;
    image->dataset.pixels = memory_allocate(1, dataset_image_bytes(form), "the image", error);
    image->dataset.labels = memory_allocate(1, sizeof(int32_t), "the image", error);
    return image->dataset.pixels && image->dataset.labels ? 0 : -1;
}

static int take_from_data(struct viewer *viewer, const char *flag, const char *text, struct view_image *image) {
    struct session *session = viewer->session;
    char split[16];
    const char *digits = strchr(text, ':') + 1;
    const long long number = strtoll(digits, NULL, 10);
    if (viewer_load_data(viewer) != 0) return -1;
    snprintf(split, sizeof split, "%.*s", (int)(digits - 1 - text), text);
    const struct dataset *dataset = choose_split(session, &viewer->splits, split);
    if (!dataset || check_images(session, &viewer->saved.model, dataset, 0) != 0) return -1;
    if (number >= dataset->count)
        return error_set(&session->error, ERROR_CONFIG, flag, "must be %s:0 to %s:%lld, got \"%s\"", split, split,
                         (long long)dataset->count - 1, text);
    if (take_image(viewer, dataset, image) != 0) return -1;
    const size_t bytes = dataset_image_bytes(dataset);
    memcpy(image->dataset.pixels, (const char *)dataset->pixels + (size_t)number * bytes, bytes);
    image->label = image->dataset.labels[0] = dataset->labels[number];
    return 0;
}

static int take_from_file(struct viewer *viewer, const char *path, struct view_image *image) {
    struct session *session = viewer->session;
    const struct shape *input = &viewer->saved.model.input;
    struct picture_input pictures;
    if (picture_input_open(session, input, viewer->path, viewer->resize, &pictures) != 0) return -1;
    const struct dataset form = {
        .height = input->size[0], .width = input->size[1], .channels = input->size[2], .type = PIXEL_UINT8};
    if (take_image(viewer, &form, image) != 0) return -1;
    return picture_input_read(&pictures, path, image->dataset.pixels, &session->error);
}

/* An untrained model has measured nothing yet: it does so on the data where they are loaded, else on the image. */
static int measure(struct viewer *viewer, const struct view_image *image) {
    struct saved_model *saved = &viewer->saved;
    if (viewer->is_measured) return 0;
    viewer->is_measured = true;
    if (!viewer->source.kind) {
        saved->normalization =
            (struct normalization){.channels = image->dataset.channels, .scale = 1.0F / 255, .std = {1, 1, 1, 1}};
        return 0;
    }
    const struct dataset *measured = viewer->has_data ? &viewer->splits.train : &image->dataset;
    return viewer->session->workshop.data_room->measure(&viewer->source, measured, &saved->normalization,
                                                        &viewer->session->error);
}

int viewer_open_image(struct viewer *viewer, const char *flag, const char *text, struct view_image *image) {
    *image = (struct view_image){.label = -1};
    const int status = is_index(text) ? take_from_data(viewer, flag, text, image) : take_from_file(viewer, text, image);
    if (status != 0 || measure(viewer, image) != 0) return -1;
    return visual_image(&image->dataset, 0, &image->picture, &viewer->session->error);
}

void view_image_close(struct view_image *image) {
    dataset_free(&image->dataset);
    picture_free(&image->picture);
}

int viewer_open_feed(const struct viewer *viewer, const struct dataset *dataset, struct feed *feed) {
    const struct saved_model *saved = &viewer->saved;
    return viewer->session->workshop.data_room->open(&viewer->source, &saved->normalization, dataset, 0, feed,
                                                     &viewer->session->error);
}

/* ---- classes ---- */

static int unknown_class(const struct viewer *viewer, const struct visual_classes *classes, const char *text) {
    struct error *error = &viewer->session->error;
    const char *nearest =
        classes->named > 0 ? text_nearest(text, (const char *const *)classes->names, (size_t)classes->named) : NULL;
    if (nearest)
        return error_set(error, ERROR_CONFIG, "--class", "\"%s\" is no class; did you mean \"%s\"?", text, nearest);
    return error_set(error, ERROR_CONFIG, "--class", "\"%s\" is no class; give a name or a number from 0 to %d", text,
                     classes->count - 1);
}

int viewer_find_class(const struct viewer *viewer, const char *text, int predicted, int *class_index) {
    const struct visual_classes classes = viewer_classes(viewer);
    char *end = NULL;
    *class_index = predicted;
    if (!text) return 0;
    for (int k = 0; k < classes.named; k++) {
        if (strcmp(classes.names[k], text) != 0) continue;
        *class_index = k;
        return 0;
    }
    const long number = strtol(text, &end, 10);
    if (!isdigit((unsigned char)*text) || *end || number >= classes.count) return unknown_class(viewer, &classes, text);
    *class_index = (int)number;
    return 0;
}
