import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'

/** Each protocol is for any filter or proxy: it can be taken out with what protocols share, and the base. */

const src = join(import.meta.dirname, '../../../src')
const SHARED =
  /^(?:\.\/|node:|\.\.\/frames\.ts$|\.\.\/smtp\/smtp-syntax\.ts$|\.\.\/\.\.\/\.\.\/base\/)/
const IN_BASE = /^(?:\.\/|node:|\.\.\/\.\.\/(?:flow|log|net|path|process|runtime)\/)/

for (const [layer, mayImport] of [
  ['scanner/protocol/milter', SHARED],
  ['scanner/protocol/smtp', SHARED],
  ['base/protocol/connection', IN_BASE],
] as const) {
  for (const file of readdirSync(join(src, layer))) {
    t.test(
      `${layer}/${file} knows the protocol, and nothing of what is made with it`,
      async (t) => {
        const source = readFileSync(join(src, layer, file), 'utf8')
        t.notMatch(source, /onescan|qhpsi|cluster|stamp/i)
        for (const [, from] of source.matchAll(/^(?:import|\} from) .*?'([^']+)'/gm)) {
          t.match(from, mayImport)
        }
      },
    )
  }
}
