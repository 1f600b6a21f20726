import { milterTimeouts as milter } from '../../src/scanner/doors/milter/milter-services.ts'
import { PACKET_MAX, SMALL_PACKET_MAX } from '../../src/scanner/doors/milter/mta-packets.ts'
import { smtpTimeouts as smtp } from '../../src/scanner/doors/smtp/client/smtp-connection.ts'
import { defaultNextServerTimeouts as next } from '../../src/scanner/doors/smtp/next-server/next-server.ts'
import { MACROS_MAX } from '../../src/scanner/protocol/milter/macros.ts'
import { COMMAND_MAX } from '../../src/scanner/protocol/smtp/smtp-commands.ts'
import { REPLY_LINE_MAX } from '../../src/scanner/protocol/smtp/smtp-replies.ts'
import { readMarkdown, withRows } from '../../test/documents/markdown-page.ts'
import {
  bytes,
  clamdLimits,
  contentLimits,
  count,
  kib,
  type Limit,
  messageLimits,
  mib,
  pluginLimits,
  policyLimits,
  seconds,
} from './man-limits.ts'
import { figure } from './source-files.ts'

/** The page about limits that administrators rarely reach. */
export const PROTOCOL_LIMITS = 'doc/development/limits.md'

/** The page with its tables as the code has them. */
export function protocolLimitsPage(): string {
  const tables: readonly (readonly [heading: string, rows: readonly Limit[]])[] = [
    ['## Messages', messageLimits],
    ['## The second look', contentLimits],
    ['## Rules', policyLimits],
    ['## ClamAV', clamdLimits],
    ['## Plugins', pluginLimits],
    ['## Milter', milterLimits],
    ['## SMTP', smtpLimits],
  ]
  return tables.reduce((page, [heading, rows]) => withRows(page, heading, rows), readMarkdown(PROTOCOL_LIMITS)) // biome-ignore format: a line
}

const milterLimits: readonly Limit[] = [
  ['packet of the protocol', `${kib(PACKET_MAX)}, else closed`],
  ['packet with neither field nor body', `${kib(SMALL_PACKET_MAX - 1)}, else closed`],
  ['macros before a command', `${kib(MACROS_MAX)}, else closed`],
  ['time to negotiate', `${seconds(milter.negotiation)}, else closed`],
  ['paths of all recipients together', `${mib(figure('PATHS_MAX'))}, else deferred`],
  ['those of all messages at once', '`--memory`, else deferred'],
  ['the same, with incomplete packets', '`--memory`, else deferred'],
  [
    'connections of one process',
    `${count(figure('CONNECTIONS_MAX', 'scanner/serving/serve.ts'))} MTAs, else the new one waits`,
  ],
  ['silence within a packet or content', `${seconds(milter.stalled)}, then deferred and closed`],
  ['silence otherwise', `${seconds(milter.idle)}, then deferred and closed`],
]

const smtpLimits: readonly Limit[] = [
  [
    'command line',
    `${bytes(COMMAND_MAX)}, else 500. Without a line end the connection is closed at ${kib(figure('UNENDED_MAX'))}`,
  ],
  [
    'commands after a message',
    `${kib(figure('WAITING_MAX', 'scanner/doors/smtp/client/smtp-connection.ts'))} until it is answered, else 421`,
  ],
  ['paths of all recipients together', `${mib(figure('PATHS_MAX'))}, else 452 4.3.2 for one more`],
  ['memory of all sessions', '`--memory`, else 451 or 452'],
  ['sessions of one process', '`--max-clients`'],
  ['silence of a client', `${seconds(smtp.silence)}, then 421`],
  ['time for a command line', `${seconds(smtp.command)}, then 421`],
  ['time for the content', `${seconds(smtp.content)}, then 421`],
  ['line of a reply', `${bytes(REPLY_LINE_MAX)}, else the next server is lost`],
  ['whole reply', `${kib(figure('REPLY_MAX'))}, else it is lost`],
  ['connecting to the next server', `${seconds(next.connection)}, then it is lost`],
  ['its answer to a command', `${seconds(next.command)}, then it is lost`],
  ['its answer to QUIT', `${seconds(next.quit)}, then 221 and closed`],
  ['its answer to DATA', `${seconds(next.data)}, then it is lost`],
  ['a block of content', `${seconds(next.block)}, then it is lost`],
  [
    'its answer to the content',
    `${seconds(next.end)}, then it is lost. In LMTP this is the time for all answers`,
  ],
]
