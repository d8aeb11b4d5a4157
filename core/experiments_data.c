#include "core/experiments_data.h"

#include <string.h>

static char *key_of(const struct workshop *workshop, const struct config *config) {
    const struct registries *registries = workshop->registries;
    cJSON *json = component_write(registries, registries_find(registries, "source"), &config->values.data);
    char *key = json ? cJSON_PrintUnformatted(json) : NULL;
    cJSON_Delete(json);
    return key;
}

bool batch_data_fits(const struct batch_data *data, const struct workshop *workshop, const struct config *config) {
    char *key = key_of(workshop, config);
    bool fits = key && data->key && strcmp(key, data->key) == 0;
    cJSON_free(key);
    return fits;
}

int batch_data_provide(struct batch_data *data, const struct workshop *workshop, const struct config *config,
                       struct error *error) {
    char *key = key_of(workshop, config);
    if (!key) return error_set(error, ERROR_RUN, NULL, "not enough memory for the configs");
    if (data->key && strcmp(data->key, key) == 0) {
        cJSON_free(key);
        return 0;
    }
    batch_data_free(data);
    if (run_load_data(workshop, config, &data->splits, error) != 0) {
        cJSON_free(key);
        return -1;
    }
    data->key = key;
    return 0;
}

void batch_data_free(struct batch_data *data) {
    cJSON_free(data->key);
    data_splits_free(&data->splits);
    *data = (struct batch_data){0};
}
