import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import t from 'tap'

const late = (name: string) =>
  join(import.meta.dirname, `../../packaging/builds/replaced-modules/late-${name}.cjs`)

t.test('fflate makes its tables when it is first used, and not when it is loaded', async (t) => {
  const script = `
    let tables = 0
    globalThis.Uint16Array = class extends Uint16Array {
      constructor(...words) {
        super(...words)
        tables++
      }
    }
    const fflate = require(${JSON.stringify(late('fflate'))})
    const early = tables
    let inflated = ''
    const stream = new fflate.Inflate((bytes) => { inflated += Buffer.from(bytes) })
    stream.push(Buffer.from('cbc80400', 'hex'), true)
    console.log(JSON.stringify({ early, late: tables > 0, inflated }))`
  const out = execFileSync(process.execPath, ['-e', script], { encoding: 'utf8' })
  t.same(JSON.parse(out), { early: 0, late: true, inflated: 'hi' })
})

t.test(
  'iconv-lite is loaded when a character set is first asked for, and has all that is used of it',
  async (t) => {
    const script = `
    const Module = require('node:module')
    const load = Module._load
    let loaded = 0
    Module._load = (name, ...more) => {
      if (name === 'iconv-lite') loaded++
      return load(name, ...more)
    }
    const iconv = require(${JSON.stringify(late('iconv-lite'))})
    const early = loaded
    const koi8 = Buffer.from('d0d2c9d7c5d4', 'hex')
    console.log(JSON.stringify({
      early,
      isThere: iconv.encodingExists('koi8-r') && !iconv.encodingExists('koi9'),
      isNamed: Object.hasOwn(iconv.encodings, 'koi8r'),
      text: [iconv.decode(koi8, 'koi8-r'), iconv.getDecoder('koi8-r').write(koi8)],
      bytes: iconv.encode('привет', 'koi8-r').toString('hex'),
      late: loaded > 0,
    }))`
    const out = execFileSync(process.execPath, ['-e', script], { encoding: 'utf8' })
    t.same(JSON.parse(out), {
      early: 0,
      isThere: true,
      isNamed: true,
      text: ['привет', 'привет'],
      bytes: 'd0d2c9d7c5d4',
      late: true,
    })
  },
)
