import { ourFields, stampsOf, withoutOurFields } from './our-fields.ts'
import { type Passage, recipients, sender } from './passage.ts'

/** What a host must do with a message. */
export interface Expectation {
  readonly scan: 'clean' | 'trusted' | 'infected'
  /** Id of the key that must have covered a trusted message. */
  readonly key?: string
  /** A part of the reason in the log why no stamp was believed. */
  readonly because?: string
  /** What must have come into the Maildir, or the refusal that the client must see. */
  readonly outcome:
    | {
        readonly tag: 'clean' | 'virus found'
        /** Key ids of all stamps, from the top down; they are numbered from the lowest up. */
        readonly stamps: readonly string[]
      }
    | { readonly refusal: (virus: string) => string }
}

/** One line for each difference; none where the host did what it must. */
export function check(passage: Passage, expected: Expectation): string[] {
  const { log } = passage
  const problems: string[] = []
  const same = (what: string, is: unknown, should: unknown) => {
    if (is !== should) problems.push(`${what} is ${is ?? 'missing'}, should be ${should}`)
  }
  same('scan in the log', log.get('scan'), expected.scan)
  if (expected.key !== undefined) same('key in the log', log.get('key'), expected.key)
  if (expected.because && !log.get('reason')?.includes(expected.because)) {
    same('reason in the log', log.get('reason'), `"${expected.because}"`)
  }
  if ('refusal' in expected.outcome) {
    same('reply', passage.reply, expected.outcome.refusal(log.get('virus') ?? '?'))
    if (passage.delivery) problems.push('a refused message came into the Maildir')
  } else {
    if (!/^250 ok \d+ qp \d+$/.test(passage.reply)) same('reply', passage.reply, '250 ok')
    problems.push(...deliveryProblems(passage, expected.outcome))
  }
  return problems
}

function deliveryProblems(
  { delivery, sent }: Passage,
  expected: { readonly tag: string; readonly stamps: readonly string[] },
): string[] {
  if (!delivery) return ['nothing came into the Maildir']
  const problems: string[] = []
  const tags = ourFields(delivery.message).filter((field) => /^x-qhpsi/i.test(field))
  if (tags.join() !== `X-QHPSI: ${expected.tag}`) {
    problems.push(`tags are [${tags}], should be X-QHPSI: ${expected.tag}`)
  }
  const { stamps } = expected
  const numbered = stamps.map((key, index) => `${stamps.length - index} by ${key}`)
  const found = stampsOf(delivery.message).map(({ number, key }) => `${number} by ${key}`)
  if (found.join() !== numbered.join()) {
    problems.push(`stamps are [${found}], should be [${numbered}]`)
  }
  if (!withoutOurFields(delivery.message).equals(withoutOurFields(sent))) {
    problems.push('bytes that are not ours were changed')
  }
  if (delivery.sender !== sender || delivery.recipients.join() !== recipients.join()) {
    problems.push(`envelope is ${delivery.sender} to ${delivery.recipients}`)
  }
  return problems
}
