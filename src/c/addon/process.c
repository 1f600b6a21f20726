/* This process: its signals, its keys, access to its memory, memory files, and files in memory. */
#define _GNU_SOURCE
#include "addon.h"

#include <fcntl.h>
#include <linux/keyctl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static napi_value ignore_signal(napi_env env, const struct argument *given) {
  (void) env;
  signal(an_int(&given[0]), given[1].number ? SIG_IGN : SIG_DFL);
  return NULL;
}

static napi_value forbid_tracing(napi_env env, const struct argument *given) {
  (void) env, (void) given;
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  return NULL;
}

/* keyctl(2), which no C library has: a session keyring of its own, without a name. */
static napi_value leave_session_keys(napi_env env, const struct argument *given) {
  (void) env, (void) given;
  syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL, 0, 0, 0);
  return NULL;
}

static napi_value try_lock(napi_env env, const struct argument *given) {
  return a_truth(env, flock(an_int(&given[0]), LOCK_EX | LOCK_NB) == 0);
}

static napi_value memory_file(napi_env env, const struct argument *given) {
  (void) given;
  return a_result(env, memfd_create("onescan", MFD_CLOEXEC | MFD_ALLOW_SEALING));
}

static napi_value seal(napi_env env, const struct argument *given) {
  const int all = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
  return a_truth(env, fcntl(an_int(&given[0]), F_ADD_SEALS, all) == 0);
}

static void unmap(napi_env env, void *bytes, void *length) {
  (void) env;
  munmap(bytes, (size_t) (uintptr_t) length);
}

/* Bytes behind the end of a file would end this process with SIGBUS: all of them must exist. */
static napi_value map_file(napi_env env, const struct argument *given) {
  struct stat file;
  const int fd = an_int(&given[0]);
  if (fstat(fd, &file) != 0 || given[1].number < 1 || given[1].number > file.st_size)
    return NULL;
  const size_t length = (size_t) given[1].number;
  void *bytes = mmap(NULL, length, PROT_READ, MAP_SHARED, fd, 0);
  if (bytes == MAP_FAILED)
    return NULL;
  napi_value made;
  void *hint = (void *) (uintptr_t) length;
  if (napi_create_external_arraybuffer(env, bytes, length, unmap, hint, &made) == napi_ok)
    return made;
  munmap(bytes, length);
  return NULL;
}

const struct function process_functions[] = {
    {"ignoreSignal", "ny", ignore_signal},
    {"forbidTracing", "", forbid_tracing},
    {"leaveSessionKeys", "", leave_session_keys},
    {"tryLock", "n", try_lock},
    {"memoryFile", "", memory_file},
    {"seal", "n", seal},
    {"mapFile", "nn", map_file},
    {NULL, NULL, NULL},
};
