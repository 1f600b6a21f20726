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
  ['recipients and incomplete packets of all messages', '`--memory`, else deferred'],
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
  ['silence of a client', `${seconds(smtp.silence)}, then 421`],
  ['line of a reply of the next server', `${bytes(REPLY_LINE_MAX)}, else it is lost`],
  ['whole reply', `${kib(figure('REPLY_MAX'))}, else it is lost`],
  ['its answer to QUIT', `${seconds(next.quit)}, then 221 and closed`],
  ['a block of content', `${seconds(next.block)}, then it is lost`],
  [
    "the next server's answers to the content in LMTP, all together",
    `${seconds(next.end)}, then it is lost`,
  ],
]
