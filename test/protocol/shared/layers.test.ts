import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'

/** Each protocol is for any filter or proxy: it can be taken out with what protocols share, and the ground. */

const doors = join(import.meta.dirname, '../../../src/doors')
const OWN = /^(?:\.\/|node:)/
const SHARED = /^(?:\.\/|node:|\.\.\/\.\.\/shared\/wire\/|\.\.\/\.\.\/\.\.\/ground\/)/

for (const [layer, mayImport] of [
  ['milter/wire', SHARED],
  ['smtp/wire', SHARED],
  ['shared/wire', OWN],
] as const) {
  for (const file of readdirSync(join(doors, layer))) {
    t.test(
      `${layer}/${file} knows the protocol, and nothing of what is made with it`,
      async (t) => {
        const source = readFileSync(join(doors, layer, file), 'utf8')
        t.notMatch(source, /onescan|qhpsi|cluster|stamp/i)
        for (const [, from] of source.matchAll(/^(?:import|\} from) .*?'([^']+)'/gm)) {
          t.match(from, mayImport)
        }
      },
    )
  }
}
