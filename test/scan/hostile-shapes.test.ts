import { createHash } from 'node:crypto'
import { tmpdir } from 'node:os'
import t from 'tap'
import { openAnonymousFile } from '../../src/message/anonymous-file.ts'
import { contentsOf } from '../../src/mime/contents.ts'
import { sourceOf } from '../../src/mime/shared/source.ts'
import { hostileShapes } from './hostile-shapes.ts'

/** Bytes; the bench measures larger ones, and time. */
const SIZE = 16 * 1024

/** Of those that put each run in each place, so many are left out between two. */
const STRIDE = 7

/** Units of work, and whether it was read to its end. */
function read(text: string): { readonly work: number; readonly isOver: boolean } {
  let work = 0
  let isOver = false
  const options = {
    openFile: () => openAnonymousFile(tmpdir()),
    createHash,
    onWork: (units: number) => {
      work += units
    },
  }
  for (const step of contentsOf(sourceOf(Buffer.from(text, 'latin1')), options)) {
    if (step.kind === 'over') isOver = true
    if (step.kind !== 'content') continue
    for (const chunk of step.content.chunks()) void chunk
  }
  return { work, isOver }
}

t.test('a hostile shape of twice the bytes takes at most 2.2 times the work', async (t) => {
  const alone = hostileShapes.filter(({ name }) => !name.includes(' in '))
  const rest = hostileShapes.filter((shape) => !alone.includes(shape))
  const shapes = [...alone, ...rest.filter((_, at) => at % STRIDE === 0)]
  t.ok(shapes.length > 60)
  for (const { name, make } of shapes) {
    const once = read(make(SIZE))
    const twice = read(make(2 * SIZE))
    // What is read together is counted together: some more of it.
    const most = 2.2 * once.work + 2 * SIZE
    t.ok(twice.isOver || twice.work <= most, `${name}: ${once.work}, ${twice.work}`)
  }
})
