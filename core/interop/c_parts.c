#include "core/interop/c_parts.h"

#include <stdio.h>

/* ---- constants ---- */

enum { NUMBERS_A_LINE = 8 };

/* Number i of a constant; with axes 2 and 3 of (a,b,c,d) exchanged, of (a,b,d,c). */
static float number_at(const struct graph_value *value, size_t i, bool exchanged) {
    if (!exchanged) return value->data[i];
    const size_t c = (size_t)value->shape.size[2], d = (size_t)value->shape.size[3], in_kernel = i % (c * d);
    return value->data[i - in_kernel + in_kernel % c * d + in_kernel / c];
}

/* Infinity and NaN have no constant in C. */
static int check_finite(struct c_source *source, const struct graph_value *value, float number) {
    if (number - number == 0) return 0;
    return error_set(source->error, ERROR_DATA, value->name,
                     "holds numbers that are infinite or NaN, which no C source can have; train the model again");
}

static int add_numbers(struct c_source *source, int value, bool exchanged) {
    const struct graph_value *constant = &source->graph->values[value];
    const size_t count = graph_elements(source->graph, value);
    for (size_t i = 0; i < count; i++) {
        char number[C_NUMBER_SIZE];
        const float one = number_at(constant, i, exchanged);
        if (check_finite(source, constant, one) != 0) return -1;
        text_add(&source->constants, i % NUMBERS_A_LINE ? " " : i ? "\n    " : "    ");
        text_add(&source->constants, c_number((double)one, number));
        text_add(&source->constants, ",");
    }
    return 0;
}

const char *c_array(struct c_source *source, int value, bool exchanged) {
    const struct graph_value *constant = &source->graph->values[value];
    if (source->arrays[value] || source->error->code != ERROR_NONE) return source->arrays[value];
    const char *name = c_names_take(&source->names, constant->name, source->error);
    if (!name) return NULL;
    char shape[SHAPE_TEXT_SIZE];
    struct shape laid_out = constant->shape;
    if (exchanged) {
        laid_out.size[2] = constant->shape.size[3];
        laid_out.size[3] = constant->shape.size[2];
    }
    text_print(&source->constants, "/* %s */\nstatic const float %s[%zu] = {\n",
               shape_text(&laid_out, shape, sizeof shape), name, graph_elements(source->graph, value));
    if (add_numbers(source, value, exchanged) != 0) return NULL;
    text_add(&source->constants, "\n};\n\n");
    source->arrays[value] = name;
    return name;
}

/* ---- functions ---- */

char *c_pointer(const struct c_source *source, int value, char buffer[C_POINTER_SIZE]) {
    const struct c_place *place = &source->plan->places[value];
    if (place->room == C_WORK)
        snprintf(buffer, C_POINTER_SIZE, place->offset ? "work + %zu" : "work", place->offset);
    else
        snprintf(buffer, C_POINTER_SIZE, "%s", place->room == C_INPUT ? "in" : "out");
    return buffer;
}

static const struct shape *shape_of(const struct c_source *source, int value) {
    return &source->graph->values[value].shape;
}

void c_begin_function(struct c_source *source, const struct c_step *step, const char *what, const char *arguments) {
    const struct graph_node *first = &source->graph->nodes[step->first];
    const struct graph_node *last = &source->graph->nodes[step->first + step->count - 1];
    char from[SHAPE_TEXT_SIZE], to[SHAPE_TEXT_SIZE], wanted[192];
    const char *before = first->layer ? first->layer : "network", *after = last->layer ? last->layer : "network";
    snprintf(wanted, sizeof wanted, "%s_%s", before, what);
    const char *name = c_names_take(&source->names, wanted, source->error);
    if (!name) return;
    text_print(&source->functions, "/* %s%s%s: %s -> %s */\nstatic void %s(%s) {\n", before,
               before == after ? "" : " to ", before == after ? "" : after,
               shape_text(shape_of(source, first->inputs[0]), from, sizeof from),
               shape_text(shape_of(source, last->output), to, sizeof to), name, arguments);
    text_print(&source->calls, "    %s(", name);
}
