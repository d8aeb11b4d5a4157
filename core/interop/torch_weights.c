/* There is one translation between the layouts, that of torch_modules: here it is run on a model whose parameters are
 * their own places, so that its tensors tell for each number of a state dict which parameter it is. */
#include "core/interop/torch_weights.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "core/interop/torch_modules.h"
#include "core/model_graph.h"

/* Place i is written as i + PLACE_FIRST: what the translation puts where the model has no weight (0 or 1) stays apart.
 * Beyond PLACE_LAST floats are no longer whole numbers one after the other. */
enum { PLACE_FIRST = 2, PLACE_LAST = 1 << 24 };

/* A module of the state dict: the tensors whose names begin alike. */
struct module {
    const char *name; /* not ended: `length` bytes */
    size_t length;
    const struct safetensors_tensor *const *tensors;
    size_t tensor_count, weight_count; /* without its counter */
    bool taken;
};

struct reading {
    const struct safetensors *file;
    const struct model *model;
    struct model places; /* the model with places for parameters */
    struct torch_modules wanted;
    const struct safetensors_tensor **found;  /* by tensor of `wanted`; NULL: a constant that the file lacks */
    const struct module **givers;             /* likewise */
    const struct safetensors_tensor **sorted; /* the file's, module by module */
    struct module *modules;
    size_t module_count;
    struct error *error;
};

/* ---- names ---- */

/* "features.0" of "features.0.weight" */
static size_t module_length(const char *tensor) {
    const char *dot = strrchr(tensor, '.');
    return dot ? (size_t)(dot - tensor) : 0;
}

static const char *role_of(const char *tensor) {
    return tensor + module_length(tensor) + 1;
}

/* PyTorch counts the batches of a normalization; nothing needs the number. */
static bool is_counter(const char *tensor) {
    return strcmp(role_of(tensor), "num_batches_tracked") == 0;
}

bool torch_is_state_dict(const struct safetensors *file) {
    for (size_t i = 0; i < file->tensor_count; i++) {
        const char *name = file->tensors[i].name;
        if (strchr(name, '/') || module_length(name) == 0) return false;
    }
    return file->tensor_count > 0;
}

static size_t digits_of(const char *at, const char *end) {
    size_t count = 0;
    while (at + count < end && isdigit((unsigned char)at[count])) count++;
    return count;
}

/* Numbers within names by their value: the longer is the larger. */
static int compare_names(const char *p, const char *p_end, const char *q, const char *q_end) {
    while (p < p_end && q < q_end) {
        const size_t m = digits_of(p, p_end), n = digits_of(q, q_end), step = m && n ? m : 1;
        if (m && n && m != n) return m < n ? -1 : 1;
        const int order = memcmp(p, q, step);
        if (order != 0) return order;
        p += step;
        q += step;
    }
    return (p < p_end) - (q < q_end);
}

static int compare_modules(const void *first, const void *second) {
    const char *a = (*(const struct safetensors_tensor *const *)first)->name;
    const char *b = (*(const struct safetensors_tensor *const *)second)->name;
    return compare_names(a, a + module_length(a), b, b + module_length(b));
}

static bool belongs(const struct module *module, const char *tensor) {
    return module_length(tensor) == module->length && strncmp(tensor, module->name, module->length) == 0;
}

/* A file may hold a hundred thousand tensors: they are sorted, and each looked at once. */
static void list_modules(struct reading *reading) {
    const size_t count = reading->file->tensor_count;
    for (size_t i = 0; i < count; i++) reading->sorted[i] = &reading->file->tensors[i];
    qsort(reading->sorted, count, sizeof *reading->sorted, compare_modules);
    struct module *module = NULL;
    for (size_t i = 0; i < count; i++) {
        const char *name = reading->sorted[i]->name;
        if (!module || !belongs(module, name)) {
            module = &reading->modules[reading->module_count++];
            *module = (struct module){.name = name, .length = module_length(name), .tensors = &reading->sorted[i]};
        }
        module->tensor_count++;
        module->weight_count += !is_counter(name);
    }
}

/* ---- which tensor is which ---- */

static bool has_shape(const struct safetensors_tensor *tensor, const struct shape *shape) {
    if (tensor->rank != shape->rank) return false;
    for (int axis = 0; axis < shape->rank; axis++)
        if (tensor->shape[axis] != (size_t)shape->size[axis]) return false;
    return true;
}

static const struct safetensors_tensor *tensor_of(const struct module *module, const char *role) {
    for (size_t i = 0; i < module->tensor_count; i++)
        if (strcmp(role_of(module->tensors[i]->name), role) == 0) return module->tensors[i];
    return NULL;
}

/* How many of the wanted tensors from `first` on are one module's. */
static size_t wanted_together(const struct reading *reading, size_t first) {
    const struct safetensors_source *tensors = reading->wanted.tensors;
    const size_t length = module_length(tensors[first].name);
    size_t count = 1;
    while (first + count < reading->wanted.tensor_count && module_length(tensors[first + count].name) == length &&
           strncmp(tensors[first].name, tensors[first + count].name, length) == 0)
        count++;
    return count;
}

/* Whether no weight of the model is in the tensor: a module may lack it, as one without `affine` or `bias`. */
static bool is_constant(const struct safetensors_source *wanted) {
    size_t elements = 0;
    /* untaken: its values are in memory */
    if (!shape_elements(&wanted->shape, &elements)) return false;
    for (size_t i = 0; i < elements; i++)
        if (wanted->data[i] >= PLACE_FIRST) return false;
    return true;
}

/* Whether the module has what is wanted from `first` on, and nothing beside it; then they are found. */
static bool take_module(struct reading *reading, struct module *module, size_t first, size_t count) {
    size_t taken = 0;
    if (module->taken || module->weight_count == 0 || module->weight_count > count) return false;
    for (size_t i = first; i < first + count; i++) {
        const struct safetensors_source *wanted = &reading->wanted.tensors[i];
        reading->found[i] = tensor_of(module, role_of(wanted->name));
        if (!reading->found[i] && is_constant(wanted)) continue;
        if (!reading->found[i] || !has_shape(reading->found[i], &wanted->shape)) return false;
        taken++;
    }
    if (taken != module->weight_count) return false;
    module->taken = true;
    for (size_t i = first; i < first + count; i++) reading->givers[i] = module;
    return true;
}

static void forget(struct reading *reading) {
    for (size_t i = 0; i < reading->module_count; i++) reading->modules[i].taken = false;
}

static bool take_by_name(struct reading *reading, size_t first, size_t count) {
    for (size_t k = 0; k < reading->module_count; k++)
        if (belongs(&reading->modules[k], reading->wanted.tensors[first].name))
            return take_module(reading, &reading->modules[k], first, count);
    return false;
}

static bool take_next(struct reading *reading, size_t first, size_t count) {
    for (size_t k = 0; k < reading->module_count; k++)
        if (take_module(reading, &reading->modules[k], first, count)) return true;
    return false;
}

/* The first wanted tensor whose module is not there; the number of them where all are. */
static size_t take_all(struct reading *reading, bool (*take)(struct reading *, size_t, size_t)) {
    forget(reading);
    for (size_t i = 0; i < reading->wanted.tensor_count;) {
        const size_t count = wanted_together(reading, i);
        if (!take(reading, i, count)) return i;
        i += count;
    }
    return reading->wanted.tensor_count;
}

static int refuse(const struct reading *reading, size_t missing) {
    const struct safetensors_source *wanted = &reading->wanted.tensors[missing];
    char shape[SHAPE_TEXT_SIZE];
    return error_set(reading->error, ERROR_DATA, reading->file->path,
                     "is a state dict of PyTorch without a module for \"%s\" of the model, whose first tensor has the "
                     "shape %s; describe the same network, layer for layer",
                     wanted->name, shape_text(&wanted->shape, shape, sizeof shape));
}

/* How the modules were found; where names did not tell, which went where. */
static void tell(const struct reading *reading, bool by_name, struct text *report) {
    text_print(report, "%s: weights of PyTorch, taken by %s\n", reading->file->path,
               by_name ? "the names of their modules" : "the order and shapes of their modules:");
    for (size_t i = 0; i < reading->wanted.tensor_count && !by_name; i += wanted_together(reading, i)) {
        const char *wanted = reading->wanted.tensors[i].name;
        const struct module *giver = reading->givers[i];
        text_print(report, "  module %.*s of the model from %.*s\n", (int)module_length(wanted), wanted,
                   (int)giver->length, giver->name);
    }
}

static int match(struct reading *reading, struct text *report) {
    bool by_name = true;
    size_t reached = take_all(reading, take_by_name);
    if (reached < reading->wanted.tensor_count) {
        by_name = false;
        reached = take_all(reading, take_next);
    }
    if (reached < reading->wanted.tensor_count) return refuse(reading, reached);
    for (size_t k = 0; k < reading->module_count; k++) {
        const struct module *module = &reading->modules[k];
        if (!module->taken && module->weight_count > 0)
            return error_set(reading->error, ERROR_DATA, reading->file->path,
                             "is a state dict of PyTorch whose module \"%.*s\" has no place in the model; describe the "
                             "same network, layer for layer",
                             (int)module->length, module->name);
    }
    if (report) tell(reading, by_name, report);
    return 0;
}

/* ---- numbers ---- */

/* With `parameters`, writes them; without, checks what has no parameter. */
static int give(const struct reading *reading, size_t index, float *numbers, float *parameters) {
    const struct safetensors_source *wanted = &reading->wanted.tensors[index];
    const struct safetensors_tensor *tensor = reading->found[index];
    if (tensor) safetensors_floats(tensor, numbers);
    for (size_t i = 0; tensor && i < tensor->elements; i++) {
        const float place = wanted->data[i];
        if (place >= PLACE_FIRST) {
            if (parameters) parameters[(size_t)place - PLACE_FIRST] = numbers[i];
        } else if (numbers[i] < place || numbers[i] > place) {
            return error_set(reading->error, ERROR_DATA, reading->file->path,
                             "%s: holds %g where the model's layer has no weight, which stands for %g; give the layer "
                             "that weight",
                             tensor->name, (double)numbers[i], (double)place);
        }
    }
    return 0;
}

static int give_all(const struct reading *reading) {
    size_t most = 0;
    for (size_t i = 0; i < reading->wanted.tensor_count; i++)
        if (reading->found[i] && reading->found[i]->elements > most) most = reading->found[i]->elements;
    float *numbers = memory_allocate(most, sizeof *numbers, "a tensor", reading->error);
    int status = numbers ? 0 : -1;
    for (int writes = 0; writes < 2; writes++)
        for (size_t i = 0; status == 0 && i < reading->wanted.tensor_count; i++)
            status = give(reading, i, numbers, writes ? reading->model->parameters : NULL);
    free(numbers);
    return status;
}

/* ---- the whole ---- */

static int make_places(struct reading *reading) {
    const size_t count = reading->model->parameter_floats;
    if (count > PLACE_LAST - PLACE_FIRST)
        return error_set(
            reading->error, ERROR_CONFIG, reading->file->path,
            "is a state dict of PyTorch; such can be taken by models of up to %d weights, and this one has "
            "%zu: give it in Keras' layout",
            PLACE_LAST - PLACE_FIRST, count);
    reading->places = *reading->model;
    reading->places.parameters = memory_allocate(count, sizeof(float), "the places of weights", reading->error);
    if (!reading->places.parameters) return -1;
    for (size_t i = 0; i < count; i++) reading->places.parameters[i] = (float)(i + PLACE_FIRST);
    return 0;
}

static int translate(struct reading *reading, struct graph *graph) {
    const struct model_graph_options options = {.logits = true};
    struct error error = {0};
    if (model_graph(graph, &reading->places, &options, &error) == 0 &&
        torch_modules_make(&reading->wanted, graph, &reading->places, &error) == 0)
        return 0;
    if (error.code == ERROR_RUN) return error_set(reading->error, ERROR_RUN, error.path, "%s", error.message);
    return error_set(
        reading->error, ERROR_CONFIG, reading->file->path,
        "is a state dict of PyTorch, but no module of PyTorch stands for the model's %s; give the weights in Keras' "
        "layout",
        error.path);
}

static int find_and_give(struct reading *reading, struct text *report) {
    const size_t count = reading->file->tensor_count;
    reading->sorted = memory_allocate(count, sizeof *reading->sorted, "the modules", reading->error);
    reading->modules = memory_allocate(count, sizeof *reading->modules, "the modules", reading->error);
    reading->found =
        memory_allocate(reading->wanted.tensor_count, sizeof *reading->found, "the modules", reading->error);
    reading->givers =
        memory_allocate(reading->wanted.tensor_count, sizeof *reading->givers, "the modules", reading->error);
    if (!reading->sorted || !reading->modules || !reading->found || !reading->givers) return -1;
    list_modules(reading);
    return match(reading, report) == 0 ? give_all(reading) : -1;
}

int torch_weights_load(const struct safetensors *file, const struct model *model, struct text *report,
                       struct error *error) {
    struct reading reading = {.file = file, .model = model, .error = error};
    struct graph graph = {0};
    int status = make_places(&reading);
    if (status == 0) status = translate(&reading, &graph);
    if (status == 0) status = find_and_give(&reading, report);
    free(reading.sorted);
    free(reading.modules);
    free(reading.found);
    free(reading.givers);
    torch_modules_free(&reading.wanted);
    graph_free(&graph);
    free(reading.places.parameters);
    return status;
}
