import fc from 'fast-check'
import { EICAR } from '../../src/scan/scanners/eicar/eicar.ts'
import { bases } from './bases.ts'
import { changes, endings } from './changes.ts'
import { stamped } from './stamped.ts'

/** A message by how it is made, so that it can be told, made again and made smaller. */
export type Recipe =
  | {
      readonly base: number
      /** A true stamp is put on before it is changed. */
      readonly stamped: boolean
      readonly changes: readonly (readonly [name: string, a: number, b: number])[]
      readonly ending: string
    }
  | { readonly soup: readonly string[] }

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
  ...[
    'Subject: x\n',
    'X-QHPSI: clean\n',
    'From a\n',
    'Content-Type: multipart/mixed; boundary=b\n',
  ],
  ...[
    'Content-Type: text/plain\n',
    'Content-Transfer-Encoding: base64\n',
    EICAR,
    '\n\n',
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

const number = fc.nat({ max: 10_000 })

export const recipes: fc.Arbitrary<Recipe> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      base: fc.nat({ max: bases.length - 1 }),
      stamped: fc.boolean(),
      changes: fc.array(fc.tuple(fc.constantFrom(...Object.keys(changes)), number, number), {
        maxLength: 4,
      }),
      ending: fc.constantFrom('LF', 'LF', 'LF', ...Object.keys(endings)),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ soup: fc.array(fc.constantFrom(...pieces), { maxLength: 24 }) }),
  },
)

/** The message, stamped as at `now` (unix seconds) where it is to be. */
export function make(recipe: Recipe, now: number): Buffer {
  if ('soup' in recipe) return Buffer.from(recipe.soup.join(''), 'latin1')
  const base = bases[recipe.base]!
  let { text } = base
  if (recipe.stamped && base.harmless) text = stamped(text, now)
  for (const [name, a, b] of recipe.changes) text = changes[name]!(text, a, b)
  return Buffer.from(endings[recipe.ending]!(text), 'latin1')
}

/** In words; what messages of one class have in common. */
export function describe(recipe: Recipe): string {
  if ('soup' in recipe) return 'a soup'
  const { base, changes, ending } = recipe
  const parts = [bases[base]!.name, ...changes.map(([name]) => name), ending]
  return (recipe.stamped ? ['stamped', ...parts] : parts).join(', ')
}

/** Recipes of less, each by a step: the first that still shows a fault is gone on with. */
export function* smaller(recipe: Recipe): Generator<Recipe> {
  if ('soup' in recipe) {
    for (let i = 0; i < recipe.soup.length; i++) yield { soup: recipe.soup.toSpliced(i, 1) }
    return
  }
  if (recipe.ending !== 'LF') yield { ...recipe, ending: 'LF' }
  if (recipe.stamped) yield { ...recipe, stamped: false }
  for (let i = 0; i < recipe.changes.length; i++) {
    yield { ...recipe, changes: recipe.changes.toSpliced(i, 1) }
  }
}
