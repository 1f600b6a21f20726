import type { Case } from '../case.ts'
import { grown } from './grown.ts'
import { kept, keptEncrypted, keptMail } from './kept.ts'
import { made } from './made.ts'

export interface OrdinaryMail {
  /** What it is, and which program made it. */
  readonly what: string
  readonly message: () => Buffer
  /** Whether something in it is encrypted. */
  readonly isEncrypted: boolean
  /** Whether it was made for its size. */
  readonly isForSize: boolean
}

export const ordinaryMails: readonly OrdinaryMail[] = [
  ...fromTable(kept, false),
  ...fromTable(keptEncrypted, true),
  ...Object.entries(grown).map(([what, mail]) => {
    const message = () => Buffer.from(mail(), 'latin1')
    return { what, message, isEncrypted: false, isForSize: false }
  }),
  ...Object.entries(made).map(([what, message]) => {
    return { what, message, isEncrypted: false, isForSize: true }
  }),
]

function fromTable(table: typeof kept, isEncrypted: boolean): OrdinaryMail[] {
  return Object.entries(table).map(([name, [what]]) => {
    const message = () => Buffer.from(keptMail(name), 'latin1')
    return { what, message, isEncrypted, isForSize: false }
  })
}

/**
 * What every door does with it by default: a real clamd at this address scans it, it is called clean, and
 * nothing about it is odd. If something in it is encrypted, it is delivered without such a field.
 */
export function ordinaryCase({ what, message, isEncrypted }: OrdinaryMail, clamd: string): Case {
  return {
    name: `${what} is delivered${isEncrypted ? '' : ' as clean'}`,
    message,
    settings: () => ({ QHPSI: 'plugin: clamd', CLAMD: clamd }),
    expect: {
      outcome: 'delivered',
      xQhpsi: isEncrypted ? null : 'clean',
      log: isEncrypted
        ? /^onescan: decision=accept scan=skipped .*\bodd=encrypted(?: .*)?\n$/
        : /^onescan: decision=accept scan=clean (?!.*\bodd=).*\n$/,
    },
  }
}
