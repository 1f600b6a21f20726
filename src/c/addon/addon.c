/* The functions as seen by JavaScript: their names, the check of their arguments, and values. */
#define _GNU_SOURCE
#include "addon.h"

#include <errno.h>
#include <string.h>

napi_value a_number(napi_env env, double value) {
  napi_value made;
  return napi_create_double(env, value, &made) == napi_ok ? made : NULL;
}

napi_value a_result(napi_env env, int returned) {
  return a_number(env, returned < 0 ? -errno : returned);
}

int an_int(const struct argument *given) {
  return given->number >= INT32_MIN && given->number <= INT32_MAX ? (int) given->number : -1;
}

int close_failed(int fd) {
  int why = errno;
  close(fd);
  errno = why;
  return -1;
}

napi_value a_truth(napi_env env, int value) {
  napi_value made;
  return napi_get_boolean(env, value != 0, &made) == napi_ok ? made : NULL;
}

napi_value a_text(napi_env env, const char *text) {
  napi_value made;
  size_t length = strnlen(text, TEXT_MAX);
  return napi_create_string_utf8(env, text, length, &made) == napi_ok ? made : NULL;
}

napi_value an_object(napi_env env) {
  napi_value made;
  return napi_create_object(env, &made) == napi_ok ? made : NULL;
}

int set(napi_env env, napi_value object, const char *name, napi_value value) {
  return object && value && napi_set_named_property(env, object, name, value) == napi_ok;
}

/* The largest whole number that JavaScript represents exactly. */
#define SAFE_MAX 9007199254740991.0

static int read_number(napi_env env, napi_value value, struct argument *into) {
  double number;
  if (napi_get_value_double(env, value, &number) != napi_ok)
    return 0;
  if (!(number >= -SAFE_MAX && number <= SAFE_MAX))
    return 0; /* not a number, too */
  into->number = (int64_t) number;
  return (double) into->number == number;
}

static int read_truth(napi_env env, napi_value value, struct argument *into) {
  bool truth;
  if (napi_get_value_bool(env, value, &truth) != napi_ok)
    return 0;
  into->number = truth;
  return 1;
}

static int read_bits(napi_env env, napi_value value, struct argument *into) {
  bool is_whole;
  return napi_get_value_bigint_uint64(env, value, &into->bits, &is_whole) == napi_ok && is_whole;
}

static int read_bytes(napi_env env, napi_value value, struct argument *into) {
  napi_typedarray_type type;
  void *bytes;
  bool is_array;
  if (napi_is_typedarray(env, value, &is_array) != napi_ok || !is_array)
    return 0;
  if (napi_get_typedarray_info(env, value, &type, &into->length, &bytes, NULL, NULL) != napi_ok)
    return 0;
  /* An array without bytes may have no address, and is not undefined. */
  static unsigned char none[1];
  into->bytes = bytes ? bytes : none;
  return type == napi_uint8_array;
}

static int read_text(napi_env env, napi_value value, struct argument *into) {
  /* A longer text fills the buffer up to its last characters. It is refused, never cut. */
  if (napi_get_value_string_utf8(env, value, into->text, TEXT_MAX, &into->length) != napi_ok)
    return 0;
  const size_t longest = 4; /* bytes of a character in UTF-8 */
  return into->length + longest < TEXT_MAX;
}

static int is_undefined(napi_env env, napi_value value) {
  napi_valuetype type;
  return napi_typeof(env, value, &type) == napi_ok && type == napi_undefined;
}

/* Returns whether the value is of the kind. */
static int read_argument(napi_env env, napi_value value, char kind, struct argument *into) {
  into->bytes = NULL;
  into->length = 0;
  switch (kind) {
  case 'n':
    return read_number(env, value, into);
  case 'y':
    return read_truth(env, value, into);
  case 'u':
    return read_bits(env, value, into);
  case 'o':
    return is_undefined(env, value) || read_bytes(env, value, into);
  case 'b':
    return read_bytes(env, value, into);
  case 't':
    return read_text(env, value, into);
  default:
    return 0;
  }
}

/* The function that the runtime calls. Its data is the C function that it was made with. */
static napi_value call(napi_env env, napi_callback_info info) {
  napi_value words[ARGUMENTS_MAX];
  size_t count = ARGUMENTS_MAX;
  void *data;
  if (napi_get_cb_info(env, info, &count, words, NULL, &data) != napi_ok)
    return NULL;
  const struct function *function = data;
  struct argument given[ARGUMENTS_MAX];
  for (size_t i = 0; function->kinds[i]; ++i)
    if (!read_argument(env, words[i], function->kinds[i], &given[i])) {
      napi_throw_type_error(env, NULL, function->name);
      return NULL;
    }
  return function->run(env, given);
}

static void define(napi_env env, napi_value exports, const struct function *functions) {
  for (const struct function *function = functions; function->name; ++function) {
    napi_value made;
    if (napi_create_function(env, function->name, NAPI_AUTO_LENGTH, call,
                             (void *) (uintptr_t) function, &made)
        == napi_ok)
      set(env, exports, function->name, made);
  }
}

NAPI_MODULE_INIT(/* napi_env env, napi_value exports */) {
  define(env, exports, tcp_functions);
  define(env, exports, unix_functions);
  define(env, exports, process_functions);
  define(env, exports, plugin_functions);
  return exports;
}
