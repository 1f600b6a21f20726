/*
 * onescan-queue, onescan and all other programs of the compiled onescan are links to this launcher.
 * It becomes onescan-runtime, a file in its directory which holds all programs, and tells it by
 * which name it was called. It executes the runtime by runtime/NAME, a link to that file: the
 * kernel names a process after the path that was executed, so ps, pidof and the system's log show
 * onescand.
 *
 * The runtime is a Bun executable. Two things in it happen before any code of ours and end in exit
 * code 0, which tells qmail-smtpd that the mail is queued:
 *
 * - It obeys variables: BUN_BE_BUN=1, BUN_OPTIONS=--version. The launcher removes them.
 * - If it is damaged, for example by strip(1), it is plain Bun, which prints its help. So the
 *   launcher checks that its size is that of the build. It also gives it a first argument that
 *   plain Bun refuses before it looks at any file: exit code 1, a temporary failure.
 *
 * If limits are too small for the runtime, as in old run scripts, it writes up to two pages of
 * crash report to descriptor 2, even if that is not a log. So the launcher checks the limits first.
 * It writes one line instead, and only to a log.
 *
 * The launcher has no libc: a static program with one starts in 0.4 ms, this one in 0.1 ms. It runs
 * at whatever address the kernel picks, and needs no relocations: so it has no static array of
 * pointers. It is for Linux on x86-64 and arm64, as Bun is.
 */
#include "kernel.h"
#include "launcher.h"
#include "text.h"

#include <linux/limits.h>
#include <linux/resource.h>

#ifndef RUNTIME_SIZE
#error "RUNTIME_SIZE: the size of onescan-runtime in bytes"
#endif

#ifndef VERSION
#error "VERSION: that of onescan, as a string"
#endif

/*
 * A command name that Bun reserves; src/ground/runtime/compiled-program.ts and programs.cjs use it
 * as well.
 */
#define MARKER "login"
#define OWN_NAME "onescan-run"
/* The directory of the links to the runtime, beside it. */
#define LINKS "runtime/"

/* Bytes. With less memory the runtime cannot start (measured: 370 MB). */
#define MEMORY_MIN 400000000
/* Bytes of the stack that it needs (measured: 160 KiB). */
#define STACK_MIN (256 * 1024)
/* The runtime starts with 5 descriptors, but below 7 it crashes if it has no log of its own. */
#define DESCRIPTORS_MIN 8

#if defined(__x86_64__)
__asm__(".globl _start\n_start: mov %rsp, %rdi\n and $-16, %rsp\n call launch\n");
#elif defined(__aarch64__)
__asm__(".globl _start\n_start: mov x0, sp\n bl launch\n");
#endif

/* Called by its own name, the launcher is not a program of onescan; it only explains itself. */
static void tell_about(const char *word) {
  static const char usage[] =
      "usage: onescan-queue | onescan | onescand | onescan-quotad | smtp-delay\n\n"
      "The launcher of the compiled onescan: call it by one of these names, which are\n"
      "links to it. See onescan(1).\n";
  const char *told = usage;

  if (is(word, "--version"))
    told = OWN_NAME " " VERSION "\n";
  else if (!is(word, "--help") && !is(word, "-h"))
    return;
  if (write_all(1, told, length(told)))
    end(0);
  CANNOT_RUN("cannot answer here: descriptor 1 cannot be written to");
}

static int is_below(int resource, unsigned long minimum) {
  struct rlimit64 limit;

  return call(__NR_prlimit64, 0, resource, 0, (long) &limit) == 0 && limit.rlim_cur < minimum;
}

/* Ends the process if the runtime could not start within the limits of setrlimit(2). */
static void check_limits(void) {
  if (is_below(RLIMIT_NOFILE, DESCRIPTORS_MIN))
    CANNOT_RUN("cannot start with fewer than 8 descriptors; raise the limit (softlimit -o)");
  if (is_below(RLIMIT_STACK, STACK_MIN))
    fail(EXIT_NO_MEMORY,
         "onescan: decision=defer fault=out-of-memory reason=\"the memory limit for the stack is "
         "below 256 KiB (softlimit -m or -s): " RUNTIME " cannot start\" exit=51\n");
  if (is_below(RLIMIT_AS, MEMORY_MIN) || is_below(RLIMIT_DATA, MEMORY_MIN))
    fail(EXIT_NO_MEMORY,
         "onescan: decision=defer fault=out-of-memory reason=\"the memory limit is below "
         "400 MB (softlimit -m, -a or -d): " RUNTIME " cannot start; set it to 1000000000\" "
         "exit=51\n");
}

/* Finds the file of this program, links resolved. */
static void find_self(char path[PATH_MAX]) {
  long count = call(__NR_readlinkat, AT_FDCWD, (long) "/proc/self/exe", (long) path, PATH_MAX - 1);

  if (count <= 0)
    CANNOT_RUN("cannot be found: /proc must be mounted");
  path[count] = 0;
}

/* Puts `directory` and `name` after the first `at` bytes of a path. Returns 0 if that is too long.
 */
static int set_end(char path[PATH_MAX], unsigned long at, const char *directory, const char *name) {
  if (at + length(directory) + length(name) + 1 > PATH_MAX)
    return 0;
  copy(path + at, directory);
  copy(path + at + length(directory), name);
  return 1;
}

/*
 * Finds the runtime beside this program, by its link called `name` or, if there is no such link, by
 * its own name. Ends the process unless it is the file of this build.
 */
static void find_runtime(char path[PATH_MAX], const char *self, const char *name) {
  unsigned long directory = last_part(self);
  struct stat status;

  copy(path, self);
  if (!set_end(path, directory, LINKS, name) || !read_status(path, &status)) {
    if (!set_end(path, directory, "", RUNTIME))
      CANNOT_RUN("cannot be found: its path is too long");
    if (!read_status(path, &status))
      CANNOT_RUN("is not beside the program; install it again");
  }
  if (status.st_size != RUNTIME_SIZE)
    CANNOT_RUN("is not the file that was built with this program; install it again");
}

/* The words for the runtime: how this program was called, the marker, NAME, this file, arguments.
 */
static const char **words_for(long count, char *const *called_with, const char *self) {
  const char *program = count ? called_with[0] : RUNTIME;
  const char **words = pointers((unsigned long) count + 5);
  const char **next = words;

  *next++ = program;
  *next++ = MARKER;
  *next++ = program + last_part(program);
  *next++ = self;
  for (long i = 1; i < count; i++)
    *next++ = called_with[i];
  *next = 0;
  return words;
}

_Noreturn void launch(long *stack);

/* `stack` is what the kernel puts there for a program: argc, argv, 0, environment, 0. */
__attribute__((used)) _Noreturn void launch(long *stack) {
  long count = stack[0];
  char **called_with = (char **) (stack + 1);
  char **inherited = called_with + count + 1;
  const char *program = count ? called_with[0] : RUNTIME;
  const char *name = program + last_part(program);
  char self[PATH_MAX], runtime[PATH_MAX];

  if (begins(name, "onescan-queue"))
    fail_as_slot(inherited);
  if (count == 2 && is(name, OWN_NAME))
    tell_about(called_with[1]);
  check_limits();
  find_self(self);
  find_runtime(runtime, self, name);
  const char **words = words_for(count, called_with, self);
  const char **environment = environment_for(name, inherited);
  call(__NR_execve, (long) runtime, (long) words, (long) environment, 0);
  CANNOT_RUN("cannot be executed");
}
