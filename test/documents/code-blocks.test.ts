import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { type CodeBlock, codeBlocks } from './code-blocks.ts'
import { notTyped, typed } from './typed-blocks.ts'

/** Each block of code of the pages is typed by a test, or shows why not. */

const blocks = codeBlocks()
const isTyped = ({ page, text }: CodeBlock) =>
  typed.some((block) => block.page === page && text.startsWith(block.begins))
/** The end of a block is a NUL there. */
const hasReason = ({ page, text }: CodeBlock) =>
  notTyped.some(([at, begins]) => at === page && `${text}\0`.startsWith(begins))

const test = join(import.meta.dirname, '..')
const sources = readdirSync(test, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.test.ts'))
  .map((name) => readFileSync(join(test, name), 'utf8'))
  .join('\n')

t.test('each block of code on a page is typed on a host, or has a reason', async (t) => {
  t.ok(blocks.length > 100, `${blocks.length} blocks`)
  for (const block of blocks.filter(({ mark }) => mark === '')) {
    t.ok(isTyped(block) || hasReason(block), `${block.page}: ${block.text}`)
    t.notOk(isTyped(block) && hasReason(block), `both: ${block.page}: ${block.text}`)
  }
})

// A copy of a file is held by readme.test.ts; stamp-vectors.test.ts names each scheme's examples by the scheme.
t.test('an example of a man page is run by the test that names it', async (t) => {
  for (const { page, mark } of blocks) {
    if (mark === '' || mark.includes('/')) continue
    t.ok(
      sources.includes(`'${mark}'`) || /^(md5|hmac)\.(key|stamp|sh)$/.test(mark),
      `${page}: ${mark}`,
    )
  }
})

t.test('typed commands and reasons are on their page', async (t) => {
  for (const { page, begins } of typed) {
    t.ok(blocks.some((block) => block.page === page && block.text.startsWith(begins)), begins) // biome-ignore format: a line
  }
  for (const [page, begins] of notTyped) {
    t.ok(blocks.some((block) => block.page === page && `${block.text}\0`.startsWith(begins)), begins) // biome-ignore format: a line
  }
})
