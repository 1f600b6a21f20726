import { chmodSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { appenderFor } from '../../../src/scanner/log/append-by-child.ts'
import { openDirectory } from '../../programs/host/reachable.ts'

t.test('each line is in LOGFILE, in its order, before the next one is written', async (t) => {
  const directory = openDirectory(t)
  chmodSync(directory, 0o777)
  if (process.geteuid!() === 0) {
    process.seteuid!(65_534) // root appends by itself
    t.teardown(() => process.seteuid!(0))
  }
  let wrong = 0
  for (let n = 0; n < 20; n++) {
    const file = join(directory, String(n))
    const append = appenderFor(file)
    append(Buffer.from('one\n'))
    append(Buffer.from('two\n'))
    if (readFileSync(file, 'latin1') !== 'one\ntwo\n') wrong++
  }
  t.equal(wrong, 0)
})
