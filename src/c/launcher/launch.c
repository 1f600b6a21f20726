/*
 * onescan-queue, onescan and all other programs of the compiled onescan are links to this
 * launcher. It executes onescan-runtime, a file in its directory which contains all programs,
 * and passes the name by which the launcher was called. It executes the runtime by
 * runtime/NAME, a link to that file: the kernel names a process after the executed path, so
 * ps, pidof and the system's log show onescand.
 *
 * The runtime is a Bun executable, of Bun 1.4.4. Two of its features run before any code of
 * onescan and end in exit code 0, which means to qmail-smtpd that the mail is queued:
 *
 * - It obeys variables: BUN_BE_BUN=1, BUN_OPTIONS=--version. The launcher removes them.
 * - If it is damaged, for example by strip(1), it is plain Bun, which prints its help. So the
 *   launcher checks that its size is that of the build. It also gives it a first argument that
 *   plain Bun refuses before it reads any file: exit code 1, a temporary failure.
 *
 * If limits are too small for the runtime, as in old run scripts, it writes up to two pages of
 * crash report to descriptor 2, even if that is not a log. So the launcher checks the limits
 * first. It writes one line instead, and only to a log.
 *
 * The launcher is linked statically: otherwise the dynamic linker would obey LD_PRELOAD before
 * the launcher removes it.
 */
#define _GNU_SOURCE
#include "../common.h"
#include "../log-place.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/stat.h>

#ifndef RUNTIME_SIZE
#error "RUNTIME_SIZE: the size of onescan-runtime in bytes"
#endif

#ifndef VERSION
#error "VERSION: the version of onescan, as a string"
#endif

#define OWN_NAME "onescan-run"
#define RUNTIME "onescan-runtime"
/*
 * A command name that Bun reserves. src/base/runtime/compiled-program.ts and runtime-main.mjs
 * use it as well.
 */
#define MARKER "login"

/* With less the runtime does not start. check_limits() prints the same numbers. */
enum {
  MEMORY_MIN = 400000000, /* bytes (measured: 370 MB) */
  STACK_MIN = 256 * 1024, /* bytes (measured: 160 KiB) */
  /* It starts with 5 descriptors, but below 7 it crashes if it has no log of its own. */
  DESCRIPTORS_MIN = 8,
  /*
   * If a thread is refused, the runtime aborts, or waits for it until SCANTIMEOUT. Measured for a
   * message of 6 MB and one command: 8 threads and processes.
   */
  SLOT_THREADS_MIN = 12,
  /* Two processes at start have 14, and the thread pool of each has more for files and names. */
  DAEMON_THREADS_MIN = 24,
  DAEMON_FAILED = 111,     /* the exit code of an onescand that cannot start */
  TRIAL_STACK = 128 * 1024 /* bytes: PTHREAD_STACK_MIN is not larger on any processor */
};

/* Variables that the runtime, one of its parts or the dynamic linker would obey. */
static const char *const hidden_from_runtime[] = {
    "BUN_", "NODE_", "JSC_", "MIMALLOC_", "LD_", "SMTPDELAY_SIGIGN=", NULL,
};

/*
 * Settings of the runtime for the slot, which lives for some ten milliseconds. With them the
 * runtime compiles no functions in advance of their use, except loops that go on, and prepares no
 * heap. That saves a quarter of the processor time of a small message. One thread alone collects
 * garbage, so that a host with more processors needs no more threads (SLOT_THREADS_MIN). (No
 * scanner and no next program sees variables that begin with BUN_ or MIMALLOC_:
 * src/base/settings/child-environment.ts.)
 */
static char slot_settings[][48] = {
    "BUN_JSC_thresholdForJITAfterWarmUp=20000",
    "BUN_JSC_thresholdForJITSoon=20000",
    "BUN_JSC_useWarmUpMarkedBlocks=0",
    "BUN_JSC_numberOfGCMarkers=1",
};

/*
 * Settings of the runtime for the daemon, in which most code waits for scanners. The highest
 * compiler tier is left to loops that go on, as in a message of 5 MB: compiling more takes longer
 * than it saves. A second thread that collects garbage would take a processor from the scanners.
 * Over 4,200 real messages this saves a tenth of the processor time of onescand, and more at first.
 *
 * Free memory is returned to the system after ten seconds (MIMALLOC_, in milliseconds). By default
 * a thread returns it after a tenth of a second, and the next messages get it back by page faults.
 * Over 3,000 real messages, ten seconds save a tenth of the processor time (4 to 16 %), and page
 * faults fall from 86 to 21 for each message. The memory of a worker's own grows from 85 to 125 MB.
 * It stays below 140 MB over 55,000 messages, and after those of 25 MB. To return nothing saves no
 * more, and costs a worker 10 MB and the first process 20 MB more. onescan-quotad, the slot and
 * plugin hosts do not get faster.
 */
static char daemon_settings[][64] = {
    "BUN_JSC_thresholdForFTLOptimizeAfterWarmUp=1000000",
    "BUN_JSC_thresholdForFTLOptimizeSoon=100000",
    "BUN_JSC_numberOfGCMarkers=1",
    "BUN_JSC_useConcurrentGC=0",
    "MIMALLOC_PURGE_DELAY=10000",
    "MIMALLOC_PURGE_HOLES_MIN_INTERVAL=10000",
};

/* Whether failures are reported as by the slot: on descriptor 2 only if that is a log. */
static int is_slot;

/* Writes a whole line of the log, which ends in LF, and ends the process. */
static _Noreturn void fail(int code, const char *line) {
  if (is_slot && !fd_2_is_a_log()) {
    to_syslog(line, strlen(line));
  } else {
    ssize_t written = write(STDERR_FILENO, line, strlen(line));
    (void) written; /* the exit code shows it, too */
  }
  _exit(code);
}

/* Writes a line in the form of onescan-queue's log that the runtime cannot run, and ends. */
#define CANNOT_RUN(why)                                                                            \
  fail(EXIT_NEXT_PROGRAM, "onescan: decision=defer fault=next-hop reason=\"" RUNTIME " " why "\" " \
                          "exit=120\n")

/* Writes such a line about the runtime's file, whose package has the same name, and ends. */
static _Noreturn void fail_without_runtime(const char *path, const char *why) {
  static char line[PATH_MAX + 200];
  snprintf(line, sizeof line,
           "onescan: decision=defer fault=next-hop reason=\"%s %s; reinstall " RUNTIME "\" "
           "exit=120\n",
           path, why);
  fail(EXIT_NEXT_PROGRAM, line);
}

static _Noreturn void fail_to_execute(const char *path) {
  static char line[2 * PATH_MAX + 200];
  const char *reason = strerror(errno);
  struct stat status;
  char remedy[PATH_MAX + 20] = "";
  unsigned mode = stat(path, &status) == 0 ? status.st_mode & 07777 : 0;
  if (mode && (mode & 0111) != 0111)
    snprintf(remedy, sizeof remedy, "; run chmod 755 %s", path);
  snprintf(
      line, sizeof line,
      "onescan: decision=defer fault=next-hop reason=\"%s, with mode %04o, cannot be executed: "
      "%s%s\" exit=120\n",
      path, mode, reason, remedy);
  fail(EXIT_NEXT_PROGRAM, line);
}

static _Noreturn void fail_without_memory(void) {
  fail(EXIT_OUT_OF_MEMORY, "onescan: decision=defer fault=out-of-memory reason=\"no memory for the "
                           "words and the environment of " RUNTIME "\" exit=51\n");
}

/* Prints an explanation: called by its own name, the launcher is not a program of onescan. */
static _Noreturn void answer_option(const char *word) {
  static const char usage[] =
      "usage: onescan-queue | onescan | onescand | onescan-quotad | smtp-delay\n\n"
      "The launcher of the compiled onescan: call it by one of these names, which are\n"
      "links to it. See onescan(1).\n";
  if (print_usage_or_version(word, usage, OWN_NAME " " VERSION "\n"))
    _exit(0);
  CANNOT_RUN("cannot answer here: descriptor 1 cannot be written to");
}

static int is_below(int resource, rlim_t minimum) {
  struct rlimit limit;
  return getrlimit(resource, &limit) == 0 && limit.rlim_cur < minimum;
}

/* Ends the process if the runtime could not start within the limits of setrlimit(2). */
static void check_limits(void) {
  if (is_below(RLIMIT_NOFILE, DESCRIPTORS_MIN))
    CANNOT_RUN("cannot start with fewer than 8 descriptors; raise the limit (softlimit -o)");
  if (is_below(RLIMIT_STACK, STACK_MIN))
    fail(EXIT_OUT_OF_MEMORY,
         "onescan: decision=defer fault=out-of-memory reason=\"the memory limit for the stack is "
         "below 256 KiB (softlimit -m or -s): " RUNTIME " cannot start\" exit=51\n");
  if (is_below(RLIMIT_AS, MEMORY_MIN) || is_below(RLIMIT_DATA, MEMORY_MIN))
    fail(EXIT_OUT_OF_MEMORY,
         "onescan: decision=defer fault=out-of-memory reason=\"the memory limit is below "
         "400 MB (softlimit -m, -a or -d): " RUNTIME " cannot start; set it to 4000000000\" "
         "exit=51\n");
}

/* Waits until all threads are started, which the owner of the mutex knows. */
static void *wait_for_others(void *all_started) {
  pthread_mutex_lock(all_started);
  pthread_mutex_unlock(all_started);
  return NULL;
}

#define REFUSES_THREADS                                                                            \
  "the system refuses threads: raise the limit of processes of this account (ulimit -u, "          \
  "TasksMax=)"

/* Returns whether the system lets this process have `minimum` more threads at a time. */
static int may_have_threads(int minimum) {
  static pthread_mutex_t all_started = PTHREAD_MUTEX_INITIALIZER;
  pthread_t threads[DAEMON_THREADS_MIN];
  pthread_attr_t attributes;
  int count = 0;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, TRIAL_STACK);
  pthread_mutex_lock(&all_started);
  while (count < minimum
         && !pthread_create(&threads[count], &attributes, wait_for_others, &all_started))
    ++count;
  pthread_mutex_unlock(&all_started);
  for (int i = 0; i < count; ++i)
    pthread_join(threads[i], NULL);
  return count == minimum;
}

/* Ends the process if the system refuses the threads that it needs, as the slot or as onescand. */
static void check_threads(const char *name) {
  if (is_slot && !may_have_threads(SLOT_THREADS_MIN))
    fail(EXIT_OUT_OF_MEMORY,
         "onescan: decision=defer fault=out-of-memory reason=\"" REFUSES_THREADS "\" exit=51\n");
  if (begins(name, "onescand") && !may_have_threads(DAEMON_THREADS_MIN))
    fail(DAEMON_FAILED, "onescand: " REFUSES_THREADS "; it needs 24 to start\n");
}

static char *name_in(char *path) {
  char *slash = strrchr(path, '/');
  return slash ? slash + 1 : path;
}

/* Finds the file of this program, links resolved. */
static void find_self(char path[PATH_MAX]) {
  ssize_t length = readlink("/proc/self/exe", path, PATH_MAX - 1);
  if (length <= 0)
    CANNOT_RUN("cannot be found: /proc must be mounted");
  path[length] = '\0';
}

/*
 * Finds the runtime beside this program, by its link called `name` or, if there is no such link, by
 * its own name. Ends the process unless it is the file of this build.
 */
static void find_runtime(char path[PATH_MAX], char *self, const char *name) {
  const int directory = (int) (name_in(self) - self);
  struct stat status;
  if (snprintf(path, PATH_MAX, "%.*sruntime/%s", directory, self, name) >= PATH_MAX
      || stat(path, &status)) {
    if (snprintf(path, PATH_MAX, "%.*s" RUNTIME, directory, self) >= PATH_MAX)
      CANNOT_RUN("cannot be found: its path is too long");
    if (stat(path, &status))
      fail_without_runtime(path, "is missing");
  }
  if (status.st_size != RUNTIME_SIZE)
    fail_without_runtime(path, "is not the file that was built with this program");
}

/* Returns the runtime's arguments: the name of the call, the marker, NAME, this file, arguments. */
static char **argv_for(int argc, char **argv, char *program, char *name, char *self) {
  static char marker[] = MARKER;
  const size_t arguments = argc > 1 ? (size_t) argc - 1 : 0;
  char **all = calloc(arguments + 5, sizeof *all);
  if (!all)
    fail_without_memory();
  all[0] = program;
  all[1] = marker;
  all[2] = name;
  all[3] = self;
  for (size_t i = 0; i < arguments; ++i)
    all[4 + i] = argv[1 + i];
  return all;
}

/*
 * Passes the ignored signals to smtp-delay(8), which must restore them for its program, but
 * the runtime changes some of them. bin/smtp-delay does the same. Returns whether there was
 * memory.
 */
static int tell_ignored_signals(void) {
  static const char field[] = "SigIgn:\t";
  char line[128];
  int has_memory = 1;
  FILE *status = fopen("/proc/self/status", "re");
  while (status && fgets(line, sizeof line, status))
    if (begins(line, field)) {
      line[strcspn(line, "\n")] = '\0';
      has_memory = setenv("SMTPDELAY_SIGIGN", line + sizeof field - 1, 1) == 0;
    }
  if (status)
    fclose(status);
  return has_memory;
}

/* Removes all variables that the runtime would obey, except those that this program needs. */
static void prepare_environment(const char *name) {
  int has_memory = 1;
  hide_variables(hidden_from_runtime);
  /* The runtime reads this before any code of ours. */
  if (begins(name, "onescan-quotad"))
    has_memory &= setenv("UV_THREADPOOL_SIZE", QUOTAD_THREADS, 1) == 0;
  if (begins(name, "onescand")) {
    has_memory &= setenv("UV_THREADPOOL_SIZE", DAEMON_THREADS, 1) == 0;
    for (size_t i = 0; i < sizeof daemon_settings / sizeof *daemon_settings; ++i)
      has_memory &= putenv(daemon_settings[i]) == 0;
  }
  if (is_slot)
    for (size_t i = 0; i < sizeof slot_settings / sizeof *slot_settings; ++i)
      has_memory &= putenv(slot_settings[i]) == 0;
  if (begins(name, "smtp-delay"))
    has_memory &= tell_ignored_signals();
  if (!has_memory)
    fail_without_memory();
}

int main(int argc, char **argv) {
  static char unnamed[] = RUNTIME;
  static char self[PATH_MAX], runtime[PATH_MAX];
  static char **arguments;
  char *program = argc ? argv[0] : unnamed;
  char *name = name_in(program);

  is_slot = begins(name, "onescan-queue");
  if (strcmp(name, OWN_NAME) == 0 && asks_about(argc, argv))
    answer_option(argv[1]);
  check_limits();
  check_threads(name);
  find_self(self);
  find_runtime(runtime, self, name);
  prepare_environment(name);
  arguments = argv_for(argc, argv, program, name, self);
  execv(runtime, arguments);
  fail_to_execute(runtime);
}
