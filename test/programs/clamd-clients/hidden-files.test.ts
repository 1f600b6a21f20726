import { tmpdir } from 'node:os'
import t from 'tap'
import { isWhole } from '../../run/is-whole.ts'
import { evasions } from '../../scanner/scan/scanners/evasions/all.ts'
import { startClamdForEvasions } from '../../scanner/scan/scanners/evasions/clamd.ts'
import { messageOf } from '../../scanner/scan/scanners/evasions/compose.ts'
import { clamdMissing } from '../servers/clamd.ts'
import { clamdClients } from './all.ts'
import { placeFor, serve } from './in-clamds-place.ts'

/**
 * The messages of evasions.test, each sent through programs that submit whole messages. A program may change a message on its
 * way to the scanner.
 */

const CLIENTS = ['clamdscan --stream', 'clamdscan --fdpass', 'rspamd', 'qpsmtpd']

/** Without `npm run test:nightly`, one message of this number. */
const EACH = isWhole ? 1 : 40

const all = Object.values(evasions).flat()
const mails = all.filter((_, number) => number % EACH === 0)

for (const client of clamdClients.filter(({ name }) => CLIENTS.includes(name))) {
  t.test(
    `${client.name} lets no mail in that hides a file`,
    { skip: client.missing || clamdMissing },
    async (t) => {
      const place = await placeFor(t, client)
      const { socket } = await startClamdForEvasions(t)
      const files = client.namesFiles ? [tmpdir()] : []
      await serve(t, place, { ...client.settings, CLAMD: socket }, files)
      const judge = await client.start(t, place)
      const letIn: string[] = []
      for (const evasion of mails) {
        const fate = await judge(messageOf(evasion, '\n'))
        if (fate === 'let in') letIn.push(evasion.name)
      }
      t.same(letIn, [], `${mails.length - letIn.length} of ${mails.length} mails`)
    },
  )
}
