import { type CheckLine, failure, ok } from '../../../../base/check/check-line.ts'
import { errorText, Fault } from '../../../../base/errors/fault.ts'
import { codeInWords } from '../../../../base/errors/system-error.ts'
import { userName } from '../../../../base/process/passwd.ts'
import { askOnce } from '../../../../base/protocol/connection/ask-once.ts'
import { encodeNegotiation, everyCapability } from '../../../protocol/milter/milter-offer.ts'
import { createPacketReader, packet, strings } from '../../../protocol/milter/packets.ts'
import { cleanMessage } from '../../../readiness/test-mail/eicar-message.ts'
import { nameMail } from './name-mail.ts'

const ADDRESS = 'postmaster@localhost'
/** Milliseconds for the answers of a milter: more than a scan takes by the default of SCANTIMEOUT. */
const TIMEOUT = 180_000
/** Bytes of one answer of a milter. */
const MILTER_ANSWER_MAX = 64 * 1024

/**
 * Sends a clean message to a door of onescand on this host, milter:PATH or smtp:PORT, as a mail server of this
 * account does, and reports whether it is accepted. Throws a Fault of kind `config` for another address.
 */
export async function* checkInterface(address: string): AsyncGenerator<CheckLine> {
  const [, path, port] = /^(?:milter:(\/.+)|smtp:(\d+))$/.exec(address) ?? []
  if (!path && !port) throw new Fault('config', `--interface ${address}: must be milter:PATH or smtp:PORT, such as milter:/run/onescan/milter.sock`) // biome-ignore format: a line
  const { message } = nameMail(cleanMessage, ADDRESS)
  const answer = await (path ? askMilter(path, message).catch(errorText) : sendBySmtp(Number(port), message)) // biome-ignore format: a line
  if (answer === undefined) return yield ok(address, 'accepts a clean message')
  const account = userName(process.getuid!()) ?? 'this user'
  const remedy = answer.includes(codeInWords('EACCES'))
    ? `add --user ACCOUNT with the account of the mail server; if that is ${account}, set SocketGroup= in the unit of the socket, or --group of onescand, to its group`
    : 'run onescan check --daemon'
  yield failure(address, `does not accept mail from ${account}: ${answer}`, remedy)
}

async function sendBySmtp(port: number, message: Buffer): Promise<string | undefined> {
  const { sendMail } = await import('./send-mail.ts')
  const { kind, text } = await sendMail({ port, security: 'none' }, message, ADDRESS)
  return kind === 'accepted' ? undefined : text
}

/** Has a milter judge a message of a local program, as libmilter's mfdef.h has it. Resolves to why it is not accepted. */
async function askMilter(path: string, message: Buffer): Promise<string | undefined> {
  const [header = '', body = ''] = message.toString('latin1').split(/\n\n(.*)/s)
  const fields = header.split('\n').map((line) => line.split(/: (.*)/s).slice(0, 2))
  const commands = [
    encodeNegotiation({ ...everyCapability, steps: 0 }), // each command is answered
    packet('C', strings('localhost'), Buffer.from('4\0\0'), strings('127.0.0.1')),
    ...[packet('H', strings('localhost')), packet('M', strings('<>'))],
    ...[packet('R', strings(`<${ADDRESS}>`)), packet('T')],
    ...[...fields.map((field) => packet('L', strings(...field))), packet('N')],
    ...[packet('B', Buffer.from(body.replaceAll('\n', '\r\n'), 'latin1')), packet('E')],
  ]
  const reader = createPacketReader(() => MILTER_ANSWER_MAX)
  let left = commands.length
  const read = (chunk: Buffer): { reason?: string } | undefined => {
    reader.push(chunk)
    for (let answer = reader.next(); answer !== undefined; answer = reader.next()) {
      const { type, payload } = answer
      if (/[rtdy]/.test(type))
        return { reason: payload.toString('latin1').slice(0, -1) || 'deferred' }
      if (type === 'a' || (/[Oc]/.test(type) && --left === 0)) return {}
    }
    return undefined
  }
  const answer = await askOnce({ path }, Buffer.concat(commands), read, TIMEOUT)
  return answer === undefined ? 'it closes the connection' : answer.reason
}
