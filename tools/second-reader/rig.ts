import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort } from '../../test/programs/host/free-port.ts'
import type { Ending } from '../../test/programs/host/server.ts'
import { socketDirectory } from '../../test/programs/host/socket-directory.ts'
import { startClamd } from '../../test/programs/servers/clamd.ts'
import { startOnescand } from '../../test/scanner/daemon/process.ts'
import { startNext } from '../../test/scanner/doors/smtp/next-server.ts'
import { keyring } from '../../test/scanner/scan/stamps/independently-stamped.ts'
import { milterDoor } from './milter-door.ts'
import type { Door, Variant } from './passage.ts'
import { type Python, startPython } from './readers/python.ts'
import { clientAndDaemon, slotSocket, standaloneSlot } from './slot-doors.ts'
import { smtpDoor } from './smtp-door.ts'

export type Doors = Readonly<Record<'standalone' | 'client' | 'socket' | 'milter' | 'smtp', Door>>

/** All interfaces, each in three variants, before one real clamd, and a reader behind them. */
export interface Rig {
  readonly hosts: Readonly<Record<Variant, Doors>>
  readonly clamd: string
  readonly python: Python
}

export async function openRig(t: Ending): Promise<Rig> {
  const clamd = await startClamd(t, { alertExceedsMax: true })
  const next = await startNext(t)
  const { at, settings: both } = openPlace(t, clamd.socket)
  const { REJECTVIRUS: _, ...tag } = both
  // It must hold without a second look.
  const settings = {
    tag,
    refuse: { ...both, SECONDLOOK: 'never' },
    skip: { ...both, QHPSIMAXSIZE: '1', OVERSIZE: 'accept' },
  }

  const open = async (variant: Variant): Promise<Doors> => {
    const [milter, port, own] = [at(variant), await freePort(), settings[variant]]
    const relay = ['--smtp', `inet:127.0.0.1:${port}`, '--next', `inet:127.0.0.1:${next.port}`]
    const args = ['--milter', `unix:${milter}`, ...relay]
    const daemon = await startOnescand(t, { args, settings: own })
    const standalone = standaloneSlot(own)
    return {
      standalone,
      client: clientAndDaemon(own, daemon.socket),
      socket: slotSocket(own, daemon, standalone),
      milter: milterDoor(t, daemon, milter),
      smtp: smtpDoor(daemon, port, next),
    }
  }
  const hosts = { refuse: await open('refuse'), tag: await open('tag'), skip: await open('skip') }
  return { hosts, clamd: clamd.socket, python: startPython(t) }
}

interface Place {
  /** A path in its directory. */
  at(name: string): string
  /** Of a host that refuses what is infected. */
  readonly settings: Readonly<Record<'REJECTVIRUS', string> & Record<string, string>>
}

/** A directory with the ring of all hosts and a spool, which goes with the test. */
export function openPlace(t: Ending, clamd: string): Place {
  const directory = socketDirectory(t)
  const at = (name: string) => join(directory, name)
  writeFileSync(at('ring'), keyring, { mode: 0o600 })
  mkdirSync(at('spool'), { mode: 0o700 })
  const settings = {
    QHPSI: 'plugin: clamd',
    CLAMD: clamd,
    CLUSTERKEYS: at('ring'),
    CLAMDBDIR: '/nonexistent',
    SPOOLDIR: at('spool'),
    REJECTVIRUS: '1',
  }
  return { at, settings }
}
