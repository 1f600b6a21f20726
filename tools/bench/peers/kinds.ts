import { pdf } from '../clamd/files.ts'
import { makeAlternative, makeAttached, makeBundle, makeText } from '../letters.ts'
import type { Mail } from '../ordinary/mails.ts'

/** A kind of mail that people send. Every call makes another one, so that no clamd has seen its bytes. */
interface MailKind {
  readonly name: string
  readonly make: (serial: number) => string
  /** The share of the mails of other kinds that are sent, where one takes long: 1 by default. */
  readonly share?: number
}

const KB = 1024

export const MAIL_KINDS: readonly MailKind[] = [
  { name: 'letter, 4 KB', make: (n) => makeText(n, 4 * KB) },
  { name: 'newsletter of text and HTML, 60 KB', make: (n) => makeAlternative(n, 60 * KB) },
  {
    name: 'letter with a PDF of 100 KB',
    make: (n) => makeAttached(n, 'figures.pdf', pdf(100 * KB, n)),
  },
  { name: 'bundle of 20 forwards, 125 KB', make: (n) => makeBundle(n, 20) },
  {
    name: 'letter with a PDF of 5 MB',
    make: (n) => makeAttached(n, 'figures.pdf', pdf(5 * KB * KB, n)),
    share: 0.2,
  },
]

/** So many mails of the kind, each made when it is read. */
export function mailsOfKind({ name, make }: MailKind, count: number): readonly Mail[] {
  return Array.from({ length: count }, (_, serial) => ({
    name: `${name}, ${serial}`,
    size: make(serial).length,
    read: () => Buffer.from(make(serial), 'latin1'),
  }))
}
