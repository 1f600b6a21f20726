import { readSync } from 'node:fs'
import { replaceProcess } from '../../ground/process/replace-process.ts'
import type { Environment } from '../../ground/settings/settings.ts'
import { answerForAll, deferOverQuota, isAskedAbout, quotaRemark } from '../../judge/over-quota.ts'
import { openAnonymousFile } from '../../message/anonymous-file.ts'
import type { Envelope } from '../../message/envelope/envelope.ts'
import { findHeaderEnd, Header } from '../../message/header-block.ts'
import { readSpoolPolicy } from '../../message/spool-policy.ts'
import { writeAll } from '../../message/write-all.ts'
import type { QuotaSettings } from '../../quota/ask/quota-settings.ts'
import { report } from '../shared/replies/error-report.ts'
import { fileOf, passThrough, type SlotContext } from './carry-out.ts'
import { checkChain } from './chain.ts'
import { readCaller, receive } from './receive.ts'

/** Bytes at the beginning of a message that are searched for its Message-ID. */
const HEADER_SEEN = 64 * 1024

/**
 * Asks a service for quotas although nothing is scanned. The message is kept meanwhile. It is
 * deferred if all recipients are over quota, and otherwise passes byte for byte. Resolves with the
 * exit code, unless this process became the next program.
 */
export async function passUnscanned(
  settings: QuotaSettings,
  why: string,
  env: Environment,
  { chain, errorReport, slotLog }: Omit<SlotContext, 'policy'>,
): Promise<number> {
  const client = readCaller(env)
  if (!isAskedAbout(client, settings)) return passThrough(chain, slotLog, why)
  const { directory } = readSpoolPolicy(env)
  const { openQuotaClient } = await import('../../quota/ask/quota-client.ts')
  const quota = openQuotaClient(settings, () => {}) // the slot's line says what the answer was
  const { fd, size, envelope } = receiveUnseen(directory)
  slotLog.received({ message: { size, header: headerOf(fd) }, envelope })
  const began = process.hrtime.bigint()
  const answer = await answerForAll({ envelope, client, size }, quota)
  await quota.settled()
  quota.close()
  if (answer?.answer === 'full') {
    const decision = deferOverQuota(envelope, Number(process.hrtime.bigint() - began) / 1e6)
    const code = report(decision.reply, errorReport)
    slotLog.decided(decision, code)
    return code
  }
  checkChain(chain, chain.self)
  const envelopeFile = fileOf([envelope.wire], directory)
  const remark = quotaRemark(answer)
  slotLog.passed(remark ? `${why}; ${remark}` : why)
  return replaceProcess({ ...chain, inputs: [fd, envelopeFile] })
}

interface UnscannedInput {
  readonly fd: number
  readonly size: number
  readonly envelope: Envelope
}

/** Writes the message into a file, whatever its size and form. */
function receiveUnseen(directory: string): UnscannedInput {
  const fd = openAnonymousFile(directory)
  let size = 0
  const envelope = receive({
    write(chunk) {
      writeAll(fd, chunk, size, directory)
      size += chunk.length
    },
  })
  return { fd, size, envelope }
}

/** Returns the header, for the log. It is empty if it is longer than HEADER_SEEN. */
function headerOf(fd: number): Header {
  const beginning = Buffer.alloc(HEADER_SEEN)
  const length = readSync(fd, beginning, 0, HEADER_SEEN, 0)
  const found = findHeaderEnd(beginning.subarray(0, length), 0)
  return new Header(beginning.subarray(0, 'end' in found ? found.end : 0))
}
