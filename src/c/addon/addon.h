/*
 * The addon of both runtimes, Node and Bun: functions of the kernel and the C library that the
 * runtimes do not offer. src/base/runtime/system.ts describes each function. All are
 * synchronous, allocate nothing themselves, and keep nothing that JavaScript passed.
 */
#ifndef ONESCAN_ADDON_H
#define ONESCAN_ADDON_H

#include <errno.h>
#include <node_api.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

enum {
  ARGUMENTS_MAX = 4,
  TEXT_MAX = 4096 /* bytes of a text with its NUL: a path, a name, or a message for systemd */
};

/* An argument of JavaScript, once it has shown to be of its kind. */
struct argument {
  int64_t number;       /* a whole number; 0 or 1 of a boolean */
  uint64_t bits;        /* of a BigInt */
  unsigned char *bytes; /* of a Uint8Array, until the function returns, or NULL for undefined */
  size_t length;        /* of `bytes` or `text` */
  char text[TEXT_MAX];
};

/*
 * A function for JavaScript. `kinds` has a letter for each argument: n whole number, y boolean,
 * u BigInt, b bytes, o bytes or undefined, t text. For anything else the caller gets a TypeError,
 * and the function does not run. It returns NULL for undefined.
 */
struct function {
  const char *name, *kinds;
  napi_value (*run)(napi_env env, const struct argument *given);
};

/* Each ends with an entry without a name. */
extern const struct function tcp_functions[], unix_functions[], process_functions[],
    plugin_functions[];

/* Values for JavaScript, or NULL if the runtime has no memory for one. */
napi_value a_number(napi_env env, double value);
napi_value a_truth(napi_env env, int value);
napi_value a_text(napi_env env, const char *text);
napi_value an_object(napi_env env);
/* Sets a member of an object, unless one of the two is NULL. Returns whether it is set. */
int set(napi_env env, napi_value object, const char *name, napi_value value);

/*
 * Returns a descriptor or another int passed by JavaScript; -1, which is not a descriptor, if it is
 * neither.
 */
int an_int(const struct argument *given);

/* Converts the result of a call, or the negative errno if it failed. */
napi_value a_result(napi_env env, int returned);

/* Closes a useless descriptor, and preserves errno. Returns -1. */
int close_failed(int fd);

#endif
