import t from 'tap'
import { runtimes } from '../../../tools/load/rig.ts'
import { expectTruthUnderLoad, missing } from '../../../tools/load/short.ts'

// promise: others-unharmed
t.test(
  'under load, on Node with its turns out of order, stamps fit and verdicts are true',
  {
    skip: missing,
  },
  async (t) => {
    await expectTruthUnderLoad(t, runtimes[0]!.program)
  },
)
