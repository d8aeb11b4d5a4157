#include "core/training_state.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/csv.h"

enum { EXTRA_NAME_SIZE = PARAMETER_NAME_SIZE + 64 };

/* ---- opening ---- */

static int open_slots(struct training_state *state, struct error *error) {
    const struct component *optimizer = &state->config->optimizer;
    size_t floats = state->model->trainable_floats;
    for (int slot = 0; slot < OPTIMIZER_SLOTS_MAX; slot++) {
        if (!optimizer_uses_slot(optimizer, slot)) continue;
        state->slots[slot] = memory_allocate(floats, sizeof(float), "the optimizer's state", error);
        if (!state->slots[slot]) return -1;
    }
    optimizer_start(optimizer, state->slots, floats);
    return 0;
}

static int open_callbacks(struct training_state *state, const struct config *config, bool has_validation,
                          struct error *error) {
    struct place document = place_document(config->path);
    struct place training = place_key(&document, "training"), place = place_key(&training, "callbacks");
    return callbacks_create(&state->callbacks, &state->config->callbacks, has_validation, &state->arena, &place, error);
}

static int open_state(struct training_state *state, const struct config *config, const struct dataset *train,
                      const struct dataset *validation, struct error *error) {
    if (state->images == 0)
        return error_set(error, ERROR_DATA, config->path, "there are no training images; give data that have some");
    if (open_callbacks(state, config, validation != NULL, error) != 0) return -1;
    if (dataset_checksum(train, validation, state->data, error) != 0) return -1;
    state->kept = memory_allocate(state->model->parameter_floats, sizeof(float), "the best weights", error);
    return state->kept ? open_slots(state, error) : -1;
}

int training_state_open(struct training_state *state, const struct model *model, const struct config *config,
                        const struct dataset *train, const struct dataset *validation, struct error *error) {
    const struct training_config *training = &config->values.training;
    *state = (struct training_state){.model = model, .config = training, .images = train->count};
    state->steps = (state->images + training->batch_size - 1) / training->batch_size;
    if (open_state(state, config, train, validation, error) == 0) return 0;
    training_state_close(state);
    return -1;
}

void training_state_close(struct training_state *state) {
    for (int slot = 0; slot < OPTIMIZER_SLOTS_MAX; slot++) free(state->slots[slot]);
    free(state->kept);
    arena_free(&state->arena);
    *state = (struct training_state){0};
}

/* ---- tensors ---- */

/* Tensors of a checkpoint beside the model's own: slots, and the kept weights while a callback may want them. */
struct extra_tensors {
    struct checkpoint_tensor *tensors;
    char (*names)[EXTRA_NAME_SIZE];
    size_t count;
};

static void add_extra(struct extra_tensors *extra, const char *prefix, const char *name, const char *suffix,
                      const struct shape *shape, float *data) {
    char *text = extra->names[extra->count];
    snprintf(text, EXTRA_NAME_SIZE, "%s/%s%s%s", prefix, name, *suffix ? "/" : "", suffix);
    extra->tensors[extra->count++] = (struct checkpoint_tensor){text, *shape, data};
}

static void add_extras_of(const struct training_state *state, struct extra_tensors *extra, const struct layer *layer,
                          int k) {
    const struct optimizer_kind *kind = (const struct optimizer_kind *)state->config->optimizer.kind;
    const struct parameter *parameter = &layer->parameters[k];
    char name[PARAMETER_NAME_SIZE];
    model_parameter_name(layer, k, name, sizeof name);
    for (int slot = 0; parameter->trainable && slot < OPTIMIZER_SLOTS_MAX; slot++)
        if (state->slots[slot])
            add_extra(extra, "optimizer", name, kind->slot_names[slot], &parameter->shape,
                      state->slots[slot] + parameter->offset);
    if (callbacks_restore(&state->callbacks, NULL))
        add_extra(extra, "early_stopping", name, "", &parameter->shape, state->kept + parameter->offset);
}

static void free_extras(struct extra_tensors *extra) {
    free(extra->tensors);
    free(extra->names);
}

static int list_extras(const struct training_state *state, struct extra_tensors *extra, struct error *error) {
    const struct model *model = state->model;
    size_t room = 1;
    for (int i = 0; i < model->layer_count; i++)
        room += (size_t)model->layers[i].parameter_count * (OPTIMIZER_SLOTS_MAX + 1);
    *extra = (struct extra_tensors){calloc(room, sizeof *extra->tensors), calloc(room, sizeof *extra->names), 0};
    if (!extra->tensors || !extra->names) {
        free_extras(extra);
        return error_set(error, ERROR_RUN, NULL, "not enough memory for a checkpoint");
    }
    for (int i = 0; i < model->layer_count; i++)
        for (int k = 0; k < model->layers[i].parameter_count; k++) add_extras_of(state, extra, &model->layers[i], k);
    return 0;
}

/* ---- saving ---- */

/* Everything but tensors, as JSON. The loss goes as text with 17 digits, for cJSON's own numbers may lose a bit. */
static char *position_text(const struct training_state *state) {
    const struct training_position *position = &state->position;
    char loss[40];
    snprintf(loss, sizeof loss, "%.17g", position->loss);
    cJSON *json = cJSON_CreateObject();
    bool whole = json && cJSON_AddNumberToObject(json, "epoch", position->epoch) &&
                 cJSON_AddNumberToObject(json, "step", (double)position->step) &&
                 cJSON_AddNumberToObject(json, "iteration", (double)position->iteration) &&
                 cJSON_AddStringToObject(json, "loss", loss) &&
                 cJSON_AddNumberToObject(json, "correct", (double)position->correct) &&
                 cJSON_AddNumberToObject(json, "seen", (double)position->seen) &&
                 cJSON_AddNumberToObject(json, "best_epoch", position->best_epoch) &&
                 cJSON_AddBoolToObject(json, "stopped", position->stopped) &&
                 cJSON_AddNumberToObject(json, "images", (double)state->images) &&
                 cJSON_AddNumberToObject(json, "batch_size", state->config->batch_size) &&
                 cJSON_AddStringToObject(json, "optimizer", state->config->optimizer.kind->name) &&
                 cJSON_AddStringToObject(json, "data", state->data) &&
                 cJSON_AddStringToObject(json, "history", state->history) &&
                 json_add(json, "callbacks", callbacks_export(&state->callbacks));
    char *text = whole ? cJSON_PrintUnformatted(json) : NULL;
    cJSON_Delete(json);
    return text;
}

int training_state_save(const struct training_state *state, const char *path, const struct model_facts *facts,
                        struct error *error) {
    struct extra_tensors extra;
    char *text = position_text(state);
    if (!text) return error_set(error, ERROR_RUN, NULL, "not enough memory for a checkpoint");
    int status = list_extras(state, &extra, error);
    if (status == 0) {
        struct safetensors_pair pair = {"training", text};
        status = model_file_save(path, state->model, facts, extra.tensors, extra.count, &pair, 1, error);
        free_extras(&extra);
    }
    cJSON_free(text);
    return status;
}

/* ---- loading ---- */

/* An integer in 0 .. maximum; clears *whole where there is none. */
static int64_t count_of(const cJSON *json, const char *key, int64_t maximum, bool *whole) {
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(json, key);
    double value = cJSON_IsNumber(item) ? item->valuedouble : -1;
    if (value >= 0 && value <= (double)maximum && value == floor(value)) return (int64_t)value;
    *whole = false;
    return 0;
}

static const char *text_of(const cJSON *json, const char *key) {
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, key));
}

static bool read_position(const struct training_state *state, const cJSON *json, struct training_position *position) {
    const char *loss = text_of(json, "loss");
    const int64_t any = (int64_t)1 << 52;
    bool whole = true;
    position->epoch = (int)count_of(json, "epoch", INT_MAX - 1, &whole);
    position->step = count_of(json, "step", state->steps, &whole);
    position->iteration = count_of(json, "iteration", any, &whole);
    position->correct = count_of(json, "correct", state->images, &whole);
    position->seen = count_of(json, "seen", state->images, &whole);
    position->best_epoch = (int)count_of(json, "best_epoch", INT_MAX, &whole);
    position->stopped = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(json, "stopped"));
    return whole && loss && csv_number(loss, &position->loss) &&
           position->iteration == position->epoch * state->steps + position->step;
}

/* What must be as it was, or the training would go on as another one. */
static int check_circumstances(const struct training_state *state, const cJSON *json, bool other_images,
                               const char *path, struct error *error) {
    bool whole = true;
    int64_t images = count_of(json, "images", INT64_MAX / 2, &whole);
    int64_t batch_size = count_of(json, "batch_size", INT_MAX, &whole);
    const char *optimizer = text_of(json, "optimizer"), *data = text_of(json, "data");
    const char *own = state->config->optimizer.kind->name;
    if (!whole || !optimizer || !data)
        return error_set(error, ERROR_DATA, path,
                         "its training state is damaged; start a new run from its weights with --weights");
    if (images != state->images)
        return error_set(error, ERROR_DATA, path,
                         "was written while training on %lld images, now there are %lld; give the same data",
                         (long long)images, (long long)state->images);
    if (!other_images && strcmp(data, state->data) != 0)
        return error_set(error, ERROR_DATA, path,
                         "was written while training on images or labels that are not those of now; give the same "
                         "data, or go on with these by --allow-changes");
    if (batch_size != state->config->batch_size)
        return error_set(error, ERROR_DATA, path,
                         "was written while training with a batch_size of %lld, now it is %d; keep it, or start a new "
                         "run from these weights with --weights",
                         (long long)batch_size, state->config->batch_size);
    if (strcmp(optimizer, own) != 0)
        return error_set(error, ERROR_DATA, path,
                         "was written while training with %s, now it is %s; keep it, or start a new run from these "
                         "weights with --weights",
                         optimizer, own);
    return 0;
}

static int import_position(struct training_state *state, const cJSON *json, bool other_images, const char *path,
                           struct error *error) {
    if (check_circumstances(state, json, other_images, path, error) != 0) return -1;
    struct training_position position = {0};
    const char *history = text_of(json, "history");
    if (!read_position(state, json, &position) || !history || strlen(history) > CHECKSUM_DIGITS)
        return error_set(error, ERROR_DATA, path,
                         "its training state is damaged; start a new run from its weights with --weights");
    state->position = position;
    snprintf(state->history, sizeof state->history, "%s", history);
    struct place document = place_document(path), place = place_key(&document, "callbacks");
    return callbacks_import(&state->callbacks, cJSON_GetObjectItemCaseSensitive(json, "callbacks"), &place, error);
}

/* All or nothing. */
static int apply_both(const struct safetensors *file, const struct checkpoint_tensor *own, size_t own_count,
                      const struct extra_tensors *extra, struct error *error) {
    size_t count = own_count + extra->count;
    struct checkpoint_tensor *all = calloc(count + 1, sizeof *all);
    if (!all) return error_set(error, ERROR_RUN, file->path, "not enough memory for a checkpoint");
    memcpy(all, own, own_count * sizeof *all);
    memcpy(all + own_count, extra->tensors, extra->count * sizeof *all);
    int status = checkpoint_apply(file, all, count, CHECKPOINT_STRICT, NULL, error);
    free(all);
    return status;
}

static int import_tensors(const struct training_state *state, const struct safetensors *file, struct error *error) {
    struct checkpoint_tensor *own = NULL;
    struct tensor_names *names = NULL;
    size_t own_count = 0;
    struct extra_tensors extra;
    if (model_tensors(state->model, &own, &names, &own_count, error) != 0) return -1;
    int status = list_extras(state, &extra, error);
    if (status == 0) {
        status = apply_both(file, own, own_count, &extra, error);
        free_extras(&extra);
    }
    free(own);
    free(names);
    return status;
}

static int import_file(struct training_state *state, const struct safetensors *file, bool other_images,
                       struct error *error) {
    const char *text = safetensors_metadata(file, "training");
    if (!text)
        return error_set(error, ERROR_DATA, file->path,
                         "holds weights but no training state; start from it with --weights");
    cJSON *json = json_parse(text, strlen(text), file->path, error);
    if (!json && error->code == ERROR_CONFIG) error->code = ERROR_DATA; /* what is no JSON is no mistake in a config */
    if (!json) return -1;
    int status = import_position(state, json, other_images, file->path, error);
    cJSON_Delete(json);
    return status == 0 ? import_tensors(state, file, error) : -1;
}

int training_state_load(struct training_state *state, const char *path, bool other_images, struct error *error) {
    struct safetensors file;
    if (safetensors_read(path, &file, error) != 0) return -1;
    int status = import_file(state, &file, other_images, error);
    safetensors_free(&file);
    return status;
}
