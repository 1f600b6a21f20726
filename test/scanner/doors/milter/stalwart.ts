import { isUtf8 } from 'node:buffer'
import { bytes } from '../../../cases/case.ts'
import { type Line, macros, negotiate, type Offer, packets } from './mta.ts'
import type { Delivery } from './submit.ts'

/**
 * Stalwart 0.16 as a client of milters, written by hand from its sources: what it sends, which answers it waits
 * for, and what it makes of the edits.
 */

/** What it offers if nothing else is set. */
export const stalwartOffer: Offer = { version: 6, actions: 0xff, steps: 0x42 }

const CHUNK = 65_535

export interface StalwartMail {
  /** As it came by SMTP, in CRLF; LF is made CRLF. */
  readonly message: Buffer
  readonly sender?: string
  readonly recipients?: readonly string[]
  readonly authenticated?: string
  readonly chunk?: number
  /** An end of header is sent though it was agreed to be left out. A version that does not is imaginable. */
  readonly keepsAgreement?: boolean
}

const clientMacros = {
  '{daemon_name}': 'Stalwart',
  j: 'mail.example.org',
  '{client_addr}': '192.0.2.7',
  '{client_port}': '1025',
  '{client_ptr}': 'client.example.org',
}

interface Field {
  readonly name: string
  readonly value: string
}

/** Sends one message on a connection on which nothing was sent yet. */
export async function submitAsStalwart(
  line: Line,
  mail: StalwartMail,
  offer: Offer = stalwartOffer,
): Promise<Delivery> {
  const { sender = 'a@example.org', recipients = ['b@example.org'], chunk = CHUNK } = mail
  const text = mail.message.toString('latin1').replace(/\r?\n/g, '\r\n')
  const fields = fieldsIn(headerOf(text))
  const agreed = await negotiate(line, offer)
  const delivery = { reply: '', message: Buffer.alloc(0), recipients: [], held: '', refusals: [] }

  /** Waits for an answer; resolves to what the client gets if it is not "go on". */
  const ask = async (packet: Buffer): Promise<Delivery | undefined> => {
    line.write(packet)
    const answer = await line.hear()
    if (answer === undefined) throw new Error('the filter has left')
    const reply = answer.data.toString('latin1').slice(0, -1)
    if (answer.command === 'c' || answer.command === 'a') return undefined
    if (answer.command === 't') return { ...delivery, outcome: 'deferred' }
    if (answer.command !== 'y') throw new Error(`answered by ${answer.command}`)
    return { ...delivery, outcome: reply.startsWith('5') ? 'refused' : 'deferred', reply }
  }
  const login = mail.authenticated === undefined ? {} : { '{auth_authen}': mail.authenticated }
  const envelope: (readonly [packet: Buffer, macros?: Readonly<Record<string, string>>])[] = [
    [packets.connect(), clientMacros],
    [packets.helo, { '{cipher}': '', '{tls_version}': '' }],
    [packets.mail(sender), { '{mail_addr}': sender, ...login }],
    ...recipients.map((to) => [packets.recipient(to), { '{rcpt_addr}': to }] as const),
    [packets.data],
  ]
  for (const { name, value } of fields) {
    const sent = [name, value].map((part) => {
      const raw = bytes(part)
      return isUtf8(raw) ? Buffer.from(raw.toString().trim()) : Buffer.alloc(0)
    })
    const content = Buffer.concat(sent.flatMap((part) => [part, Buffer.alloc(1)]))
    envelope.push([packetOf('L', content)])
  }
  if (!mail.keepsAgreement) envelope.push([packets.endOfHeader])
  for (let at = 0; at < text.length; at += chunk)
    envelope.push([packets.body(text.slice(at, at + chunk))])
  for (const [packet, values] of envelope) {
    if (values !== undefined) line.write(macros(String.fromCharCode(packet[4]!), values))
    const ended = await ask(packet)
    if (ended !== undefined) return ended
  }
  if (agreed.steps & ~offer.steps) throw new Error('a step that was not offered')
  return { ...delivery, ...(await end(line, text, recipients)) }
}

type Change = { readonly add: Field } | { readonly remove: string; readonly index: number }

/**
 * What goes out. Fields that are only added are above the message as it came, in their order. With any other
 * change the header is written again, from what counts as a field.
 */
function edited(text: string, fields: readonly Field[], changes: readonly Change[]): string {
  const written = ({ name, value }: Field) => `${name}:${/^\s/.test(value) ? '' : ' '}${value}\r\n`
  if (changes.every((change) => 'add' in change)) {
    return changes.map(({ add }) => `${add.name}: ${add.value}\r\n`).join('') + text
  }
  let list = fields
  for (const change of changes) {
    if ('add' in change) list = [change.add, ...list]
    else {
      let left = change.index
      const isSame = ({ name }: Field) => name.toLowerCase() === change.remove.toLowerCase()
      list = list.filter((field) => !isSame(field) || --left !== 0)
    }
  }
  return list.map(written).join('') + text.slice(headerOf(text).length)
}

/** Ends the message, and carries out the edits. */
async function end(
  line: Line,
  text: string,
  recipients: readonly string[],
): Promise<Pick<Delivery, 'outcome' | 'reply' | 'message' | 'recipients'>> {
  const changes: Change[] = []
  let to = recipients
  line.write(packets.end)
  for (;;) {
    const answer = await line.hear()
    if (answer === undefined) throw new Error('the filter left without an answer')
    const { command, data } = answer
    const payload = data.toString('latin1')
    const ended = (outcome: Delivery['outcome'], reply = '') => ({
      outcome,
      reply,
      message: bytes(edited(text, fieldsIn(headerOf(text)), changes)),
      recipients: to,
    })
    switch (command) {
      case 'h': {
        const [name = '', value = ''] = payload.split('\0')
        if (/(?<!\r)\n/.test(value)) throw new Error('a bare LF goes out')
        changes.push({ add: { name, value } })
        break
      }
      case 'm': {
        const [name = '', value = ''] = payload.slice(4).split('\0')
        if (value !== '') throw new Error('a field is changed')
        changes.push({ remove: name, index: data.readUInt32BE() })
        break
      }
      case '+':
        to = [...to, bare(payload)]
        break
      case '-':
        to = to.filter((recipient) => recipient !== bare(payload))
        break
      case 'a':
      case 'c':
        return ended('delivered')
      case 'd':
        return ended('dropped')
      case 't':
        return ended('deferred')
      case 'y':
        return ended(payload.startsWith('5') ? 'refused' : 'deferred', payload.slice(0, -1))
      default:
        throw new Error(`an answer of ${JSON.stringify(command)}`)
    }
  }
}

const bare = (path: string): string => path.replace(/^<(.*)>\0$/s, '$1')

/** The lines up to the first empty one. */
const headerOf = (text: string): string => /^(?:[^\r\n][^\n]*(?:\n|$))*/.exec(text)![0]

function fieldsIn(header: string): Field[] {
  return [...header.matchAll(/^([^:\r\n]*):(.*?)(?:\r\n(?![ \t])|$(?![\s\S]))/gms)].map(
    ([, name, value]) => ({
      name: name!,
      value: value!,
    }),
  )
}

/** A packet of any bytes, NULs among them. */
function packetOf(command: string, data: Buffer): Buffer {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(1 + data.length)
  return Buffer.concat([length, Buffer.from(command), data])
}
