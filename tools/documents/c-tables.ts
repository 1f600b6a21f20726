import { LOG_VALUE_MAX } from '../../src/base/log/line-format.ts'
import { QUOTA_REPLY_MAX } from '../../src/base/protocol/quota/quota-answer.ts'
import { answerWords } from '../../src/base/protocol/quota/quota-datagrams.ts'
import { DAEMON_THREADS } from '../../src/base/runtime/compiled-program.ts'
import {
  CHAIN_DEPTH_MAX,
  DEPTH_VARIABLE,
  HIDDEN_FROM_NEXT_PROGRAM,
  HIDDEN_FROM_STANDALONE,
} from '../../src/base/settings/child-environment.ts'
import { hostSwitchFile } from '../../src/base/settings/off-switch.ts'
import {
  fromClientOf,
  readFromCaller,
  SLOT_SOCKET,
  settingAliases,
  settingNames,
  settingTable,
} from '../../src/base/settings/table.ts'
import { readAddress } from '../../src/base/text/address.ts'
import { ADDRESS_MAX, ENVELOPE_MAX } from '../../src/mail/message/envelope.ts'
import { HEADER_MAX } from '../../src/mail/message/header-block.ts'
import { THREADS } from '../../src/quota/sources/mailbox-reads.ts'
import { exitMeanings, slotExit } from '../../src/scanner/doors/slot/exit-codes.ts'
import { QUEUECHAIN_REMEDY } from '../../src/scanner/doors/slot/next-program.ts'
import { frameRules } from '../../src/scanner/doors/slot/socket/request.ts'
import { replyOf } from '../../src/scanner/handling/smtp-reply.ts'
import {
  answerFields,
  fieldType,
  frameType,
  PROTOCOL_VERSION,
} from '../../src/scanner/protocol/slot/slot-frames.ts'
import { QUESTION_RETRIES } from '../../src/scanner/scan/quota/ask-by-udp.ts'
import { mailReply } from '../../src/scanner/scan/replies/mail-replies.ts'
import { figure } from './source-files.ts'

/** The header of the programs in C that holds what TypeScript knows, too: `npm run docs` writes it. */

export const C_TABLES = 'src/c/tables.h'

/** The exit codes that programs in C choose themselves, by their names in C. */
export const exitCodes = codesNamed(
  'addressTooLong',
  'outOfMemory',
  'write',
  'read',
  'config',
  'tempFile',
  'deferred',
  'internalBug',
  'customText',
  'customTextIndimail',
  'envelope',
  'nextProgram',
)

/** Those that an answer of onescand may name, in addition to 0, for which there is a rule of its own. */
export const answerCodes = codesNamed(
  'refused',
  'virus',
  'banned',
  'deferred',
  'unscanned',
  'customText',
  'customTextIndimail',
)
const onlyAnswered = Object.entries(answerCodes).filter(([name]) => !(name in exitCodes))

type EnumEntry = readonly [name: string, value: number, meaning: string]

/** Limits in bytes, and numbers. */
const limits: readonly EnumEntry[] = [
  ['ADDRESS_MAX', ADDRESS_MAX, "an address; the real qmail-queue's limit"],
  ['ENVELOPE_MAX', ENVELOPE_MAX, 'a larger envelope is EXIT_OUT_OF_MEMORY'],
  ['FRAME_MAX', frameRules[frameType.message]!.limit, 'one piece of a message for onescand'],
  ['VARIABLE_MAX', frameRules[frameType.variable]!.limit, 'one variable for onescand'],
  ['ANSWER_MAX', figure('ANSWER_MAX'), 'the whole answer of onescand'],
  ['STANDALONE_LINE_MAX', figure('STANDALONE_LINE_MAX'), "onescand's reason to go standalone"],
  ['CHAIN_DEPTH_MAX', CHAIN_DEPTH_MAX, 'programs of the slot that become the next one, in a row'],
  ['HEADER_MAX', HEADER_MAX, 'a header block that onescand may edit'],
  [
    'NEW_FIELDS_MAX',
    figure('NEW_FIELDS_MAX'),
    'the bytes by which a new header may be longer than the old one',
  ],
  ['LOG_LINE_MAX', figure('LOG_LINE_MAX'), 'a line that onescand gives to log'],
  ['LOG_VALUE_MAX', LOG_VALUE_MAX, 'a value in a line, so that it pushes no other out'],
  ['REPORT_MAX', figure('REPORT_MAX'), 'a reply for the SMTP client'],
  ['MAILBOX_NAME_MAX', figure('MAILBOX_NAME_MAX'), 'the name of a mailbox'],
  ['QUOTA_REPLY_MAX', QUOTA_REPLY_MAX, 'an answer of a quota service'],
  ['QUESTION_RETRIES', QUESTION_RETRIES, 'how often a question to one is sent again'],
]

/** The settings that C reads as numbers, each with its unit. */
const numbers = ['ERROR_FD', 'SCANTIMEOUT', 'QUOTATIMEOUT'] as const

/** The reply for a full mailbox, as a format of printf(3) for the recipient. */
const overQuota = replyOf(mailReply.overQuota(readAddress('%s')))

/** The first words of the answers of quota services. */
const quotaWords = Object.fromEntries(
  Object.entries(answerWords).map(([status, word]) => [
    `QUOTA_WORD_${status.toUpperCase().replaceAll('-', '_')}`,
    word,
  ]),
)

/** Strings, each by the name that it has in C. */
const texts: Readonly<Record<string, string>> = {
  PROTOCOL_VERSION,
  FIELDS_OF_ACCEPT: answerFields.accept.join(''),
  FIELDS_OF_EXIT: answerFields.exit.join(''),
  DEPTH_VARIABLE,
  QUEUECHAIN_REMEDY,
  ...quotaWords,
  ONESCAN_SOCKET_DEFAULT: SLOT_SOCKET,
  QMAILHOME_DEFAULT: settingTable.QMAILHOME.default,
  CONTROLDIR_DEFAULT: settingTable.CONTROLDIR.default,
  HOST_SWITCH_FILE: hostSwitchFile,
  QUOTANAME_DEFAULT: settingTable.QUOTANAME.default,
  QUOTARELAY_DEFAULT: settingTable.QUOTARELAY.default,
  OVER_QUOTA_STATUS: `${overQuota.code} ${overQuota.enhanced}`,
  OVER_QUOTA_TEXT: overQuota.lines.join(' '),
  QUOTAD_THREADS: String(THREADS),
  DAEMON_THREADS: String(DAEMON_THREADS),
}

/** The text of the header. */
export function cTables(): string {
  const known = [...settingNames, ...settingAliases, ...readFromCaller.keys()]
  const passed = known.filter((name) => fromClientOf(name) !== undefined)
  return `/* clang-format off */
/*
 * The parts of the tables in TypeScript that the programs in C use. \`npm run docs\` writes this file;
 * tools/documents/c-tables.ts contains the sources.
 */
#ifndef ONESCAN_TABLES_H
#define ONESCAN_TABLES_H

/*
 * The exit codes of qmail-queue(8) that these programs choose themselves. qmail-smtpd decides by the
 * number alone.
 */
enum exit_code {
${entries(withMeanings(exitCodes))}
};

/* The codes that only an answer of onescand names. */
enum answer_code {
${entries(withMeanings(Object.fromEntries(onlyAnswered)))}
};

/* All codes that an answer may name, onescan-queue(8). For 0 there is a rule of its own. */
static const unsigned char allowed_codes[] = {
${Object.keys(answerCodes)
  .map((name) => `  ${name},`)
  .join('\n')}
};

/* The types of the frames that are exchanged with onescand; slot-protocol.md. */
enum frame_type {
${letters('FRAME', frameType)}
};

/* The types of the fields of an answer. */
enum field_type {
${letters('FIELD', fieldType)}
};

/* Limits in bytes; slot-protocol.md and onescanc(8) have them, too. */
enum {
${entries(limits)}
};

/* Settings that are numbers: what they are if they are unset, and their ranges. */
enum {
${numbers.map(numberSetting).join('\n')}
};

${Object.entries(texts)
  .map(([name, text]) => `#define ${name} "${text}"`)
  .join('\n')}

/* The variables of onescan-settings(5) that onescand may want to know, in the order of the table. */
static const char *const sent_to_onescand[] = {
${list(passed)}
};

/* Variables that begin so, with their \`=\`, are hidden from the next program. */
static const char *const hidden_from_next_program[] = {
${list(HIDDEN_FROM_NEXT_PROGRAM)}
};

/* The same for the standalone program. */
static const char *const hidden_from_standalone[] = {
${list(HIDDEN_FROM_STANDALONE)}
};

#endif
`
}

function letters(prefix: string, types: Readonly<Record<string, string>>): string {
  return Object.entries(types)
    .map(([name, letter]) => `  ${prefix}_${constantCase(name)} = '${letter}',`)
    .join('\n')
}

function codesNamed(
  ...codes: readonly (keyof typeof slotExit)[]
): Readonly<Record<string, number>> {
  return Object.fromEntries(codes.map((code) => [`EXIT_${constantCase(code)}`, slotExit[code]]))
}

/** Returns `takesReply` as `TAKES_REPLY`. */
function constantCase(name: string): string {
  return name.replace(/[A-Z]/g, '_$&').toUpperCase()
}

function withMeanings(codes: Readonly<Record<string, number>>): EnumEntry[] {
  return Object.entries(codes).map(([name, code]) => [name, code, exitMeanings[code]!])
}

function entries(values: readonly EnumEntry[]): string {
  return values.map(([name, value, meaning]) => `  ${name} = ${value}, /* ${meaning} */`).join('\n')
}

function numberSetting(name: (typeof numbers)[number]): string {
  const { default: unset, min, max, unit } = settingTable[name]
  const about = unit === '' ? '' : ` /* ${unit} */`
  const byDefault = unset === undefined ? '' : `${name}_DEFAULT = ${unset}, `
  return `  ${byDefault}${name}_MIN = ${min}, ${name}_MAX = ${max},${about}`
}

function list(words: readonly string[]): string {
  return [...words.map((word) => `  "${word}",`), '  0,'].join('\n')
}
