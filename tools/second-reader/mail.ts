import { EICAR } from '../../src/scanner/scan/scanners/eicar/eicar.ts'
import type { Mutant } from '../../test/messages/random/mutate.ts'
import { createRandom, type Random } from '../../test/run/random.ts'
import { stamped } from '../../test/scanner/scan/stamps/independently-stamped.ts'
import { bases } from './bases.ts'
import { type Change, changes, endings } from './changes.ts'

/** Pieces that mean something to some reader; a soup of them is a message of no kind. */
const pieces = [
  ...[
    'X-QHPSI',
    ':',
    ': clean',
    ' ',
    '\t',
    '\n',
    '\n',
    '\n',
    '\r',
    '\r\n',
    '\0',
    'a',
    '--b',
    '--b--',
  ],
  ...['Subject: x\n', 'X-QHPSI: clean\n', 'From a\n', 'Content-Type: text/plain\n', EICAR, '\n\n'],
  ...[
    'Content-Type: multipart/mixed; boundary=b\n',
    'Content-Transfer-Encoding: base64\n',
    '\r\n\r\n',
  ],
  ...[
    Buffer.from(EICAR).toString('base64'),
    'Content-Type: message/rfc822\n',
    '\x85',
    '"',
    '(',
    ')',
  ],
]

/**
 * The message of a seed, stamped as at `now` (unix seconds) if it is to be. With `only`, of its changes
 * those of these indexes alone.
 */
export function made(firstSeed: number, now: number, only?: readonly number[]): Mutant {
  const random = createRandom(firstSeed)
  const [start, planned] = random.once(6) ? soup(random) : changedMail(random, now)
  const steps = planned.filter((_, at) => only === undefined || only.includes(at))
  const text = steps.reduce(
    (changed, { seed, change }) => change(changed, createRandom(seed)),
    start,
  )
  return { message: Buffer.from(text, 'latin1'), changes: steps.map(({ name }) => name) }
}

interface Step {
  readonly name: string
  readonly seed: number
  readonly change: Change
}

function soup(random: Random): readonly [start: string, steps: readonly Step[]] {
  const steps = Array.from({ length: random.below(25) }, () => {
    const piece = random.pick(pieces)
    return { name: JSON.stringify(piece), seed: 0, change: (text: string) => text + piece }
  })
  return ['', steps]
}

function changedMail(
  random: Random,
  now: number,
): readonly [start: string, steps: readonly Step[]] {
  const { text, harmless } = random.pick(bases)
  const step = ([name, change]: readonly [string, Change]) => {
    return { name, change, seed: random.below(2 ** 31) }
  }
  const stamp: Change = (mail) => stamped(mail, now)
  const steps = [
    ...(harmless && random.once(2) ? [step(['a true stamp', stamp])] : []),
    ...Array.from({ length: random.below(5) }, () => step(random.pick(Object.entries(changes)))),
    ...(random.below(7) < 3 ? [step(random.pick(Object.entries(endings)))] : []),
  ]
  return [text, steps]
}
