/* Fields back to JSON: what the resolved config and a checkpoint's metadata hold. */
#include <string.h>

#include "core/fields.h"

static bool is_zero(const struct field *field, const void *value) {
    /* untaken: there is no other type */
    switch (field->type) {
    case FIELD_BOOL:
        return !*(const bool *)value;
    case FIELD_INT:
    case FIELD_CHOICE:
        return *(const int *)value == 0;
    case FIELD_NUMBER:
        return *(const double *)value == 0;
    case FIELD_STRING:
        return !*(const char *const *)value;
    case FIELD_PAIR:
        return ((const int *)value)[0] == 0 && ((const int *)value)[1] == 0;
    case FIELD_SIDES:
        return false;
    case FIELD_INTS:
    case FIELD_CHOICES:
        return ((const struct int_list *)value)->count == 0;
    case FIELD_ARRAY:
        return ((const struct number_array *)value)->rank == 0;
    case FIELD_NUMBERS:
        return ((const struct number_list *)value)->count == 0;
    case FIELD_STRINGS:
        return ((const struct string_list *)value)->count == 0;
    case FIELD_COMPONENT:
        return !((const struct component *)value)->kind;
    case FIELD_COMPONENTS:
        return ((const struct component_list *)value)->count == 0;
    case FIELD_OBJECT:
        for (const struct field *inner = field->fields; inner && inner->key; inner++)
            if (!is_zero(inner, (const char *)value + inner->offset)) return false;
        return true;
    case FIELD_ANY:
        return !*(const cJSON *const *)value;
    }
    return false;
}

/* The whole list, or NULL (and nothing left) where an item could not be made. */
static cJSON *list_or_nothing(cJSON *list, bool complete) {
    if (complete) return list;
    cJSON_Delete(list);
    return NULL;
}

static cJSON *write_numbers(const struct number_list *numbers) {
    cJSON *list = cJSON_CreateArray();
    bool complete = list;
    for (int i = 0; i < numbers->count && complete; i++)
        complete = json_append(list, cJSON_CreateNumber(numbers->values[i]));
    return list_or_nothing(list, complete);
}

/* [[top, bottom], [left, right]] */
static cJSON *write_sides(const int sides[4]) {
    cJSON *list = cJSON_CreateArray();
    bool complete = list && json_append(list, cJSON_CreateIntArray(sides, 2)) &&
                    json_append(list, cJSON_CreateIntArray(sides + 2, 2));
    return list_or_nothing(list, complete);
}

static cJSON *write_choices(const struct field *field, const struct int_list *choices) {
    if (field->single && choices->count == 1) return cJSON_CreateString(field->choices[choices->values[0]]);
    cJSON *list = cJSON_CreateArray();
    bool complete = list;
    for (int i = 0; i < choices->count && complete; i++)
        complete = json_append(list, cJSON_CreateString(field->choices[choices->values[i]]));
    return list_or_nothing(list, complete);
}

static cJSON *write_strings(const struct string_list *strings) {
    cJSON *list = cJSON_CreateArray();
    bool complete = list;
    for (int i = 0; i < strings->count && complete; i++)
        complete = json_append(list, cJSON_CreateString(strings->values[i]));
    return list_or_nothing(list, complete);
}

static cJSON *write_components(const struct registries *registries, const struct component_registry *registry,
                               const struct component_list *components) {
    cJSON *list = cJSON_CreateArray();
    bool complete = list;
    for (int i = 0; i < components->count && complete; i++)
        complete = json_append(list, component_write(registries, registry, &components->items[i]));
    return list_or_nothing(list, complete);
}

cJSON *choice_to_json(const char *choice) {
    const bool is_true = strcmp(choice, "true") == 0;
    return is_true || strcmp(choice, "false") == 0 ? cJSON_CreateBool(is_true) : cJSON_CreateString(choice);
}

static cJSON *write_value(const struct registries *registries, const struct field *field, const void *value) {
    if (field->nullable && is_zero(field, value)) return cJSON_CreateNull();
    /* untaken: there is no other type */
    switch (field->type) {
    case FIELD_BOOL:
        return cJSON_CreateBool(*(const bool *)value);
    case FIELD_INT:
        return cJSON_CreateNumber(*(const int *)value);
    case FIELD_NUMBER:
        return cJSON_CreateNumber(*(const double *)value);
    case FIELD_STRING:
        return is_zero(field, value) ? cJSON_CreateNull() : cJSON_CreateString(*(const char *const *)value);
    case FIELD_CHOICE:
        return choice_to_json(field->choices[*(const int *)value]);
    case FIELD_PAIR:
        return cJSON_CreateIntArray(value, 2);
    case FIELD_SIDES:
        return write_sides(value);
    case FIELD_INTS:
        return cJSON_CreateIntArray(((const struct int_list *)value)->values, ((const struct int_list *)value)->count);
    case FIELD_NUMBERS:
        return write_numbers(value);
    case FIELD_ARRAY:
        return fields_write_array(value);
    case FIELD_CHOICES:
        return write_choices(field, value);
    case FIELD_STRINGS:
        return write_strings(value);
    case FIELD_COMPONENT:
        return component_write(registries, registries_find(registries, field->of), value);
    case FIELD_COMPONENTS:
        return write_components(registries, registries_find(registries, field->of), value);
    case FIELD_OBJECT:
        return fields_write(registries, field->fields, value);
    case FIELD_ANY:
        return cJSON_Duplicate(*(const cJSON *const *)value, 1);
    }
    return NULL;
}

static bool write_table(const struct registries *registries, const struct field *fields, const void *values,
                        cJSON *object) {
    for (const struct field *field = fields; field && field->key; field++) {
        const void *value = (const char *)values + field->offset;
        if (field->type == FIELD_ANY && is_zero(field, value)) continue;
        if (!json_add(object, field->key, write_value(registries, field, value))) return false;
    }
    return true;
}

cJSON *fields_write(const struct registries *registries, const struct field *fields, const void *values) {
    cJSON *object = cJSON_CreateObject();
    if (object && write_table(registries, fields, values, object)) return object;
    cJSON_Delete(object);
    return NULL;
}

static bool write_kind(const struct component_registry *registry, const struct component_kind *kind, cJSON *object) {
    bool has_name = registry_find(registry, kind->name) == kind; /* an untyped kind may stand outside the list */
    return !has_name || json_add(object, registry_type_key(registry), cJSON_CreateString(kind->name));
}

cJSON *component_write(const struct registries *registries, const struct component_registry *registry,
                       const struct component *component) {
    if (!component->kind) return cJSON_CreateNull();
    cJSON *object = cJSON_CreateObject();
    if (object && write_kind(registry, component->kind, object) &&
        write_table(registries, registry->common, component->config, object) &&
        write_table(registries, component->kind->fields, component->config, object))
        return object;
    cJSON_Delete(object);
    return NULL;
}
