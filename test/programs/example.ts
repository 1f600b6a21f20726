import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '../..')

/** An example that the documents quote, with words of this test instead of its own. */
export function example(
  name: string,
  words: Readonly<Record<string, string | number>> = {},
): string {
  let text = readFileSync(join(root, 'packaging/shipped/examples', name), 'utf8')
  for (const [from, to] of Object.entries(words)) {
    if (!text.includes(from)) throw new Error(`${name} does not hold ${from}`)
    text = text.replaceAll(from, String(to))
  }
  return text
}
