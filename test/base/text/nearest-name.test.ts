import fc from 'fast-check'
import t from 'tap'
import { nearestName } from '../../../src/base/text/nearest-name.ts'

const names = ['QHPSI', 'REJECTVIRUS', 'SCANTIMEOUT', 'SPOOLDIR', 'CLAMD', 'CLAMDBDIR']

t.test('the setting that was meant is guessed from a misspelt name', async (t) => {
  t.equal(nearestName('QHSPI', names), 'QHPSI', 'letters swapped')
  t.equal(nearestName('REJECT_VIRUS', names), 'REJECTVIRUS')
  t.equal(nearestName('scantimeuot', names), 'SCANTIMEOUT')
  t.equal(nearestName('CLAMDB', names), 'CLAMD')
  t.equal(nearestName('SPOLDIR', names), 'SPOOLDIR')
})

t.test('a variable that is not a misspelt setting is not reported', async (t) => {
  for (const word of ['PATH', 'QUOTAD', 'X', '', 'TCPREMOTEIP']) {
    t.equal(nearestName(word, names), undefined, word)
  }
  t.equal(nearestName('QHPSI', []), undefined)
})

t.test(
  'each setting is the nearest name to itself, and to itself with one more letter',
  async () => {
    fc.assert(
      fc.property(fc.constantFrom(...names), fc.nat({ max: 12 }), (name, at) => {
        const word = `${name.slice(0, at)}_${name.slice(at)}`
        return nearestName(name, names) === name && nearestName(word, names) === name
      }),
    )
  },
)
