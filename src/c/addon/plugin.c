/* Functions of shared objects, for plugins in C (onescan-plugin(7)). */
#define _GNU_SOURCE
#include "addon.h"

#include <dlfcn.h>
#include <string.h>

/*
 * Finds a function of a shared object. Returns NULL if there is none of this name. RTLD_LAZY:
 * functions that it never calls need not exist. The object stays loaded.
 */
static void *find(const struct argument *file, const struct argument *symbol) {
  void *object = dlopen(file->text, RTLD_LAZY);
  return object ? dlsym(object, symbol->text) : NULL;
}

static napi_value a_function(napi_env env, const char *name, napi_callback calls, void *found) {
  napi_value made;
  if (napi_create_function(env, name, NAPI_AUTO_LENGTH, calls, found, &made) != napi_ok)
    return NULL;
  return made;
}

/* int symbol(const char *path) */
static napi_value call_with_path(napi_env env, napi_callback_info info) {
  napi_value word;
  size_t count = 1, length;
  char path[TEXT_MAX];
  void *found;
  if (napi_get_cb_info(env, info, &count, &word, NULL, &found) != napi_ok
      || napi_get_value_string_utf8(env, word, path, sizeof path, &length) != napi_ok
      || length + 1 == sizeof path || strlen(path) != length) {
    napi_throw_type_error(env, NULL, "path");
    return NULL;
  }
  return a_number(env, ((int (*)(const char *)) found)(path));
}

/* const char *symbol(void) */
static napi_value call_for_text(napi_env env, napi_callback_info info) {
  void *found;
  if (napi_get_cb_info(env, info, NULL, NULL, NULL, &found) != napi_ok)
    return NULL;
  const char *text = ((const char *(*) (void) ) found)();
  return a_text(env, text ? text : "");
}

static napi_value function_of_path(napi_env env, const struct argument *given) {
  void *found = find(&given[0], &given[1]);
  if (found)
    return a_function(env, given[1].text, call_with_path, found);
  const char *why = dlerror();
  napi_throw_error(env, NULL, why ? why : "the symbol is NULL");
  return NULL;
}

static napi_value function_for_text(napi_env env, const struct argument *given) {
  void *found = find(&given[0], &given[1]);
  return found ? a_function(env, given[1].text, call_for_text, found) : NULL;
}

const struct function plugin_functions[] = {
    {"functionOfPath", "tt", function_of_path},
    {"functionForText", "tt", function_for_text},
    {NULL, NULL, NULL},
};
