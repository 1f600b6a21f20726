import { errorText } from '../../../ground/errors/fault.ts'
import { makeEnvelope } from '../../../mail/message/envelope/envelope.ts'
import { messageOf } from '../../../mail/message/intake.ts'
import { TOP_LINE } from '../../../mail/message/message.ts'
import type { Findings } from '../../../scan/judge/decision.ts'
import { NOTHING_SCANS } from '../../../scan/judge/policy.ts'
import { withinTime } from '../../../scan/judge/site.ts'
import type { Configuration } from '../../shared/configuration.ts'
import { startJudging } from '../../shared/judging.ts'
import { judgeBy } from '../../shared/settle.ts'
import type { DaemonOptions } from '../options/options.ts'
import { makeTrialMail } from './trial-mail.ts'

/** The most milliseconds for a message: a question about health does not wait for SCANTIMEOUT. */
export const TRIAL_PATIENCE = 10_000

const ADDRESS = Buffer.from('postmaster@localhost')
const envelope = makeEnvelope(ADDRESS, [ADDRESS])
const client = { relay: false, clusterPeer: false, bounceInjector: false }

/**
 * Has this process judge a clean message, and the EICAR test file if that is wanted. Resolves with
 * what is wrong, or undefined. Never rejects.
 */
export async function tryJudging(
  configuration: Configuration,
  limits: Pick<DaemonOptions, 'maxSize' | 'memory'>,
  wantsEicar: boolean,
): Promise<string | undefined> {
  const { site } = configuration
  if (site === undefined) return NOTHING_SCANS
  const { QHPSIMINSIZE, QHPSIMAXSIZE, CLAMDMAXSIZE } = site.policy.settings
  const mail = makeTrialMail(Date.now(), {
    least: QHPSIMINSIZE,
    // clamd gets a line above it.
    most: Math.min(QHPSIMAXSIZE, CLAMDMAXSIZE - TOP_LINE.length, limits.maxSize, limits.memory / 4),
  })
  try {
    const [clean, eicar] = await Promise.all([
      judgeFromMemory(mail.clean, configuration),
      wantsEicar ? judgeFromMemory(mail.eicar, configuration) : undefined,
    ])
    const faults = [
      clean.scan === 'clean' ? [] : `a clean message came out as ${inWords(clean)}`,
      eicar === undefined || eicar.virus !== undefined ? [] : `EICAR came out as ${inWords(eicar)}`,
    ]
    return faults.flat().join('; ') || undefined
  } catch (error) {
    return errorText(error)
  }
}

/**
 * Judges a message that came through no door, as mail is judged that no line of onescan.policy is
 * about. Nothing is remembered, kept or logged of it.
 */
async function judgeFromMemory(bytes: Buffer, configuration: Configuration): Promise<Findings> {
  const judging = startJudging(configuration)
  if (judging.kind === 'pass') return { scan: 'skipped', why: judging.why, times: {} }
  const message = messageOf(bytes, judging.messageOptions)
  try {
    const transaction = { message, envelope, client }
    const { site } = judging
    const inTime = withinTime(site, Math.min(site.policy.settings.timeout, TRIAL_PATIENCE))
    const tools = { ...site.tools, verdicts: undefined }
    const decision = await judgeBy(transaction, { ...inTime, tools }, 'once')
    if (decision.kind === 'split') throw new Error('one recipient has two decisions')
    return decision.findings
  } finally {
    message.close()
  }
}

function inWords({ scan, virus, banned, why }: Findings): string {
  return [scan, virus ?? banned ?? why].filter(Boolean).join(': ')
}
