import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { socketDirectory } from '../../../test/programs/host/socket-directory.ts'
import { type Clamd, startClamd } from '../../../test/programs/servers/clamd.ts'
import { type RunningDaemon, startOnescand } from '../../../test/scanner/daemon/process.ts'
import type { Door } from '../../../test/scanner/doors/passages/passage.ts'
import { clientAndDaemon } from '../../../test/scanner/doors/passages/slot-doors.ts'
import { keyring, otherKey } from '../../../test/scanner/scan/stamps/independently-stamped.ts'
import { openStore, type Store, type StoreKind } from './stores.ts'

/** One host: onescanc in the slot, onescand in two processes, a clamd of its own. */
export interface Host {
  readonly door: Door
  readonly keyring: string
  /** Where mail is while it is judged: a small file system of its own, if root makes one. */
  readonly spool: string
  readonly spoolIsSmall: boolean
  clamd: Clamd
  daemon: RunningDaemon
  /** Starts what is no longer there, where it was. */
  startClamd(): Promise<void>
  startDaemon(): Promise<void>
  reload(): Promise<void>
}

export interface Rig {
  readonly hosts: readonly [Host, Host]
  readonly store: Store
}

export const rings = { old: keyring, both: keyring + otherKey, new: otherKey + keyring }

/** Two hosts that share a store. */
export async function openRig(t: Test, kind: StoreKind): Promise<Rig> {
  const store = await openStore(t, kind)
  const hosts = await Promise.all([openHost(t, store, 'a'), openHost(t, store, 'b')])
  return { store, hosts }
}

async function openHost(t: Test, { settings: shared }: Store, name: string): Promise<Host> {
  const directory = socketDirectory(t)
  const spool = join(directory, 'spool')
  mkdirSync(spool, { mode: 0o700 })
  const spoolIsSmall = mountSmall(t, spool)
  const ringFile = join(directory, 'ring')
  writeFileSync(ringFile, rings.old, { mode: 0o600 })
  const [clamdSocket, socket] = [join(directory, 'clamd'), join(directory, 's')]
  const signatures = join(directory, 'signatures')
  const newClamd = () => startClamd(t, { socket: clamdSocket, alertExceedsMax: true, signatures })
  const settings = {
    QHPSI: 'plugin: clamd',
    CLAMD: clamdSocket,
    CLAMDBDIR: signatures,
    CLUSTERKEYS: ringFile,
    REJECTVIRUS: '1',
    SCANTIMEOUT: '20',
    TMPDIR: spool,
    ...shared,
  }
  const newDaemon = async () => {
    const args = ['--mode', '0600', '--max-clients', '200', '--workers', '2']
    return startOnescand(t as never, { socket, args, settings })
  }
  const host: Host = {
    spool,
    spoolIsSmall,
    keyring: ringFile,
    clamd: await newClamd(),
    daemon: await newDaemon(),
    door: { name: '', send: async () => Promise.reject(new Error('no door')) },
    async startClamd() {
      host.clamd = await newClamd()
    },
    async startDaemon() {
      host.daemon = await newDaemon()
    },
    async reload() {
      const before = host.daemon.log.length
      process.kill(host.daemon.pid, 'SIGHUP')
      while (
        !host.daemon.log.slice(before).some((line) => /qmail unix:.* stamps with /.test(line))
      ) {
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
    },
  }
  const door = clientAndDaemon(settings, socket)
  return Object.assign(host, { door: { ...door, name: `host ${name}` } })
}

/** A file system of 16 MB. False without root. */
function mountSmall(t: Test, path: string): boolean {
  if (process.getuid?.() !== 0) return false
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=16m,mode=0700', 'onescan-small', path])
  } catch {
    return false // a container may not
  }
  t.teardown(() => execFileSync('umount', ['-l', path]))
  return true
}
