import { makeEnvelope } from '../../../../../src/mail/message/envelope.ts'
import { ClamdScanner } from '../../../../../src/scanner/scan/scanners/clamd/clamd-scanner.ts'
import {
  readScanSettings,
  type ScanSettings,
} from '../../../../../src/scanner/scan/scanners/contract/scan-settings.ts'
import {
  abortLate,
  type MessageSample,
  type Sample,
  type ScannerCall,
} from '../../../../../src/scanner/scan/scanners/contract/scanner.ts'
import { ReadBy } from '../../../../mail/message/bytes.ts'

/** The policy of `QHPSI='plugin: clamd'` with these addresses and other settings. */
export function clamdSettings(CLAMD: string, others: Record<string, string> = {}): ScanSettings {
  const place = { qmailHome: '/var/qmail', control: '/var/qmail/control' }
  return readScanSettings({ QHPSI: 'plugin: clamd', CLAMD, ...others }, place)!
}

const CHUNK = 16 * 1024

/**
 * A message in memory as a scanner sees it: its chunks come in one buffer that is
 * spoilt before the next one, so anyone who keeps one reads nonsense. With `path` it is
 * there, too.
 */
export function sample(message: Buffer, path?: string): MessageSample {
  return {
    kind: 'message',
    bytes: new ReadBy(message.length, function* (from, to) {
      const buffer = Buffer.alloc(CHUNK)
      for (let at = from; at < to; at += CHUNK) {
        const copied = message.copy(buffer, 0, at, Math.min(to, at + CHUNK))
        yield buffer.subarray(0, copied)
        buffer.fill(0xee)
      }
    }),
    envelope: makeEnvelope(Buffer.from('a@example.org'), [Buffer.from('b@example.org')]),
    origin: undefined,
    async file() {
      if (path === undefined) throw new Error('no file was to be asked for')
      return { path, confirm() {} }
    },
  }
}

/**
 * A task that ends after this many milliseconds, or by `late()` as if they were over, or by `abort()` as if
 * nobody waited, and keeps its notes.
 */
export function scanTask(milliseconds = 60_000) {
  const controller = new AbortController()
  const notes: string[] = []
  const deadline = performance.now() + milliseconds
  const timer = setTimeout(() => abortLate(controller), milliseconds).unref()
  const task: ScannerCall = {
    signal: controller.signal,
    timeLeft: () => Math.max(0, deadline - performance.now()),
    note: (text) => void notes.push(text),
    tolerance: { keepsOut: new Set() },
  }
  const abort = () => {
    clearTimeout(timer)
    controller.abort()
  }
  return { task, notes, abort, late: () => abortLate(controller) }
}

/** Scans with the servers of `clamd`. Resolves to the answer and the notes. */
export async function scan(clamd: string, message: Sample, settings: Record<string, string> = {}) {
  const { task, notes } = scanTask()
  const answer = await new ClamdScanner(clamdSettings(clamd, settings)).scan(message, task)
  return { answer, notes }
}
