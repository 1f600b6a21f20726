import t from 'tap'
import { checkSlot } from '../../../../../src/scanner/cli/check/slot/check-slot.ts'
import { findRunningServices } from '../../../../../src/scanner/cli/host/running-services.ts'
import { openDirectory } from '../../../../programs/host/reachable.ts'
import { ucspiMissing } from '../../../../programs/servers/ucspi.ts'
import { slotProgram } from '../../onescan.ts'
import { startService, tcpserver } from '../service.ts'
import { placeIn, putQmail } from '../set-ups/set-ups.ts'

t.test(
  'with several services each finding names its service',
  { skip: ucspiMissing },
  async (t) => {
    const place = placeIn(openDirectory(t))
    putQmail(place)
    const own = { QMAILHOME: place.home, QMAILQUEUE: slotProgram }
    const start = (QHPSI: string) =>
      startService(t, tcpserver(), { env: { ...own, QHPSI }, isCallers: true })
    const pids = [await start('plugin: eicar'), await start('/bin/true %s')]
    const options = { pid: undefined, envdir: undefined, env: [] }
    const whats: string[] = []
    const { services } = await findRunningServices()
    for await (const { what } of checkSlot(options, services)) whats.push(what)
    t.notMatch(whats.join(), 'undefined')
    for (const pid of pids) t.ok(whats.includes(`QHPSI [process ${pid}]`), whats.join())
  },
)
