/* Lists of components, in which {"repeat": 3, "layers": [...]} stands for its items three times over. */
#include <string.h>

#include "core/fields.h"

enum { ITEMS_MAX = 4096, REPEAT_MAX = 1024 };

static const char repeat_key[] = "repeat";

struct list_reader {
    const struct field_reader *reader;
    const struct component_registry *registry;
    struct component_list *list;
};

static bool is_repeat(const struct list_reader *lists, const cJSON *item) {
    return lists->registry->list_key && cJSON_GetObjectItemCaseSensitive(item, repeat_key) &&
           !cJSON_GetObjectItemCaseSensitive(item, registry_type_key(lists->registry)) &&
           !cJSON_GetObjectItemCaseSensitive(item, "class_name");
}

/* ---- how many items there will be ---- */

static int check_repeat(const struct list_reader *lists, const cJSON *item, const struct place *place) {
    const char *list_key = lists->registry->list_key;
    const cJSON *times = cJSON_GetObjectItemCaseSensitive(item, repeat_key);
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(item, list_key);
    const struct place at_times = place_key(place, repeat_key), at_list = place_key(place, list_key);
    struct error *error = lists->reader->error;
    char found[96];
    if (!cJSON_IsNumber(times) || !(times->valuedouble >= 1) || times->valuedouble > REPEAT_MAX ||
        times->valuedouble != (double)(int)times->valuedouble)
        return place_error(&at_times, error, "must be an integer, in [1, %d]; got %s", REPEAT_MAX,
                           json_describe(times, found, sizeof found));
    if (!list) return place_error(&at_list, error, "is missing; it holds what is repeated");
    if (!cJSON_IsArray(list) || !list->child)
        return place_error(&at_list, error, "must be a list of at least one %s; got %s", lists->registry->what,
                           cJSON_IsArray(list) ? "none" : json_describe(list, found, sizeof found));
    for (const cJSON *child = item->child; child; child = child->next) {
        const struct place here = place_key(place, child->string);
        if (child != times && child != list)
            return place_error(&here, error, "unknown field; known here: %s, %s", repeat_key, list_key);
    }
    return 0;
}

struct count {
    int items; /* of a list, with repeats written out */
    int all;   /* and of the lists inside of them */
};

static int count_items(const struct list_reader *lists, const cJSON *json, const struct place *place,
                       struct count *count);

/* What one item comes to. */
static int count_item(const struct list_reader *lists, const cJSON *item, const struct place *place,
                      struct count *count) {
    const char *list_key = lists->registry->list_key;
    const cJSON *keras = cJSON_GetObjectItemCaseSensitive(item, "config");
    const cJSON *inside = list_key ? cJSON_GetObjectItemCaseSensitive(keras ? keras : item, list_key) : NULL;
    const struct place at_config = place_key(place, "config"),
                       at_list = place_key(keras ? &at_config : place, list_key);
    *count = (struct count){1, 1};
    if (is_repeat(lists, item)) {
        if (check_repeat(lists, item, place) != 0) return -1;
        *count = (struct count){0};
        return count_items(lists, inside, &at_list, count);
    }
    struct count inner = {0};
    if (inside && cJSON_IsArray(inside) && count_items(lists, inside, &at_list, &inner) != 0) return -1;
    count->all += inner.all;
    return 0;
}

/* Adds the items of a list to *count. */
static int count_items(const struct list_reader *lists, const cJSON *json, const struct place *place,
                       struct count *count) {
    int index = 0;
    for (const cJSON *item = json->child; item; item = item->next) {
        const struct place here = place_item(place, index++);
        struct count one;
        if (count_item(lists, item, &here, &one) != 0) return -1;
        const int times = is_repeat(lists, item) ? cJSON_GetObjectItemCaseSensitive(item, repeat_key)->valueint : 1;
        if ((double)count->all + (double)one.all * times > ITEMS_MAX)
            return place_error(times > 1 ? &here : place, lists->reader->error,
                               "makes more than %d %ss, which is the most allowed; leave some out", ITEMS_MAX,
                               lists->registry->what);
        count->items += one.items * times;
        count->all += one.all * times;
    }
    return 0;
}

/* ---- reading ---- */

/* A place that lives as long as the components. */
static const struct place *keep(const struct list_reader *lists, const struct place *parent, struct place place) {
    struct place *kept = arena_allocate(lists->reader->arena, sizeof *kept, lists->reader->error);
    if (!kept) return NULL;
    *kept = place;
    kept->parent = parent;
    return kept;
}

/* The whole chain up to the document, which begins with what outlives the components. */
static const struct place *keep_chain(const struct list_reader *lists, const struct place *place) {
    if (!place->parent) return keep(lists, NULL, *place);
    const struct place *parent = keep_chain(lists, place->parent);
    return parent ? keep(lists, parent, *place) : NULL;
}

static int read_items(const struct list_reader *lists, const cJSON *json, const struct place *place);

static int read_repeat(const struct list_reader *lists, const cJSON *item, const struct place *place) {
    const char *list_key = lists->registry->list_key;
    const struct place *inner = keep(lists, place, place_key(place, list_key));
    const int times = cJSON_GetObjectItemCaseSensitive(item, repeat_key)->valueint;
    for (int i = 0; inner && i < times; i++)
        if (read_items(lists, cJSON_GetObjectItemCaseSensitive(item, list_key), inner) != 0) return -1;
    return inner ? 0 : -1;
}

static int read_items(const struct list_reader *lists, const cJSON *json, const struct place *place) {
    struct component_list *list = lists->list;
    int index = 0;
    for (const cJSON *item = json->child; item; item = item->next) {
        const struct place *here = keep(lists, place, place_item(place, index++));
        if (!here) return -1;
        if (is_repeat(lists, item)) {
            if (read_repeat(lists, item, here) != 0) return -1;
            continue;
        }
        list->places[list->count] = here;
        if (component_read(lists->reader, lists->registry, item, here, &list->items[list->count]) != 0) return -1;
        list->count++;
    }
    return 0;
}

int component_list_read(const struct field_reader *reader, const struct component_registry *registry, const cJSON *json,
                        const struct place *place, struct component_list *list) {
    const struct list_reader lists = {reader, registry, list};
    struct count count = {0};
    *list = (struct component_list){0};
    if (count_items(&lists, json, place, &count) != 0) return -1;
    list->items = arena_allocate(reader->arena, (size_t)count.items * sizeof *list->items, reader->error);
    if (!list->items) return -1;
    list->places = arena_allocate(reader->arena, (size_t)count.items * sizeof *list->places, reader->error);
    if (!list->places) return -1;
    const struct place *kept = keep_chain(&lists, place);
    return kept ? read_items(&lists, json, kept) : -1;
}
