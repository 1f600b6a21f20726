import {
  BUFFER_SIZE,
  type DecodingPlan,
  type MakeDecoder,
} from '../../../../src/mail/mime/decoders/decoder.ts'

/** What a decoder makes of a text (latin1) that comes in pieces, which end at these places. */
export function decode(make: MakeDecoder, text: string, cuts: readonly number[] = []): string {
  const bytes = Buffer.from(`#${text}#`, 'latin1') // the bytes around the text do not belong to it
  let result = ''
  const decoder = make((given, length) => {
    if (length === 0) throw new Error('a decoder gave nothing')
    result += given.toString('latin1', 0, length)
  }, Buffer.alloc(BUFFER_SIZE))
  let from = 0
  for (const cut of [...cuts, text.length]) {
    decoder.push(bytes, 1 + from, 1 + cut)
    from = cut
  }
  decoder.end()
  return result
}

/** What a decoder makes of a text that comes in two pieces, cut at each place, and byte by byte. */
export function inEverySplit(make: MakeDecoder, text: string): string {
  return theSame(text, (cuts) => decode(make, text, cuts))
}

/** What comes out in the standard way of a plan, and in its others, in every split of the text. */
export function ways(
  makePlan: () => DecodingPlan,
  text: string,
): { readonly standard: string; readonly others: readonly string[] } {
  return theSame(text, (cuts) => {
    const plan = makePlan()
    const standard = decode(plan.standard, text, cuts)
    return { standard, others: Array.from(plan.others(), (make) => decode(make, text, cuts)) }
  })
}

function theSame<Result>(text: string, decodeIn: (cuts: readonly number[]) => Result): Result {
  const whole = decodeIn([])
  const every = Array.from({ length: text.length }, (_, at) => at)
  for (const cuts of [...every.map((at) => [at]), every]) {
    const other = JSON.stringify(decodeIn(cuts))
    if (other !== JSON.stringify(whole)) throw new Error(`${text} at ${cuts}: ${other}`)
  }
  return whole
}
