import { createHash } from 'node:crypto'
import { tmpdir } from 'node:os'
import { openAnonymousFile } from '../../../src/message/anonymous-file.ts'
import { TOP_LINE } from '../../../src/message/top-line.ts'
import { contentsOf } from '../../../src/mime/contents.ts'
import { sourceOf } from '../../../src/mime/source.ts'
import { readClamdAddress } from '../../../src/scan/clamd/address.ts'
import { scanStream } from '../../../src/scan/clamd/ask.ts'
import { TraitDetector } from '../../../src/scan/second-look/traits.ts'
import type { Clamd } from '../../programs/clamd.ts'
import { received } from '../../scan/second-look/classes.ts'
import type { Readers } from './readers.ts'

/** What scanners and readers make of a mail that carries the test file. */
export interface Judgement {
  /** Whether clamd, given the mail below a Received field, does not call it clean. */
  readonly clamd: boolean
  /** Whether onescan's way of using clamd does not: the mail below its own line, and its contents where it has a trait. */
  readonly onescan: boolean
  readonly traits: readonly string[]
  /** Those that open the file; not asked, and empty, where `clamd` or `onescan` found it. */
  readonly readers: readonly string[]
}

export interface Judge {
  /** `everybody`: readers are asked whenever clamd alone finds nothing. */
  judge(message: Buffer, everybody?: boolean): Promise<Judgement>
}

const FIRST = Buffer.from(received)

export function createJudge(clamd: Clamd, readers: Readers): Judge {
  const address = readClamdAddress(clamd.socket)

  async function isFound(chunks: Iterable<Buffer>): Promise<boolean> {
    const outcome = await scanStream(address, chunks, AbortSignal.timeout(60_000))
    if (outcome.kind !== 'answered') throw new Error(`clamd: ${outcome.why}`)
    return outcome.answer.says !== 'clean'
  }

  async function isFoundInside(message: Buffer): Promise<boolean> {
    const source = sourceOf(message)
    const options = { openFile: () => openAnonymousFile(tmpdir()), createHash }
    for (const step of contentsOf(source, options)) {
      if (step.kind === 'over') return true
      if (step.kind === 'content' && (await isFound(step.content.chunks()))) return true
    }
    return false
  }

  return {
    async judge(message, everybody = false) {
      const traits = traitsOf(message)
      if (await isFound([FIRST, message])) {
        return { clamd: true, onescan: true, traits, readers: [] }
      }
      const onescan =
        (await isFound([TOP_LINE, message])) ||
        (traits.length > 0 && (await isFoundInside(message)))
      const asked = everybody || !onescan
      return { clamd: false, onescan, traits, readers: asked ? await readers.opening(message) : [] }
    },
  }
}

export function traitsOf(message: Buffer): string[] {
  const detector = new TraitDetector()
  detector.push(message)
  return [...detector.finish()]
}
