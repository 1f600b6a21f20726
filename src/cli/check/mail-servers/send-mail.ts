import { randomUUID } from 'node:crypto'
import {
  callNextServer,
  type NextServer,
  type NextServerTimeouts,
} from '../../../doors/smtp/next-server/next-server.ts'
import type { RawReply } from '../../../doors/smtp/wire/replies.ts'
import { errorText } from '../../../ground/errors/fault.ts'
import { error, type Finding, ok, warning } from '../../../ground/errors/finding.ts'
import type { Values } from '../../../ground/settings/read.ts'
import type { treatment } from '../../../ground/settings/table/scanning.ts'
import { cleanMessage, eicarMessage } from '../../../scan/eicar/eicar-message.ts'

/** Milliseconds for each step: a greeting may be delayed, and mail is scanned at its end. */
const WITHIN = 60_000
const SCAN_WITHIN = 330_000
const patience: NextServerTimeouts = {
  connection: WITHIN,
  command: WITHIN,
  data: WITHIN,
  block: WITHIN,
  end: SCAN_WITHIN,
}
/** Where mail servers of this host take mail from clients, RFC 6409. */
const PORTS = [25, 587] as const
const HOST = '127.0.0.1'
/** The value of REJECTVIRUS that refuses infected mail. */
const REFUSES = '1'

/** What the settings of onescand do with infected mail: REJECTVIRUS. */
export type InfectedAction = Values<typeof treatment>['REJECTVIRUS']

/** Where and to whom mail is sent. */
interface MailTarget {
  readonly address: string
  readonly port: number
  /** Whether the port is that of mail from other hosts, and not that of submission. */
  readonly isMain: boolean
}

/**
 * Sends one clean mail and the EICAR test file to `address`, through the ports at which the mail
 * server of this host takes mail, and tells by its answers what became of them. Both come from the
 * empty sender, so that no server returns them to anybody. `action` is what onescand should do with
 * the second one, if that is known.
 */
export async function checkMailPorts(
  address: string,
  action: InfectedAction | undefined,
  ports: readonly number[] = PORTS,
): Promise<Finding[]> {
  if (!/^[!-;=?-~]+@[!-;=?-~]+$/.test(address)) {
    return [error('--mail', `${address}: is not an address`, 'give it as user@example.org')]
  }
  const findings: Finding[] = []
  for (const [index, port] of ports.entries()) {
    findings.push(...(await checkPort({ address, port, isMain: index === 0 }, action)))
  }
  return findings
}

async function checkPort(
  target: MailTarget,
  action: InfectedAction | undefined,
): Promise<Finding[]> {
  const { address, port, isMain } = target
  const what = `port ${port}`
  const clean = await send(cleanMessage, target)
  const { step, kind, text, subject } = clean
  if (step === 'connect') {
    if (isMain) return [error(what, text, 'start the mail server')]
    return [ok(what, `nobody takes mail there: ${text}`)]
  }
  if (step === 'recipient' || (step === 'sender' && kind === 'refused')) {
    const value = `takes no mail for ${address} from this host: ${text}`
    if (!isMain) return [ok(what, `${value}; it was not tried`)]
    return [warning(what, value, 'name an address whose mail this server takes')]
  }
  if (kind !== 'taken') {
    const value = `is not taken: ${text}`
    return [error(`${what}, clean mail`, value, 'see the log of the mail server, and onescan log')]
  }
  const value = `is taken; ${address} gets it with "X-QHPSI: clean" (Subject: ${subject})`
  const infected = await send(eicarMessage, target)
  return [ok(`${what}, clean mail`, value), judgeEicar(target, infected, action)]
}

function judgeEicar(
  { address, port }: MailTarget,
  { kind, text, subject }: SentMail,
  action: InfectedAction | undefined,
): Finding {
  const what = `port ${port}, EICAR`
  if (kind === 'refused') return ok(what, `is refused: ${text}`)
  if (kind === 'deferred') {
    const remedy = 'see the log of the mail server, and onescan log; with qmail, ERROR_FD'
    return error(what, `is deferred: ${text}`, remedy)
  }
  const value = `is taken: ${text}`
  const comes = `${address} gets it (Subject: ${subject})`
  switch (action) {
    case 'reject': {
      const remedy = `see which way the mail server leads mail around onescan; ${comes}`
      return error(what, `${value}, although REJECTVIRUS=${REFUSES} refuses it`, remedy)
    }
    case 'drop':
      return ok(what, `${value}; as REJECTVIRUS has it, it does not come`)
    case 'tag':
      return ok(what, `${value}; ${comes} with "X-QHPSI: virus found", or where settings lead it`)
    case undefined: {
      const remedy = `see that ${address} does not get it without "X-QHPSI: virus found" (Subject: ${subject})`
      return warning(what, value, remedy)
    }
  }
}

interface SentMail {
  readonly kind: 'taken' | 'refused' | 'deferred'
  /** How far the conversation came. */
  readonly step: 'connect' | 'sender' | 'recipient' | 'content'
  /** The server's answer in one line, or why there is none. */
  readonly text: string
  readonly subject: string
}

async function send(message: Buffer, { address, port }: MailTarget): Promise<SentMail> {
  const subject = `onescan check ${randomUUID().slice(0, 8)}`
  let step: SentMail['step'] = 'connect'
  let server: NextServer | undefined
  const answered = (reply: RawReply): SentMail => {
    const kind = reply.code < 400 ? 'taken' : reply.code < 500 ? 'deferred' : 'refused'
    const text = reply.bytes.toString('latin1').trim().replace(/\s+/g, ' ')
    return { kind, step, text, subject }
  }
  try {
    server = await callNextServer(
      { text: `${HOST}:${port}`, options: { host: HOST, port } },
      patience,
    )
    step = 'sender'
    for (const line of ['EHLO localhost', 'MAIL FROM:<>', `RCPT TO:<${address}>`]) {
      if (line.startsWith('RCPT')) step = 'recipient'
      const reply = await server.ask(line)
      if (reply.code >= 300) return answered(reply)
    }
    const ready = await server.startData()
    if (ready.code !== 354) return answered(ready)
    step = 'content'
    return answered(await server.endData([content(message, address, subject)]))
  } catch (thrown) {
    const text = errorText(thrown).replace(/^next server \S+: /, '')
    return { kind: 'deferred', step, text, subject }
  } finally {
    await server?.ask('QUIT', 1000).catch(() => {})
    server?.close()
  }
}

/** The message as SMTP has it, RFC 5321 4.5.2, with a subject and an id of its own. */
function content(message: Buffer, address: string, subject: string): Buffer {
  const text = message
    .toString('latin1')
    .replace(/^To: .*$/m, `To: ${address}`)
    .replace(/^Subject: .*$/m, `Subject: ${subject}`)
    .replace(/^Message-ID: .*$/m, `Message-ID: <${randomUUID()}@onescan.invalid>`)
    .replace(/^Date: .*$/m, `Date: ${new Date().toUTCString().replace('GMT', '+0000')}`)
  return Buffer.from(`${text.replace(/^\./gm, '..').replaceAll('\n', '\r\n')}.\r\n`, 'latin1')
}
