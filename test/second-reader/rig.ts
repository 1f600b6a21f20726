import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { EICAR } from '../../src/scan/scanners/eicar/eicar.ts'
import { onescanc } from '../c/onescanc/client.ts'
import { startOnescand } from '../doors/daemon/process.ts'
import { startNext } from '../doors/smtp/next-server.ts'
import { startClamd } from '../programs/clamd.ts'
import { freePort } from '../programs/free-port.ts'
import type { Ending } from '../programs/server.ts'
import { type MilterDaemon, milterDoor } from './milter-door.ts'
import type { Door, Variant } from './passage.ts'
import { type Python, startPython } from './readers/python.ts'
import { clientAndDaemon, coldSlot, slotSocket } from './slot-doors.ts'
import { type SmtpDaemon, smtpDoor } from './smtp-door.ts'
import { key, keyring } from './stamped.ts'

/** All doors, each in three variants, before one real clamd, and the readers behind them. */
export interface Rig {
  readonly doors: Readonly<Record<'cold' | 'client' | 'socket' | 'milter' | 'smtp', Door>>
  readonly clamd: string
  readonly python: Python
}

export async function openRig(t: Ending): Promise<Rig> {
  const clamd = await startClamd(t, { alertExceedsMax: true })
  const directory = mkdtempSync(join(tmpdir(), 'onescan-reader-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  const ring = join(directory, 'ring')
  writeFileSync(ring, keyring, { mode: 0o600 })
  const spool = join(directory, 'spool')
  mkdirSync(spool, { mode: 0o700 })
  const tag = {
    QHPSI: 'plugin: clamd',
    CLAMD: clamd.socket,
    CLUSTERKEYS: ring,
    CLAMDBDIR: '/nonexistent',
    SPOOLDIR: spool,
  }
  const refuse = { ...tag, REJECTVIRUS: '1' }
  const settings = { tag, refuse, skip: { ...refuse, QHPSIMAXSIZE: '1' } }

  const next = await startNext(t)
  const open = async (variant: Variant): Promise<MilterDaemon & SmtpDaemon> => {
    const milter = join(directory, variant)
    const port = await freePort()
    const relay = ['--smtp', `inet:127.0.0.1:${port}`, '--next', `inet:127.0.0.1:${next.port}`]
    const args = ['--milter', `unix:${milter}`, ...relay]
    const daemon = await startOnescand(t, { args, settings: settings[variant] })
    return { daemon, milter, port }
  }
  const milters = {
    tag: await open('tag'),
    refuse: await open('refuse'),
    skip: await open('skip'),
  }
  const daemons = {
    tag: milters.tag.daemon,
    refuse: milters.refuse.daemon,
    skip: milters.skip.daemon,
  }
  const cold = coldSlot(settings)
  const milter = milterDoor(milters)
  t.teardown(() => milter.close())
  const python = startPython(EICAR, { [key.id]: key.secret.toString('base64url') })
  t.teardown(() => python.stop())
  return {
    doors: {
      cold,
      client: clientAndDaemon([onescanc], settings, daemons),
      socket: slotSocket(settings, daemons, cold),
      milter,
      smtp: smtpDoor(milters, next),
    },
    clamd: clamd.socket,
    python,
  }
}
