#include <stdlib.h>

#include "tests/support/paints.h"

static void test_fields_schema(void **state) {
    (void)state;
    expect_written(
        fields_schema(wall_fields),
        "{\"type\": \"object\", \"properties\": {"
        "\"dry\": {\"type\": \"boolean\", \"default\": true}, "
        "\"filters\": {\"type\": \"integer\", \"minimum\": 1, \"maximum\": 1000, \"description\": \"how many\"}, "
        "\"rate\": {\"type\": \"number\", \"minimum\": 0, \"exclusiveMaximum\": 1, \"default\": 0.5}, "
        "\"name\": {\"anyOf\": [{\"type\": \"string\"}, {\"type\": \"null\"}], \"default\": null}, "
        "\"padding\": {\"enum\": [\"valid\", \"same\"], \"default\": \"valid\"}, "
        "\"kernel_size\": {\"anyOf\": [{\"type\": \"integer\", \"minimum\": 1}, {\"type\": \"array\", \"items\": "
        "{\"type\": \"integer\", \"minimum\": 1}, \"minItems\": 2, \"maxItems\": 2}], \"default\": [3, 5]}, "
        "\"sizes\": {\"type\": \"array\", \"items\": {\"type\": \"integer\"}, \"maxItems\": 64, \"default\": [1, 2]}, "
        "\"weights\": {\"type\": \"array\", \"items\": {\"type\": \"number\"}, \"maxItems\": 64, \"default\": []}, "
        "\"words\": {\"type\": \"array\", \"items\": {\"type\": \"string\"}, \"maxItems\": 4096, \"default\": "
        "[\"a\"]}, "
        "\"paint\": {\"anyOf\": [{\"allOf\": [{\"$ref\": \"#/definitions/paint\"}]}, {\"type\": \"null\"}], "
        "\"default\": null}, "
        "\"coats\": {\"allOf\": [{\"$ref\": \"#/definitions/paint_list\"}], \"default\": []}, "
        "\"inner\": {\"type\": \"object\", \"properties\": {\"depth\": {\"type\": \"integer\", \"default\": 7}}, "
        "\"additionalProperties\": false}, "
        "\"any\": {}, "
        "\"limit\": {\"anyOf\": [{\"type\": \"integer\", \"minimum\": 1}, {\"type\": \"null\"}], \"default\": null}}, "
        "\"required\": [\"filters\"], \"additionalProperties\": false}");
}

static void test_definitions(void **state) {
    (void)state;
    expect_written(
        schema_definitions(&registries),
        "{\"paint\": {\"anyOf\": [{\"enum\": [\"Oil\", \"oil\", \"Plain\"]}, "
        "{\"type\": \"object\", \"properties\": {\"type\": {\"enum\": [\"Oil\", \"oil\"]}, "
        "\"label\": {\"anyOf\": [{\"type\": \"string\"}, {\"type\": \"null\"}], \"default\": null}, "
        "\"thickness\": {\"type\": \"number\", \"exclusiveMinimum\": 0, \"maximum\": 1, \"description\": "
        "\"millimetres\", \"default\": 0.1}, "
        "\"coats\": {\"anyOf\": [{\"type\": \"integer\", \"minimum\": 1}, {\"type\": \"array\", \"items\": {\"type\": "
        "\"integer\", \"minimum\": 1}, \"minItems\": 2, \"maxItems\": 2}], \"default\": 1}}, "
        "\"required\": [\"type\"], \"additionalProperties\": false, \"description\": \"slow to dry\"}, "
        "{\"type\": \"object\", \"properties\": {\"type\": {\"const\": \"Plain\"}, "
        "\"label\": {\"anyOf\": [{\"type\": \"string\"}, {\"type\": \"null\"}], \"default\": null}}, "
        "\"required\": [\"type\"], \"additionalProperties\": false}, "
        "{\"type\": \"object\", \"properties\": {"
        "\"label\": {\"anyOf\": [{\"type\": \"string\"}, {\"type\": \"null\"}], \"default\": null}, "
        "\"parts\": {\"type\": \"array\", \"items\": {\"type\": \"number\"}, \"maxItems\": 64}}, "
        "\"required\": [\"parts\"], \"additionalProperties\": false}, "
        "{\"type\": \"object\", \"properties\": {\"class_name\": {\"enum\": [\"Oil\", \"oil\", \"Plain\"]}, "
        "\"config\": "
        "{\"type\": \"object\"}}, \"required\": [\"class_name\"]}]}, "
        "\"paint_list\": {\"type\": \"array\", \"items\": {\"$ref\": \"#/definitions/paint\"}, \"maxItems\": 4096}, "
        "\"tool\": {\"anyOf\": [{\"type\": \"object\", \"properties\": {\"kind\": {\"const\": \"Brush\"}, \"size\": "
        "{\"type\": \"integer\", \"minimum\": 1}}, \"required\": [\"kind\", \"size\"], \"additionalProperties\": "
        "false}, "
        "{\"type\": \"object\", \"properties\": {\"class_name\": {\"enum\": [\"Brush\"]}, \"config\": {\"type\": "
        "\"object\"}}, \"required\": [\"class_name\"]}]}, \"tool_list\": {\"type\": \"array\", \"items\": {\"$ref\": "
        "\"#/definitions/tool\"}, \"maxItems\": 4096}}");
}

static int allocations_left;

static void *failing_malloc(size_t size) {
    return allocations_left-- > 0 ? malloc(size) : NULL;
}

/* Each cJSON allocation in turn fails: NULL and nothing lost (the address sanitizer looks). */
static void test_without_memory(void **state) {
    (void)state;
    cJSON_Hooks hooks = {failing_malloc, free};
    cJSON_InitHooks(&hooks);
    cJSON *json = NULL;
    int allowed = 0;
    for (; !json && allowed < 5000; allowed++) {
        allocations_left = allowed;
        json = cJSON_CreateObject();
        if (json && (!json_add(json, "wall", fields_schema(wall_fields)) ||
                     !json_add(json, "definitions", schema_definitions(&registries)))) {
            cJSON_Delete(json);
            json = NULL;
        }
    }
    assert_non_null(json);
    assert_true(allowed > 50);
    cJSON_Delete(json);
    cJSON_InitHooks(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields_schema),
        cmocka_unit_test(test_definitions),
        cmocka_unit_test(test_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
