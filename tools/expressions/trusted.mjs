// biome-ignore-all lint/suspicious/noTemplateCurlyInString: sources are quoted

// Where regular expressions may take more than linear time: what they are matched against is
// not mail, nor anything else that somebody outside can make as long as he wants.

/** Files, or directories with an end of `/`, below src/. */
export const trustedPlaces = {
  'scanner/cli/onescan.ts': 'what the operator typed',
  'scanner/cli/host/running-services.ts': 'what the kernel reports about a process',
  'scanner/cli/host/systemd-unit.ts': 'what systemd reports about a unit',
  'scanner/daemon/http/snapshot.ts':
    'fields of the log that are left to be seen, each bounded; at most 320 characters for each place',
}

/** Single expressions, as `/pattern/flags` or the call that makes them. */
export const trusted = [
  ...['/[^*?]*$/', '/[^*]*$/'].map((expression) => ({
    file: 'base/text/glob.ts',
    expression,
    why: 'a pattern that the site writes',
  })),
  {
    file: 'base/process/proc-entry.ts',
    expression: "new RegExp(`^${name}:\\t(.*)$`, 'm')",
    why: 'proc(5), in which the name of a process is at most 15 bytes',
  },
  ...[
    "new RegExp(`^${code}: ([^,]*?)(?:, [a-z_]+(?: '(.*?)'(?: -> '.*')?)?)?$`)",
    'new RegExp(`^[a-zA-Z]+ (?:(.*) )?${code}(?:: [a-z ]+?(?= \\\\S*[/:.\\\\d])|: [a-z ]+$)?(?: (.+))?$`)',
    '/ - Local \\(.*\\)$/',
  ].map((expression) => ({
    file: 'base/errors/system-error.ts',
    expression,
    why: 'the text of a system error, about a path or an address',
  })),
  {
    file: 'quota/sources/quota-status.ts',
    expression:
      '/^(?:(?:[45]\\d\\d|REJECT|DEFER\\w*) .*)?(?<![\\w.])[45]\\.2\\.2(?!\\.?\\d)|^[45]52\\b|^(?:[45]\\d\\d|REJECT|DEFER\\w*) .*\\b(?:mailbox|quota)\\b.*\\b(?:full|exceeded)\\b/i',
    why: 'an answer of Dovecot, in the words of the operator',
  },
  {
    file: 'quota/sources/aliases.ts',
    expression: '/^("[^"]+"|[^:#\\s][^:]*?)\\s*:\\s*(.*)$/',
    why: 'a line of aliases(5), which the operator writes',
  },
  {
    file: 'scanner/log/criteria.ts',
    expression: "new RegExp(longest.replace(/[.*+?^${}()|[\\]]/g, '\\\\$&'), 'i')",
    why: 'a text that is escaped, without a repetition',
  },
  {
    file: 'scanner/readiness/check-keyring.ts',
    expression: "new RegExp(`^${KEY_READERS}:`, 'm')",
    why: 'the name of a group of ours',
  },
  {
    file: 'scanner/daemon/http/tokens.ts',
    expression: 'new RegExp(`^[!-~]{${TOKEN_MIN},}$`)',
    why: 'a run of one class between two anchors; the files of tokens of the operator',
  },
  ...[
    ['check.ts', '/ \\[.*\\]$/', 'the name of a check line'],
    ['slot/check-slot.ts', '/\\d+(?= MiB\\b)|[\\d.]+ m?s$/g', 'the value of a check line'],
    [
      'services/service-state.ts',
      'new RegExp(`^onescand: clamd: user \\\\d+ ${NAMES_UNSEEN_FILES}: `)',
      'anchored, and words of ours',
    ],
    [
      'slot/slot-program.ts',
      '/(?<=onescan(?:-queue|c)["\']?[ \\t]+)[^\\s"$;&|<>#][^\\s;&|<>]*/',
      '64 KiB of a script of the operator',
    ],
    [
      'mail-server-config/exim.ts',
      '/\\b([\\w.-]+)::(\\d+)\\b/g',
      'routers of Exim, which the operator wrote',
    ],
    ['mail-server-config/exim.ts', '/[ :]+$/', 'an option of Exim, which the operator wrote'],
    [
      'mail-server-config/postfix-filter.ts',
      '/\\[([^\\]:]*)\\]/',
      'a parameter of Postfix, which the operator wrote',
    ],
    [
      'mail-server-config/unreachable-milter.ts',
      '/\\w+:[^\\s,{}]+/',
      'a parameter of Postfix, which the operator wrote',
    ],
    [
      'mail-server-config/sendmail.ts',
      "new RegExp(`^O +${option} *= *(\\\\d+)`, 'm')",
      '1 MiB of sendmail.cf, and the name of an option',
    ],
    [
      'mail-server-config/sendmail.ts',
      'new RegExp(`(?:^|,) *${letter} *= *([^,]*)`)',
      'a line of sendmail.cf, and a letter',
    ],
    [
      'mail-server-config/sendmail.ts',
      "new RegExp(`(?:^|,) *${letter}[a-z]* *= *([^,]*)`, 'i')",
      'a line of sendmail.cf, and a letter',
    ],
    ...[
      '/: (\\w+): ((?:discard|reject|(?:milter-)?hold|redirect|filter): .*from=<> .*)/',
      '/: (\\w+): (?:(?:resent-)?message-|from=.*, msg)id=(\\S+)/',
      '/ ([\\w-]+) <= .* id=(\\S+)/',
      '/: (\\w+): to=.*, (stat(?:us)?=.+)/',
    ].map((expression) => [
      'test-mail/followed-log.ts',
      expression,
      'at most 8 KiB of a line (LINE_MAX)',
    ]),
  ].map(([file, expression, why]) => ({ file: `scanner/cli/check/${file}`, expression, why })),
  {
    file: 'scanner/cli/host/settings-file.ts',
    expression:
      '/^[ \\t]*(?:[#;].*|[^=\\n]*=(?:[ \\t]|\\\\[\\s\\S]|"(?:[^"\\\\]|\\\\[\\s\\S])*"|\'[^\']*\')*(?:[^\\s"\'\\\\](?:[^\\n\\\\]|\\\\[\\s\\S])*)?|([^\\s=]+)[^=\\n]*)?$/gm',
    why: 'the settings of the operator',
  },
  {
    file: 'scanner/cli/host/slot-environment.ts',
    expression: '/[ \\t]+$/',
    why: 'a line of an envdir of the operator',
  },
  ...[
    ['mail/message/well-formed.ts', "new RegExp(`${STRICT_NAME}:`, 'y')"],
    ['mail/mime/headers/part-header.ts', 'new RegExp(`^${STRICT_NAME}$`)'],
  ].map(([file, expression]) => ({
    file,
    expression,
    why: 'characters of one class, and then one that is not in it',
  })),
  {
    file: 'mail/message/clear-header.ts',
    expression: "new RegExp([...name].join('[^ -~]*'), 'i')",
    why: 'what may stand between two letters is no letter, so each byte is tried once for each letter',
  },
  {
    file: 'mail/message/content-fields.ts',
    expression: "new RegExp(NAME_PARTS.join('|'), 'i')",
    why: 'words without a repetition',
  },
  {
    file: 'mail/message/content-fields.ts',
    expression:
      "new RegExp(\n  'content(?:type|transfer|disposition|description|location|id)|mimeversion'.replace(\n    /[a-z]/g,\n    '$&[^a-z]*',\n  ),\n  'i',\n)",
    why: 'what may stand between two letters is no letter, so each byte is tried once for each letter',
  },
  {
    file: 'scanner/scan/stamps/keyring.ts',
    expression: '/[ \\t\\r]+$/',
    why: 'a line of the keyring, which only root and the operator write',
  },
  {
    file: 'scanner/scan/stamps/keyring.ts',
    expression: '/=+$/',
    why: 'a secret of the keyring',
  },
  {
    file: 'base/protocol/ldap/ldap-settings.ts',
    expression: '/^\\(.*%[und].*\\)$/',
    why: 'a setting',
  },
  {
    file: 'scanner/scan/quarantine/record.ts',
    expression: "new RegExp(`\\n${lastLine('([0-9a-f]{64})')}`)",
    why: 'a line of fixed length',
  },
  {
    file: 'quota/service-settings.ts',
    expression: '/(?<=.)\\/+$/',
    why: 'a setting',
  },
  {
    file: 'quota/sources/users.ts',
    expression: '/(?<=.)\\/+$/',
    why: 'a home of passwd(5)',
  },
  {
    file: 'quota/sources/users.ts',
    expression: '/^([^:\\s]+)\\s*:\\s*(.+)$/',
    why: 'a line of a table of the operator',
  },
  {
    file: 'delay/options/delay-options.ts',
    expression: '/^(\\d+\\.?\\d*|\\.\\d+)$/',
    why: 'a setting',
  },
  {
    file: 'delay/plan/name-rules.ts',
    expression: '/(?:\\b|(?<=_|x))0([-._x]0)+\\b/',
    why: 'the eight groups of an IPv6 address',
  },
  {
    file: 'scanner/observe/report/format-report.ts',
    expression: '/\\B(?=(\\d{3})+$)/g',
    why: 'the digits of a number',
  },
  {
    file: 'quota/check-quotad-start.ts',
    expression: "new RegExp(`^${name}:\\\\s*([0-9a-f]+)$`, 'm')",
    why: 'proc(5) of this process',
  },
  {
    file: 'mail/mime/headers/name-words.ts',
    expression: '/=\\?([^?]*)\\?([BbQq])\\?(.{0,200}?)\\?=(?!\\?)/gs',
    why: '4,096 characters of a name, and at most 200 for each word',
  },
  {
    file: 'scanner/scan/scanners/attachments/attachment-rules.ts',
    expression: '/^([a-z]+)[ \\t]+(.*)$/',
    why: 'a line of a control file of the operator',
  },
  {
    file: 'scanner/scan/scanners/programs/clamav-commands.ts',
    expression: '/: ([\\x21-\\x7e]{1,200}) FOUND\\s*$/m',
    why: 'at most 200 characters for each colon in what a scanner prints, which is bounded',
  },
  {
    file: 'scanner/scan/scanners/signatures/signature-version.ts',
    expression: '/^ClamAV (\\d+(?:\\.\\d+)*)[^/]*\\/(\\d+)\\//',
    why: 'what clamd reports as its version, one line of 8 KiB at most',
  },
  {
    file: 'mail/mime/leaves/file-kind.ts',
    expression: '/^[^a-z0-9:\\r\\n("-]*[cm(][^:\\r\\n]*(?=:)/gim',
    why: 'it begins with a line, in latin1, and does not leave it: each line is read once',
  },
  {
    file: 'mail/mime/leaves/file-kind.ts',
    expression:
      '/^[\\0-\\x20]*(?:>?From |[!-9;-~]{1,998}(?:[ \\t]{1,9}[!-9;-~]{1,998})?[ \\t]{0,99}:)/',
    why: 'anchored, and at most 2,104 characters of names and blanks',
  },
  {
    file: 'mail/mime/leaves/file-kind.ts',
    expression: '/^[\\s\\S]{257}ustar/',
    why: 'a fixed place: an anchor, and a number of any bytes',
  },
  {
    file: 'mail/mime/leaves/file-kind.ts',
    expression: '/^MZ[\\s\\S]{58}[\\s\\S]{2}\\0\\0/',
    why: 'a fixed place: an anchor, and a number of any bytes',
  },
  {
    file: 'mail/mime/headers/readable.ts',
    expression: '/=\\?([^?\\s]{0,100})\\?([BbQq])\\?(.{0,1000}?)\\?=(?=[^?]|$)/gs',
    why: 'at most 1,100 characters for each word',
  },
  {
    file: 'mail/mime/encrypted/encrypted-pdf.ts',
    expression: 'new RegExp(`/${name}\\\\s+(-?\\\\d+)`)',
    why: 'a name of ours, then blanks and digits, in a dictionary of bounded length',
  },
  {
    file: 'mail/mime/encrypted/encrypted-pdf.ts',
    expression:
      'new RegExp(\n      `/${name}\\\\s*(?:<([0-9A-Fa-f\\\\s]*)>|\\\\(((?:[^\\\\\\\\()]|\\\\\\\\[\\\\s\\\\S]|\\\\((?:[^\\\\\\\\()]|\\\\\\\\[\\\\s\\\\S])*\\\\))*)\\\\))`,\n    )',
    why: 'alternatives that exclude each other, in a dictionary of bounded length',
  },
]
