/* Typed tables: what a layer, optimizer or section of the config may hold, read from JSON into a plain struct.
 * One table serves parsing, the resolved config, help and the JSON schema. */
#ifndef CNNTRAIN_CORE_FIELDS_H
#define CNNTRAIN_CORE_FIELDS_H

#include <stdbool.h>
#include <stddef.h>

#include "core/error.h"
#include "core/fields_array.h"
#include "core/json.h"
#include "core/memory.h"

/* The C type behind each field type stands on the right. */
enum field_type {
    FIELD_BOOL,      /* bool */
    FIELD_INT,       /* int */
    FIELD_NUMBER,    /* double */
    FIELD_STRING,    /* const char *, NULL for null */
    FIELD_CHOICE,    /* int: the index in `choices`; one called "true" or "false" is JSON's */
    FIELD_PAIR,      /* int[2]: one number for both, or [height, width]; {0, 0} for null */
    FIELD_SIDES,     /* int[4], top, bottom, left, right: one number for all, [height, width] for both sides of each, or
                        [[top, bottom], [left, right]] */
    FIELD_INTS,      /* struct int_list */
    FIELD_NUMBERS,   /* struct number_list */
    FIELD_ARRAY,     /* struct number_array: a list of numbers or nested lists, those of a depth equally long */
    FIELD_CHOICES,   /* struct int_list: indexes in `choices` */
    FIELD_STRINGS,   /* struct string_list */
    FIELD_COMPONENT, /* struct component */
    FIELD_COMPONENTS, /* struct component_list */
    FIELD_OBJECT,     /* a nested struct in place, described by `fields` */
    FIELD_ANY,        /* const cJSON *: kept as it is in the document read (which must outlive it); NULL where absent */
};

enum { FIELD_LIST_MAX = 64 };

struct int_list {
    int count;
    int values[FIELD_LIST_MAX];
};

struct number_list {
    int count;
    double values[FIELD_LIST_MAX];
};

struct string_list {
    int count;
    const char **values;
};

/* Whether other programs know a field. What is cnntrain's own cannot be written in their formats, unless it says how
 * something is computed and not what. */
enum field_origin { FIELD_OF_KERAS, FIELD_OWN, FIELD_OWN_HINT };

struct field {
    const char *key;
    const char *formerly; /* another key for it, which older files have; NULL: none */
    enum field_type type;
    size_t offset;           /* of the value in its struct */
    const char *fallback;    /* the default as JSON text; NULL: the field must be given (FIELD_OBJECT: may be absent) */
    bool nullable;           /* null is accepted */
    double minimum, maximum; /* numbers and each number of a pair or list; both 0: no range */
    bool above, below;       /* the range excludes its minimum, its maximum */
    bool single;             /* FIELD_INTS, FIELD_CHOICES: one alone stands for a list of one */
    const char *const *choices;     /* FIELD_CHOICE(S): names, ended by NULL */
    const char *const *own_choices; /* those among them that Keras does not have, ended by NULL; NULL: none */
    enum field_origin origin;
    const char *of;             /* FIELD_COMPONENT(S): which registry, e.g. "initializer" */
    const struct field *fields; /* FIELD_OBJECT: the nested table, ended by a field without key */
    const char *help;           /* one line */
};

/* A kind of thing chosen by name in the config, with fields of its own. Larger kinds (a layer's table of functions)
 * hold this as their first member. */
struct component_kind {
    const char *name;           /* "GlorotUniform" */
    const char *alias;          /* "glorot_uniform", or NULL */
    const char *summary;        /* one line for help */
    const struct field *fields; /* ended by a field without key; NULL: none */
    size_t size;                /* of its config struct; 0: none */
    bool own;                   /* Keras has nothing of this name */
    /* What the fields' ranges cannot say; NULL: nothing. Fills error at `place` (or a key below it). */
    int (*check)(const void *config, const struct place *place, struct error *error);
};

/* A chosen kind with its values. kind is NULL where the config says null. */
struct component {
    const struct component_kind *kind;
    void *config; /* owned by the arena it was parsed into */
};

/* Items that a config repeats stand there as often as they are meant. */
struct component_list {
    int count;
    struct component *items;
    const struct place **places; /* of each in the document, as the user wrote it */
};

/* A name that is asked for and not there, and what to do instead. */
struct component_advice {
    const char *name, *advice;
};

struct component_registry {
    const char *what;                          /* "layer", as fields name it in `of` and errors print it */
    const char *type_key;                      /* the key that names the kind; NULL: "type" */
    const struct component_kind *const *kinds; /* ended by NULL */
    const struct component_kind *untyped;      /* the kind of an object that names none; NULL: that is an error */
    const struct field *common;                /* fields every kind has, at the start of its struct; NULL: none */
    const struct component_advice *absent;     /* ended by one without name; NULL: none */
    const char *list_key; /* lists may hold {"repeat": n, list_key: [...]} for so many times the items; NULL: not */
};

/* The registries a config may refer to; cmd/ puts them together. Ended by NULL. */
struct registries {
    const struct component_registry *const *items;
};

const struct component_registry *registries_find(const struct registries *registries, const char *what);
/* The kind called `name` (or so by alias); NULL where there is none. */
const struct component_kind *registry_find(const struct component_registry *registry, const char *name);
/* The key that names a component's kind in the config. */
const char *registry_type_key(const struct component_registry *registry);
/* What to do instead of naming this kind, which is not there; NULL where nobody asks for it. Case does not matter. */
const char *registry_advice(const struct component_registry *registry, const char *name);
/* The kind whose name is nearest, for "did you mean"; NULL where none is near. */
const char *registry_nearest(const struct component_registry *registry, const char *name);

/* What parsing needs all the way down. */
struct field_reader {
    const struct registries *registries;
    struct arena *arena; /* owns strings, lists and components */
    struct error *error;
};

/* Fills the struct at `values` from a JSON object by one or two tables (`more` may be NULL); absent keys take their
 * defaults. `skip` names one further key that is allowed (a component's type), NULL for none. A JSON of NULL stands
 * for {}. Unknown keys, wrong types and values out of range are errors with their place. */
int fields_read(const struct field_reader *reader, const struct field *fields, const struct field *more,
                const char *skip, const cJSON *json, const struct place *place, void *values);
/* Whether one of the fields has this key, or had it. */
bool fields_know(const struct field *fields, const char *key);
/* A component from a string (its name), an object with its type, or Keras' {"class_name", "config"}. */
int component_read(const struct field_reader *reader, const struct component_registry *registry, const cJSON *json,
                   const struct place *place, struct component *component);

/* A list of components from a JSON array, repeats written out. The document's name, where `place` begins, must outlive
 * the list. */
int component_list_read(const struct field_reader *reader, const struct component_registry *registry, const cJSON *json,
                        const struct place *place, struct component_list *list);

/* The values as a JSON object with every field spelled out; NULL without memory. The caller owns it. A nullable field
 * whose value is zero (no string, an empty list, kind NULL) is written as null; FIELD_ANY without a value is left out.
 * json_print keeps every digit of the numbers. */
cJSON *fields_write(const struct registries *registries, const struct field *fields, const void *values);
cJSON *component_write(const struct registries *registries, const struct component_registry *registry,
                       const struct component *component);

/* The JSON schema (draft 7) of an object with these fields; NULL without memory. Components are references into
 * "definitions", which is what schema_definitions makes for all registries. */
cJSON *fields_schema(const struct field *fields);
cJSON *schema_definitions(const struct registries *registries);

/* One of a field's choices as JSON: a string, or true or false. NULL without memory. */
cJSON *choice_to_json(const char *choice);

struct text;
/* "integer, 1 or more", "one of valid, same", "number in [0,1)": a field's type and range in words. */
void field_describe(const struct field *field, struct text *text);

#endif
