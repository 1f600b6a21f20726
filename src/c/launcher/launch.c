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
 * crash report to descriptor 2, even if that is no log. So the launcher checks the limits first. It
 * writes one line instead, and only to a log.
 *
 * The launcher has no libc: a static program with one starts in 0.4 ms, this one in 0.1 ms. It runs
 * at whatever address the kernel picks, and needs no relocations. It is for Linux on x86-64 and
 * arm64, as Bun is.
 */
#include <asm/stat.h>
#include <asm/unistd.h>
#include <linux/fcntl.h>
#include <linux/limits.h>
#include <linux/resource.h>
#include <linux/stat.h>

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
#define RUNTIME "onescan-runtime"
#define OWN_NAME "onescan-run"
#define BY_NAME "runtime/"

/*
 * Tells smtp-delay(8) which signals were ignored: it must hand them on as they came, but the
 * runtime changes some of them.
 */
#define SIGNALS "SMTPDELAY_SIGIGN="

/*
 * Settings of the runtime for the slot, which lives for some ten milliseconds: it compiles no
 * functions in advance of their use, except loops that go on, and prepares no heap. That saves a
 * quarter of the processor time of a small message. (Names with BUN_: no scanner and no next
 * program sees them, src/ground/settings/environment.ts.)
 */
static const char for_the_slot[][48] = {
    "BUN_JSC_thresholdForJITAfterWarmUp=20000",
    "BUN_JSC_thresholdForJITSoon=20000",
    "BUN_JSC_useWarmUpMarkedBlocks=0",
};

#define LENGTH(array) (sizeof(array) / sizeof *(array))

/* Bytes. With less the runtime cannot start (measured: 370 MB). */
#define MEMORY_MIN 400000000
/* The same for the stack (measured: 160 KiB). */
#define STACK_MIN (256 * 1024)
/* The runtime starts with 5 descriptors, but below 7 it crashes if it has no log of its own. */
#define DESCRIPTORS_MIN 8

/* qmail-queue(8): out of memory; and the code that qmail-smtpd reports as "could not exec". */
enum { OUT_OF_MEMORY = 51, CANNOT_EXEC = 120 };

#if defined(__x86_64__)
__asm__(".globl _start\n_start: mov %rsp, %rdi\n and $-16, %rsp\n call launch\n");

static long call(long number, long a, long b, long c, long d) {
  long result;
  register long fourth __asm__("r10") = d;

  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c), "r"(fourth)
                   : "rcx", "r11", "memory");
  return result;
}
#elif defined(__aarch64__)
__asm__(".globl _start\n_start: mov x0, sp\n bl launch\n");

static long call(long number, long a, long b, long c, long d) {
  register long which __asm__("x8") = number;
  register long first __asm__("x0") = a;
  register long second __asm__("x1") = b;
  register long third __asm__("x2") = c;
  register long fourth __asm__("x3") = d;

  __asm__ volatile("svc 0"
                   : "+r"(first)
                   : "r"(which), "r"(second), "r"(third), "r"(fourth)
                   : "memory");
  return first;
}
#else
#error "Bun runs on x86-64 and arm64 only"
#endif

static unsigned long length(const char *text) {
  unsigned long n = 0;

  while (text[n])
    n++;
  return n;
}

static void copy(char *to, const char *text) {
  while ((*to++ = *text++))
    ;
}

static int begins(const char *text, const char *prefix) {
  while (*prefix)
    if (*text++ != *prefix++)
      return 0;
  return 1;
}

/* Whether the environment has this variable; `name` ends in "=". */
static int has(char *const *env, const char *name) {
  for (; *env; env++)
    if (begins(*env, name))
      return 1;
  return 0;
}

/*
 * Whether descriptor 2 of the slot leads to a log. Below qmail-local it leads to a report that goes
 * into a bounce to a stranger. The rule is that of src/doors/shared/log-place.ts.
 */
static int log_is_safe(char *const *env) {
  struct stat status;

  if (call(__NR_newfstatat, 2, (long) "", (long) &status, AT_EMPTY_PATH) < 0
      || has(env, "ERROR_FD=2"))
    return 0;
  if ((status.st_mode & S_IFMT) == S_IFCHR || (status.st_mode & S_IFMT) == S_IFREG)
    return 1;
  return (status.st_mode & S_IFMT) != S_IFSOCK
         && (has(env, "PROTO=") || has(env, "TCPREMOTEIP=") || has(env, "TCPLOCALIP="))
         && !has(env, "DTLINE=") && !has(env, "RPLINE=") && !has(env, "UFLINE=");
}

/*
 * Without a log of its own, the slot's line goes to the system's log, as mail.info. That adds the
 * time (RFC 3164, 4.3.2).
 */
static void to_syslog(const char *line) {
  struct {
    unsigned short family;
    char path[sizeof "/dev/log"];
  } address = {1 /* AF_UNIX */, "/dev/log"};
  static const char head[] = "<22>";
  char message[512];
  unsigned long n = length(line);
  long fd = call(__NR_socket, 1, 2 /* SOCK_DGRAM */ | 04000 /* SOCK_NONBLOCK */, 0, 0);

  if (fd < 0 || n > sizeof message - sizeof head
      || call(__NR_connect, fd, (long) &address, sizeof address, 0) < 0)
    return;
  copy(message, head);
  copy(message + sizeof head - 1, line);
  call(__NR_write, fd, (long) message, (long) (sizeof head - 1 + n - 1),
       0); /* without the line's end */
}

/* The environment, if the launcher was called as the slot; otherwise 0. */
static char *const *slot_env;

static _Noreturn void fail(int code, const char *line) {
  if (!slot_env || log_is_safe(slot_env))
    call(__NR_write, 2, (long) line, (long) length(line), 0);
  else
    to_syslog(line);
  for (;;)
    call(__NR_exit_group, code, 0, 0, 0);
}

/* Writes one line in the form of the slot's own log, and ends. */
#define CANNOT_RUN(why)                                                                            \
  fail(CANNOT_EXEC, "onescan: decision=defer fault=chain reason=\"" RUNTIME " " why "\" "          \
                    "exit=120\n")

/* The part of a path behind its last slash. */
static char *last_part(char *path) {
  char *part = path;

  for (char *c = path; *c; c++)
    if (*c == '/')
      part = c + 1;
  return part;
}

/* Removes variables that the runtime, its parts or the dynamic linker would obey. */
static void clean(char **env) {
  static const char dropped[][sizeof SIGNALS] = {"BUN_",      "NODE_", "JSC_",
                                                 "MIMALLOC_", "LD_",   SIGNALS};
  char **kept = env;

  for (; *env; env++) {
    int drop = 0;

    for (unsigned int i = 0; i < LENGTH(dropped); i++)
      drop |= begins(*env, dropped[i]);
    if (!drop)
      *kept++ = *env;
  }
  *kept = 0;
}

/*
 * Notes which signals are ignored, in the form of SigIgn in proc(5). `variable` must have room for
 * 16 more digits and a NUL.
 */
static void note_ignored(char *variable) {
  struct {
    unsigned long handler, flags, restorer, mask;
  } action;
  unsigned long ignored = 0;

  for (int signal = 1; signal <= 64; signal++)
    if (call(__NR_rt_sigaction, signal, 0, (long) &action, 8) == 0 && action.handler == 1)
      ignored |= 1UL << (signal - 1);
  copy(variable, SIGNALS);
  variable += sizeof SIGNALS - 1;
  for (int shift = 60; shift >= 0; shift -= 4)
    *variable++ = "0123456789abcdef"[ignored >> shift & 15];
  *variable = 0;
}

/*
 * Writes the name below BY_NAME into the bytes from `part` to `end`. Returns 0 if there is no room.
 */
static int by_name(char *part, const char *end, const char *name) {
  if (length(name) + sizeof BY_NAME > (unsigned long) (end - part))
    return 0;
  copy(part, BY_NAME);
  copy(part + sizeof BY_NAME - 1, name);
  return 1;
}

static int is_below(int resource, unsigned long minimum) {
  struct rlimit64 limit;

  return call(__NR_prlimit64, 0, resource, 0, (long) &limit) == 0 && limit.rlim_cur < minimum;
}

static int is(const char *text, const char *word) {
  return begins(text, word) && length(text) == length(word);
}

/* Called by its own name, the launcher is no program of onescan; it only explains itself. */
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
  if (call(__NR_write, 1, (long) told, (long) length(told), 0) == (long) length(told))
    call(__NR_exit_group, 0, 0, 0, 0);
  CANNOT_RUN("cannot answer here: descriptor 1 cannot be written to");
}

/* What the kernel puts on the stack of a program: argc, argv, 0, environment, 0. */
__attribute__((used)) _Noreturn void launch(long *stack) {
  long argc = stack[0];
  char **argv = (char **) (stack + 1);
  char **env = argv + argc + 1;
  char self[PATH_MAX], runtime[PATH_MAX];
  char *words[argc + 5];
  struct stat status;
  long n;

  if (argc && begins(last_part(argv[0]), "onescan-queue"))
    slot_env = env;
  if (argc == 2 && is(last_part(argv[0]), OWN_NAME))
    tell_about(argv[1]);
  if (is_below(RLIMIT_NOFILE, DESCRIPTORS_MIN))
    CANNOT_RUN("cannot start with fewer than 8 descriptors; raise the limit (softlimit -o)");
  if (is_below(RLIMIT_STACK, STACK_MIN))
    fail(OUT_OF_MEMORY,
         "onescan: decision=defer fault=out-of-memory reason=\"the memory limit for the stack is "
         "below 256 KiB (softlimit -m or -s): " RUNTIME " cannot start\" exit=51\n");
  if (is_below(RLIMIT_AS, MEMORY_MIN) || is_below(RLIMIT_DATA, MEMORY_MIN))
    fail(OUT_OF_MEMORY,
         "onescan: decision=defer fault=out-of-memory reason=\"the memory limit is below "
         "400 MB (softlimit -m, -a or -d): " RUNTIME " cannot start; set it to 1000000000\" "
         "exit=51\n");

  n = call(__NR_readlinkat, AT_FDCWD, (long) "/proc/self/exe", (long) self, sizeof self - 1);
  if (n <= 0)
    CANNOT_RUN("cannot be found: /proc must be mounted");
  self[n] = 0;
  words[0] = argc ? argv[0] : RUNTIME;
  words[1] = MARKER;
  words[2] = last_part(words[0]);
  words[3] = self;
  for (long i = 1; i < argc; i++)
    words[i + 3] = argv[i];
  words[(argc ? argc : 1) + 3] = 0;
  clean(env);

  copy(runtime, self);
  char *part = last_part(runtime), *end = runtime + sizeof runtime;
  if (!by_name(part, end, words[2])
      || call(__NR_newfstatat, AT_FDCWD, (long) runtime, (long) &status, 0) < 0) {
    if (part + sizeof RUNTIME > end)
      CANNOT_RUN("cannot be found: its path is too long");
    copy(part, RUNTIME);
    if (call(__NR_newfstatat, AT_FDCWD, (long) runtime, (long) &status, 0) < 0)
      CANNOT_RUN("is not beside the program; install it again");
  }
  if (status.st_size != RUNTIME_SIZE)
    CANNOT_RUN("is not the file that was built with this program; install it again");

  long count = 0;
  while (env[count])
    count++;
  const char *all[count + LENGTH(for_the_slot) + 2];
  char signals[sizeof SIGNALS + 16];
  for (long i = 0; i < count; i++)
    all[i] = env[i];
  if (begins(words[2], "onescan-queue"))
    for (unsigned int i = 0; i < LENGTH(for_the_slot); i++)
      all[count++] = for_the_slot[i];
  if (begins(words[2], "smtp-delay")) {
    note_ignored(signals);
    all[count++] = signals;
  }
  all[count] = 0;
  call(__NR_execve, (long) runtime, (long) words, (long) all, 0);
  CANNOT_RUN("cannot be executed");
}
