import t from 'tap'
import { nextLines } from '../../../src/lib/bytes/line-blocks.ts'

t.test(
  'a piece of bytes ends with a line, unless it is the last one or in a long line',
  async (t) => {
    const pieces = (text: string, most: number) => {
      const bytes = Buffer.from(text)
      const all: string[] = []
      for (let at = 0; at < bytes.length; at += all.at(-1)!.length)
        all.push(nextLines(bytes, at, most).toString())
      return all
    }
    t.same(pieces('a\nbc\nd', 4), ['a\n', 'bc\nd'])
    t.same(pieces('a\nbc\nde', 5), ['a\nbc\n', 'de'])
    t.same(pieces('a\nbcdefg\nh\ni', 4), ['a\n', 'bcde', 'fg\n', 'h\ni'])
    t.same(pieces('a\n', 2), ['a\n'])
  },
)
