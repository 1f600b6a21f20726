import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Budget } from '../../../src/base/flow/memory-budget.ts'
import { LISTEN_QUEUE } from '../../../src/base/net/endpoint.ts'
import {
  type Configuration,
  readConfiguration,
} from '../../../src/scanner/configuration/configuration.ts'
import type { QuotaLookup } from '../../../src/scanner/scan/quota/quota-lookup.ts'
import type {
  ContentScanner,
  ScannerServers,
} from '../../../src/scanner/scan/scanners/contract/scanner.ts'
import { HostMemory } from '../../../src/scanner/scan/verdicts/host-memory.ts'
import type { Door } from '../../../src/scanner/serving/serve.ts'
import type { Ending } from '../../programs/host/server.ts'

/** A door of onescand's in this process. */
export interface OpenedDoor extends Door {
  /** A private directory that goes with the test: TMPDIR. */
  readonly directory: string
  /** Trouble of the daemon's own. */
  readonly log: readonly string[]
  /** The lines about mail. */
  readonly mailLog: readonly string[]
}

/** What is handed to a door in place of its own. */
export interface InPlace {
  readonly quota?: Omit<QuotaLookup, 'timeout'> | undefined
  /** What takes the place of all scanners but those for bans, if QHPSI is set. */
  readonly scan?: ContentScanner['scan'] | undefined
  /** Its name, where a client may choose scanners by their names. */
  readonly scannerName?: string | undefined
  /** The servers that it asks. */
  readonly servers?: ScannerServers | undefined
}

/** Makes what is around a door, which is under an environment of its own. */
export function aroundDoor(
  t: Ending,
  { quota, scan, scannerName = 'test', servers }: InPlace = {},
) {
  const directory = mkdtempSync(join(tmpdir(), 'onescan-door-'))
  const log: string[] = []
  const mailLog: string[] = []
  const note = (line: string) => void log.push(line)
  const memory = new HostMemory()
  return {
    directory,
    /** Options of each door. */
    options: {
      budget: new Budget(64 * 1024 * 1024),
      log: note,
      mailLog: (line: Buffer) => void mailLog.push(line.toString('latin1')),
    },
    async configured(environment: Readonly<Record<string, string>>): Promise<Configuration> {
      const place = { PATH: process.env.PATH ?? '', CONTROLDIR: '/nonexistent', TMPDIR: directory }
      const read = await readConfiguration({ ...place, ...environment }, note, memory)
      t.teardown(read.close)
      const { context } = read
      const scanners = scan && [
        ...(context?.tools.scanners.filter(({ hasBans }) => hasBans) ?? []),
        { name: scannerName, hasBans: false, scan, ...(servers && { servers }) } as const,
      ]
      return {
        ...read,
        ...(quota && { quota: quota as Configuration['quota'] }), // it is asked, and nothing else
        ...(context &&
          scanners && { context: { ...context, tools: { ...context.tools, scanners } } }),
      }
    },
    /** Has the door listen until the test has ended: on a path, or on a port of 127.0.0.1. */
    async open(door: Door, place: string | 0): Promise<OpenedDoor> {
      const at = place === 0 ? { port: 0, host: '127.0.0.1' } : { path: place }
      door.server.listen({ ...at, backlog: LISTEN_QUEUE })
      await once(door.server, 'listening')
      for (let turn = 0; turn < 3; turn++) await new Promise(setImmediate) // it takes over its queue
      t.teardown(async () => {
        if (door.server.listening) await door.close(0)
        rmSync(directory, { recursive: true, force: true })
      })
      return { ...door, directory, log, mailLog }
    },
  }
}
