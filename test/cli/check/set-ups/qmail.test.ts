import t from 'tap'
import { clamdMissing } from '../../../programs/clamd.ts'
import { ownDirectoriesMissing } from '../../../programs/own-directories.ts'
import { ucspiMissing } from '../../../programs/ucspi.ts'
import { setUpsOfQmail } from './qmail.ts'
import { startSharedServers } from './shared-servers.ts'
import { trySetUp } from './try-set-ups.ts'

/** Set-ups of the slot that are broken like those behind Postfix in onescand.ts. */

t.test(
  'set-ups of the slot',
  { skip: ownDirectoriesMissing || clamdMissing || ucspiMissing, jobs: 3 },
  async (t) => {
    const setUps = setUpsOfQmail(await startSharedServers(t))
    t.equal(new Set(setUps.map(({ name }) => name)).size, setUps.length)
    for (const setUp of setUps) t.test(setUp.name, { buffered: true }, (t) => trySetUp(t, setUp))
  },
)
