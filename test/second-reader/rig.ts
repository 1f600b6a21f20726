import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onescanc } from '../c/onescanc/client.ts'
import { startOnescand } from '../doors/daemon/process.ts'
import { EICAR, startClamd } from '../programs/clamd.ts'
import { type MilterDaemon, milterDoor } from './milter-door.ts'
import type { Door, Variant } from './passage.ts'
import { type Python, startPython } from './readers/python.ts'
import { clientAndDaemon, coldSlot, slotSocket } from './slot-doors.ts'
import { key, keyring } from './stamped.ts'

/** All doors, each in three variants, before one real clamd, and the readers behind them. */
export interface Rig {
  readonly doors: Readonly<Record<'cold' | 'client' | 'socket' | 'milter', Door>>
  readonly clamd: string
  readonly python: Python
}

/** What the rig needs of tap's test object. */
export interface Ending {
  teardown(stop: () => unknown): void
}

export async function openRig(t: Ending): Promise<Rig> {
  const clamd = await startClamd({ alertExceedsMax: true })
  t.teardown(clamd.stop)
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

  const open = async (variant: Variant): Promise<MilterDaemon> => {
    const milter = join(directory, variant)
    const args = ['--milter', `unix:${milter}`]
    const daemon = startOnescand(t, { args, settings: settings[variant] })
    await daemon.logged(/serving/)
    return { daemon, milter }
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
    },
    clamd: clamd.socket,
    python,
  }
}
