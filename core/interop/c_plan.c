#include "core/interop/c_plan.h"

/* What planning knows of a value; that of a reshaped value stands at its root. */
struct life {
    int root;       /* the value that a chain of reshapes begins with */
    int born, dies; /* steps that write it and read it last */
};

struct planner {
    struct c_plan *plan;
    const struct graph *graph;
    struct life *lives; /* by value */
};

enum c_access c_access_of(const struct graph *graph, int operand, int result) {
    const size_t mine = graph_elements(graph, operand), all = graph_elements(graph, result);
    if (mine == all) return C_EACH;
    if (mine == 1) return C_SINGLE;
    return graph->values[operand].data ? C_REPEATED : C_LASTING;
}

/* ---- steps ---- */

/* As in struct c_step, for one node. */
static int inner_of(const struct graph *graph, const struct graph_node *node) {
    if (node->input_count < 2) return 0;
    const size_t second = graph_elements(graph, node->inputs[1]), all = graph_elements(graph, node->output);
    switch (c_access_of(graph, node->inputs[1], node->output)) {
    case C_REPEATED:
        return (int)second;
    case C_LASTING:
        return (int)(all / second);
    case C_EACH:
    case C_SINGLE:
        return 0;
    }
    return 0;
}

/* Whether node i can share the loop of the step before. */
static bool joins(const struct planner *planner, int i, int inner) {
    const struct graph *graph = planner->graph;
    if (planner->plan->step_count == 0) return false;
    const struct c_step *step = &planner->plan->steps[planner->plan->step_count - 1];
    const struct graph_node *first = &graph->nodes[step->first];
    if (step->count == C_STEP_MOST || step->first + step->count != i || !graph_is_elementwise(first->operation))
        return false;
    if (graph_elements(graph, first->output) != graph_elements(graph, graph->nodes[i].output)) return false;
    return !inner || !step->inner || inner == step->inner;
}

static void use(const struct planner *planner, int value, int step) {
    struct life *life = &planner->lives[planner->lives[value].root];
    if (step > life->dies) life->dies = step;
}

static void plan_node(const struct planner *planner, int i) {
    const struct graph_node *node = &planner->graph->nodes[i];
    struct c_plan *plan = planner->plan;
    if (node->operation == GRAPH_RESHAPE) {
        planner->lives[node->output].root = planner->lives[node->inputs[0]].root;
        return;
    }
    const bool elementwise = graph_is_elementwise(node->operation);
    const int inner = elementwise ? inner_of(planner->graph, node) : 0;
    if (!elementwise || !joins(planner, i, inner)) plan->steps[plan->step_count++] = (struct c_step){.first = i};
    struct c_step *step = &plan->steps[plan->step_count - 1];
    step->count++;
    if (inner) step->inner = inner;
    const int at = plan->step_count - 1;
    planner->lives[node->output].born = at;
    for (int k = 0; k < node->input_count; k++)
        if (node->inputs[k] != GRAPH_NONE) use(planner, node->inputs[k], at);
}

/* ---- places ---- */

/* Whether a value that is written by a step is needed behind it. */
static bool is_stored(const struct planner *planner, int value) {
    const struct life *life = &planner->lives[value];
    if (!graph_is_elementwise(planner->graph->nodes[planner->plan->steps[life->born].first].operation)) return true;
    return life->dies > life->born;
}

/* The first gap of `size` floats among the values before `end` that still live at `step`. */
static size_t find_gap(const struct planner *planner, int end, int step, size_t size) {
    size_t offset = 0;
    for (bool moved = true; moved;) {
        moved = false;
        for (int v = 0; v < end; v++) {
            const struct c_place *place = &planner->plan->places[v];
            const size_t behind = place->offset + graph_elements(planner->graph, v);
            const bool lives = place->room == C_WORK && planner->lives[v].root == v && planner->lives[v].dies >= step;
            if (!lives || offset >= behind || offset + size <= place->offset) continue;
            offset = behind;
            moved = true;
        }
    }
    return offset;
}

/* An operand of an elementwise step that dies there leaves its memory to a result of the same size; GRAPH_NONE: none
 * does. Nobody may have taken it before. */
static int heir_of(const struct planner *planner, const struct c_step *step, int at, int result) {
    const struct graph *graph = planner->graph;
    for (int i = step->first; i < step->first + step->count; i++)
        for (int k = 0; k < graph->nodes[i].input_count; k++) {
            const int root = planner->lives[graph->nodes[i].inputs[k]].root;
            const struct life *life = &planner->lives[root];
            if (planner->plan->places[root].room != C_WORK || life->born >= at || life->dies != at) continue;
            if (graph_elements(graph, root) == graph_elements(graph, result)) return root;
        }
    return GRAPH_NONE;
}

static void place_result(const struct planner *planner, int at, int value) {
    const struct c_step *step = &planner->plan->steps[at];
    struct c_place *place = &planner->plan->places[value];
    if (place->room != C_NOWHERE || !is_stored(planner, value)) return;
    const size_t size = graph_elements(planner->graph, value);
    const bool elementwise = graph_is_elementwise(planner->graph->nodes[step->first].operation);
    const int heir = elementwise ? heir_of(planner, step, at, value) : GRAPH_NONE;
    *place = (struct c_place){C_WORK, 0};
    if (heir != GRAPH_NONE) {
        place->offset = planner->plan->places[heir].offset;
        planner->lives[heir].dies = at - 1;
    } else {
        place->offset = find_gap(planner, value, at, size);
    }
    if (place->offset + size > planner->plan->work) planner->plan->work = place->offset + size;
}

static void place_values(const struct planner *planner) {
    const struct graph *graph = planner->graph;
    struct c_plan *plan = planner->plan;
    plan->places[graph->input].room = C_INPUT;
    const int output = planner->lives[graph->output].root;
    if (output != graph->input) plan->places[output].room = C_OUTPUT;
    for (int at = 0; at < plan->step_count; at++)
        for (int i = 0; i < plan->steps[at].count; i++)
            place_result(planner, at, graph->nodes[plan->steps[at].first + i].output);
    for (int v = 0; v < graph->value_count; v++) plan->places[v] = plan->places[planner->lives[v].root];
}

bool c_plan_shares(const struct c_plan *plan, int a, int b) {
    const struct c_place *first = &plan->places[a], *second = &plan->places[b];
    return first->room == second->room && first->room != C_NOWHERE && first->offset == second->offset;
}

int c_plan_make(struct c_plan *plan, const struct graph *graph, struct error *error) {
    *plan = (struct c_plan){0};
    const size_t values = (size_t)graph->value_count;
    struct planner planner = {.plan = plan, .graph = graph};
    plan->steps = arena_allocate(&plan->arena, ((size_t)graph->node_count + 1) * sizeof *plan->steps, error);
    plan->places = arena_allocate(&plan->arena, values * sizeof *plan->places, error);
    planner.lives = arena_allocate(&plan->arena, values * sizeof *planner.lives, error);
    if (!plan->steps || !plan->places || !planner.lives) return -1;
    for (int v = 0; v < graph->value_count; v++) planner.lives[v] = (struct life){v, -1, -1};
    for (int i = 0; i < graph->node_count; i++) plan_node(&planner, i);
    use(&planner, graph->output, plan->step_count);
    place_values(&planner);
    return 0;
}

void c_plan_free(struct c_plan *plan) {
    arena_free(&plan->arena);
    *plan = (struct c_plan){0};
}
