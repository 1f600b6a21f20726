import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { startStore, storeMissing } from '../../programs/store-server.ts'
import { runtimes, until } from '../rig.ts'
import { allWait, NO_NAMES } from '../waits.ts'
import { type Gate, speak, startGate } from './rig.ts'

/** Two gates that share a store know each other's clients, on each runtime. */

const words = [...allWait(0.1), ...NO_NAMES]

async function host(
  t: Test,
  command: readonly string[],
  store: number,
  key: string,
): Promise<Gate> {
  const keys = join(t.testdirName, `keys-${key[0]}`)
  writeFileSync(keys, `hmac-sha256:shared:${key}\n`, { mode: 0o600 })
  const environment = {
    VERDICTS: `valkey://127.0.0.1:${store}`,
    CLUSTERKEYS: keys,
    VERDICTTIMEOUT: '1000',
  }
  const gate = await startGate({ command, words, environment })
  t.teardown(gate.stop)
  return gate
}

const KEY = 'A'.repeat(43)
const OTHER_KEY = `${'B'.repeat(42)}A`

for (const { name, smtpDelay: command } of runtimes) {
  t.test(
    `${name}: a client that behaved on one host is known to all`,
    { skip: storeMissing },
    async (t) => {
      t.testdir({})
      const store = await startStore(t)
      const [first, second, foreign] = await Promise.all([
        host(t, command, store.port, KEY),
        host(t, command, store.port, KEY),
        host(t, command, store.port, OTHER_KEY),
      ])
      await speak(first.port)
      await until(() => store.say('DBSIZE') === '1', 'it is in the store')
      t.notMatch(store.say('KEYS', '*'), '7f000001', 'without its address')
      await speak(second.port)
      t.match(second.log.at(-1), /reason=known$/)
      await speak(foreign.port)
      t.match(foreign.log.at(-1), /reason="ordinary/, 'who has another key shares nothing')
      // Somebody who can write to the store gives a client the word about another one.
      const [own = ''] = store.say('KEYS', '*').split('\n')
      await speak(first.port, '127.0.0.2')
      await until(
        () => store.say('KEYS', '*').split('\n').length >= 3,
        'two of one key, one of the other',
      )
      const others = store
        .say('KEYS', '*')
        .split('\n')
        .filter((key) => key !== own)
      for (const key of others) store.say('COPY', own, key, 'REPLACE')
      await speak(second.port, '127.0.0.2')
      t.match(second.log.at(-1), /reason="ordinary/, 'it is believed by nobody')
      await store.kill()
      await speak(second.port, '127.0.0.3')
      const stranger = second.log.find((line) => / remote=127\.0\.0\.3 /.test(line))
      t.match(stranger, /reason="ordinary/, 'without the store clients are strangers')
      t.match(second.log.join('\n'), /VERDICTS .*this host alone knows its clients meanwhile/)
    },
  )
}
