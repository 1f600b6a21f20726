import { LF } from '../../../base/bytes/ascii.ts'
import { type CheckLine, ok } from '../../../base/check/check-line.ts'
import { Bytes } from '../../../mail/message/bytes.ts'
import {
  contentForms,
  firstFields,
  multipartForms,
  type PartForm,
} from '../../../mail/mime/index.ts'
import type { ClamdServer } from '../../scan/scanners/clamd/clamd-server.ts'
import { TOP_LINE } from '../../scan/scanners/contract/top-line.ts'
import { EICAR } from '../../scan/scanners/eicar/eicar.ts'
import { probeLimitReports } from './limit-probes.ts'

/** A test message, and the name of what it tries. */
interface FormProbe {
  readonly name: string
  readonly form: PartForm
  readonly above?: Buffer
}

/** The form of which a type, a multipart or the first field is tried in another way. */
const TRIED_IN: PartForm = { content: 'file base64', multiparts: 'mixed' }

const formProbes: readonly FormProbe[] = [
  ...contentForms.map((content) => ({ name: content, form: { ...TRIED_IN, content } })),
  ...multipartForms.map((multiparts) => ({
    name: multiparts || 'no multipart',
    form: { ...TRIED_IN, multiparts },
  })),
  ...firstFields.map((field) => ({
    name: `below ${field}`,
    form: TRIED_IN,
    above: Buffer.from(`${field}: onescan\n`),
  })),
]

/**
 * Tests whether clamd extracts the parts of ordinary mail, with a small message for each form and first field that has the
 * test virus in a part. Resolves to the names of those in which clamd missed the virus, or to undefined if it does not
 * answer each of them, as while it loads signatures. It misses all without a signature of the test virus. clamd logs a line
 * FOUND for each other one.
 */
export async function formsMissedBy(
  server: ClamdServer,
  signal: AbortSignal,
): Promise<readonly string[] | undefined> {
  const missed: string[] = []
  for (const { name, form, above } of formProbes) {
    const bytes = Bytes.of(mailWith(Buffer.from(EICAR), form, above))
    const outcome = await server.scan([{ bytes }], { signal, note() {} })
    if (outcome.kind !== 'answered' || outcome.reply.answer === 'unknown') return undefined
    if (outcome.reply.answer !== 'infected') missed.push(name)
  }
  return missed
}

/**
 * Tests, in one conversation, whether a server extracts the parts of ordinary mail. Resolves to what it misses, or to
 * undefined if it does not report what it does not scan to the end, or does not answer.
 */
export async function tryForms(
  clamd: ClamdServer,
  signal: AbortSignal,
): Promise<readonly string[] | undefined> {
  const { reports } = await probeLimitReports(clamd, signal)
  return reports === 'yes' ? await formsMissedBy(clamd, signal) : undefined
}

/** Free space in bytes that clamd needs: about sixty messages with remaining parts may be scanned at once. */
const FREE_SPACE = 8 * 1024 * 1024

/**
 * Submits a stream of FREE_SPACE zeros to a server, which it writes to its TemporaryDirectory. It skips parts of a
 * message that it cannot write, and reports nothing. Resolves to `late` if the server is too busy to answer in
 * time.
 */
export async function probeRoom(
  clamd: ClamdServer,
  signal: AbortSignal,
): Promise<'enough' | 'none' | 'late'> {
  const bytes = Bytes.of(Buffer.alloc(FREE_SPACE))
  const outcome = await clamd.scan([{ bytes }], { signal, note() {} })
  if (outcome.kind === 'answered') return outcome.reply.answer === 'clean' ? 'enough' : 'none'
  const isQueueFull = outcome.kind === 'unreachable' && outcome.state === 'full'
  return outcome.kind === 'timed-out' || isQueueFull ? 'late' : 'none'
}

/** States whether a server scans the parts of ordinary mail with the whole message, or which forms it misses. */
export function describeForms(server: string, missed: readonly string[]): CheckLine {
  const value =
    missed.length === 0
      ? 'scanned with the whole message'
      : `scanned separately: in whole messages clamd did not find the test virus in ${missed.join(', ')}`
  return ok(`clamd ${server} ordinary parts`, value)
}

/** Returns a message, below these lines, in which these bytes are a part of the form. Its lines end in LF. */
export function mailWith(content: Buffer, form: PartForm, above: Buffer = TOP_LINE): Buffer {
  const [type, encoding] = form.content.split(' ')
  const lines = [
    ...(type === 'file'
      ? ['Content-Type: application/octet-stream; name=probe', 'Content-Disposition: attachment']
      : [`Content-Type: ${type}; charset=utf-8`]),
    `Content-Transfer-Encoding: ${encoding === 'identity' ? '8bit' : encoding}`,
  ]
  let entity = Buffer.concat([Buffer.from(`${lines.join('\n')}\n\n`), encode(content, encoding!)])
  const subtypes = form.multiparts === '' ? [] : form.multiparts.split('/')
  for (const [level, subtype] of [...subtypes.entries()].reverse()) {
    const boundary = `level-${level}-of-the-probe`
    const start = `Content-Type: multipart/${subtype}; boundary="${boundary}"\n\n`
    const sibling = `--${boundary}\nContent-Type: text/plain\n\nA part beside it.\n`
    entity = Buffer.concat([
      Buffer.from(`${start}${sibling}--${boundary}\n`),
      entity,
      // A text that is shown ends in the line end before the delimiter.
      Buffer.from(`${entity.at(-1) === LF ? '' : '\n'}--${boundary}--\n`),
    ])
  }
  return Buffer.concat([
    above,
    Buffer.from('Subject: onescan asks what clamd extracts from mail\nMIME-Version: 1.0\n'),
    entity,
  ])
}

function encode(content: Buffer, encoding: string): Buffer {
  if (encoding === 'base64') {
    return Buffer.from(content.toString('base64').replace(/.{76}(?=.)/g, '$&\n'))
  }
  if (encoding === 'identity') return content
  const encoded = content.toString('latin1').replace(/[^\n !-<>-~]|[%=]/g, (character) => {
    const code = character.charCodeAt(0).toString(16).toUpperCase()
    return `=${code.padStart(2, '0')}`
  })
  return Buffer.from(encoded, 'latin1')
}
