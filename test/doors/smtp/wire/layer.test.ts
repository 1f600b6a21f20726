import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'

/** The protocol is for any proxy: it can be taken out as it is. */

const layer = join(import.meta.dirname, '../../../../src/doors/smtp/wire')

for (const file of readdirSync(layer)) {
  t.test(`${file} knows the protocol, and nothing of what is made with it`, async (t) => {
    const source = readFileSync(join(layer, file), 'utf8')
    t.notMatch(source, /onescan|qhpsi|cluster|stamp/i)
    for (const [, from] of source.matchAll(/^(?:import|\} from) .*?'([^']+)'/gm)) {
      t.match(from, /^(?:\.\/|node:)/)
    }
  })
}
