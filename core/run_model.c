#include "core/run_model.h"

#include <math.h>
#include <stdlib.h>

void run_guard(const struct workshop *workshop, bool is_at_stake) {
    if (workshop->guard) workshop->guard(is_at_stake);
}

int run_load_data(const struct workshop *workshop, const struct config *config, struct data_splits *splits,
                  struct error *error) {
    struct place document = place_document(config->path), place = place_key(&document, "data");
    if (!config->values.data.kind)
        return place_error(&place, error, "is missing; name a source here, or give --data SPEC");
    run_guard(workshop, false);
    enum { DATA_SEED = 1 }; /* generated data are the same for every seed of a comparison */
    struct progress progress = workshop->loading;
    progress.stop = workshop->stop;
    return workshop->data_room->load(&config->values.data, NULL, workshop->data_folder, DATA_SEED, &progress, splits,
                                     error);
}

struct shape run_image_shape(const struct dataset *dataset) {
    return (struct shape){.rank = 3, .size = {dataset->height, dataset->width, dataset->channels}};
}

int run_build_model(const struct config *config, const struct shape *input, int classes, struct model *model,
                    struct error *error) {
    struct place document = place_document(config->path), place = place_key(&document, "model");
    if (model_build(model, config, input, error) != 0) return -1;
    const struct place *last = model->layers[model->layer_count - 1].place, activation = place_key(last, "activation");
    char text[SHAPE_TEXT_SIZE];
    if (model->output.rank != 1)
        place_error(last, error,
                    "puts out %s, but the last layer must give one number a class; end with Flatten and Dense",
                    shape_text(&model->output, text, sizeof text));
    else if (!model->ends_in_softmax)
        place_error(&activation, error,
                    "must be \"softmax\" in the last layer, for the loss is a cross-entropy of probabilities");
    else if (classes > model->output.size[0])
        place_error(last, error, "has %d output%s, but the data have %d classes; give it %d", model->output.size[0],
                    model->output.size[0] == 1 ? "" : "s", classes, classes);
    else if (model->trainable_count == 0 && model->non_trainable_count > 0)
        place_error(&place, error, "has nothing to train: all weights are frozen; freeze fewer layers");
    else
        return 0;
    model_free(model);
    return -1;
}

/* Cells of the layer's input, along an axis, that `cells` neighbouring outputs look at. */
static double cells_seen(const struct reach *reach, int axis, double cells) {
    const int extent = reach->extent[axis] ? reach->extent[axis] : 1;
    if (reach->finer[axis]) return floor((cells + extent - 2) / reach->finer[axis]) + 1;
    return (cells - 1) * (reach->stride[axis] ? reach->stride[axis] : 1) + extent;
}

/* From layer `index` back to the image. */
static int receptive_field(const struct model *model, int index, int axis) {
    double cells = 1;
    for (int i = index; i >= 0; i--) {
        if (model->layers[i].reaches_all) return -1;
        cells = cells_seen(&model->layers[i].reach, axis, cells);
    }
    return (int)fmin(cells, 1e9);
}

static void fill_row(const struct model *model, int index, struct summary_row *row) {
    const struct layer *layer = &model->layers[index];
    size_t elements = 0;
    shape_elements(&layer->output, &elements);
    *row = (struct summary_row){.name = layer->name,
                                .class_name = layer->kind->component.name,
                                .output = layer->output,
                                .multiplications = layer->multiplications,
                                .activation_bytes = elements * sizeof(float),
                                .note = layer->note};
    for (int owner = layer->owner; owner != LAYER_NO_OWNER; owner = model->layers[owner].owner) row->depth++;
    for (int k = 0; k < layer->parameter_count; k++) row->parameters += (long long)layer->parameters[k].size;
    for (int axis = 0; axis < 2; axis++) row->receptive_field[axis] = receptive_field(model, index, axis);
}

struct summary_row *run_summary_rows(const struct model *model, struct summary *summary, struct error *error) {
    struct summary_row *rows = calloc((size_t)model->layer_count, sizeof *rows);
    if (!rows) {
        error_set(error, ERROR_RUN, NULL, "not enough memory for the summary");
        return NULL;
    }
    for (int i = 0; i < model->layer_count; i++) fill_row(model, i, &rows[i]);
    *summary = (struct summary){.model_name = "sequential",
                                .input = model->input,
                                .rows = rows,
                                .count = model->layer_count,
                                .trainable = model->trainable_count,
                                .non_trainable = model->non_trainable_count};
    return rows;
}
