/* Models that Keras wrote. tests/golden/keras_json/every_layer.keras3.json was written by Keras 3.15 itself. */
#include "core/interop/keras_model.h"

#include <stdlib.h>
#include <string.h>

#include "core/text.h"
#include "tests/support/expect.h"
#include "tests/support/registries.h"
#include "tests/support/tiny.h"

static cJSON *read_json(const cJSON *json, struct error *error) {
    const struct place document = place_document("k.json");
    return keras_read_model(json, &document, &test_registries, error);
}

/* The document in single quotes, read, as text on one line. */
static void expect_read(const char *keras, const char *expected) {
    struct error error = {0};
    char *text = tiny_json(keras), *wanted = tiny_json(expected);
    cJSON *json = cJSON_Parse(text);
    assert_true(keras_is_model(json));
    cJSON *read = read_json(json, &error);
    expect_no_error(&error);
    char *found = cJSON_PrintUnformatted(read);
    assert_string_equal(found, wanted);
    free(found);
    cJSON_Delete(read);
    cJSON_Delete(json);
    free(wanted);
    free(text);
}

static void expect_refused(const char *keras, const char *message) {
    struct error error = {0};
    char *text = tiny_json(keras);
    cJSON *json = cJSON_Parse(text);
    assert_non_null(json);
    assert_null(read_json(json, &error));
    expect_error(&error, ERROR_CONFIG, message);
    cJSON_Delete(json);
    free(text);
}

#define POOL "'class_name':'MaxPooling2D','config':{'name':'pool','pool_size':[2,2]"
#define MODEL "{'input_shape':[8,8,3],'model':[{'type':'MaxPooling2D','name':'pool','pool_size':[2,2]}]}"

/* Up to 2.11 the first layer has the shape, with an InputLayer or without; the oldest have no object around the list.
 */
static void generations(void **state) {
    (void)state;
    expect_read("{'class_name':'Sequential','config':{'name':'s','layers':[{'class_name':'InputLayer','config':"
                "{'batch_input_shape':[null,8,8,3],'dtype':'float32','sparse':false,'name':'in'}},{" POOL
                ",'dtype':'float32','data_format':'channels_last'}}]},'keras_version':'2.8.0'}",
                MODEL);
    expect_read("{'class_name':'Sequential','config':[{" POOL ",'batch_input_shape':[null,8,8,3]}}]}", MODEL);
    expect_read("{'class_name':'Sequential','config':{'layers':[{'module':'keras.layers'," POOL
                "},'registered_name':null,'build_config':{'input_shape':[null,8,8,3]}}]}}",
                MODEL);
    expect_read("{'module':'keras','class_name':'Sequential','config':{'name':'s','build_input_shape':[null,8,8,3],"
                "'layers':[{" POOL ",'dtype':{'module':'keras','class_name':'DTypePolicy','config':{'name':'float32'}}"
                "}}]}}",
                MODEL);
    /* without a shape, the data's counts */
    expect_read("{'class_name':'Sequential','config':{'layers':[{" POOL ",'batch_input_shape':[null,null,8,3]}}]}}",
                "{'model':[{'type':'MaxPooling2D','name':'pool','pool_size':[2,2]}]}");
}

/* Objects with a class become objects with a type; seeds, nulls and ancestors' fields go. */
static void values(void **state) {
    (void)state;
    expect_read("{'class_name':'Sequential','config':{'layers':[{'class_name':'Dense','config':{'units':3,'activation':"
                "{'module':'builtins','class_name':'function','config':'relu','registered_name':'function'},"
                "'kernel_initializer':{'class_name':'HeNormal','config':{'seed':7}},'kernel_regularizer':{'class_name':"
                "'L2','config':{'l2':0.5}},'bias_constraint':null,'groups':1,'pointwise_initializer':{'class_name':"
                "'Zeros','config':{}},'trainable':false,'lora_enabled':false}}]}}",
                "{'model':[{'type':'Dense','units':3,'activation':'relu','kernel_initializer':{'type':'HeNormal'},"
                "'kernel_regularizer':{'type':'L2','l2':0.5},'bias_constraint':null,'trainable':false}]}");
}

static void constraints(void **state) {
    (void)state;
    expect_read("{'class_name':'Sequential','config':{'layers':[{'class_name':'Dense','config':{'units':3,"
                "'kernel_constraint':{'module':'keras.constraints','class_name':'MaxNorm','config':{'max_value':2,"
                "'axis':0},'registered_name':null},'bias_constraint':{'class_name':'NonNeg','config':{}},"
                "'activity_regularizer':{'class_name':'L2','config':{'l2':0.5}}}},{'class_name':"
                "'ActivityRegularization','config':{'l1':0.5,'l2':0.0}}]}}",
                "{'model':[{'type':'Dense','units':3,'kernel_constraint':{'type':'MaxNorm','max_value':2,'axis':0},"
                "'bias_constraint':{'type':'NonNeg'},'activity_regularizer':{'type':'L2','l2':0.5}},{'type':"
                "'ActivityRegularization','l1':0.5,'l2':0}]}");
}

/* What another generation called by another name. */
static void older_keys(void **state) {
    (void)state;
    expect_read("{'class_name':'Sequential','config':{'layers':[{'class_name':'LeakyReLU','config':{'name':'l',"
                "'alpha':0.125}},{'class_name':'ReLU','config':{'max_value':6.0,'negative_slope':0.0,'threshold':0.0}},"
                "{'class_name':'ELU','config':{'alpha':1.0}}]}}",
                "{'model':[{'type':'LeakyReLU','name':'l','alpha':0.125},{'type':'ReLU','max_value':6,"
                "'negative_slope':0,'threshold':0},{'type':'ELU','alpha':1}]}");
}

#define LAYER(class, config)                                                                                           \
    "{'class_name':'Sequential','config':{'layers':[{'class_name':'" class "','config':{" config "}}]}}"

static void refusals(void **state) {
    (void)state;
    expect_refused("{'class_name':'MyModel','config':{}}",
                   "k.json: is a Keras model of class MyModel; only Sequential ones, and Functional ones whose layers "
                   "stand in one line, can be read");
    expect_refused("{'class_name':'Functional','config':{}}",
                   "k.json: is a Keras model without a list of layers; save it with to_json()");
    expect_refused(LAYER("Sequential", "'name':'inner','layers':[]"),
                   "k.json: layer \"inner\": is a model within the model, which cannot be read; put its layers in its "
                   "place");
    expect_refused("{'class_name':'Sequential','config':{}}",
                   "k.json: is a Keras model without a list of layers; save it with to_json()");
    expect_refused("{'class_name':'Sequential','config':[3]}",
                   "k.json: layer 0: has no class_name; is this a model of Keras?");
    expect_refused(LAYER("Conv2d", "'name':'my'"),
                   "k.json: layer \"my\".type: unknown layer \"Conv2d\"; did you mean \"Conv2D\"?");
    expect_refused(
        LAYER("LSTM", "'name':'memory','units':3"),
        "k.json: layer \"memory\".type: there is no layer \"LSTM\"; use Conv2D with the frames of a sequence "
        "as channels");
    struct error error = {0};
    cJSON *json = cJSON_Parse("{\"class_name\":\"Sequential\",\"config\":[{\"class_name\":\"Xyzzyx\"}]}");
    assert_null(read_json(json, &error));
    assert_non_null(
        strstr(error.message, "unknown layer \"Xyzzyx\"; known: Conv2D, DepthwiseConv2D, SeparableConv2D, "));
    cJSON_Delete(json);
}

static void too_many_layers(void **state) {
    (void)state;
    struct text text = {0};
    text_add(&text, "{'class_name':'Sequential','config':[{'class_name':'InputLayer'}");
    text_repeat(&text, ",{'class_name':'InputLayer'}", 4096);
    text_add(&text, "]}");
    expect_refused(text.bytes, "k.json: is a Keras model of 4097 layers, at most 4096 are read");
    text_free(&text);
}

#define INPUT_LAYER                                                                                                    \
    "{'class_name':'InputLayer','name':'i','config':{'name':'i','batch_shape':[null,4,4,3]},'inbound_nodes':[]}"
#define TENSOR(of)                                                                                                     \
    "{'args':[{'class_name':'__keras_tensor__','config':{'keras_history':['" of "',0,0]}}],'kwargs':{'mask':null}}"
#define FUNCTIONAL(layers, ends)                                                                                       \
    "{'class_name':'Functional','config':{'layers':[" INPUT_LAYER "," layers "],'output_layers':" ends "}}"
#define CALLED(name, calls)                                                                                            \
    "{'class_name':'Flatten','name':'" name "','config':{'name':'" name "'},'inbound_nodes':[" calls "]}"

/* Layers in a line, as Keras 3 and Keras 2 wrote down who takes whose output. */
static void functional_models(void **state) {
    (void)state;
    static const char read[] = "{'input_shape':[4,4,3],'model':[{'type':'Flatten','name':'a'},"
                               "{'type':'Flatten','name':'b'}]}";
    expect_read(FUNCTIONAL(CALLED("a", TENSOR("i")) "," CALLED("b", TENSOR("a")), "['b',0,0]"), read);
    expect_read(FUNCTIONAL(CALLED("a", "[['i',0,0,{}]]") "," CALLED("b", "[['a',0,0,{}]]"), "[['b',0,0]]"), read);
    static const char *const others[] = {
        FUNCTIONAL(CALLED("a", TENSOR("i")) "," CALLED("b", TENSOR("i")), "['b',0,0]"),
        FUNCTIONAL(CALLED("a", TENSOR("i")) "," CALLED("b", TENSOR("a") "," TENSOR("a")), "['b',0,0]"),
        FUNCTIONAL(CALLED("a", TENSOR("i")) "," CALLED("b", "[['a',0,0,{}],['i',0,0,{}]]"), "['b',0,0]"),
        FUNCTIONAL(CALLED("a", TENSOR("i")) "," CALLED("b", "3"), "['b',0,0]"),
        FUNCTIONAL(CALLED("a", TENSOR("i")) "," CALLED("b", ""), "['b',0,0]"),
        FUNCTIONAL(CALLED("a", TENSOR("i")) "," CALLED("b", "[['a',7,0,{}]]"), "['b',0,0]"),
        FUNCTIONAL(CALLED("a", TENSOR("i")) "," CALLED("b", "[['a',0,'x',{}]]"), "['b',0,0]"),
        FUNCTIONAL(CALLED("a", TENSOR("i")) ",{'class_name':'Flatten','name':'b','config':{}}", "['b',0,0]"),
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        expect_refused(others[i], "k.json: layer \"b\": does not take the output of the layer before it alone; only "
                                  "models whose layers stand in one line can be read");
    static const char *const ends[] = {
        FUNCTIONAL(CALLED("a", TENSOR("i")), "[['i',0,0]]"),
        FUNCTIONAL(CALLED("a", TENSOR("i")), "[['a',0,0],['i',0,0]]"),
        FUNCTIONAL(CALLED("a", TENSOR("i")), "7"),
        FUNCTIONAL(CALLED("a", TENSOR("i")), "['a',99999999,0]"),
        FUNCTIONAL(CALLED("a", TENSOR("i")), "[['a',0,-1]]"),
        FUNCTIONAL(CALLED("a", TENSOR("i")), "[['a',null,0]]"),
        FUNCTIONAL(CALLED("a", TENSOR("i")), "[]"),
    };
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        expect_refused(ends[i], "k.json: has not its last layer as its one output; only such models can be read");
}

/* Documents that lack what Keras writes, or have something else in its place. */
static void odd_documents(void **state) {
    (void)state;
    static const char not_last[] = "k.json: has not its last layer as its one output; only such models can be read";
    expect_read(LAYER("Dense", "'units':3,'kernel_initializer':{'class_name':'HeNormal'},'dtype':null"),
                "{'model':[{'type':'Dense','units':3,'kernel_initializer':{'type':'HeNormal'}}]}");
    expect_read("{'class_name':'Sequential','config':[{'class_name':'Flatten'}]}", "{'model':[{'type':'Flatten'}]}");
    expect_read("{'class_name':'Sequential','config':[]}", "{'model':[]}");
    expect_read(LAYER("Flatten", "'batch_shape':5,'batch_input_shape':[3]"), "{'model':[{'type':'Flatten'}]}");
    expect_read(LAYER("Flatten", "'data_format':null"), "{'model':[{'type':'Flatten'}]}");
    static const struct {
        const char *keras, *message;
    } bad[] = {
        {LAYER("Dense", "'name':'d','units':3,'activation':{'class_name':'function','config':{}}"),
         "k.json: layer \"d\".activation.type: unknown activation \"function\"; known: relu, leaky_relu, elu, gelu, "
         "swish, "
         "tanh, sigmoid, softmax, relu6, selu, softplus, softsign, linear"},
        {LAYER("Flatten", "'name':'f','groups':2"),
         "k.json: layer \"f\".groups: has the value 2, which is not supported; remove it"},
        {LAYER("Flatten", "'name':'f','groups':'x'"),
         "k.json: layer \"f\".groups: has the value \"x\", which is not supported; remove it"},
        {LAYER("Flatten", "'name':'f','q':5"),
         "k.json: layer \"f\".q: has the value 5, which is not supported; remove it"},
        {LAYER("Flatten", "'name':'f','a_setting_of_their_own':5"),
         "k.json: layer \"f\".a_setting_of_their_own: has the value 5, which is not supported; remove it"},
        {LAYER("Flatten", "'name':'f','dtype':5"),
         "k.json: layer \"f\".dtype: must be float32, the type everything is computed in here; got 5"},
        {LAYER("Flatten", "'name':'f','data_format':5"),
         "k.json: layer \"f\".data_format: must be channels_last, the order of pixels here; got 5"},
        {LAYER("Functional", "'name':'f'"),
         "k.json: layer \"f\": is a model within the model, which cannot be read; put its layers in its place"},
        {"{'class_name':'Sequential','config':{'layers':5}}",
         "k.json: is a Keras model without a list of layers; save it with to_json()"},
        {"{'config':{'layers':[]}}",
         "k.json: is a Keras model of class none; only Sequential ones, and Functional ones whose layers stand in one "
         "line, can be read"},
        {"{'class_name':'Model','config':{'layers':[]}}", not_last},
        {"{'class_name':'Model','config':{'layers':[{'class_name':'InputLayer','config':{'name':'i'}}]}}", not_last},
        {"{'class_name':'Model','config':{'layers':[{'class_name':'InputLayer'}]}}",
         "k.json: layer 0: does not take the output of the layer before it alone; only models whose layers stand in "
         "one line can be read"},
        {FUNCTIONAL(CALLED("a", "{'args':[{}]}"), "['a',0,0]"),
         "k.json: layer \"a\": does not take the output of the layer before it alone; only models whose layers stand "
         "in one line can be read"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) expect_refused(bad[i].keras, bad[i].message);
}

static void first_layers(void **state) {
    (void)state;
    static const char *const documents[] = {"{}", "{'model':[]}", "{'model':[{'type':'Flatten'}]}",
                                            "{'model':[{'type':'Rescaling'}]}"};
    for (size_t i = 0; i < 4; i++) {
        char *text = tiny_json(documents[i]);
        cJSON *json = cJSON_Parse(text);
        assert_int_equal(keras_takes_bytes(json), i == 3);
        cJSON_Delete(json);
        free(text);
    }
}

static void refused_values(void **state) {
    (void)state;
    expect_refused(LAYER("Conv2D", "'name':'c','filters':3,'kernel_size':3,'data_format':'channels_first'"),
                   "k.json: layer \"c\".data_format: must be channels_last, the order of pixels here; got "
                   "\"channels_first\"");
    expect_refused(
        LAYER("Flatten", "'name':'f','dtype':'float16'"),
        "k.json: layer \"f\".dtype: must be float32, the type everything is computed in here; got \"float16\"");
    expect_refused(LAYER("Flatten", "'dtype':{'class_name':'DTypePolicy','config':{'name':'mixed_float16'}}"),
                   "k.json: layer 0.dtype: must be float32, the type everything is computed in here; got "
                   "\"mixed_float16\"");
    expect_refused(LAYER("BatchNormalization", "'name':'b','renorm':true"),
                   "k.json: layer \"b\".renorm: has the value true, which is not supported; remove it");
    expect_refused(
        LAYER("Dense", "'name':'d','units':3,'kernel_constraint':{'class_name':'Mine','config':{}}"),
        "k.json: layer \"d\".kernel_constraint.type: unknown constraint \"Mine\"; known: max_norm, min_max_norm, "
        "unit_norm, non_neg");
    expect_refused(LAYER("Conv2D", "'name':'c','filters':3,'kernel_size':[3,0]"),
                   "k.json: layer \"c\".kernel_size[1]: must be an integer, 1 or more; got 0");
}

static void configs_are_not_models(void **state) {
    (void)state;
    cJSON *json = cJSON_Parse("{\"model\": []}"), *list = cJSON_Parse("[1]");
    assert_false(keras_is_model(json));
    assert_false(keras_is_model(list));
    assert_false(keras_is_model(NULL));
    cJSON_Delete(json);
    cJSON_Delete(list);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(generations),
        cmocka_unit_test(values),
        cmocka_unit_test(constraints),
        cmocka_unit_test(older_keys),
        cmocka_unit_test(functional_models),
        cmocka_unit_test(refusals),
        cmocka_unit_test(too_many_layers),
        cmocka_unit_test(odd_documents),
        cmocka_unit_test(first_layers),
        cmocka_unit_test(refused_values),
        cmocka_unit_test(configs_are_not_models),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
