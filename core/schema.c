/* The JSON schema (draft 7) of the config, for editors, from the same tables that read it. */
#include <limits.h>
#include <stdio.h>

#include "core/fields.h"

enum { STRING_LIST_MAX = 4096 };

/* Adds a new member; an object that is NULL stays so, a member that cannot be made turns the object into NULL. So a
 * schema is built as one chain, and the end of it tells whether there was memory for everything. */
static cJSON *with(cJSON *object, const char *key, cJSON *value) {
    if (object && json_add(object, key, value)) return object;
    if (!object) cJSON_Delete(value);
    cJSON_Delete(object);
    return NULL;
}

static cJSON *with_item(cJSON *list, cJSON *item) {
    if (list && json_append(list, item)) return list;
    if (!list) cJSON_Delete(item);
    cJSON_Delete(list);
    return NULL;
}

static cJSON *typed(const char *type) {
    return with(cJSON_CreateObject(), "type", cJSON_CreateString(type));
}

static cJSON *one_of(cJSON *list) {
    return with(cJSON_CreateObject(), "anyOf", list);
}

static cJSON *number_schema(const struct field *field, const char *type) {
    cJSON *schema = typed(type);
    if (field->minimum == 0 && field->maximum == 0) return schema;
    if (field->minimum > -1e300)
        schema = with(schema, field->above ? "exclusiveMinimum" : "minimum", cJSON_CreateNumber(field->minimum));
    if (field->maximum < 1e300 && field->maximum < INT_MAX)
        schema = with(schema, field->below ? "exclusiveMaximum" : "maximum", cJSON_CreateNumber(field->maximum));
    return schema;
}

static cJSON *list_schema(cJSON *items, int minimum, int maximum) {
    cJSON *schema = with(typed("array"), "items", items);
    if (minimum > 0) schema = with(schema, "minItems", cJSON_CreateNumber(minimum));
    return with(schema, "maxItems", cJSON_CreateNumber(maximum));
}

static cJSON *choice_schema(const struct field *field) {
    cJSON *names = cJSON_CreateArray();
    for (int i = 0; field->choices[i]; i++) names = with_item(names, choice_to_json(field->choices[i]));
    return with(cJSON_CreateObject(), "enum", names);
}

static cJSON *pair_schema(const struct field *field) {
    cJSON *either = with_item(cJSON_CreateArray(), number_schema(field, "integer"));
    return one_of(with_item(either, list_schema(number_schema(field, "integer"), 2, 2)));
}

static cJSON *sides_schema(const struct field *field) {
    cJSON *either = with_item(cJSON_CreateArray(), number_schema(field, "integer"));
    return one_of(with_item(either, list_schema(pair_schema(field), 2, 2)));
}

/* A list, or a number alone where that stands for one. */
static cJSON *ints_schema(const struct field *field) {
    cJSON *list = list_schema(number_schema(field, "integer"), 0, FIELD_LIST_MAX);
    if (!field->single) return list;
    return one_of(with_item(with_item(cJSON_CreateArray(), number_schema(field, "integer")), list));
}

/* A list, or one alone where that stands for one. */
static cJSON *choices_schema(const struct field *field) {
    cJSON *list = list_schema(choice_schema(field), 0, FIELD_LIST_MAX);
    if (!field->single) return list;
    return one_of(with_item(with_item(cJSON_CreateArray(), choice_schema(field)), list));
}

/* What may stand in a list that is `left` deep at most. */
static cJSON *array_items_schema(int left) {
    if (left == 1) return typed("number");
    cJSON *inner = with(typed("array"), "items", array_items_schema(left - 1));
    return one_of(with_item(with_item(cJSON_CreateArray(), typed("number")), inner));
}

static cJSON *reference(const char *what) {
    char target[128];
    snprintf(target, sizeof target, "#/definitions/%s", what);
    return with(cJSON_CreateObject(), "$ref", cJSON_CreateString(target));
}

static cJSON *list_reference(const char *what) {
    char name[96];
    snprintf(name, sizeof name, "%s_list", what);
    return reference(name);
}

static cJSON *type_schema(const struct field *field) {
    switch (field->type) {
    case FIELD_BOOL:
        return typed("boolean");
    case FIELD_INT:
        return number_schema(field, "integer");
    case FIELD_NUMBER:
        return number_schema(field, "number");
    case FIELD_STRING:
        return typed("string");
    case FIELD_CHOICE:
        return choice_schema(field);
    case FIELD_PAIR:
        return pair_schema(field);
    case FIELD_SIDES:
        return sides_schema(field);
    case FIELD_INTS:
        return ints_schema(field);
    case FIELD_NUMBERS:
        return list_schema(number_schema(field, "number"), 0, FIELD_LIST_MAX);
    case FIELD_ARRAY:
        return with(typed("array"), "items", array_items_schema(FIELD_RANK_MAX));
    case FIELD_CHOICES:
        return choices_schema(field);
    case FIELD_STRINGS:
        return list_schema(typed("string"), 0, STRING_LIST_MAX);
    case FIELD_COMPONENT: /* draft 7 ignores what stands beside a $ref: it goes one level down */
        return with(cJSON_CreateObject(), "allOf", with_item(cJSON_CreateArray(), reference(field->of)));
    case FIELD_COMPONENTS:
        return with(cJSON_CreateObject(), "allOf", with_item(cJSON_CreateArray(), list_reference(field->of)));
    case FIELD_OBJECT:
        return fields_schema(field->fields);
    case FIELD_ANY:
        return cJSON_CreateObject();
    }
    return NULL;
}

static cJSON *field_schema(const struct field *field) {
    cJSON *schema = type_schema(field);
    if (field->nullable) schema = one_of(with_item(with_item(cJSON_CreateArray(), schema), typed("null")));
    if (field->help) schema = with(schema, "description", cJSON_CreateString(field->help));
    if (field->fallback) schema = with(schema, "default", cJSON_Parse(field->fallback));
    return schema;
}

static bool any_required(const struct field *fields);

static bool is_required(const struct field *field) {
    if (field->type == FIELD_OBJECT) return any_required(field->fields);
    return !field->fallback && field->type != FIELD_ANY;
}

static bool any_required(const struct field *fields) {
    for (; fields && fields->key; fields++)
        if (is_required(fields)) return true;
    return false;
}

static cJSON *with_properties(cJSON *properties, const struct field *fields) {
    for (; fields && fields->key; fields++) properties = with(properties, fields->key, field_schema(fields));
    return properties;
}

static cJSON *with_required(cJSON *required, const struct field *fields) {
    for (; fields && fields->key; fields++)
        if (is_required(fields)) required = with_item(required, cJSON_CreateString(fields->key));
    return required;
}

/* Takes over both; an empty `required` is left out. */
static cJSON *object_schema(cJSON *properties, cJSON *required) {
    cJSON *schema = with(typed("object"), "properties", properties);
    if (required && !required->child)
        cJSON_Delete(required);
    else
        schema = with(schema, "required", required);
    return with(schema, "additionalProperties", cJSON_CreateFalse());
}

cJSON *fields_schema(const struct field *fields) {
    return object_schema(with_properties(cJSON_CreateObject(), fields), with_required(cJSON_CreateArray(), fields));
}

static cJSON *with_names(cJSON *list, const struct component_kind *kind) {
    list = with_item(list, cJSON_CreateString(kind->name));
    return kind->alias ? with_item(list, cJSON_CreateString(kind->alias)) : list;
}

static cJSON *kind_name_schema(const struct component_kind *kind) {
    if (!kind->alias) return with(cJSON_CreateObject(), "const", cJSON_CreateString(kind->name));
    return with(cJSON_CreateObject(), "enum", with_names(cJSON_CreateArray(), kind));
}

/* {"type": "Adam", "learning_rate": 0.001}; named: the type must be given. */
static cJSON *kind_schema(const struct component_registry *registry, const struct component_kind *kind, bool named) {
    const char *type_key = registry_type_key(registry);
    cJSON *properties = cJSON_CreateObject(), *required = cJSON_CreateArray();
    if (registry_find(registry, kind->name) == kind) properties = with(properties, type_key, kind_name_schema(kind));
    if (named) required = with_item(required, cJSON_CreateString(type_key));
    properties = with_properties(with_properties(properties, registry->common), kind->fields);
    required = with_required(with_required(required, registry->common), kind->fields);
    cJSON *schema = object_schema(properties, required);
    return kind->summary ? with(schema, "description", cJSON_CreateString(kind->summary)) : schema;
}

/* The names that suffice alone: those of kinds without a field that must be given. */
static cJSON *names_schema(const struct component_registry *registry) {
    cJSON *names = cJSON_CreateArray();
    for (const struct component_kind *const *at = registry->kinds; *at; at++)
        if (!any_required(registry->common) && !any_required((*at)->fields)) names = with_names(names, *at);
    return with(cJSON_CreateObject(), "enum", names);
}

/* Keras' own spelling: {"class_name": "Adam", "config": {...}}. */
static cJSON *keras_schema(const struct component_registry *registry) {
    cJSON *names = cJSON_CreateArray();
    for (const struct component_kind *const *at = registry->kinds; *at; at++) names = with_names(names, *at);
    cJSON *class_name = with(cJSON_CreateObject(), "enum", names);
    cJSON *properties = with(with(cJSON_CreateObject(), "class_name", class_name), "config", typed("object"));
    cJSON *required = with_item(cJSON_CreateArray(), cJSON_CreateString("class_name"));
    return with(with(typed("object"), "properties", properties), "required", required);
}

static cJSON *registry_schema(const struct component_registry *registry) {
    cJSON *names = names_schema(registry), *choices = cJSON_CreateArray();
    if (names && !cJSON_GetObjectItemCaseSensitive(names, "enum")->child)
        cJSON_Delete(names); /* an enum may not be empty */
    else
        choices = with_item(choices, names);
    for (const struct component_kind *const *at = registry->kinds; *at; at++)
        choices = with_item(choices, kind_schema(registry, *at, true));
    if (registry->untyped) choices = with_item(choices, kind_schema(registry, registry->untyped, false));
    return one_of(with_item(choices, keras_schema(registry)));
}

/* {"repeat": 3, "layers": [...]} */
static cJSON *repeat_schema(const struct component_registry *registry) {
    cJSON *times = with(with(typed("integer"), "minimum", cJSON_CreateNumber(1)), "description",
                        cJSON_CreateString("how many times the list stands here"));
    cJSON *properties =
        with(with(cJSON_CreateObject(), "repeat", times), registry->list_key, list_reference(registry->what));
    cJSON *required =
        with_item(with_item(cJSON_CreateArray(), cJSON_CreateString("repeat")), cJSON_CreateString(registry->list_key));
    return object_schema(properties, required);
}

static cJSON *registry_list_schema(const struct component_registry *registry) {
    if (!registry->list_key) return list_schema(reference(registry->what), 0, STRING_LIST_MAX);
    cJSON *choices = with_item(with_item(cJSON_CreateArray(), reference(registry->what)), repeat_schema(registry));
    return list_schema(one_of(choices), 0, STRING_LIST_MAX);
}

static cJSON *with_list(cJSON *definitions, const struct component_registry *registry) {
    char name[96];
    snprintf(name, sizeof name, "%s_list", registry->what);
    return with(definitions, name, registry_list_schema(registry));
}

cJSON *schema_definitions(const struct registries *registries) {
    cJSON *definitions = cJSON_CreateObject();
    for (const struct component_registry *const *at = registries->items; *at; at++)
        definitions = with_list(with(definitions, (*at)->what, registry_schema(*at)), *at);
    return definitions;
}
