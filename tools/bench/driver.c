/*
 * Sends messages through a wrapper as qmail-smtpd does and takes the time. In C,
 * and small, so that the benchmark does not measure itself.
 *
 *     driver -m message [-m message]... -l log -q queue [-k] [-n 10] [-c 1]
 *            [-p process]... program [argument]...
 *
 * -n messages in all, -c of them at a time, the files of -m in turn; the wrapper
 * starts in /var/qmail, else /, with its stderr appended to -l, and is killed
 * after 120 seconds. In -q, the queue that sink.c fills, every message is looked
 * for afterwards, outside the time that counts; -k keeps them. The
 * wrapper's environment is the driver's. `servers` is the processor time, in
 * milliseconds, that each process of -p has used since the message before in
 * this lane ended: for one message at a time.
 *
 * On stdout one line of JSON for each message, in the order in which they end,
 * and one for all of them:
 *
 *     {"serial":0,"started":81042.017,"ms":5.125,"code":0,"signal":0,"accepted":true,"cpu":3.1,"servers":[0.71],"text":""}
 *     {"seconds":0.052,"lost":0,...}
 *
 * Exit codes: 0 every message was accepted and is in the queue once and whole; 1 not so; 100
 * wrong usage; 111 it could not be run.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "call.h"
#include "count.h"

#define FILES_MAX 512
#define SERVERS_MAX 32
#define SERVER_DIGITS 24

struct plan {
  struct call call;
  char *message[FILES_MAX];
  int files;
  long messages, at_once;
  const char *queue;
  int keep;
  pid_t server[SERVERS_MAX];
  int servers;
};

/* What the lanes have in common. */
struct common {
  atomic_long next;
  atomic_long accepted;
  char answer[]; /* per message: was it accepted? */
};

_Noreturn static void usage(void)
{
  fputs("usage: driver -m message -l log -q queue [-k] [-n messages] [-c at-once]\n"
        "              [-p process]... program [argument]...\n", stderr);
  exit(100);
}

static long whole_number(const char *text, long max)
{
  char *end;
  long number = strtol(text, &end, 10);
  if (*end || end == text || number < 1 || number > max) usage();
  return number;
}

static void append_stderr_to(const char *path)
{
  int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (fd == -1 || dup2(fd, 2) == -1) cannot(path);
}

static struct plan read_options(int argc, char **argv)
{
  struct plan plan = {.messages = 10, .at_once = 1};
  const char *log = NULL;
  int option;
  while ((option = getopt(argc, argv, "+m:n:c:l:q:kp:")) != -1) switch (option) {
    case 'm':
      if (plan.files == FILES_MAX) usage();
      plan.message[plan.files++] = optarg;
      break;
    case 'n': plan.messages = whole_number(optarg, 10 * 1000 * 1000); break;
    case 'c': plan.at_once = whole_number(optarg, 1000); break;
    case 'l': log = optarg; break;
    case 'q': plan.queue = optarg; break;
    case 'k': plan.keep = 1; break;
    case 'p':
      if (plan.servers == SERVERS_MAX) usage();
      plan.server[plan.servers++] = whole_number(optarg, INT_MAX);
      break;
    default: usage();
  }
  plan.call.program = argv + optind;
  if (!plan.files || !log || !plan.queue || !*plan.call.program) usage();
  for (int file = 0; file < plan.files; ++file)
    if (access(plan.message[file], R_OK) == -1) cannot(plan.message[file]);
  append_stderr_to(log);
  return plan;
}

static size_t quote(char *to, const char *text, size_t size)
{
  char *start = to;
  for (; size; --size, ++text) {
    unsigned char byte = *text;
    if (byte == '"' || byte == '\\' || byte < 32 || byte > 126) to += sprintf(to, "\\u%04x", byte);
    else *to++ = byte;
  }
  *to = 0;
  return to - start;
}

/* Milliseconds of processor time that a process has used; 0 of one that has ended. */
static double used_by(pid_t process)
{
  clockid_t clock;
  struct timespec used;
  if (clock_getcpuclockid(process, &clock) || clock_gettime(clock, &used)) return 0;
  return used.tv_sec * 1e3 + used.tv_nsec / 1e6;
}

/* What each server has used since the call before, which `until` keeps, as a list for JSON. */
static void list_servers(char *list, const struct plan *plan, double *until)
{
  *list = 0;
  for (int server = 0; server < plan->servers; ++server) {
    double now = used_by(plan->server[server]), used = now - until[server];
    list += sprintf(list, "%s%.3f", server ? "," : "", used > 0 ? used : 0);
    until[server] = now;
  }
}

/* One write a line, so that those of several lanes do not mix. */
static void report(long serial, const struct outcome *outcome, const char *servers)
{
  char line[200 + SERVER_DIGITS * SERVERS_MAX + 6 * TEXT_MAX_BYTES], text[6 * TEXT_MAX_BYTES + 1];
  quote(text, outcome->text, outcome->text_size);
  int size = snprintf(line, sizeof line,
    "{\"serial\":%ld,\"started\":%.3f,\"ms\":%.3f,\"code\":%d,\"signal\":%d,\"accepted\":%s,\"cpu\":%.3f,\"servers\":[%s],\"text\":\"%s\"}\n",
    serial, outcome->started, outcome->milliseconds, outcome->code, outcome->signal,
    was_accepted(outcome) ? "true" : "false", outcome->cpu, servers, text);
  if (write(1, line, size) != size) cannot("standard output");
}

/* One client after the other, as long as there are messages. */
_Noreturn static void run_lane(const struct plan *plan, struct common *common, int starter)
{
  char byte, servers[SERVER_DIGITS * SERVERS_MAX];
  double until[SERVERS_MAX];
  while (read(starter, &byte, 1) == -1 && errno == EINTR);
  close(starter);
  list_servers(servers, plan, memset(until, 0, sizeof until));
  for (;;) {
    struct call call = plan->call;
    call.serial = atomic_fetch_add(&common->next, 1);
    if (call.serial >= plan->messages) exit(0);
    call.message = plan->message[call.serial % plan->files];
    struct outcome outcome = call_wrapper(&call);
    if (was_accepted(&outcome)) {
      common->answer[call.serial] = 1;
      atomic_fetch_add(&common->accepted, 1);
    }
    list_servers(servers, plan, until);
    report(call.serial, &outcome, servers);
  }
}

/* Seconds until the last lane ends. */
static double run_lanes(const struct plan *plan, struct common *common)
{
  int starter[2], status;
  if (pipe2(starter, O_CLOEXEC) == -1) cannot("pipe");
  for (long lane = 0; lane < plan->at_once; ++lane) {
    pid_t child = fork();
    if (child == -1) cannot("fork");
    if (child == 0) {
      close(starter[1]);
      run_lane(plan, common, starter[0]);
    }
  }
  close(starter[0]);
  double start = milliseconds_now();
  close(starter[1]); /* the lanes read its end */
  for (long lane = 0; lane < plan->at_once; ++lane) {
    if (wait(&status) == -1) cannot("wait");
    if (!WIFEXITED(status) || WEXITSTATUS(status)) exit(111); /* it has printed the reason */
  }
  return (milliseconds_now() - start) / 1e3;
}

int main(int argc, char **argv)
{
  struct plan plan = read_options(argc, argv);
  signal(SIGPIPE, SIG_IGN);
  close_range(3, ~0U, CLOSE_RANGE_CLOEXEC); /* a wrapper gets no more than qmail-smtpd gives it */
  if (queued_messages(plan.queue)) {
    fprintf(stderr, "driver: %s: not empty, so nothing can be counted\n", plan.queue);
    return 111;
  }

  struct common *common = mmap(NULL, sizeof *common + plan.messages, PROT_READ | PROT_WRITE,
                               MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (common == MAP_FAILED) cannot("memory");
  double seconds = run_lanes(&plan, common);
  long accepted = common->accepted;
  struct tally tally =
    count_queue(plan.queue, common->answer, plan.messages, plan.message, plan.files, plan.keep);

  printf("{\"seconds\":%.6f,\"lost\":%ld,\"twice\":%ld,\"damaged\":%ld,\"uncalled\":%ld,"
         "\"strange\":%ld}\n",
         seconds, tally.lost, tally.twice, tally.damaged, tally.uncalled, tally.strange);
  if (fflush(stdout)) cannot("standard output");
  return accepted < plan.messages || tally.lost || tally.twice || tally.damaged || tally.uncalled ||
         tally.strange;
}
