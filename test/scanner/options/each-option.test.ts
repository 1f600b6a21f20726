import t from 'tap'
import { readOptions } from '../../../src/scanner/options/daemon-options.ts'

t.test('a wrong value is rejected, whatever other options are given', async (t) => {
  const addresses = ['socket', 'milter', 'policy', 'clamd', 'clamd-mail', 'http', 'http-release']
  const others = ['mode', 'group', 'workers', 'max-size', 'max-clients', 'memory', 'grace']
  for (const name of [...addresses, ...others]) {
    const message = new RegExp(`^--${name} no\\+nsense: `)
    t.throws(() => readOptions([`--${name}`, 'no+nsense']), { message }, name)
  }
})
