import { LF } from '../../../base/bytes/ascii.ts'
import { Bytes } from '../../../mail/message/bytes.ts'
import { TOP_LINE } from '../../../mail/message/message.ts'
import {
  type ContentForm,
  contentForms,
  type FirstField,
  type FormSet,
  firstFields,
  type MultipartForm,
  multipartForms,
  type PartForm,
} from '../../../mail/mime/index.ts'
import type { ClamdServer } from '../../scan/scanners/clamd/clamd-server.ts'
import { EICAR } from '../../scan/scanners/eicar/eicar.ts'

/** The forms by which a type is tried in one multipart, and each multipart and first field with one type. */
const TRIED_IN: MultipartForm = 'mixed'
const TRIED_WITH: ContentForm = 'file base64'

/**
 * Tests what clamd extracts, with a small message for each form and first field that has the test virus in a part.
 * Resolves to those in which clamd found the virus, or to undefined if it does not answer each of them, as
 * while it loads signatures. It finds none without a signature of the test virus. clamd logs a line FOUND for each.
 */
export async function formsFoundBy(
  server: ClamdServer,
  signal: AbortSignal,
): Promise<FormSet | undefined> {
  const finds = async (form: PartForm, above?: Buffer) => {
    const bytes = Bytes.of(mailWith(Buffer.from(EICAR), form, above))
    const outcome = await server.scan([{ bytes }], { signal, note() {} })
    if (outcome.kind !== 'answered' || outcome.reply.answer === 'unknown') throw new NoAnswer()
    return outcome.reply.answer === 'infected'
  }
  try {
    const contents: ContentForm[] = []
    for (const content of contentForms) {
      if (await finds({ content, multiparts: TRIED_IN })) contents.push(content)
    }
    const multiparts: MultipartForm[] = []
    for (const form of multipartForms) {
      if (await finds({ content: TRIED_WITH, multiparts: form })) multiparts.push(form)
    }
    const first: FirstField[] = []
    for (const name of firstFields) {
      const above = Buffer.from(`${name}: onescan\n`)
      if (await finds({ content: TRIED_WITH, multiparts: TRIED_IN }, above)) first.push(name)
    }
    return { firstFields: first, contents, multiparts }
  } catch (error) {
    if (error instanceof NoAnswer) return undefined
    throw error
  }
}

class NoAnswer extends Error {}

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
