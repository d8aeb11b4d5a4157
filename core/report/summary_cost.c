#include <stdbool.h>

#include "core/json.h"
#include "core/report/format.h"
#include "core/report/summary.h"
#include "core/report/table.h"

static void receptive_field_cell(struct table *table, const int field[2]) {
    if (field[0] < 0 || field[1] < 0)
        table_cell(table, "whole input");
    else
        table_cell(table, "%dx%d", field[0], field[1]);
}

static void add_row(struct table *table, const struct summary_row *row, bool with_types) {
    struct format format;
    char shape[SHAPE_TEXT_SIZE];
    table_cell(table, "%.*s%s", SUMMARY_BARS(row->depth), row->name);
    if (with_types) table_cell(table, "%s", row->class_name);
    table_cell(table, "%s", shape_text(&row->output, shape, sizeof shape));
    table_cell(table, "%s", format_count(&format, (double)row->parameters));
    table_cell(table, "%s", format_count(&format, row->multiplications));
    receptive_field_cell(table, row->receptive_field);
    table_cell(table, "%s", format_bytes(&format, (double)row->activation_bytes));
}

static bool has_note(const struct summary_row *row) {
    return row->note && row->note[0];
}

void summary_warnings(const struct summary *summary, struct text *text) {
    for (int i = 0; i < summary->count; i++) {
        const struct summary_row *row = &summary->rows[i];
        if (has_note(row)) text_print(text, "Warning: %s %s\n", row->name, row->note);
    }
}

static bool has_warnings(const struct summary *summary) {
    for (int i = 0; i < summary->count; i++)
        if (has_note(&summary->rows[i])) return true;
    return false;
}

void summary_cost_table(const struct summary *summary, bool with_types, struct table *table) {
    struct format format;
    double multiplications = 0, bytes = 0;
    table_column(table, "Layer", TABLE_LEFT);
    if (with_types) table_column(table, "Type", TABLE_LEFT);
    table_column(table, "Output", TABLE_LEFT);
    table_column(table, "Parameters", TABLE_RIGHT);
    table_column(table, "Multiplications", TABLE_RIGHT);
    table_column(table, "Receptive field", TABLE_RIGHT);
    table_column(table, "Activations", TABLE_RIGHT);
    for (int i = 0; i < summary->count; i++) {
        add_row(table, &summary->rows[i], with_types);
        multiplications += summary->rows[i].multiplications;
        bytes += (double)summary->rows[i].activation_bytes;
    }
    table_cell(table, "total");
    if (with_types) table_cell(table, "%s", "");
    table_cell(table, "%s", "");
    table_cell(table, "%s", format_count(&format, (double)(summary->trainable + summary->non_trainable)));
    table_cell(table, "%s", format_count(&format, multiplications));
    table_cell(table, "%s", "");
    table_cell(table, "%s", format_bytes(&format, bytes));
}

void summary_cost(const struct summary *summary, struct text *text) {
    struct table table = {0};
    summary_cost_table(summary, false, &table);
    text_add(text, "Cost of one image, forward\n\n");
    table_plain(&table, text);
    if (has_warnings(summary)) text_add(text, "\n");
    summary_warnings(summary, text);
}

static bool add_shape(cJSON *object, const char *key, const struct shape *shape) {
    return json_add(object, key, cJSON_CreateIntArray(shape->size, shape->rank));
}

static bool add_receptive_field(cJSON *object, const int field[2]) {
    bool whole = field[0] < 0 || field[1] < 0;
    return json_add(object, "receptive_field", whole ? cJSON_CreateNull() : cJSON_CreateIntArray(field, 2));
}

static int add_layer(cJSON *layers, const struct summary_row *row) {
    cJSON *layer = cJSON_CreateObject();
    if (!json_append(layers, layer) || !cJSON_AddStringToObject(layer, "name", row->name) ||
        !cJSON_AddStringToObject(layer, "class_name", row->class_name) ||
        !add_shape(layer, "output_shape", &row->output) ||
        !cJSON_AddNumberToObject(layer, "parameters", (double)row->parameters) ||
        !cJSON_AddNumberToObject(layer, "multiplications", row->multiplications) ||
        !cJSON_AddNumberToObject(layer, "activation_bytes", (double)row->activation_bytes) ||
        !add_receptive_field(layer, row->receptive_field))
        return -1;
    if (row->depth > 0 && !cJSON_AddNumberToObject(layer, "depth", row->depth)) return -1;
    if (!has_note(row)) return cJSON_AddNullToObject(layer, "note") ? 0 : -1;
    return cJSON_AddStringToObject(layer, "note", row->note) ? 0 : -1;
}

static int fill_json(cJSON *root, const struct summary *summary) {
    double multiplications = 0, bytes = 0;
    if (!cJSON_AddStringToObject(root, "name", summary->model_name) || !add_shape(root, "input_shape", &summary->input))
        return -1;
    cJSON *layers = cJSON_AddArrayToObject(root, "layers");
    if (!layers) return -1;
    for (int i = 0; i < summary->count; i++) {
        if (add_layer(layers, &summary->rows[i]) != 0) return -1;
        multiplications += summary->rows[i].multiplications;
        bytes += (double)summary->rows[i].activation_bytes;
    }
    if (!cJSON_AddNumberToObject(root, "parameters", (double)(summary->trainable + summary->non_trainable)) ||
        !cJSON_AddNumberToObject(root, "trainable_parameters", (double)summary->trainable) ||
        !cJSON_AddNumberToObject(root, "non_trainable_parameters", (double)summary->non_trainable) ||
        !cJSON_AddNumberToObject(root, "multiplications", multiplications) ||
        !cJSON_AddNumberToObject(root, "activation_bytes", bytes))
        return -1;
    return 0;
}

cJSON *summary_json(const struct summary *summary) {
    cJSON *root = cJSON_CreateObject();
    if (!root || fill_json(root, summary) == 0) return root;
    cJSON_Delete(root);
    return NULL;
}
