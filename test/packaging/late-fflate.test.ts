import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import t from 'tap'

const late = join(import.meta.dirname, '../../packaging/late-fflate.cjs')

t.test('fflate makes its tables when it is first used, and not when it is loaded', async (t) => {
  const script = `
    let tables = 0
    globalThis.Uint16Array = class extends Uint16Array {
      constructor(...words) {
        super(...words)
        tables++
      }
    }
    const fflate = require(${JSON.stringify(late)})
    const early = tables
    let inflated = ''
    const stream = new fflate.Inflate((bytes) => { inflated += Buffer.from(bytes) })
    stream.push(Buffer.from('cbc80400', 'hex'), true)
    console.log(JSON.stringify({ early, late: tables > 0, inflated }))`
  const out = execFileSync(process.execPath, ['-e', script], { encoding: 'utf8' })
  t.same(JSON.parse(out), { early: 0, late: true, inflated: 'hi' })
})
