#include "core/fields.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "core/text.h"

enum { WORDS_MAX = 96 };

const struct component_registry *registries_find(const struct registries *registries, const char *what) {
    for (const struct component_registry *const *at = registries->items; *at; at++)
        if (strcmp((*at)->what, what) == 0) return *at;
    return NULL;
}

const struct component_kind *registry_find(const struct component_registry *registry, const char *name) {
    for (const struct component_kind *const *at = registry->kinds; *at; at++)
        if (strcmp((*at)->name, name) == 0 || ((*at)->alias && strcmp((*at)->alias, name) == 0)) return *at;
    return NULL;
}

const char *registry_advice(const struct component_registry *registry, const char *name) {
    for (const struct component_advice *at = registry->absent; at && at->name; at++)
        if (strcasecmp(at->name, name) == 0) return at->advice;
    return NULL;
}

const char *registry_nearest(const struct component_registry *registry, const char *name) {
    const char *words[WORDS_MAX];
    size_t count = 0;
    /* untaken: no registry has as many kinds */
    for (const struct component_kind *const *at = registry->kinds; *at && count + 2 < WORDS_MAX; at++) {
        words[count++] = (*at)->name;
        if ((*at)->alias) words[count++] = (*at)->alias;
    }
    return text_nearest(name, words, count);
}

/* ---- describing ---- */

/* Whether a range ends where the numbers of its type do, which goes without saying. */
static bool has_no_maximum(const struct field *field) {
    return field->maximum >= INT_MAX || (field->minimum == 0 && field->maximum == 0);
}

static void describe_range(const struct field *field, struct text *text) {
    bool no_minimum = field->minimum <= -1e300, no_maximum = has_no_maximum(field);
    if (field->minimum == 0 && field->maximum == 0) return;
    if (no_minimum && no_maximum) return;
    if (no_maximum)
        text_print(text, field->above ? ", above %.10g" : ", %.10g or more", field->minimum);
    else if (no_minimum)
        text_print(text, field->below ? ", below %.10g" : ", %.10g or less", field->maximum);
    else
        text_print(text, ", in %c%.10g, %.10g%c", field->above ? '(' : '[', field->minimum, field->maximum,
                   field->below ? ')' : ']');
}

void field_describe(const struct field *field, struct text *text) {
    static const char *const words[] = {
        [FIELD_BOOL] = "true or false",
        [FIELD_INT] = "integer",
        [FIELD_NUMBER] = "number",
        [FIELD_STRING] = "string",
        [FIELD_PAIR] = "integer or [height, width]",
        [FIELD_SIDES] = "integer, [height, width] or [[top, bottom], [left, right]]",
        [FIELD_INTS] = "list of integers",
        [FIELD_NUMBERS] = "list of numbers",
        [FIELD_ARRAY] = "list of numbers or nested lists",
        [FIELD_STRINGS] = "list of strings",
        [FIELD_OBJECT] = "object",
        [FIELD_ANY] = "JSON",
    };
    if (field->type == FIELD_CHOICE || field->type == FIELD_CHOICES) {
        if (field->choices[1]) text_add(text, "one of ");
        for (int i = 0; field->choices[i]; i++) text_print(text, i ? ", %s" : "%s", field->choices[i]);
        if (field->type == FIELD_CHOICES) text_add(text, ", or a list of them");
    } else if (field->type == FIELD_COMPONENT || field->type == FIELD_COMPONENTS) {
        text_print(text, field->type == FIELD_COMPONENT ? "%s" : "list of %ss", field->of);
    } else {
        if (field->single) text_add(text, "integer or ");
        text_add(text, words[field->type]);
    }
    describe_range(field, text);
    if (field->nullable) text_add(text, ", or null");
}

/* ---- reading ---- */

struct value_context {
    const struct field_reader *reader;
    const struct field *field;
    const struct place *place;
};

/* "must be an integer", "must be one of ..."; components have errors of their own, and any value is right for ANY. */
static const char *article_of(const struct field *field) {
    if (field->type == FIELD_BOOL || field->type == FIELD_CHOICE || field->type == FIELD_CHOICES) return "";
    bool is_an = field->type == FIELD_INT || field->type == FIELD_PAIR || field->type == FIELD_SIDES ||
                 field->type == FIELD_OBJECT || field->single;
    return is_an ? "an " : "a ";
}

static int wrong_type(const struct value_context *context, const cJSON *json) {
    struct text wanted = {0};
    char found[96];
    field_describe(context->field, &wanted);
    place_error(context->place, context->reader->error, "must be %s%s; got %s", article_of(context->field),
                wanted.failed ? "of another type" : wanted.bytes, json_describe(json, found, sizeof found));
    text_free(&wanted);
    return -1;
}

static bool in_range(const struct field *field, double value) {
    if (field->minimum == 0 && field->maximum == 0) return true;
    if (field->above ? value <= field->minimum : value < field->minimum) return false;
    return field->below ? value < field->maximum : value <= field->maximum;
}

static int read_number(const struct value_context *context, const cJSON *json, double *value) {
    if (!cJSON_IsNumber(json) || !isfinite(json->valuedouble)) return wrong_type(context, json);
    *value = json->valuedouble;
    return in_range(context->field, *value) ? 0 : wrong_type(context, json);
}

static int read_int(const struct value_context *context, const cJSON *json, int *value) {
    double number = 0;
    char found[96];
    if (cJSON_IsNumber(json) && json->valuedouble > INT_MAX && has_no_maximum(context->field))
        return place_error(context->place, context->reader->error, "must be at most %d, got %s", INT_MAX,
                           json_describe(json, found, sizeof found));
    if (read_number(context, json, &number) != 0) return -1;
    /* untaken: what is larger was refused above, by this or by the field's range */
    if (number != floor(number) || number < INT_MIN || number > INT_MAX) return wrong_type(context, json);
    *value = (int)number;
    return 0;
}

static int read_choice(const struct value_context *context, const cJSON *json, int *value) {
    const char *const *choices = context->field->choices;
    const char *word = cJSON_GetStringValue(json);
    if (cJSON_IsBool(json)) word = cJSON_IsTrue(json) ? "true" : "false";
    if (!word) return wrong_type(context, json);
    size_t count = 0;
    for (; choices[count]; count++)
        if (strcmp(choices[count], word) == 0) {
            *value = (int)count;
            return 0;
        }
    const char *nearest = cJSON_IsBool(json) ? NULL : text_nearest(word, choices, count);
    if (!nearest) return wrong_type(context, json);
    return place_error(context->place, context->reader->error, "\"%s\" is not known; did you mean \"%s\"?",
                       json->valuestring, nearest);
}

/* The field that an item of a list is, so that what is said of it is not said of the list. */
static struct field item_of(const struct field *list, enum field_type type) {
    struct field item = *list;
    item.type = type;
    item.nullable = item.single = false;
    return item;
}

static int read_pair(const struct value_context *context, const cJSON *json, int pair[2]) {
    if (!cJSON_IsArray(json)) {
        if (read_int(context, json, &pair[0]) != 0) return -1;
        pair[1] = pair[0];
        return 0;
    }
    if (cJSON_GetArraySize(json) != 2) return wrong_type(context, json);
    const struct field field = item_of(context->field, FIELD_INT);
    for (int i = 0; i < 2; i++) {
        struct place item = place_item(context->place, i);
        struct value_context inner = {context->reader, &field, &item};
        if (read_int(&inner, cJSON_GetArrayItem(json, i), &pair[i]) != 0) return -1;
    }
    return 0;
}

/* One number for all sides, or a pair for each axis. */
static int read_sides(const struct value_context *context, const cJSON *json, int sides[4]) {
    const bool is_list = cJSON_IsArray(json);
    if (is_list && cJSON_GetArraySize(json) != 2) return wrong_type(context, json);
    for (int axis = 0; axis < 2; axis++) {
        struct place item = place_item(context->place, axis);
        struct value_context inner = {context->reader, context->field, is_list ? &item : context->place};
        const cJSON *pair = is_list ? cJSON_GetArrayItem(json, axis) : json;
        if (read_pair(&inner, pair, sides + (ptrdiff_t)2 * axis) != 0) return -1;
    }
    return 0;
}

static int check_list(const struct value_context *context, const cJSON *json, int limit, int *count) {
    if (!cJSON_IsArray(json)) return wrong_type(context, json);
    *count = cJSON_GetArraySize(json);
    if (*count <= limit) return 0;
    return place_error(context->place, context->reader->error, "has %d items, at most %d are allowed; leave some out",
                       *count, limit);
}

static int read_ints(const struct value_context *context, const cJSON *json, struct int_list *list) {
    if (context->field->single && !cJSON_IsArray(json)) {
        list->count = 1;
        return read_int(context, json, &list->values[0]);
    }
    if (check_list(context, json, FIELD_LIST_MAX, &list->count) != 0) return -1;
    const struct field field = item_of(context->field, FIELD_INT);
    for (int i = 0; i < list->count; i++) {
        struct place item = place_item(context->place, i);
        struct value_context inner = {context->reader, &field, &item};
        if (read_int(&inner, cJSON_GetArrayItem(json, i), &list->values[i]) != 0) return -1;
    }
    return 0;
}

static int read_numbers(const struct value_context *context, const cJSON *json, struct number_list *list) {
    if (check_list(context, json, FIELD_LIST_MAX, &list->count) != 0) return -1;
    const struct field field = item_of(context->field, FIELD_NUMBER);
    for (int i = 0; i < list->count; i++) {
        struct place item = place_item(context->place, i);
        struct value_context inner = {context->reader, &field, &item};
        if (read_number(&inner, cJSON_GetArrayItem(json, i), &list->values[i]) != 0) return -1;
    }
    return 0;
}

static int read_choices(const struct value_context *context, const cJSON *json, struct int_list *list) {
    if (context->field->single && !cJSON_IsArray(json)) {
        list->count = 1;
        return read_choice(context, json, &list->values[0]);
    }
    if (check_list(context, json, FIELD_LIST_MAX, &list->count) != 0) return -1;
    const struct field field = item_of(context->field, FIELD_CHOICE);
    for (int i = 0; i < list->count; i++) {
        struct place item = place_item(context->place, i);
        struct value_context inner = {context->reader, &field, &item};
        if (read_choice(&inner, cJSON_GetArrayItem(json, i), &list->values[i]) != 0) return -1;
    }
    return 0;
}

static int read_string(const struct value_context *context, const cJSON *json, const char **value) {
    if (!cJSON_IsString(json)) return wrong_type(context, json);
    *value = arena_string(context->reader->arena, json->valuestring, context->reader->error);
    return *value ? 0 : -1;
}

static int read_strings(const struct value_context *context, const cJSON *json, struct string_list *list) {
    if (check_list(context, json, 4096, &list->count) != 0) return -1;
    list->values =
        arena_allocate(context->reader->arena, (size_t)list->count * sizeof *list->values, context->reader->error);
    if (!list->values) return -1;
    const struct field field = item_of(context->field, FIELD_STRING);
    for (int i = 0; i < list->count; i++) {
        struct place item = place_item(context->place, i);
        struct value_context inner = {context->reader, &field, &item};
        if (read_string(&inner, cJSON_GetArrayItem(json, i), &list->values[i]) != 0) return -1;
    }
    return 0;
}

static int read_components(const struct value_context *context, const cJSON *json, struct component_list *list) {
    const struct component_registry *registry = registries_find(context->reader->registries, context->field->of);
    if (!cJSON_IsArray(json)) return wrong_type(context, json);
    if (!registry) return error_set(context->reader->error, ERROR_RUN, NULL, "a registry is missing");
    return component_list_read(context->reader, registry, json, context->place, list);
}

static int read_any(const struct value_context *context, const cJSON *json, const cJSON **value) {
    (void)context;
    *value = json;
    return 0;
}

static int read_value(const struct value_context *context, const cJSON *json, void *value) {
    const struct field *field = context->field;
    const struct field_reader *reader = context->reader;
    if (cJSON_IsNull(json) && field->nullable) return 0;
    /* untaken: there is no other type */
    switch (field->type) {
    case FIELD_BOOL:
        if (!cJSON_IsBool(json)) return wrong_type(context, json);
        *(bool *)value = cJSON_IsTrue(json);
        return 0;
    case FIELD_INT:
        return read_int(context, json, value);
    case FIELD_NUMBER:
        return read_number(context, json, value);
    case FIELD_STRING:
        return read_string(context, json, value);
    case FIELD_CHOICE:
        return read_choice(context, json, value);
    case FIELD_PAIR:
        return read_pair(context, json, value);
    case FIELD_SIDES:
        return read_sides(context, json, value);
    case FIELD_INTS:
        return read_ints(context, json, value);
    case FIELD_NUMBERS:
        return read_numbers(context, json, value);
    case FIELD_ARRAY:
        if (!cJSON_IsArray(json)) return wrong_type(context, json);
        return fields_read_array(json, context->place, reader->arena, value, reader->error);
    case FIELD_CHOICES:
        return read_choices(context, json, value);
    case FIELD_STRINGS:
        return read_strings(context, json, value);
    case FIELD_COMPONENT:
        return component_read(reader, registries_find(reader->registries, field->of), json, context->place, value);
    case FIELD_COMPONENTS:
        return read_components(context, json, value);
    case FIELD_OBJECT:
        if (!cJSON_IsObject(json)) return wrong_type(context, json);
        return fields_read(reader, field->fields, NULL, NULL, json, context->place, value);
    case FIELD_ANY:
        return read_any(context, json, value);
    }
    return 0;
}

static int read_default(const struct value_context *context, void *value) {
    if (context->field->type == FIELD_ANY) return 0;
    if (context->field->type == FIELD_OBJECT)
        return fields_read(context->reader, context->field->fields, NULL, NULL, NULL, context->place, value);
    if (!context->field->fallback)
        return place_error(context->place, context->reader->error, "is missing; it must be given");
    cJSON *json = cJSON_Parse(context->field->fallback);
    if (!json) return error_set(context->reader->error, ERROR_RUN, NULL, "not enough memory for a default");
    int status = read_value(context, json, value);
    cJSON_Delete(json);
    return status;
}

/* What the object holds for a field; NULL for nothing. Fails where it stands there under both of its keys. */
static int find_value(const struct field_reader *reader, const struct field *field, const cJSON *json,
                      const struct place *place, const cJSON **value) {
    const cJSON *now = json ? cJSON_GetObjectItemCaseSensitive(json, field->key) : NULL;
    const cJSON *before = json && field->formerly ? cJSON_GetObjectItemCaseSensitive(json, field->formerly) : NULL;
    *value = now ? now : before;
    if (now && before) return place_error(place, reader->error, "is given twice, also as \"%s\"", field->formerly);
    return 0;
}

static int read_table(const struct field_reader *reader, const struct field *fields, const cJSON *json,
                      const struct place *place, void *values) {
    for (const struct field *field = fields; field && field->key; field++) {
        struct place here = place_key(place, field->key);
        struct value_context context = {reader, field, &here};
        const cJSON *given = NULL;
        if (find_value(reader, field, json, &here, &given) != 0) return -1;
        void *value = (char *)values + field->offset;
        if ((given ? read_value(&context, given, value) : read_default(&context, value)) != 0) return -1;
    }
    return 0;
}

bool fields_know(const struct field *fields, const char *key) {
    for (; fields && fields->key; fields++)
        if (strcmp(fields->key, key) == 0 || (fields->formerly && strcmp(fields->formerly, key) == 0)) return true;
    return false;
}

static size_t collect_keys(const struct field *fields, const char **words, size_t count) {
    for (; fields && fields->key && count < WORDS_MAX; fields++) words[count++] = fields->key;
    return count;
}

static bool kind_knows(const struct field_reader *reader, const struct field *field, const char *key) {
    if (field->type != FIELD_COMPONENT) return false;
    const struct component_registry *registry = registries_find(reader->registries, field->of);
    if (!registry) return false;
    for (const struct component_kind *const *kind = registry->kinds; *kind; kind++)
        if (fields_know((*kind)->fields, key)) return true;
    return fields_know(registry->common, key);
}

/* Where a key that is unknown here would be known further inside, says so: "epochs" belongs in "training". */
static bool belongs_deeper(const struct field_reader *reader, const struct field *fields, const char *key,
                           const struct place *here) {
    for (const struct field *outer = fields; outer && outer->key; outer++) {
        const struct field *inner = outer->type == FIELD_OBJECT ? outer->fields : NULL;
        if (fields_know(inner, key) || kind_knows(reader, outer, key))
            return place_error(here, reader->error, "unknown field; did you mean \"%s.%s\"?", outer->key, key) != 0;
        for (; inner && inner->key; inner++)
            if (kind_knows(reader, inner, key))
                return place_error(here, reader->error, "unknown field; did you mean \"%s.%s.%s\"?", outer->key,
                                   inner->key, key) != 0;
    }
    return false;
}

static int check_keys(const struct field_reader *reader, const struct field *fields, const struct field *more,
                      const char *skip, const cJSON *json, const struct place *place) {
    for (const cJSON *child = json->child; child; child = child->next) {
        if ((skip && strcmp(child->string, skip) == 0) || fields_know(fields, child->string) ||
            fields_know(more, child->string))
            continue;
        const char *words[WORDS_MAX];
        size_t count = collect_keys(more, words, collect_keys(fields, words, 0));
        if (skip && count < WORDS_MAX) words[count++] = skip;
        const char *nearest = text_nearest(child->string, words, count);
        struct place here = place_key(place, child->string);
        if (nearest) return place_error(&here, reader->error, "unknown field; did you mean \"%s\"?", nearest);
        if (belongs_deeper(reader, fields, child->string, &here)) return -1;
        struct text known = {0};
        for (size_t i = 0; i < count; i++) text_print(&known, i ? ", %s" : "%s", words[i]);
        place_error(&here, reader->error, "unknown field; known here: %s",
                    known.bytes && !known.failed ? known.bytes : "none");
        text_free(&known);
        return -1;
    }
    return 0;
}

int fields_read(const struct field_reader *reader, const struct field *fields, const struct field *more,
                const char *skip, const cJSON *json, const struct place *place, void *values) {
    if (json && !cJSON_IsObject(json)) {
        char found[96];
        return place_error(place, reader->error, "must be an object; got %s", json_describe(json, found, sizeof found));
    }
    if (json && check_keys(reader, fields, more, skip, json, place) != 0) return -1;
    if (read_table(reader, fields, json, place, values) != 0) return -1;
    return read_table(reader, more, json, place, values);
}

/* Functions go by their names in lower case (relu, adam), layers by their classes. */
static const char *common_name(const struct component_kind *kind) {
    return kind->alias && kind->alias[0] >= 'a' ? kind->alias : kind->name;
}

static void list_kinds(const struct component_registry *registry, struct text *known) {
    for (const struct component_kind *const *at = registry->kinds; *at; at++)
        text_print(known, at == registry->kinds ? "%s" : ", %s", common_name(*at));
}

static int unknown_kind(const struct field_reader *reader, const struct component_registry *registry, const char *name,
                        const struct place *place) {
    const char *nearest = registry_nearest(registry, name), *advice = registry_advice(registry, name);
    if (advice) return place_error(place, reader->error, "there is no %s \"%s\"; %s", registry->what, name, advice);
    if (nearest)
        return place_error(place, reader->error, "unknown %s \"%s\"; did you mean \"%s\"?", registry->what, name,
                           nearest);
    struct text known = {0};
    list_kinds(registry, &known);
    place_error(place, reader->error, "unknown %s \"%s\"; known: %s", registry->what, name,
                known.failed ? "" : known.bytes);
    text_free(&known);
    return -1;
}

static int missing_kind(const struct field_reader *reader, const struct component_registry *registry,
                        const struct place *place) {
    struct text known = {0};
    list_kinds(registry, &known);
    place_error(place, reader->error, "is missing; it names the %s: %s", registry->what,
                known.failed ? "" : known.bytes);
    text_free(&known);
    return -1;
}

const char *registry_type_key(const struct component_registry *registry) {
    return registry->type_key ? registry->type_key : "type";
}

static int read_with_kind(const struct field_reader *reader, const struct component_registry *registry,
                          const struct component_kind *kind, const char *skip, const cJSON *json,
                          const struct place *place, struct component *component) {
    component->kind = kind;
    component->config = arena_allocate(reader->arena, kind->size, reader->error);
    if (!component->config) return -1;
    if (fields_read(reader, registry->common, kind->fields, skip, json, place, component->config) != 0) return -1;
    return kind->check ? kind->check(component->config, place, reader->error) : 0;
}

int component_read(const struct field_reader *reader, const struct component_registry *registry, const cJSON *json,
                   const struct place *place, struct component *component) {
    *component = (struct component){0};
    if (!registry) return error_set(reader->error, ERROR_RUN, NULL, "a registry is missing");
    const char *type_key = registry_type_key(registry);
    const cJSON *name = json, *values = NULL;
    struct place inner = place_key(place, "config");
    const struct place *at_values = place;
    if (cJSON_IsObject(json)) {
        name = cJSON_GetObjectItemCaseSensitive(json, type_key);
        values = json;
        const cJSON *keras = cJSON_GetObjectItemCaseSensitive(json, "class_name");
        if (!name && keras) {
            name = keras;
            values = cJSON_GetObjectItemCaseSensitive(json, "config");
            at_values = &inner;
            type_key = NULL;
        }
        if (!name && registry->untyped)
            return read_with_kind(reader, registry, registry->untyped, type_key, json, place, component);
    }
    struct place at_name = place_key(place, type_key ? type_key : "class_name");
    const struct place *where = cJSON_IsObject(json) ? &at_name : place;
    if (!name) return missing_kind(reader, registry, where);
    if (!cJSON_IsString(name)) {
        char found[96];
        return place_error(where, reader->error, "must be the name of %s %s, or an object with its \"%s\"; got %s",
                           strchr("aeiou", registry->what[0]) ? "an" : "a", registry->what, registry_type_key(registry),
                           json_describe(name, found, sizeof found));
    }
    const struct component_kind *kind = registry_find(registry, name->valuestring);
    if (!kind) return unknown_kind(reader, registry, name->valuestring, where);
    return read_with_kind(reader, registry, kind, type_key, values, at_values, component);
}
