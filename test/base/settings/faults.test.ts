import t from 'tap'
import type { Environment } from '../../../src/base/process/environment.ts'
import { everyFault, lineEndFaults } from '../../../src/base/settings/faults.ts'
import { readSetting } from '../../../src/base/settings/read-settings.ts'

/** All faults of settings are found, and not the first one alone. */

const read = (env: Environment) => {
  if (env.QHPSI === 'bad') throw new Error('QHPSI bad: names nothing')
  if (!env.QHPSI) return
  readSetting(env, 'SCANTIMEOUT')
  readSetting(env, 'OVERSIZE')
}

t.test('each faulty setting is reported once', async (t) => {
  t.match(await everyFault({ QHPSI: 'x', SCANTIMEOUT: 'soon', OVERSIZE: 'big' }, read), [
    /^SCANTIMEOUT="soon": /,
    /^OVERSIZE="big": /,
  ])
  t.same(await everyFault({ QHPSI: 'x', SCANTIMEOUT: '1' }, read), [])
})

t.test('a faulty QHPSI is replaced, so that the settings that depend on it are read', async (t) => {
  t.match(await everyFault({ QHPSI: 'bad', OVERSIZE: 'big' }, read), [
    /^QHPSI bad: /,
    /^OVERSIZE="big": /,
  ])
})

t.test('a fault that names no setting is reported last', async (t) => {
  const broken = () => {
    throw new Error('/etc/keys: is gone')
  }
  t.same(await everyFault({ QHPSI: 'x' }, broken), ['/etc/keys: is gone'])
})

t.test('a value that ends in a carriage return is reported', async (t) => {
  t.match(lineEndFaults({ QHPSI: 'plugin: clamd\r', OTHER: 'x\r' }), [
    /^QHPSI "plugin: clamd\\r": ends in a carriage return; .*sed -i/,
  ])
})
