import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { EICAR } from '../../../src/scan/scanners/eicar/eicar.ts'
import { onescanc } from '../../c/onescanc/client.ts'
import { type RunningDaemon, startOnescand } from '../../doors/daemon/process.ts'
import { type Clamd, startClamd } from '../../programs/clamd.ts'
import type { Door } from '../../second-reader/passage.ts'
import { type Python, startPython } from '../../second-reader/readers/python.ts'
import { clientAndDaemon } from '../../second-reader/slot-doors.ts'
import { openStore, type Store, type StoreKind } from './stores.ts'

/** One host: onescanc in the slot, onescand in two processes, a clamd of its own. */
export interface Host {
  readonly door: Door
  readonly keyring: string
  /** Where mail lies while it is judged: a small file system of its own, if root makes one. */
  readonly spool: string
  readonly spoolIsSmall: boolean
  clamd: Clamd
  daemon: RunningDaemon
  /** Starts what is not there any more, where it was. */
  startClamd(): Promise<void>
  startDaemon(): Promise<void>
  reload(): Promise<void>
}

export interface Rig {
  readonly hosts: readonly [Host, Host]
  readonly store: Store
  readonly python: Python
}

/** Keys of the ring: the hosts begin with the first, and have the second when keys are changed. */
const keys = { alpha: Buffer.alloc(32, 7), beta: Buffer.alloc(32, 9) }
const line = (id: keyof typeof keys) => `hmac-sha256:${id}:${keys[id].toString('base64url')}\n`
export const rings = { old: line('alpha'), both: line('alpha') + line('beta'), new: line('beta') + line('alpha') } // biome-ignore format: three of a kind

/** Two hosts that share a store, and a reader that shares no line with them. */
export async function openRig(t: Test, kind: StoreKind): Promise<Rig> {
  const store = await openStore(t, kind)
  const hosts = await Promise.all([openHost(t, store, 'a'), openHost(t, store, 'b')])
  const known = Object.entries(keys).map(([id, secret]) => [id, secret.toString('base64url')])
  const python = startPython(EICAR, Object.fromEntries(known))
  t.teardown(() => python.stop())
  return { store, hosts: hosts as unknown as [Host, Host], python }
}

async function openHost(t: Test, { settings: shared }: Store, name: string): Promise<Host> {
  const directory = mkdtempSync(join(tmpdir(), `onescan-host-${name}-`))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  const spool = join(directory, 'spool')
  mkdirSync(spool, { mode: 0o700 })
  const spoolIsSmall = mountSmall(t, spool)
  const keyring = join(directory, 'ring')
  writeFileSync(keyring, rings.old, { mode: 0o600 })
  const [clamdSocket, socket] = [join(directory, 'clamd'), join(directory, 's')]
  const signatures = join(directory, 'signatures')
  const newClamd = () => startClamd(t, { socket: clamdSocket, alertExceedsMax: true, signatures })
  const settings = {
    QHPSI: 'plugin: clamd',
    CLAMD: clamdSocket,
    CLAMDBDIR: signatures,
    CLUSTERKEYS: keyring,
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
    keyring,
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
      while (!host.daemon.log.slice(before).some((line) => /slot unix:.* stamps by /.test(line))) {
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
    },
  }
  const everywhere = <Value>(value: Value) => ({ refuse: value, tag: value, skip: value })
  const door = clientAndDaemon([onescanc], everywhere(settings), everywhere(host.daemon))
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
