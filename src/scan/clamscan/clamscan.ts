import { Readable } from 'node:stream'
import NodeClam from 'clamscan'
import { errorText, Fault, isFault } from '../../ground/errors/fault.ts'
import { replaceUnprintable } from '../../ground/errors/replace-unprintable.ts'
import { type ClamdAddress, readClamdAddress } from '../clamd/address.ts'
import { causeOf } from '../shared/cause.ts'
import { exceededLimit } from '../shared/exceeded-limit.ts'
import type { ClamscanPolicy, ScanPolicy } from '../shared/scan-policy.ts'
import {
  type ContentScanner,
  clean,
  infected,
  over,
  type Sample,
  type ScannerAnswer,
  unknown,
} from '../shared/scanner.ts'
import { type ResourceScope, withResourceScope } from './resource-scope.ts'

/** The package's answer about one file or stream. */
interface PackageResult {
  readonly isInfected: unknown
  readonly viruses?: readonly unknown[]
}

/**
 * Plugin `clamscan`: the npm package of that name, for hosts without clamd. CLAMSCAN names one way of
 * scanning, and the package falls back to no other:
 *
 *   clamscan   the program clamscan (CLAMSCANPROGRAM, CLAMDBDIR): loads its
 *              signatures for every message, which takes seconds
 *   clamdscan  the program clamdscan (CLAMSCANPROGRAM, CLAMDCONF), which hands
 *              the descriptor to a local clamd
 *   socket     the first unix socket of CLAMD, as a stream
 *   tcp, tls   the first host:port of CLAMD, as a stream, with or without TLS
 *
 * A message of more than CLAMDMAXSIZE is not scanned: ClamAV answers OK to what is over its limit.
 * Throws a Fault of kind `config` if CLAMD names no address of the wanted sort.
 */
export function clamscanScanner(policy: ScanPolicy): ContentScanner {
  const { clam, clamscan } = policy
  const address = addressFor(clamscan, clam.addresses)
  return {
    name: 'clamscan',
    local: false,
    memorable: {
      identity: `clamscan(${encodeURIComponent(JSON.stringify([clamscan, clam.maxSize]))})`,
      signatures: clamscan.way === 'tcp' || clamscan.way === 'tls' ? 'not told' : "this host's",
      ...(clamscan.way === 'clamscan' && { hasLoaded: async () => true }), // it does so each time
    },
    async scan(sample, { signal }) {
      if (sample.size > clam.maxSize) {
        return over(
          'size',
          `clamscan: ${sample.size} bytes are more than CLAMDMAXSIZE ${clam.maxSize}`,
        )
      }
      // clamscan calls an empty file neither OK nor FOUND, and INSTREAM never ends without data.
      if (sample.size === 0) return clean
      try {
        const result = await withResourceScope(signal, async (scope) => {
          const engine = await startEngine(clamscan, address, policy.timeout)
          signal.throwIfAborted()
          return address === undefined
            ? await engine.isInfected(await sample.path())
            : await engine.scanStream(streamOf(sample, scope))
        })
        return scannerAnswerOf(result)
      } catch (error) {
        if (isFault(error)) throw error // our own spool, not the package
        if (signal.aborted) return unknown('clamscan: no answer within the time limit', 'timeout')
        return unknown(`clamscan: ${reasonOf(error)}`, causeOf(causedBy(error)))
      }
    },
  }
}

/** The server that the way needs; undefined if it is a program. Throws a Fault if CLAMD has none of its kind. */
function addressFor(
  { way }: ClamscanPolicy,
  addresses: readonly string[],
): ClamdAddress | undefined {
  if (way === 'clamscan' || way === 'clamdscan') return undefined
  const kind = way === 'socket' ? 'unix' : 'tcp'
  const address = addresses.map(readClamdAddress).find((candidate) => candidate.kind === kind)
  if (address) return address
  const wanted = kind === 'unix' ? 'socket path' : 'host:port'
  throw new Fault('config', `CLAMSCAN ${way}: CLAMD ${addresses.join(' ')} holds no ${wanted}`)
}

/** Starts the package for one way, with everything switched off that it would fall back to. */
async function startEngine(
  { way, program, database, configFile }: ClamscanPolicy,
  address: ClamdAddress | undefined,
  timeout: number,
): Promise<NodeClam> {
  const preference = way === 'clamscan' ? 'clamscan' : 'clamdscan'
  const noProgram = null as unknown as string // keeps the package from running its defaults
  const server =
    address?.kind === 'unix'
      ? { socket: address.path }
      : address && { host: address.host, port: address.port, tls: way === 'tls' }

  const engine = await new NodeClam().init({
    preference,
    removeInfected: false,
    quarantineInfected: false,
    scanRecursively: false,
    debugMode: false, // it would write to fd 1
    clamscan: {
      active: way === 'clamscan',
      path: way === 'clamscan' ? program : noProgram,
      ...(database !== undefined && { db: database }),
    },
    clamdscan: {
      active: way !== 'clamscan',
      path: way === 'clamdscan' ? program : noProgram,
      ...(configFile !== undefined && { configFile }),
      ...server,
      localFallback: false,
      bypassTest: true,
      multiscan: false,
      timeout,
    },
  })
  // The package takes another program, or the default database, without saying so.
  const { scanner } = engine as unknown as { readonly scanner: string }
  if (scanner !== preference) throw new Error(`${program} is not ${preference}`)
  if ((engine.settings.clamscan?.db ?? undefined) !== database) {
    throw new Error(`CLAMDBDIR ${database}: cannot be read`)
  }
  return engine
}

/**
 * Streams the message. The package writes to its socket without waiting for it to drain. So this
 * stream waits, or all of a large message would be in memory.
 */
function streamOf(sample: Sample, scope: ResourceScope): Readable {
  async function* chunks() {
    for (const chunk of sample.chunks()) {
      yield Buffer.from(chunk)
      await scope.drained()
    }
  }
  return Readable.from(chunks(), { objectMode: false })
}

/** Reads the package's answer. Only `false` is clean: the package may also return null or undefined. */
function scannerAnswerOf(result: PackageResult | undefined): ScannerAnswer {
  if (result?.isInfected === false) return clean
  if (result?.isInfected !== true) return unknown('clamscan: an answer that is neither yes nor no')
  const name = bounded(String(result.viruses?.[0] ?? '')).replace(/\([0-9A-Fa-f]+:[0-9]+\)$/, '')
  const limit = exceededLimit(name)
  if (limit === undefined) return infected(name || 'a virus without a name')
  const why = `clamscan: ${name}`
  return limit === 'other' ? unknown(why, 'limit') : over(limit, why)
}

/** The text of an error. The package wraps other errors, and the wrapped one says more. */
function reasonOf(error: unknown): string {
  const cause = causedBy(error)
  const text = cause === error ? errorText(error) : `${errorText(error)}: ${errorText(cause)}`
  return bounded(text)
}

function causedBy(error: unknown): unknown {
  return (error as { data?: { err?: unknown } } | null)?.data?.err || error
}

/** The text in printable characters, and short enough for a log line. */
function bounded(text: string): string {
  return replaceUnprintable(text).slice(0, 300)
}
