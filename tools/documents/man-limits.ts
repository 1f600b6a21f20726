import { ADDRESS_MAX, ENVELOPE_MAX } from '../../src/mail/message/envelope.ts'
import { MEMORY_FILE_MAX } from '../../src/mail/message/gathered-file.ts'
import { HEADER_FIELDS_MAX, HEADER_MAX } from '../../src/mail/message/header-block.ts'
import { limits } from '../../src/mail/mime/budget/limits.ts'
import { WRITTEN_MAX } from '../../src/mail/mime/headers/name-words.ts'
import { DISK_BEYOND_MAX } from '../../src/mail/mime/storage/memory-pool.ts'
import { RULES_MAX } from '../../src/scanner/scan/rules/parse-rules.ts'
import { standardLimits } from '../../src/scanner/scan/scanners/file-plugin/file-plugin.ts'
import { RENEWED_AFTER_SECONDS } from '../../src/scanner/scan/scanners/file-plugin/protocol.ts'
import { figure } from './source-files.ts'

/**
 * The limits that man pages name, from the constants of the program. Where a constant is its file's
 * own, the number stands here, and limits.test.ts holds it against what the program does.
 */

/** What is limited, and how: two cells of mdoc(7). */
export type Limit = readonly [what: string, limit: string]

export const count = (number: number) => number.toLocaleString('en')
export const bytes = (number: number) => `${count(number)} bytes`
export const kib = (number: number) => `${count(number / 1024)} KiB`
export const mib = (number: number) => `${count(number / 1024 / 1024)} MiB`
export const seconds = (milliseconds: number) => `${count(milliseconds / 1000)} seconds`

/** Of a message, its reply and its log line. */
export const messageLimits: readonly Limit[] = [
  ['address in the envelope', bytes(ADDRESS_MAX)],
  ['envelope', mib(ENVELOPE_MAX)],
  ['recipients', 'any number that fits into the envelope'],
  ['message', 'any size'],
  ['header block in which fields are removed', mib(HEADER_MAX)],
  ['fields in that block', count(HEADER_FIELDS_MAX)],
  ['fields removed from a header', '16'],
  ['reply text', '255 bytes'],
  ['log line', '4,096 bytes'],
  ['value in a log line', '400 characters'],
  ['X-Quarantine-ID', '8 KiB'],
  ['record of a message in quarantine', mib(figure('RECORD_MAX'))],
  ['output of a command searched for a name', '64 KiB'],
  ['standard error of a scanner in the log', '64 KiB'],
]

/** Of the second look, as far as mail may reach them. */
export const mailLimits: readonly Limit[] = [
  ['messages, or multiparts of a message, inside one another', count(limits.nesting)],
  ['parts of a message', count(limits.parts)],
  [
    'files and texts in a message',
    `${count(limits.contentsOfSmall)} plus one for each ${bytes(limits.bytesOfContent)} of it above ${kib(limits.smallMessage)}, but no more than ${count(limits.contents)}; ${count(limits.contentsOfMessage)} more for each message inside, up to ${count(limits.contentsOfBundle)}`,
  ],
  [
    'bytes decoded, each way of decoding counted',
    `${mib(limits.smallBytes.plus)} plus ${limits.smallBytes.perByte} times the message size, but no more than ${mib(limits.bytes.plus)} plus ${limits.bytes.perByte} times that size`,
  ],
  ['temporary files of a process', mib(figure('DISK_MAX'))],
]

/** Of the second look, as far as only mail that is made for it reaches them. */
export const contentLimits: readonly Limit[] = [
  ['blocks of encoded data in one text', count(limits.blocks)],
  ['encoded messages in one another', count(limits.encodedMessages)],
  [
    'work, a byte inspected counted once',
    `${mib(limits.smallWork.plus)} plus ${count(limits.smallWork.perByte)} times the message size, but no more than ${mib(limits.work.plus)} plus ${limits.work.perByte} times the limit of bytes decoded`,
  ],
  [
    'temporary files of a process, after the sizes of its messages are subtracted (`onescan-settings(5)` has the limit for all)',
    mib(DISK_BEYOND_MAX),
  ],
  ['multiparts and messages inside one another, counted together', count(limits.entities)],
  ['fields about content of a header, together', kib(limits.fieldCharacters)],
  [
    'encoded words of a header',
    `${count(figure('ENCODED_WORDS_MAX'))}, in fields of ${kib(figure('ENCODED_FIELDS_MAX'))}`,
  ],
  [
    'character sets that a header names',
    `${count(limits.charsets)}, in ${count(limits.charsetParameters)} parameters`,
  ],
  ['memory for files and texts', mib(figure('MEMORY_MAX'))],
  ['file names of a field', count(figure('FIELD_NAMES_MAX'))],
  ['file name', `${count(figure('FILE_NAME_MAX'))} characters, written in ${count(WRITTEN_MAX)}`],
]

export const clamdLimits: readonly Limit[] = [
  ['content for clamd in memory, by onescand', mib(MEMORY_FILE_MAX)],
  ['the same before clamd passed the test', mib(figure('SMALL_DESCRIPTOR_MAX'))],
  ['connection over TCP', '5 seconds'],
  ['servers that may break one scan', '2'],
  ['reply of clamd', kib(figure('CLAMD_REPLY_MAX'))],
]

export const policyLimits: readonly Limit[] = [
  ['file', mib(RULES_MAX)],
  ['line, with those that go on with it', bytes(figure('RULE_LINE_MAX'))],
  ['different settings of a file', count(figure('SETTINGS_MAX'))],
]

export const pluginLimits: readonly Limit[] = [
  ['processes of a plugin, in each process of onescand', count(standardLimits.most)],
  ['messages after which a process is replaced', count(standardLimits.messages)],
  ['CPU time after which a process is replaced', seconds(RENEWED_AFTER_SECONDS * 1000)],
  ['idle time after which a process exits', seconds(standardLimits.idle)],
  ['time to finish outstanding work after the answer', `${standardLimits.settle} milliseconds`],
]
