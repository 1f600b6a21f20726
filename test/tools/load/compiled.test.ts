import t from 'tap'
import { runtimes } from '../../../tools/load/rig.ts'
import { expectTruthUnderLoad, missing } from '../../../tools/load/short.ts'

const compiled = runtimes[1]?.program
const skip = missing || (compiled === undefined && 'npm run build:native')

// promise: others-unharmed
t.test('under load, compiled, stamps fit and verdicts are true', { skip }, async (t) => {
  await expectTruthUnderLoad(t, compiled!)
})
