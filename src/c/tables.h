/* clang-format off */
/*
 * The parts of the tables in TypeScript that the programs in C use. `npm run docs` writes this file;
 * tools/documents/c-tables.ts contains the sources.
 */
#ifndef ONESCAN_TABLES_H
#define ONESCAN_TABLES_H

/*
 * The exit codes of qmail-queue(8) that these programs choose themselves. qmail-smtpd decides by the
 * number alone.
 */
enum exit_code {
  EXIT_ADDRESS_TOO_LONG = 11, /* An address in the envelope is too long. */
  EXIT_OUT_OF_MEMORY = 51, /* Out of memory. */
  EXIT_WRITE = 53, /* Write error or disk full. */
  EXIT_READ = 54, /* Read error, or the input ended early. */
  EXIT_CONFIG = 55, /* A setting or control file cannot be used, or Node is too old. */
  EXIT_TEMP_FILE = 64, /* A temporary file cannot be created. */
  EXIT_DEFERRED = 71, /* Deferred: the message could not be scanned, or its recipients are over quota. */
  EXIT_INTERNAL_BUG = 81, /* Internal bug. */
  EXIT_CUSTOM_TEXT = 82, /* The reply is on the error descriptor (notqmail, sagredo). */
  EXIT_CUSTOM_TEXT_INDIMAIL = 88, /* The reply is on the error descriptor (IndiMail, sagredo). */
  EXIT_ENVELOPE = 91, /* The envelope is malformed. */
  EXIT_NEXT_PROGRAM = 120, /* The next program cannot be executed. */
};

/* The codes that only an answer of onescand names. */
enum answer_code {
  EXIT_REFUSED = 31, /* The message is refused. */
  EXIT_VIRUS = 33, /* A virus was found (ERROR_FD=2, if no text can be sent). */
  EXIT_BANNED = 34, /* A banned attachment was found (ERROR_FD=2, if no text can be sent). */
  EXIT_UNSCANNED = 77, /* The message could not be scanned (ERROR_FD=2, if no text can be sent). */
};

/* All codes that an answer may name, onescan-queue(8). For 0 there is a rule of its own. */
static const unsigned char allowed_codes[] = {
  EXIT_REFUSED,
  EXIT_VIRUS,
  EXIT_BANNED,
  EXIT_DEFERRED,
  EXIT_UNSCANNED,
  EXIT_CUSTOM_TEXT,
  EXIT_CUSTOM_TEXT_INDIMAIL,
};

/* The types of the frames that are exchanged with onescand; slot-protocol.md. */
enum frame_type {
  FRAME_VERSION = '1',
  FRAME_VARIABLE = 'V',
  FRAME_TAKES_REPLY = 'R',
  FRAME_TIME_LEFT = 'D',
  FRAME_ENVELOPE = 'E',
  FRAME_SIZE = 'S',
  FRAME_MESSAGE = 'M',
  FRAME_END = '.',
  FRAME_ACKNOWLEDGED = 'A',
  FRAME_WORKING = 'h',
  FRAME_STANDALONE = 'C',
  FRAME_ACCEPT = 'a',
  FRAME_EXIT = 'x',
};

/* The types of the fields of an answer. */
enum field_type {
  FIELD_BODY_OFFSET = 'B',
  FIELD_KEPT = 'k',
  FIELD_INSERTED = 'i',
  FIELD_ENVELOPE = 'e',
  FIELD_EXIT_CODE = 'c',
  FIELD_REPLY = 't',
  FIELD_LOG_LINE = 'l',
  FIELD_END = '.',
};

/* Limits in bytes; slot-protocol.md and onescanc(8) have them, too. */
enum {
  ADDRESS_MAX = 1002, /* an address; the real qmail-queue's limit */
  ENVELOPE_MAX = 67108864, /* a larger envelope is EXIT_OUT_OF_MEMORY */
  FRAME_MAX = 65536, /* one piece of a message for onescand */
  VARIABLE_MAX = 65536, /* one variable for onescand */
  ANSWER_MAX = 262144, /* the whole answer of onescand */
  STANDALONE_LINE_MAX = 1024, /* onescand's reason to go standalone */
  CHAIN_DEPTH_MAX = 3, /* programs of the slot that become the next one, in a row */
  HEADER_MAX = 1048576, /* a header block that onescand may edit */
  NEW_FIELDS_MAX = 16384, /* the bytes by which a new header may be longer than the old one */
  LOG_LINE_MAX = 4096, /* a line that onescand gives to log */
  LOG_VALUE_MAX = 400, /* a value in a line, so that it pushes no other out */
  REPORT_MAX = 255, /* a reply for the SMTP client */
  MAILBOX_NAME_MAX = 255, /* the name of a mailbox */
  QUOTA_REPLY_MAX = 1024, /* an answer of a quota service */
  QUESTION_RETRIES = 2, /* how often a question to one is sent again */
};

/* Settings that are numbers: what they are if they are unset, and their ranges. */
enum {
  ERROR_FD_MIN = 2, ERROR_FD_MAX = 255,
  SCANTIMEOUT_DEFAULT = 150, SCANTIMEOUT_MIN = 1, SCANTIMEOUT_MAX = 86400, /* seconds */
  QUOTATIMEOUT_DEFAULT = 500, QUOTATIMEOUT_MIN = 1, QUOTATIMEOUT_MAX = 60000, /* milliseconds */
};

#define PROTOCOL_VERSION "osc1"
#define FIELDS_OF_ACCEPT "Bkiel"
#define FIELDS_OF_EXIT "ctl"
#define DEPTH_VARIABLE "ONESCAN_DEPTH"
#define QUEUECHAIN_REMEDY "remove QUEUECHAIN (qmail-queue is the default), or set it to another program that does not call onescan"
#define QUOTA_WORD_ROOM "QUOTA_OK"
#define QUOTA_WORD_FULL "QUOTA_FULL"
#define QUOTA_WORD_NO_SUCH_USER "QUOTA_UNKNOWN"
#define QUOTA_WORD_UNKNOWN "QUOTA_ERROR"
#define ONESCAN_SOCKET_DEFAULT "/run/onescan/qmail.sock"
#define QMAILHOME_DEFAULT "/var/qmail"
#define CONTROLDIR_DEFAULT "control"
#define HOST_SWITCH_FILE "/etc/onescan/onescan.off"
#define QUOTANAME_DEFAULT "address"
#define QUOTARELAY_DEFAULT "pass"
#define OVER_QUOTA_STATUS "452 4.2.2"
#define OVER_QUOTA_TEXT "Quota exceeded for <%s>, try again later"
#define QUOTAD_THREADS "128"
#define DAEMON_THREADS "24"

/* The variables of onescan-settings(5) that onescand may want to know, in the order of the table. */
static const char *const sent_to_onescand[] = {
  "QHPSI",
  "QHPSIRC",
  "QHPSIRN",
  "QHPSIMINSIZE",
  "QHPSIMAXSIZE",
  "SCANTIMEOUT",
  "PLUGINDIR",
  "QUEUE_PLUGIN",
  "REJECTVIRUS",
  "VIRUSFORWARD",
  "REFUSALTEXT",
  "QUARANTINE",
  "SCANFAIL",
  "OVERSIZE",
  "UNREAD",
  "SECONDLOOK",
  "STRICTMIME",
  "FINDINGS",
  "CLAMD",
  "CLAMDCERT",
  "CLAMDKEY",
  "CLAMDCA",
  "CLAMDMAXSIZE",
  "CLAMDBDIR",
  "BADATTACHMENTS",
  "ARCHIVEBANS",
  "QUOTAD",
  "QUOTANAME",
  "QUOTADELIMITER",
  "QUOTATIMEOUT",
  "QUOTASOFT",
  "QUOTARELAY",
  "CLUSTERKEYS",
  "CLUSTERMAXAGE",
  "CLUSTERPEERS",
  "CLUSTERPEER",
  "ERROR_FD",
  "QUEUECHAIN",
  "QMAILHOME",
  "CONTROLDIR",
  "RELAYCLIENT",
  "BOUNCEUSER",
  "QUEUE_PLUGIN_SYMB",
  "TCPREMOTEIP",
  "TCPREMOTEHOST",
  0,
};

/* Variables that begin so, with their `=`, are hidden from the next program. */
static const char *const hidden_from_next_program[] = {
  "QHPSI=",
  "QHPSIRC=",
  "QHPSIRN=",
  "QHPSIMINSIZE=",
  "QHPSIMAXSIZE=",
  "PLUGINDIR=",
  "QUEUE_PLUGIN=",
  "QUEUE_PLUGIN_SYMB=",
  "REJECTVIRUS=",
  "VIRUSFORWARD=",
  "QUARANTINE=",
  "QUARANTINEDAYS=",
  "QUARANTINESIZE=",
  "QUARANTINEURL=",
  "QMAILQUEUE=",
  "NODE_",
  "BUN_",
  "MIMALLOC_",
  "LD_",
  0,
};

/* The same for the standalone program. */
static const char *const hidden_from_standalone[] = {
  "BUN_",
  "NODE_OPTIONS=",
  "NODE_PATH=",
  "LD_",
  0,
};

#endif
