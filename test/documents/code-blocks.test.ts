import t from 'tap'
import { codeBlocks, notTyped, typed } from './code-blocks.ts'

/** Each block of code of the pages is typed by a test, or says why not. */

const blocks = codeBlocks()
const isTyped = (page: string, text: string) =>
  typed.some((block) => block.page === page && text.startsWith(block.begins))
const reasonOf = (text: string) => notTyped.find(([begins]) => `${text}\`\`\``.startsWith(begins))

t.test('each block of shell on a page is typed on a host, or has a reason', async (t) => {
  t.ok(blocks.length > 40, `${blocks.length} blocks`)
  for (const { page, copyOf, text } of blocks) {
    if (copyOf !== '' || isTyped(page, text)) continue
    t.ok(reasonOf(text), `${page}: ${text}`)
  }
})

t.test('what is typed and what has a reason stands on its page', async (t) => {
  for (const { page, begins } of typed) {
    t.ok(blocks.some((block) => block.page === page && block.text.startsWith(begins)), begins) // biome-ignore format: a line
  }
  for (const [begins] of notTyped) {
    t.ok(blocks.some(({ text }) => `${text}\`\`\``.startsWith(begins)), begins) // biome-ignore format: a line
  }
})
