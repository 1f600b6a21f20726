import {
  contentForms,
  multipartForms,
  type PartForm,
} from '../../../../../src/mail/mime/covered/tried-forms.ts'
import { firstFields } from '../../../../../src/mail/mime/leaves/mail-starts.ts'
import { mailWith } from '../../../../../src/scanner/readiness/clamd/form-probes.ts'
import { clamdAnswer } from '../../../../programs/servers/clamd.ts'
import type { KnownFile } from './kinds-of-signature.ts'

/** A mail with a known file in a part of a form, as it was scanned as a whole. */
export interface FormTrial {
  readonly form: PartForm
  /** The first field of the mail, or undefined if that is our own line. */
  readonly below: string | undefined
  readonly isFound: boolean
}

/** Whether this clamd finds a file that is scanned by itself. */
export async function findsAlone(socket: string, { bytes }: KnownFile): Promise<boolean> {
  return (await clamdAnswer(socket, bytes)).answer === 'infected'
}

/** Scans a file in each form of its type, below our line and below one of the first fields of mail. */
export async function tryInEachForm(
  socket: string,
  { type, bytes }: KnownFile,
): Promise<readonly FormTrial[]> {
  const trials: FormTrial[] = []
  const contents = contentForms.filter((form) => form.startsWith(`${type} `))
  for (const [shift, content] of contents.entries()) {
    for (const [at, multiparts] of multipartForms.entries()) {
      const form = { content, multiparts }
      for (const below of [undefined, firstFields[(at + shift) % firstFields.length]!]) {
        const above = below === undefined ? undefined : Buffer.from(`${below}: a\n`)
        const { answer } = await clamdAnswer(socket, mailWith(bytes, form, above))
        trials.push({ form, below, isFound: answer === 'infected' })
      }
    }
  }
  return trials
}
