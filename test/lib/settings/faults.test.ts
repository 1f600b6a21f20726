import t from 'tap'
import {
  everyFault,
  Faults,
  faultLines,
  lineEndFaults,
  SeveralFaults,
} from '../../../src/lib/settings/faults.ts'
import { type Environment, readSetting } from '../../../src/lib/settings/settings.ts'

/** All faults of settings are found, and not the first one alone. */

const read = (env: Environment) => {
  if (env.QHPSI === 'bad') throw new Error('QHPSI bad: names nothing')
  if (!env.QHPSI) return
  readSetting(env, 'SCANTIMEOUT')
  readSetting(env, 'OVERSIZE')
}

t.test('each faulty setting is reported once', async (t) => {
  t.match(await everyFault({ QHPSI: 'x', SCANTIMEOUT: 'soon', OVERSIZE: 'big' }, read), [
    /^SCANTIMEOUT soon: /,
    /^OVERSIZE big: /,
  ])
  t.same(await everyFault({ QHPSI: 'x', SCANTIMEOUT: '1' }, read), [])
})

t.test('a faulty QHPSI is replaced, so that the settings that depend on it are read', async (t) => {
  t.match(await everyFault({ QHPSI: 'bad', OVERSIZE: 'big' }, read), [
    /^QHPSI bad: /,
    /^OVERSIZE big: /,
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

t.test('errors of several readers are gathered, a line each', async (t) => {
  const faults = new Faults()
  const wrong = (error: Error) => () => {
    throw error
  }
  t.equal(
    faults.attempt(() => 1, 2),
    1,
  )
  t.equal(faults.attempt(wrong(new Error('a')), 2), 2)
  faults.attempt(wrong(new SeveralFaults(['a', 'b'])), 0)
  t.same(faults.lines, ['a', 'b'])
  t.same(faultLines(new Error('c')), ['c'])
})
