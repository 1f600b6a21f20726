import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'

/** Each protocol is for any filter or proxy: it can be taken out with what protocols share, and lib. */

const protocols = join(import.meta.dirname, '../../src/protocol')
const SHARED =
  /^(?:\.\/|node:|\.\.\/connection\/|\.\.\/frames\.ts$|\.\.\/smtp\/smtp-syntax\.ts$|\.\.\/\.\.\/lib\/)/

for (const [layer, mayImport] of [
  ['milter', SHARED],
  ['smtp', SHARED],
  ['connection', SHARED],
] as const) {
  for (const file of readdirSync(join(protocols, layer))) {
    t.test(
      `${layer}/${file} knows the protocol, and nothing of what is made with it`,
      async (t) => {
        const source = readFileSync(join(protocols, layer, file), 'utf8')
        t.notMatch(source, /onescan|qhpsi|cluster|stamp/i)
        for (const [, from] of source.matchAll(/^(?:import|\} from) .*?'([^']+)'/gm)) {
          t.match(from, mayImport)
        }
      },
    )
  }
}
