import { unlinkSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { beside, missing, standalonePrograms } from '../../c/onescanc/client.ts'
import { plain } from '../../cases/messages.ts'
import { buildStage } from '../../cases/stage.ts'
import { socketDirectory } from '../../programs/host/socket-directory.ts'
import { isWhole } from '../../run/is-whole.ts'
import { runSlot } from '../doors/slot/slot.ts'
import { startOnescand } from './process.ts'

/**
 * What happens to mail if the daemon behind the thin client is killed again and again.
 */

/** The least numbers of messages, kills and warm answers, however fast the machine is. */
const [MESSAGES, KILLS, WARM] = isWhole ? [60, 4, 12] : [24, 2, 6]

t.test(
  'if onescand is killed under load, no mail is lost, doubled or let through',
  { skip: missing },
  async (t) => {
    const stage = buildStage(t)
    const socket = join(socketDirectory(t), 's')
    const settings = { QHPSI: stage.scanner, REJECTVIRUS: '1' }
    const client = { ...settings, ONESCAN_SOCKET: socket }
    const onescanc = beside(standalonePrograms(t).queue)
    let running = true
    let kills = 0
    const daemons = (async () => {
      while (running) {
        const onescand = await startOnescand(t, { socket, settings, args: ['--workers', '2'] })
        await new Promise((resolve) => setTimeout(resolve, 60 + Math.random() * 200))
        onescand.kill()
        await onescand.ended
        kills++
      }
    })()

    const outcomes: Record<string, number> = {}
    let warm = 0
    let sent = 0
    const send = async () => {
      while (sent < MESSAGES || kills < KILLS || warm < WARM) {
        const number = sent++
        const virus = number % 3 === 0
        const message = Buffer.concat([
          plain,
          Buffer.from(virus ? `VIRUS ${number}\n` : `${number}\n`),
        ])
        const run = await runSlot({ program: [onescanc], message, settings: client })
        if (!run.logged.includes('decision=standalone')) warm++
        const tagged = run.text === `X-QHPSI: clean\n${message.toString('latin1')}`
        const delivered = `${run.deliveries.length} delivered${tagged ? ' and tagged' : ''}`
        const what = `${virus ? 'virus' : 'clean'}: exit ${run.code}, ${delivered}, ${run.left.length} left`
        outcomes[what] = (outcomes[what] ?? 0) + 1
      }
    }
    await Promise.all(Array.from({ length: 4 }, send))
    running = false
    await daemons

    t.same(outcomes, {
      'clean: exit 0, 1 delivered and tagged, 0 left': sent - Math.ceil(sent / 3),
      'virus: exit 31, 0 delivered, 0 left': Math.ceil(sent / 3),
    })
    t.ok(warm < sent, `${warm} of ${sent} were answered`)
    unlinkSync(socket)
  },
)
