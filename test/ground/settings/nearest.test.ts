import fc from 'fast-check'
import t from 'tap'
import { nearest } from '../../../src/ground/settings/nearest.ts'

const names = ['QHPSI', 'REJECTVIRUS', 'SCANTIMEOUT', 'SPOOLDIR', 'CLAMD', 'CLAMDBDIR']

t.test('what was misspelt is guessed', async (t) => {
  t.equal(nearest('QHSPI', names), 'QHPSI', 'letters swapped')
  t.equal(nearest('REJECT_VIRUS', names), 'REJECTVIRUS')
  t.equal(nearest('scantimeuot', names), 'SCANTIMEOUT')
  t.equal(nearest('CLAMDB', names), 'CLAMD')
  t.equal(nearest('SPOLDIR', names), 'SPOOLDIR')
})

t.test('what is something else is not', async (t) => {
  for (const word of ['PATH', 'QUOTAD', 'X', '', 'TCPREMOTEIP']) {
    t.equal(nearest(word, names), undefined, word)
  }
  t.equal(nearest('QHPSI', []), undefined)
})

t.test('a name is always its own nearest, and so it is with a letter more', async () => {
  fc.assert(
    fc.property(fc.constantFrom(...names), fc.nat({ max: 12 }), (name, at) => {
      const word = `${name.slice(0, at)}_${name.slice(at)}`
      return nearest(name, names) === name && nearest(word, names) === name
    }),
  )
})
