import { cpSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { openDirectory } from '../../programs/host/reachable.ts'
import { newest, runOnescand } from './process.ts'

/** onescand where there is no onescan.node, as for a processor that it is not compiled for. */

t.test('without onescan.node onescand does not start, and names the remedy', async (t) => {
  const home = openDirectory(t)
  const [node, bundle] = newest
  cpSync(join(bundle!, '..'), join(home, 'dist'), { recursive: true })
  const program = [node!, join(home, 'dist/onescand.cjs')]
  const reason =
    /onescan\.node: cannot open .*; without it onescand does not start; reinstall onescan for x64 or arm64/
  const onescand = runOnescand(t, { program })
  t.equal(await onescand.ended, 111)
  t.match(onescand.log.join('\n'), reason)
})
